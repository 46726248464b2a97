//! Looking at a local cloud from outside, as the system sees it: processes, sockets, files. Linux only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use local_cloud::{Home, Running};

use super::growth::Sample;
use super::judge::Process;
use super::words::CONFIGURATION_VARIABLE;
use crate::docker::{Container, Engine};

/// The variable by which the runtime marks a task's processes: the local cloud's id, a slash, the task's id.
const MARKER: &str = "LOCAL_CLOUD_TASK";

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// The label by which the runtime marks a task's container with the local cloud's id, and the one with the task's.
const LABELS: [&str; 2] = ["local-cloud.home", "local-cloud.task"];

/// A task's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaskProcess {
    pub(super) process_id: i32,
    /// Its container, where Docker runs it.
    pub(super) container: Option<Container>,
    /// The task's id.
    pub(super) task: String,
    /// The value of its stage: `onebox`.
    pub(super) stage: String,
    /// What it was started with.
    pub(super) with: Process,
}

/// The processes of a local cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Processes {
    /// Those of its tasks.
    pub(super) tasks: Vec<TaskProcess>,
    /// Those that were given its folder to work on, but for itself: the commands of this command line.
    pub(super) commands: Vec<String>,
}

/// Every process that has to do with the local cloud of a folder.
pub(super) fn processes(home: &Home) -> Processes {
    let Ok(folder) = home.folder().canonicalize() else {
        return Processes::default();
    };
    let itself = home
        .running()
        .ok()
        .flatten()
        .map(|running| running.process_id.cast_signed());
    let mut found = Processes::default();
    for process_id in process_ids() {
        let (Some(environment), Some(program)) = (environment(process_id), program(process_id)) else {
            continue;
        };
        let value = |name: &str| environment.get(name).cloned();
        if program.starts_with(&folder) {
            let marker = value(MARKER).unwrap_or_default();
            let task = marker.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
            found.tasks.push(TaskProcess::new(process_id, task, &environment));
        } else if value("LOCAL_CLOUD_HOME").is_some_and(|home| Path::new(&home) == folder) && Some(process_id) != itself
        {
            found.commands.push(format!("{} ({process_id})", program.display()));
        }
    }
    found.tasks.sort_by_key(|task| task.process_id);
    found
}

/// The containers of the local cloud of a folder, as processes of its tasks.
///
/// # Errors
/// When Docker can't be asked.
pub(super) async fn containers(engine: &Engine, home: &Home) -> anyhow::Result<Vec<TaskProcess>> {
    // One that has never been started has no id, and no containers.
    let Ok(id) = fs::read_to_string(home.folder().join("id")) else {
        return Ok(Vec::new());
    };
    let [of_home, of_task] = LABELS;
    let found = engine.containers(&format!("{of_home}={}", id.trim())).await?;
    let process = |container: Container| {
        let task = container.labels.get(of_task).cloned().unwrap_or_default();
        let process = TaskProcess::new(container.process_id, task, &container.environment);
        TaskProcess {
            container: Some(container),
            ..process
        }
    };
    Ok(found.into_iter().map(process).collect())
}

impl TaskProcess {
    fn new(process_id: i32, task: String, environment: &BTreeMap<String, String>) -> Self {
        let value = |name: &str| environment.get(name).cloned();
        Self {
            process_id,
            container: None,
            task,
            stage: value(constants::service::STAGE_VARIABLE).unwrap_or_default(),
            with: Process {
                fault: value(constants::service::FAULT_VARIABLE),
                configuration: value(CONFIGURATION_VARIABLE),
            },
        }
    }

    /// What it is called where it is left over.
    pub(super) fn in_words(&self) -> String {
        let what = if self.container.is_some() {
            "container"
        } else {
            "process"
        };
        format!("a {what} of task {}", self.task)
    }
}

fn process_ids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A process's program; none where it has ended, or is somebody else's.
fn program(process_id: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process_id}/exe")).ok()
}

