//! A task as either runtime knows it: what it is found by, how it fails to start, what it uses.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The two ways to run a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeKind {
    /// A process of this machine.
    Process,
    /// A container of the Docker engine.
    Docker,
}

impl fmt::Display for RuntimeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            RuntimeKind::Process => "process",
            RuntimeKind::Docker => "docker",
        })
    }
}

/// Whether a runtime can be had on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// Which.
    pub kind: RuntimeKind,
    /// What there is, as a phrase; or why not, as an error to show.
    pub available: Result<String, String>,
}

/// A task that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Where the container's port is reached from this machine; `None` for a container without a port,
    /// and for one in Docker that has ended already, whose exit follows.
    pub address: Option<SocketAddr>,
    /// What takes the task back after a restart.
    pub identity: Identity,
}

/// A running task's identity: enough to find it again, and to tell that it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The task's id.
    pub task: String,
    /// Its container's name.
    pub container: String,
    /// Where the container's port is reached.
    pub address: Option<SocketAddr>,
    pub(crate) handle: Handle,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Handle {
    Process(ProcessHandle),
    Docker { container_id: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessHandle {
    pub(crate) pid: i32,
    /// In clock ticks since the machine's start, which tells a process from a later one with its number.
    pub(crate) start_time_ticks: u64,
    /// Which start of the machine that was.
    pub(crate) boot_id: String,
    pub(crate) image_digest: String,
    pub(crate) stop_signal: i32,
    pub(crate) memory_limit_bytes: Option<u64>,
}

/// A task didn't start. Its words are a stopped reason of ECS
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct StartError {
    /// `CannotPullContainerError: …`, `CannotStartContainerError: …`, `ResourceInitializationError: …`.
    pub reason: String,
}

impl StartError {
    pub(crate) fn pull(cause: impl fmt::Display) -> Self {
        Self::new("CannotPullContainerError", cause)
    }

    pub(crate) fn create(cause: impl fmt::Display) -> Self {
        Self::new("CannotCreateContainerError", cause)
    }

    pub(crate) fn start(cause: impl fmt::Display) -> Self {
        Self::new("CannotStartContainerError", cause)
    }

    pub(crate) fn resource(cause: impl fmt::Display) -> Self {
        Self::new("ResourceInitializationError", cause)
    }

    fn new(kind: &str, cause: impl fmt::Display) -> Self {
        StartError {
            reason: format!("{kind}: {cause}"),
        }
    }
}

/// What a task has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since the task's start. Divide the growth by the time between two looks.
    pub cpu: Duration,
    /// Memory in use now.
    pub memory_bytes: u64,
}
