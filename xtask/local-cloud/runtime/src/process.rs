//! Tasks as processes of this machine. Linux only.

mod address;
mod guard;
mod images;
mod launch;
mod procfs;
mod signal;
mod unpack;

use crate::exits::{Exit, Exits};
use crate::home::Home;
use crate::spec::{ContainerSpec, TaskSpec};
use crate::task::{Handle, Identity, ProcessHandle, StartError, Started, Usage};
use address::Addresses;
use images::Images;
use launch::{MARKER, Program, marker};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// How long a killed process may take to be gone, before nobody waits any longer.
const KILL_WAIT: Duration = Duration::from_secs(10);
/// Milliseconds for a new process to be what it shall be.
const MARK_TRIES: usize = 5000;
/// Killing a task's strays is repeated so often, for those that were just being born.
const STRAY_ROUNDS: usize = 10;

#[derive(Clone)]
pub(crate) struct Processes {
    shared: Arc<Shared>,
}

struct Shared {
    home: Home,
    exits: Exits,
    images: Images,
    addresses: Addresses,
    tasks: Mutex<HashMap<String, Task>>,
}

/// A task that runs, started by us or adopted.
#[derive(Clone)]
struct Task {
    identity: Identity,
    process: ProcessHandle,
    /// Names the process for as long as it is held, whatever becomes of the number.
    pidfd: Arc<AsyncFd<OwnedFd>>,
    out_of_memory: Arc<AtomicBool>,
    /// Closed when the task is gone.
    gone: watch::Receiver<()>,
}

/// What there is on this machine, or why it doesn't serve.
pub(crate) fn detect() -> Result<String, String> {
    if !cfg!(target_os = "linux") {
        return Err("the process runtime needs Linux, use Docker".to_owned());
    }
    let own = Pid::from_raw(std::process::id().cast_signed()).unwrap_or(Pid::INIT);
    match pidfd_open(own, PidfdFlags::empty()) {
        Ok(_) => Ok("processes of this machine".to_owned()),
        Err(error) => Err(format!(
            "the process runtime needs Linux 5.4 or later: pidfd_open: {error}"
        )),
    }
}

