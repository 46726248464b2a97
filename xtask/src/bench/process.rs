//! Processes that are measured: started, asked what they use, and ended.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// The longest that a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A process that ends with its value.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts it, with nothing to read and its words kept from ours.
    ///
    /// # Errors
    /// When it can't be started.
    pub(super) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot run {program}"))?;
        Ok(Self { child })
    }

    /// Its id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `address` answers `GET /` with 200.
    ///
    /// # Errors
    /// When the process ends, or doesn't answer within its limit.
    pub(super) fn wait_until_it_answers(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !answers(address) {
            if let Some(status) = self.child.try_wait()? {
                bail!("what should listen on {address} ended with {status}");
            }
            ensure!(
                Instant::now() < deadline,
                "nothing answers on {address} after {START_LIMIT:?}"
            );
            // Short beside what is measured, long enough to leave the processor to the process.
            std::thread::park_timeout(Duration::from_micros(100));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM, so that a server ends its own children; one that doesn't listen is killed.
        let process = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether `GET /` is answered 200 there.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

/// What a process has in memory, in bytes: its resident set.
///
/// # Errors
/// When there is no such process.
pub(super) fn resident_bytes(process_id: u32) -> anyhow::Result<u64> {
    let status =
        fs::read_to_string(format!("/proc/{process_id}/status")).with_context(|| format!("no process {process_id}"))?;
    resident_in(&status).with_context(|| format!("process {process_id} doesn't say what it has in memory"))
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Processor time that a process and its children have used, in seconds.
///
/// # Errors
/// When there is no such process.
pub(super) fn processor_seconds(process_id: u32) -> anyhow::Result<f64> {
    let mut seconds = own_processor_seconds(process_id)?;
    // A child that ended meanwhile is no error: its time is in none of the readings.
    for child in children(process_id) {
        seconds += own_processor_seconds(child).unwrap_or(0.0);
    }
    Ok(seconds)
}

fn own_processor_seconds(process_id: u32) -> anyhow::Result<f64> {
    let stat =
        fs::read_to_string(format!("/proc/{process_id}/stat")).with_context(|| format!("no process {process_id}"))?;
    ticks(&stat, &[USER_TIME, SYSTEM_TIME])
        .map(seconds)
        .with_context(|| format!("process {process_id} doesn't say what it has used"))
}

/// Processor time of every process that this one has started and waited for, in seconds.
///
/// # Errors
/// When the system doesn't tell.
pub(super) fn ended_children_seconds() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    ticks(&stat, &[CHILDREN_USER_TIME, CHILDREN_SYSTEM_TIME])
        .map(seconds)
        .context("/proc/self/stat doesn't say what children have used")
}

/// Processor time that this thread has used, in seconds, to the nanosecond.
///
/// # Errors
/// When the system doesn't tell.
pub(super) fn thread_seconds() -> anyhow::Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("cannot read /proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().and_then(|word| word.parse().ok());
    let nanoseconds = nanoseconds.context("/proc/thread-self/schedstat says nothing of time")?;
    Ok(Duration::from_nanos(nanoseconds).as_secs_f64())
}

/// The fields' numbers in `/proc/PID/stat`, the first being 1.
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
const USER_TIME: usize = 14;
const SYSTEM_TIME: usize = 15;
const CHILDREN_USER_TIME: usize = 16;
const CHILDREN_SYSTEM_TIME: usize = 17;

fn ticks(stat: &str, fields: &[usize]) -> Option<u32> {
    // The program's name, the second field, may hold anything; it ends with the last parenthesis.
    let (_, rest) = stat.rsplit_once(") ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    fields
        .iter()
        .map(|field| words.get(field - 3)?.parse::<u32>().ok())
        .sum()
}

fn seconds(ticks: u32) -> f64 {
    let ticks_per_second = u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100);
    f64::from(ticks) / f64::from(ticks_per_second)
}

fn children(process_id: u32) -> Vec<u32> {
    let path = format!("/proc/{process_id}/task/{process_id}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_after_the_programs_name() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 100 200 0 0 11 22 33 44 20 0 1 0 300";
        assert_eq!(ticks(stat, &[USER_TIME, SYSTEM_TIME]), Some(33));
        assert_eq!(ticks(stat, &[CHILDREN_USER_TIME, CHILDREN_SYSTEM_TIME]), Some(77));
        assert_eq!(ticks("7 (short) S 1", &[USER_TIME]), None);
        assert!(processor_seconds(std::process::id()).is_ok() && ended_children_seconds().is_ok());
        assert!(thread_seconds().unwrap() > 0.0);
    }

    #[test]
    fn memory_is_read_from_what_the_system_says() {
        let status = "Name:\tservice\nVmPeak:\t    9000 kB\nVmRSS:\t    1924 kB\nThreads:\t1\n";
        assert_eq!(resident_in(status), Some(1924 * 1024));
        assert_eq!(resident_in("Name:\tkthreadd\n"), None);
        assert!(resident_bytes(std::process::id()).unwrap() > 0);
    }
}
