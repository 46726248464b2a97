//! Whether a container was killed for using more memory than it may.
//!
//! The engine is told of a container's end and of the kernel's kill by two events.
//! On a busy machine the second comes after the first, by more than a second even, and never where the container's cgroup
//! is gone before it was read (<https://github.com/containerd/containerd/issues/8893>).
//! So when the engine says no, the kernel's own count is asked, which has risen before the process gets its signal.

use super::Shared;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// 128 and the number of SIGKILL.
const KILLED: i64 = 137;
/// How late the engine may learn of it, where the kernel's count can't be asked.
const PATIENCE: Duration = Duration::from_secs(3);
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(100);

/// What is known of a container before its end.
pub(super) struct Watch {
    stop_asked: AtomicBool,
    /// None where the engine's containers run on another kernel.
    kills: Option<Mutex<Kills>>,
}

/// How many processes the kernel had killed for want of memory, anyone's, at the latest look and at the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kills {
    before: u64,
    latest: u64,
}

impl Watch {
    /// Begins before the container does.
    pub(super) fn begin(shares_kernel: bool) -> Self {
        let count = if shares_kernel { kills_now() } else { None };
        Self {
            stop_asked: AtomicBool::new(false),
            kills: count.map(|count| {
                Mutex::new(Kills {
                    before: count,
                    latest: count,
                })
            }),
        }
    }

    /// From now on a kill may be our own.
    pub(super) fn ask_to_stop(&self) {
        self.stop_asked.store(true, Ordering::Relaxed);
    }

    /// Looks at the kernel's count: the more often, the less likely is another container's kill taken for this one's.
    pub(super) fn look(&self) {
        if let (Some(kills), Some(count)) = (&self.kills, kills_now()) {
            kills.lock().unwrap_or_else(PoisonError::into_inner).note(count);
        }
    }

    /// Whether the kernel has killed a process of late; none where that can't be known.
    fn kernel_killed(&self) -> Option<bool> {
        let kills = *self.kills.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(kills.have_risen_to(kills_now()?))
    }
}

impl Kills {
    fn note(&mut self, count: u64) {
        *self = Self {
            before: self.latest,
            latest: count,
        };
    }

    /// Since the look before the latest: that one may fall between the kill and the engine's word of the end.
    fn have_risen_to(self, count: u64) -> bool {
        count > self.before
    }
}

/// Whether the container that has ended so was killed for want of memory.
pub(super) async fn exceeded(shared: &Shared, container_id: &str, watch: &Watch, end: End) -> bool {
    match end.verdict(watch.stop_asked.load(Ordering::Relaxed), watch.kernel_killed()) {
        Some(exceeded) => exceeded,
        None => tokio::time::timeout(PATIENCE, told(shared, container_id))
            .await
            .unwrap_or(false),
    }
}

/// What the engine says of a container's end.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) exit_code: Option<i64>,
    pub(super) oom_killed: bool,
}

impl End {
    /// None where the engine may yet learn better.
    fn verdict(self, stop_asked: bool, kernel_killed: Option<bool>) -> Option<bool> {
        let killed_by_another = self.exit_code == Some(KILLED) && !stop_asked;
        match (self.oom_killed, killed_by_another) {
            (true, _) => Some(true),
            (false, false) => Some(false),
            (false, true) => kernel_killed,
        }
    }
}

/// Asks until the engine says that it was, or the container is gone.
async fn told(shared: &Shared, container_id: &str) -> bool {
    while let Ok(inspected) = shared.inspect(container_id).await {
        if inspected.state.and_then(|state| state.oom_killed) == Some(true) {
            return true;
        }
        tokio::time::sleep(BETWEEN_QUESTIONS).await;
    }
    false
}

/// Whether an engine on a kernel of this version is taken to run on this very kernel, and not on one of a virtual machine's.
pub(super) fn is_this_kernel(version: Option<&str>) -> bool {
    let own = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    own.is_some_and(|own| Some(own.trim()) == version)
}

fn kills_now() -> Option<u64> {
    kills(&std::fs::read_to_string("/proc/vmstat").ok()?)
}

/// Kernels count them since version 4.13.
fn kills(vmstat: &str) -> Option<u64> {
    let count = vmstat.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_does_not_say_the_kernel_does() {
        let check = |oom_killed, exit_code, stop_asked, kernel_killed, expected: Option<bool>| {
            let end = End { exit_code, oom_killed };
            assert_eq!(
                end.verdict(stop_asked, kernel_killed),
                expected,
                "{end:?}, asked to stop: {stop_asked}, kernel: {kernel_killed:?}"
            );
        };
        // The engine's yes is one, whatever else.
        check(true, Some(137), false, Some(false), Some(true));
        check(true, Some(0), true, None, Some(true));
        // Its no is one where there was no kill, or where the kill may be ours.
        check(false, Some(1), false, Some(true), Some(false));
        check(false, None, false, Some(true), Some(false));
        check(false, Some(137), true, Some(true), Some(false));
        // Of a kill that nobody here asked for, the kernel knows.
        check(false, Some(137), false, Some(true), Some(true));
        check(false, Some(137), false, Some(false), Some(false));
        check(false, Some(137), false, None, None);
    }

    #[test]
    fn a_look_between_the_kill_and_the_end_hides_it_not() {
        let mut kills = Kills { before: 7, latest: 7 };
        assert!(!kills.have_risen_to(7));
        kills.note(8);
        assert!(kills.have_risen_to(8));
        kills.note(8);
        assert!(!kills.have_risen_to(8), "long ago, and so another's");
    }

    #[test]
    fn the_kernels_count_is_one_line_of_many() {
        let check = |vmstat: &str, expected: Option<u64>| assert_eq!(kills(vmstat), expected, "{vmstat}");
        check("nr_free_pages 10\noom_kill 143\noom_kill_other 2\n", Some(143));
        check("nr_free_pages 10\n", None);
        check("", None);
    }
}
