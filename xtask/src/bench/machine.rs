//! What the figures were taken on.

use std::fs;
use std::thread::available_parallelism;

use serde_json::{Value, json};

use super::site::mebibytes;

/// What the figures were taken on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Machine {
    /// The processor's model, as it calls itself.
    pub(super) processor: String,
    /// How many cores this process may use.
    pub(super) cores: usize,
    /// Memory in units of 1024³ bytes.
    pub(super) memory_gibibytes: f64,
    /// The kernel's release.
    pub(super) kernel: String,
    /// How many processes wanted to run at the start, on average over a minute.
    pub(super) load: String,
}

impl Machine {
    /// This one; what it doesn't tell is called unknown.
    pub(super) fn here() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let (processors, memory, load) = (read("/proc/cpuinfo"), read("/proc/meminfo"), read("/proc/loadavg"));
        let memory_kibibytes = field(&memory, "MemTotal").and_then(|text| text.strip_suffix(" kB")?.parse().ok());
        Self {
            processor: field(&processors, "model name").unwrap_or("unknown").to_owned(),
            cores: available_parallelism().map_or(1, usize::from),
            memory_gibibytes: mebibytes(memory_kibibytes.unwrap_or(0)),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            load: load.split(' ').next().unwrap_or("unknown").to_owned(),
        }
    }

    /// In a sentence's worth of words.
    pub(super) fn describe(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GiB of memory, Linux {}; load at the start {}",
            self.processor, self.cores, self.memory_gibibytes, self.kernel, self.load
        )
    }

    /// For programs.
    pub(super) fn record(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "memory_gibibytes": self.memory_gibibytes,
            "kernel": self.kernel,
            "load": self.load,
        })
    }
}

/// The first value of a name in the `name : value` lines that the kernel writes.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find_map(|(key, value)| (key.trim() == name).then(|| value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_the_kernel_writes_them() {
        let text = "processor\t: 0\nmodel name\t: Some CPU\nmodel name\t: Other\n";
        assert_eq!(field(text, "model name"), Some("Some CPU"));
        assert_eq!(field("MemTotal:       24 kB\n", "MemTotal"), Some("24 kB"));
        assert_eq!(field(text, "name"), None);
        assert!(Machine::here().cores > 0);
    }
}
