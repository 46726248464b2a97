//! What `/proc` knows (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>).

use std::fs;
use std::io;
use std::time::Duration;

/// Clock ticks a second in `/proc`, the same on every Linux that Rust runs on (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Dead, but not yet waited for.
    pub(crate) zombie: bool,
    pub(crate) cpu: Duration,
    pub(crate) start_time_ticks: u64,
    pub(crate) resident_pages: u64,
}

/// Looks at a process; `None` where there is none.
pub(crate) fn stat(pid: i32) -> io::Result<Option<Stat>> {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => Ok(parse_stat(&text)),
        // A process that ends in the middle of the reading answers ESRCH.
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses, and may hold anything, parentheses too.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Numbered from 3, as in the manual page.
    let field = |number: usize| fields.get(number - 3).copied();
    let number = |index: usize| field(index).and_then(|text| text.parse::<u64>().ok());
    let ticks = number(14)? + number(15)? + number(16)? + number(17)?;
    Some(Stat {
        zombie: matches!(field(3)?, "Z" | "X"),
        cpu: Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND),
        start_time_ticks: number(22)?,
        resident_pages: number(24)?,
    })
}

/// Which start of the machine this is.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// The processes that have an environment variable whose `NAME=value` fits, and that variable's value.
/// Processes that may not be looked at are not ours.
pub(crate) fn with_environment(name: &str, fits: impl Fn(&str) -> bool) -> io::Result<Vec<(i32, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let pid = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(pid) = pid else { continue };
        let value = environment(pid, name, &fits);
        if let Some(value) = value {
            found.push((pid, value));
        }
    }
    Ok(found)
}

/// The value of a process's environment variable, if it fits.
pub(crate) fn environment(pid: i32, name: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let variables = environment
        .split(|byte| *byte == 0)
        .filter_map(|variable| std::str::from_utf8(variable).ok());
    let mut values = variables.filter_map(|variable| variable.strip_prefix(name)?.strip_prefix('='));
    values.find(|value| fits(value)).map(str::to_owned)
}

/// The ports that the kernel gives to connections begin here.
pub(crate) fn first_ephemeral_port() -> u16 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = text.split_ascii_whitespace().next().and_then(|text| text.parse().ok());
    // The kernel's own default.
    first.unwrap_or(32768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = "42 (a) Z (b)) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 3 20 0 4 0 987654 1000000 321 1844674407";
        let expected = Stat {
            zombie: false,
            cpu: Duration::from_millis(3100),
            start_time_ticks: 987_654,
            resident_pages: 321,
        };
        assert_eq!(parse_stat(line), Some(expected));
        assert_eq!(parse_stat("42 (cut"), None);
        assert_eq!(parse_stat("42 (cut) S 1"), None);
    }

    #[test]
    fn this_process_is_found() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let own = stat(pid).unwrap().unwrap();
        assert!(!own.zombie && own.resident_pages > 0);
        assert_eq!(stat(i32::MAX).unwrap(), None);
    }
}
