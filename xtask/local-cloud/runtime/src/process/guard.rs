//! Looks at all tasks every second: those above their memory are killed, logs that grow too large are cut.
//!
//! A container has a kernel to do this. Without root nobody lends us one.

use super::{Shared, Task, page_bytes, procfs};
use rustix::process::Signal;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

const INTERVAL: Duration = Duration::from_secs(1);
pub(super) const LOG_BYTES_MAX: u64 = 16 << 20;

/// Runs for as long as somebody holds the runtime.
pub(super) async fn run(shared: Weak<Shared>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let looked = tokio::task::spawn_blocking(move || {
            let tasks: Vec<Task> = shared.tasks().values().cloned().collect();
            for task in tasks {
                check_memory(&task);
                // A full disk fails here every second; there is nobody to tell, and the task isn't to blame.
                let _ = cut_log(
                    &shared.home.log_path(&task.identity.task, &task.identity.container),
                    LOG_BYTES_MAX,
                );
            }
        });
        let _ = looked.await;
    }
}

fn check_memory(task: &Task) {
    let Some(limit_bytes) = task.process.memory_limit_bytes else {
        return;
    };
    let Ok(Some(stat)) = procfs::stat(task.process.pid) else {
        return;
    };
    let same = stat.start_time_ticks == task.process.start_time_ticks;
    if same && stat.resident_pages * page_bytes() > limit_bytes {
        task.out_of_memory.store(true, Ordering::Relaxed);
        task.signal(Signal::KILL);
    }
}

/// Sets a log that is too large aside, and goes on with an empty one.
/// The program appends to the same file all along, so that the file can't be moved; what it writes in between is lost.
fn cut_log(path: &Path, bytes_max: u64) -> io::Result<()> {
    if fs::metadata(path)?.len() <= bytes_max {
        return Ok(());
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".1");
    fs::copy(path, aside)?;
    OpenOptions::new().write(true).truncate(true).open(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_log_is_cut_once_it_is_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.log");
        let mut program = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        program.write_all(b"0123456789").unwrap();
        cut_log(&path, 10).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"0123456789");
        program.write_all(b"x").unwrap();
        cut_log(&path, 10).unwrap();
        program.write_all(b"after").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert_eq!(fs::read(folder.path().join("c.log.1")).unwrap(), b"0123456789x");
    }
}
