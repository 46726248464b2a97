//! Commands of a build, one after the other, as if in one shell.
//!
//! `CodeBuild` runs all commands in the same instance of the shell, so that the folder and the variables of one are those of
//! the next; but a command that says `exit 1` fails and doesn't end the build. So each has a shell of its own, which begins
//! where the last one ended and notes where it ends. Variables go on as exported ones; functions don't.
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec-ref-versions>

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::log::Log;

/// How long what is told to end may take until it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// `$1` is the command, `$2` the folder of notes, `$3` whether the build succeeds so far.
const WRAPPER: &str = r#"
if [ -f "$2/environment" ]; then . "$2/environment"; cd "$(cat "$2/folder")" || exit 1; fi
CODEBUILD_BUILD_SUCCEEDING=$3
export CODEBUILD_BUILD_SUCCEEDING
codebuild_notes=$2
trap 'codebuild_status=$?; pwd > "$codebuild_notes/folder"; export -p > "$codebuild_notes/environment"; exit $codebuild_status' EXIT
set -a
eval "$1"
"#;

/// `$1` is the folder of notes, the others are names of variables; each value ends with a zero.
const READER: &str = r#"
[ -f "$1/environment" ] && . "$1/environment"
shift
for name; do eval "printf '%s\\0' \"\${$name-}\""; done
"#;

/// The shell of one build.
pub(super) struct Shell {
    /// Where it notes down how far it is.
    pub(super) notes: PathBuf,
    /// Where the first command begins.
    pub(super) folder: PathBuf,
    pub(super) environment: BTreeMap<String, String>,
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Succeeded,
    Failed(String),
    Stopped,
}

impl Shell {
    /// Forgets what an earlier build noted.
    pub(super) fn begin(&self) -> io::Result<()> {
        super::files::remove(&self.notes)?;
        fs::create_dir_all(&self.notes)
    }

    /// Runs one command in a process group of its own; none of the group outlives a stop.
    pub(super) async fn run(
        &self,
        command: &str,
        succeeds: bool,
        log: &Log,
        stop: &mut watch::Receiver<bool>,
    ) -> Ended {
        if *stop.borrow() {
            return Ended::Stopped;
        }
        let mut child = match self.spawn(command, succeeds, log) {
            Ok(child) => child,
            Err(error) => return Ended::Failed(format!("cannot start /bin/sh: {error}")),
        };
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        tokio::select! {
            status = child.wait() => match status {
                Ok(status) if status.success() => Ended::Succeeded,
                Ok(status) => Ended::Failed(say(status)),
                Err(error) => Ended::Failed(format!("cannot wait for /bin/sh: {error}")),
            },
            () = crate::stop::stopping(stop) => {
                end(&mut child, group).await;
                Ended::Stopped
            }
        }
    }

    fn spawn(&self, command: &str, succeeds: bool, log: &Log) -> io::Result<Child> {
        Command::new("/bin/sh")
            .args(["-c", WRAPPER, "sh", command])
            .arg(&self.notes)
            .arg(if succeeds { "1" } else { "0" })
            .env_clear()
            .envs(&self.environment)
            .current_dir(&self.folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.output()?)
            .stderr(log.output()?)
            .spawn()
    }

    /// The values that variables have by now.
    pub(super) async fn variables(&self, names: &[String]) -> BTreeMap<String, String> {
        let is_name = |name: &&String| {
            name.chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_')
                && !name.starts_with(|character: char| character.is_ascii_digit())
        };
        let names = names.iter().filter(is_name).collect::<Vec<_>>();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", READER, "sh"])
            .arg(&self.notes)
            .args(&names)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        let output = command.output().await.map(|output| output.stdout).unwrap_or_default();
        let values = output
            .split(|byte| *byte == 0)
            .map(|value| String::from_utf8_lossy(value).into_owned());
        names.into_iter().cloned().zip(values).collect()
    }
}

/// Asks a group to end, and kills what hasn't within its grace.
async fn end(child: &mut Child, group: Option<Pid>) {
    let Some(group) = group else { return };
    // A group that is gone needs no signal.
    let _ = kill_process_group(group, Signal::TERM);
    // Its time is up, or it has ended; either way nothing of it stays.
    let _ = tokio::time::timeout(GRACE, child.wait()).await;
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait().await;
}

fn say(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
