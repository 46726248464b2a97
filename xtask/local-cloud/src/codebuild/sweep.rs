//! Builds whose local cloud was killed: their processes are found by a variable of their environment, and ended.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// The variable that every process of a build has, and whose it is.
pub(super) const MARKER: &str = "LOCAL_CLOUD_BUILD_HOME";

/// A process may start another between two looks; more looks than this mean that they can't be ended.
const LOOKS: usize = 100;

/// Ends every process of any build of this home, and says how many there were.
pub(crate) fn sweep(home: &Path) -> usize {
    end_all(&[format!("{MARKER}={}", home.display())])
}

/// Ends what one build has left running: on AWS its host goes with it.
pub(super) fn sweep_build(home: &Path, build: &str) -> usize {
    end_all(&[
        format!("{MARKER}={}", home.display()),
        format!("CODEBUILD_BUILD_ID={build}"),
    ])
}

/// Ends every process whose environment has all of these.
fn end_all(wanted: &[String]) -> usize {
    let mut ended = BTreeSet::new();
    for _ in 0..LOOKS {
        let found = marked(wanted);
        if found.is_empty() {
            break;
        }
        for process in found {
            ended.insert(process.as_raw_nonzero());
            // One that has ended meanwhile needs no signal.
            let _ = kill_process(process, Signal::KILL);
        }
    }
    ended.len()
}

/// A process that is dead already, but not waited for, has no environment any more.
fn marked(wanted: &[String]) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let has = |wanted: &String| {
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == wanted.as_bytes())
        };
        wanted.iter().all(has).then(|| Pid::from_raw(id)).flatten()
    });
    processes.collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    /// Starts a process and waits until the system shows its environment, which comes a moment after its start.
    fn shown(command: &mut Command) -> Child {
        let child = command.arg("600").spawn().unwrap();
        let environment = format!("/proc/{}/environ", child.id());
        while fs::read(&environment).unwrap().is_empty() {
            std::thread::yield_now();
        }
        child
    }

    #[test]
    fn only_this_homes_processes_are_ended() {
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let start = |home: &Path| shown(Command::new("sleep").env(MARKER, home));
        let mut children = [start(homes[0].path()), start(homes[1].path())];
        assert_eq!(sweep(homes[0].path()), 1);
        assert!(!children[0].wait().unwrap().success());
        assert_eq!(children[1].try_wait().unwrap(), None, "another's goes on");
        assert_eq!(sweep(homes[1].path()), 1);
        children[1].wait().unwrap();
    }

    #[test]
    fn what_one_build_leaves_ends_and_anothers_goes_on() {
        let home = tempfile::tempdir().unwrap();
        let start = |build: &str| {
            let mut command = Command::new("sleep");
            shown(command.env(MARKER, home.path()).env("CODEBUILD_BUILD_ID", build))
        };
        let (mut one, mut other) = (start("trial:1"), start("trial:11"));
        assert_eq!(sweep_build(home.path(), "trial:1"), 1);
        assert!(!one.wait().unwrap().success());
        assert_eq!(other.try_wait().unwrap(), None, "another's goes on");
        assert_eq!(sweep_build(home.path(), "trial:11"), 1);
        other.wait().unwrap();
    }
}