impl Processes {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        detect().map_err(io::Error::other)?;
        let home = Home::open(folder)?;
        let shared = Arc::new(Shared {
            exits: Exits::default(),
            images: Images::open(home.images())?,
            addresses: Addresses::new(home.id(), procfs::first_ephemeral_port()),
            tasks: Mutex::default(),
            home,
        });
        tokio::spawn(guard::run(Arc::downgrade(&shared)));
        Ok(Processes { shared })
    }

    pub(crate) async fn start(&self, spec: TaskSpec) -> Result<Started, StartError> {
        let container = spec.checked().map_err(StartError::create)?;
        if self.shared.tasks().contains_key(&spec.id) {
            return Err(StartError::create(format!("a task {} is running already", spec.id)));
        }
        let image = &container.image.on_disk;
        check_platform(&image.architecture)?;
        let unpacked = self.shared.images.unpacked(image).await.map_err(StartError::pull)?;
        let program = Program::find(container, &unpacked.root).map_err(StartError::start)?;
        let address = container.port.map(|port| self.shared.addresses.take(port)).transpose();
        let address = address.map_err(|error| {
            StartError::resource(format!(
                "no loopback address is free for port {:?}: {error}",
                container.port
            ))
        })?;
        let started = self.launch(&spec.id, container, program, address).await;
        if let (Err(_), Some(address)) = (&started, address) {
            self.shared.addresses.give_back(address);
        }
        if unpacked.is_new {
            self.drop_unused_images().await;
        }
        started
    }

    /// Each deployment brings an image, and leaves one that nobody uses any more.
    async fn drop_unused_images(&self) {
        // What can't be removed now goes with the next one, or at the next start.
        let _ = self.shared.images.drop_unused(|digest| self.shared.uses(digest)).await;
    }

    async fn launch(
        &self,
        task: &str,
        container: &ContainerSpec,
        program: Program,
        address: Option<SocketAddr>,
    ) -> Result<Started, StartError> {
        let log = self
            .shared
            .home
            .open_log(task, &container.name)
            .map_err(StartError::resource)?;
        let marker = marker(self.shared.home.id(), task);
        let child = program.spawn(address, &marker, log).await.map_err(StartError::start)?;
        // Whoever drops this future drops a task that is watched, or none.
        let mut child = Killed(Some(child));
        let pid = child.pid();
        until_marked(pid, &marker).await.map_err(StartError::start)?;
        let identity = identify(pid, task, container, address).map_err(StartError::start)?;
        let limited = launch::limit(pid, container);
        limited.map_err(StartError::resource)?;
        let watched = self.watch(identity.clone(), child.0.take());
        watched.map_err(|(error, child)| {
            drop(Killed(child));
            StartError::start(error)
        })?;
        Ok(Started { address, identity })
    }

    pub(crate) async fn stop(&self, task: &str, grace: Duration) {
        let Some(task) = self.shared.tasks().get(task).cloned() else {
            return;
        };
        task.signal(signal::numbered(task.process.stop_signal));
        if !task.gone_within(grace).await {
            task.signal(Signal::KILL);
            task.gone_within(KILL_WAIT).await;
        }
    }

    pub(crate) fn exits(&self) -> tokio::sync::mpsc::UnboundedReceiver<Exit> {
        self.shared.exits.listen()
    }

    pub(crate) fn adopt(&self, identity: &Identity) -> io::Result<Option<Started>> {
        let Handle::Process(process) = &identity.handle else {
            return Ok(None);
        };
        let started = Started {
            address: identity.address,
            identity: identity.clone(),
        };
        if let Some(task) = self.shared.tasks().get(&identity.task) {
            return Ok((task.identity == *identity).then_some(started));
        }
        if process.boot_id != procfs::boot_id()? || !self.runs(identity, process)? {
            return Ok(None);
        }
        if let Some(address) = identity.address {
            self.shared.addresses.keep(address);
        }
        match self.watch(identity.clone(), None) {
            Ok(()) if self.runs(identity, process)? => Ok(Some(started)),
            // It ended between the two looks; the end is told as any other, but there is nothing to adopt.
            Ok(()) => Ok(None),
            Err((error, _)) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(None),
            Err((error, _)) => Err(error),
        }
    }

    /// Whether the process of that number still is the task's.
    fn runs(&self, identity: &Identity, process: &ProcessHandle) -> io::Result<bool> {
        let stat = procfs::stat(process.pid)?;
        let same = stat.is_some_and(|stat| !stat.zombie && stat.start_time_ticks == process.start_time_ticks);
        if !same {
            return Ok(false);
        }
        let own = marker(self.shared.home.id(), &identity.task);
        Ok(procfs::environment(process.pid, MARKER, |value| value == own).is_some())
    }

    pub(crate) async fn sweep(&self, keep: &[Identity]) -> io::Result<Vec<String>> {
        let kept: Vec<String> = keep.iter().map(|identity| identity.task.clone()).collect();
        let shared = self.shared.clone();
        let swept = tokio::task::spawn_blocking({
            let kept = kept.clone();
            move || shared.kill_all_but(&kept)
        });
        let mut swept = swept.await.map_err(io::Error::other)??;
        let tasks: Vec<Task> = self.shared.tasks().values().cloned().collect();
        for task in tasks.iter().filter(|task| !kept.contains(&task.identity.task)) {
            task.signal(Signal::KILL);
            task.gone_within(KILL_WAIT).await;
            swept.push(task.identity.task.clone());
        }
        swept.sort();
        swept.dedup();
        let kept: Vec<String> = keep.iter().filter_map(image).collect();
        let is_used = |digest: &str| kept.iter().any(|kept| kept == digest) || self.shared.uses(digest);
        self.shared.images.drop_unused(is_used).await?;
        Ok(swept)
    }

    pub(crate) fn log_path(&self, task: &str, container: &str) -> PathBuf {
        self.shared.home.log_path(task, container)
    }

    pub(crate) fn usage(&self, task: &str) -> Option<Usage> {
        let task = self.shared.tasks().get(task).cloned()?;
        let stat = procfs::stat(task.process.pid).ok()??;
        (stat.start_time_ticks == task.process.start_time_ticks).then(|| Usage {
            cpu: stat.cpu,
            memory_bytes: stat.resident_pages * page_bytes(),
        })
    }

    /// Watches a process until its end, and gives the child back where it can't.
    fn watch(&self, identity: Identity, child: Option<Child>) -> Result<(), (io::Error, Option<Child>)> {
        let Handle::Process(process) = identity.handle.clone() else {
            return Err((io::ErrorKind::InvalidInput.into(), child));
        };
        let pidfd = match open_pidfd(process.pid) {
            Ok(pidfd) => Arc::new(pidfd),
            Err(error) => return Err((error, child)),
        };
        let (alive, gone) = watch::channel(());
        let task = Task {
            identity,
            process,
            pidfd,
            out_of_memory: Arc::default(),
            gone,
        };
        self.shared.tasks().insert(task.identity.task.clone(), task.clone());
        tokio::spawn(watch_to_the_end(self.shared.clone(), task, child, alive));
        Ok(())
    }
}

