//! The one face of both runtimes.

use crate::docker::Containers;
use crate::exits::Exit;
use crate::process::Processes;
use crate::spec::TaskSpec;
use crate::task::{Detected, Identity, RuntimeKind, StartError, Started, Usage};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Runs tasks. Clones share one; all of it must be used within one tokio runtime.
#[derive(Clone)]
pub struct Runtime {
    inner: Inner,
}

#[derive(Clone)]
enum Inner {
    Process(Processes),
    Docker(Containers),
}

impl Runtime {
    /// The process runtime over a folder of its own. Call it within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the folder can't be created, read or written, or the machine's kernel lacks what this needs (Linux 5.4).
    pub fn process(home: &Path) -> io::Result<Self> {
        let processes = Processes::open(home)?;
        Ok(Runtime {
            inner: Inner::Process(processes),
        })
    }

    /// The Docker runtime; its logs are kept in a folder of its own. Images of `registry` (`127.0.0.1:4566`) that it pulled are
    /// removed once no task uses them. Call it within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When no Docker engine answers, or the folder can't be created, read or written.
    pub async fn docker(home: &Path, registry: &str) -> io::Result<Self> {
        let containers = Containers::open(home, registry).await?;
        Ok(Runtime {
            inner: Inner::Docker(containers),
        })
    }

    /// Which runtimes this machine has, the better first, and why it hasn't the others.
    pub async fn detect() -> Vec<Detected> {
        let docker = Detected {
            kind: RuntimeKind::Docker,
            available: crate::docker::detect().await,
        };
        let process = Detected {
            kind: RuntimeKind::Process,
            available: crate::process::detect(),
        };
        vec![docker, process]
    }

    /// Which of the two this is.
    pub fn kind(&self) -> RuntimeKind {
        match &self.inner {
            Inner::Process(_) => RuntimeKind::Process,
            Inner::Docker(_) => RuntimeKind::Docker,
        }
    }

    /// The address of this machine at which tasks reach what isn't on their own loopback; `None` if they share this
    /// machine's, or don't reach it.
    pub async fn gateway(&self) -> Option<Ipv4Addr> {
        match &self.inner {
            Inner::Process(_) => None,
            Inner::Docker(containers) => containers.gateway().await,
        }
    }

    /// Starts a task. It runs when this resolves; whether it listens yet is a health check's to find out.
    ///
    /// # Errors
    ///
    /// In ECS's words, when the image can't be had, or the program can't be run.
    pub async fn start(&self, spec: TaskSpec) -> Result<Started, StartError> {
        match &self.inner {
            Inner::Process(processes) => processes.start(spec).await,
            Inner::Docker(containers) => containers.start(spec).await,
        }
    }

    /// Asks a task to end (SIGTERM, or the image's own signal), kills it once `grace` is over, and resolves when it is gone.
    /// At once for a task that isn't running here.
    pub async fn stop(&self, task: &str, grace: Duration) {
        match &self.inner {
            Inner::Process(processes) => processes.stop(task, grace).await,
            Inner::Docker(containers) => containers.stop(task, grace).await,
        }
    }

    /// The ends of all tasks from now on, of those that were asked to end too. Each receiver gets every one;
    /// get it before the first start or adoption. Drop it to stop listening.
    pub fn exits(&self) -> UnboundedReceiver<Exit> {
        match &self.inner {
            Inner::Process(processes) => processes.exits(),
            Inner::Docker(containers) => containers.exits(),
        }
    }

    /// Takes back a task of an earlier run: watches it again, if it still runs and is the same. `None` if not.
    ///
    /// # Errors
    ///
    /// When nobody can tell: Docker doesn't answer, or `/proc` can't be read. Ask again.
    pub async fn adopt(&self, identity: &Identity) -> io::Result<Option<Started>> {
        match &self.inner {
            Inner::Process(processes) => processes.adopt(identity),
            Inner::Docker(containers) => containers.adopt(identity).await,
        }
    }

    /// Kills every task of this home, whoever started it, but those to keep; and says which they were.
    /// Images that no kept task uses go too.
    ///
    /// # Errors
    ///
    /// When Docker doesn't answer, or `/proc` can't be read.
    pub async fn sweep(&self, keep: &[Identity]) -> io::Result<Vec<String>> {
        match &self.inner {
            Inner::Process(processes) => processes.sweep(keep).await,
            Inner::Docker(containers) => containers.sweep(keep).await,
        }
    }

    /// The file that gets what a container writes to stdout and stderr.
    /// It may shrink to nothing when it has grown too large (16 MiB); the part before is then beside it, with `.1` added to its name.
    pub fn log_path(&self, task: &str, container: &str) -> PathBuf {
        match &self.inner {
            Inner::Process(processes) => processes.log_path(task, container),
            Inner::Docker(containers) => containers.log_path(task, container),
        }
    }

    /// What a task has used; `None` when it isn't running, or nobody can tell.
    pub async fn usage(&self, task: &str) -> Option<Usage> {
        match &self.inner {
            Inner::Process(processes) => processes.usage(task),
            Inner::Docker(containers) => containers.usage(task).await,
        }
    }
}