fn environment(process_id: i32) -> Option<BTreeMap<String, String>> {
    let bytes = fs::read(format!("/proc/{process_id}/environ")).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let variables = text.split('\0').filter_map(|variable| variable.split_once('='));
    Some(
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

/// What a local cloud takes, after the deployment with this number.
///
/// # Errors
/// When it doesn't run.
pub(super) fn sample(home: &Home, step: u32) -> anyhow::Result<Sample> {
    let Running { process_id, .. } = home.running()?.context("the local cloud has ended")?;
    let path = format!("/proc/{process_id}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let descriptors = fs::read_dir(format!("/proc/{process_id}/fd")).map_or(0, Iterator::count);
    let folder = home.folder();
    let bytes = |name: &str| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    let (state_bytes, metrics_bytes) = (bytes("state.json"), bytes("metrics.ndjson"));
    let kept = bytes_below(&folder.join("images")) + bytes_below(&folder.join("journal"));
    Ok(Sample {
        step,
        process_id,
        resident_kib: number("VmRSS:").unwrap_or_default(),
        anonymous_kib: number("RssAnon:").unwrap_or_default(),
        descriptors: descriptors as u64,
        threads: number("Threads:").unwrap_or_default(),
        state_bytes,
        metrics_bytes,
        other_bytes: bytes_below(folder).saturating_sub(state_bytes + metrics_bytes + kept),
    })
}

/// The sizes of all files below a folder. What goes while it is counted isn't counted.
fn bytes_below(folder: &Path) -> u64 {
    files_below(folder)
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .map(|file| file.len())
        .sum()
}

/// All files below a folder.
pub(super) fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            files.extend(files_below(&entry.path()));
        } else {
            files.insert(entry.path());
        }
    }
    files
}

/// The IPv4 sockets on which some processes listen: `127.0.0.1:4566`.
pub(super) fn listening(process_ids: &[i32]) -> BTreeSet<String> {
    let inodes: BTreeSet<String> = process_ids.iter().flat_map(|process_id| sockets(*process_id)).collect();
    let all = all_listening();
    all.into_iter()
        .filter(|(inode, _)| inodes.contains(inode))
        .map(|(_, address)| address)
        .collect()
}

/// The inodes of a process's sockets.
fn sockets(process_id: i32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{process_id}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let targets = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    let inode = |target: PathBuf| {
        let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        Some(inode.to_owned())
    };
    targets.filter_map(inode).collect()
}

/// Every IPv4 socket of this machine that somebody listens on, by its inode.
pub(super) fn all_listening() -> BTreeMap<String, String> {
    let text = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    text.lines().skip(1).filter_map(listener).collect()
}

/// The inode and the address of a line of `/proc/net/tcp`, if it is a socket that somebody listens on.
/// <https://docs.kernel.org/networking/proc_net_tcp.html>
fn listener(line: &str) -> Option<(String, String)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (host, port) = address.split_once(':')?;
    // The address is in the machine's own order of bytes.
    let host = Ipv4Addr::from(u32::from_str_radix(host, 16).ok()?.to_ne_bytes());
    let port = u16::from_str_radix(port, 16).ok()?;
    (*state == LISTENING).then(|| ((*inode).to_owned(), format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_socket_is_read_as_the_kernel_writes_it() {
        let line = "   0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0";
        assert_eq!(listener(line), Some(("4711".to_owned(), "127.0.0.1:4566".to_owned())));
        assert_eq!(listener(&line.replace(" 0A ", " 01 ")), None);
        assert_eq!(listener(""), None);
    }

    #[test]
    fn our_own_socket_is_found() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = std::process::id().cast_signed();
        let address = socket.local_addr().unwrap().to_string();
        assert!(listening(&[own]).contains(&address));
        drop(socket);
        assert!(!listening(&[own]).contains(&address));
    }
}