/// Waits until the process shows its mark, which takes it a moment more than to begin:
/// from then on it can be found again. One that has ended already shows none.
async fn until_marked(pid: i32, marker: &str) -> io::Result<()> {
    for _ in 0..MARK_TRIES {
        let ended = procfs::stat(pid)?.is_none_or(|stat| stat.zombie);
        if ended || procfs::environment(pid, MARKER, |value| value == marker).is_some() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "the process doesn't begin"))
}

fn identify(pid: i32, task: &str, container: &ContainerSpec, address: Option<SocketAddr>) -> io::Result<Identity> {
    let stat = procfs::stat(pid)?.ok_or(io::ErrorKind::NotFound)?;
    let image = &container.image.on_disk;
    let process = ProcessHandle {
        pid,
        start_time_ticks: stat.start_time_ticks,
        boot_id: procfs::boot_id()?,
        image_digest: image.digest.clone(),
        stop_signal: signal::named(image.stop_signal.as_deref()).as_raw(),
        memory_limit_bytes: (container.memory_mib > 0).then(|| u64::from(container.memory_mib) << 20),
    };
    Ok(Identity {
        task: task.to_owned(),
        container: container.name.clone(),
        address,
        handle: Handle::Process(process),
    })
}

/// Waits for a process's end, ends what it left behind, and tells.
async fn watch_to_the_end(shared: Arc<Shared>, task: Task, child: Option<Child>, alive: watch::Sender<()>) {
    // Readable once the process has ended, whether or not it has been waited for.
    if let Ok(mut ready) = task.pidfd.readable().await {
        ready.retain_ready();
    }
    let marker = marker(shared.home.id(), &task.identity.task);
    let cleanup = tokio::task::spawn_blocking(move || end_remains(child, &marker));
    let status = cleanup.await.ok().flatten();
    shared.tasks().remove(&task.identity.task);
    if let Some(address) = task.identity.address {
        shared.addresses.give_back(address);
    }
    let out_of_memory = task.out_of_memory.load(Ordering::Relaxed);
    shared
        .exits
        .send(&exit(&task.identity, status, out_of_memory, SystemTime::now()));
    drop(alive);
}

/// Kills what a task's program left running, and takes its status where it is our child.
fn end_remains(child: Option<Child>, marker: &str) -> Option<ExitStatus> {
    let status = child.and_then(|mut child| {
        // Not yet waited for, so that its number is nobody else's.
        if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        child.wait().ok()
    });
    let _ = kill_marked(|value| value == marker);
    status
}

/// Kills the processes whose mark fits, until there are none; and says which marks they had.
fn kill_marked(fits: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
    let mut marks = Vec::new();
    for _ in 0..STRAY_ROUNDS {
        let found = procfs::with_environment(MARKER, &fits)?;
        if found.is_empty() {
            break;
        }
        for (pid, mark) in found {
            kill_if_marked(pid, &mark);
            marks.push(mark);
        }
    }
    Ok(marks)
}

/// Kills one process, and waits for its end: the number is looked at again once it is held.
fn kill_if_marked(pid: i32, mark: &str) {
    let Some(pidfd) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
        return;
    };
    if procfs::environment(pid, MARKER, |value| value == mark).is_some() {
        let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        wait_for_end(&pidfd);
    }
}

fn wait_for_end(pidfd: &OwnedFd) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec {
        tv_sec: KILL_WAIT.as_secs().cast_signed(),
        tv_nsec: 0,
    };
    let _ = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&limit));
}

fn exit(identity: &Identity, status: Option<ExitStatus>, out_of_memory: bool, at: SystemTime) -> Exit {
    let signal = status.and_then(|status| status.signal());
    Exit {
        task: identity.task.clone(),
        container: identity.container.clone(),
        exit_code: status
            .and_then(|status| status.code())
            .or(signal.map(|signal| 128 + signal)),
        signal,
        out_of_memory,
        at,
    }
}

#[expect(
    deprecated,
    reason = "the constructors in its place are unsafe, for descriptors that may change; an `OwnedFd` never does"
)]
fn open_pidfd(pid: i32) -> io::Result<AsyncFd<OwnedFd>> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    AsyncFd::with_interest(pidfd_open(pid, PidfdFlags::empty())?, Interest::READABLE)
}

fn image(identity: &Identity) -> Option<String> {
    match &identity.handle {
        Handle::Process(process) => Some(process.image_digest.clone()),
        Handle::Docker { .. } => None,
    }
}

fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

/// In the words of Fargate
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html>).
fn check_platform(architecture: &str) -> Result<(), StartError> {
    let host = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    if architecture.is_empty() || architecture == host {
        return Ok(());
    }
    Err(StartError::pull(format!(
        "image Manifest does not contain descriptor matching platform 'linux/{host}', it is for {architecture}"
    )))
}

impl Shared {
    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a task runs from the image with this digest.
    fn uses(&self, digest: &str) -> bool {
        let tasks = self.tasks();
        tasks
            .values()
            .any(|task| image(&task.identity).as_deref() == Some(digest))
    }

    fn kill_all_but(&self, kept: &[String]) -> io::Result<Vec<String>> {
        let prefix = marker(self.home.id(), "");
        let swept = kill_marked(|mark| {
            mark.strip_prefix(&prefix)
                .is_some_and(|task| !kept.iter().any(|kept| kept == task))
        })?;
        Ok(swept
            .iter()
            .filter_map(|mark| mark.strip_prefix(&prefix))
            .map(str::to_owned)
            .collect())
    }
}

impl Task {
    fn signal(&self, signal: Signal) {
        // A process that has ended needs no signal.
        let _ = pidfd_send_signal(self.pidfd.get_ref(), signal);
    }

    async fn gone_within(&self, limit: Duration) -> bool {
        let mut gone = self.gone.clone();
        // The sender never sends; it only goes.
        tokio::time::timeout(limit, gone.changed()).await.is_ok()
    }
}

/// A child that is killed unless somebody takes it.
struct Killed(Option<Child>);

impl Killed {
    fn pid(&self) -> i32 {
        self.0.as_ref().map_or(0, |child| child.id().cast_signed())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
