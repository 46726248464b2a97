//! One task of the service.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{DeploymentId, RevisionId, Settings, TargetState, TaskId};

/// Why a task ended that nobody stopped.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
pub(crate) const CONTAINER_EXITED: &str = "Essential container in task exited";

/// A task's `lastStatus`.
///
/// Of ECS's statuses two pass in no time here and are never seen: ACTIVATING (the target is registered) and DEPROVISIONING.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Asked for.
    Provisioning,
    /// Being prepared by the runtime.
    Pending,
    /// The container runs.
    Running,
    /// The target is being deregistered and drained.
    Deactivating,
    /// The stop signal is sent.
    Stopping,
    /// Over.
    Stopped,
}

impl TaskStatus {
    /// ECS's word, such as `RUNNING`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// A task's `desiredStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DesiredStatus {
    /// The task should run.
    Running,
    /// The task should end.
    Stopped,
}

impl DesiredStatus {
    /// ECS's word, such as `RUNNING`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// What the scheduler holds of a task's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// Not yet known, or unhealthy within the grace period.
    Unknown,
    /// Counts towards the healthy floor.
    Healthy,
    /// To be replaced.
    Unhealthy,
}

impl Health {
    /// ECS's word, such as `HEALTHY`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

/// Why a task was stopped (`stopCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCode {
    /// It could not be started.
    TaskFailedToStart,
    /// Its container ended by itself.
    EssentialContainerExited,
    /// The `StopTask` API.
    UserInitiated,
    /// The scheduler: scaling in, a deployment, or failed health checks.
    ServiceSchedulerInitiated,
}

impl StopCode {
    /// ECS's word, such as `UserInitiated`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
        }
    }
}

/// A task of the service, running or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The deployment that started it (`startedBy`).
    pub deployment: DeploymentId,
    /// What it runs.
    pub revision: RevisionId,
    /// How far it has come.
    pub last_status: TaskStatus,
    /// What the scheduler holds of its health.
    pub health: Health,
    /// What the load balancer last said of its target; `None` before it said anything.
    pub target: Option<TargetState>,
    /// When it was asked for.
    pub created_at: SystemTime,
    /// When its container began to run.
    pub started_at: Option<SystemTime>,
    /// When its stop was decided.
    pub stopping_at: Option<SystemTime>,
    /// When it was over.
    pub stopped_at: Option<SystemTime>,
    /// Who stopped it.
    pub stop_code: Option<StopCode>,
    /// Why, in ECS's words.
    pub stopped_reason: Option<String>,
    /// Its container's exit code.
    pub exit_code: Option<i32>,
    /// Place in the order of all starts of this service.
    pub(crate) sequence: u64,
    /// Whether its target was registered and not yet deregistered.
    pub(crate) registered: bool,
    /// The load balancer's description of its target's state.
    pub(crate) target_reason: Option<String>,
    /// Whether it was healthy once.
    pub(crate) proven: bool,
    /// Whether it is in its deployment's count of failed tasks.
    pub(crate) counted_as_failed: bool,
}

impl Task {
    pub(crate) fn new(
        id: TaskId,
        deployment: DeploymentId,
        revision: RevisionId,
        sequence: u64,
        now: SystemTime,
    ) -> Self {
        Self {
            id,
            deployment,
            revision,
            last_status: TaskStatus::Provisioning,
            health: Health::Unknown,
            target: None,
            created_at: now,
            started_at: None,
            stopping_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
            exit_code: None,
            sequence,
            registered: false,
            target_reason: None,
            proven: false,
            counted_as_failed: false,
        }
    }

    /// What the scheduler wants of it.
    pub fn desired_status(&self) -> DesiredStatus {
        if self.is_live() {
            DesiredStatus::Running
        } else {
            DesiredStatus::Stopped
        }
    }

    /// What its container has to say of its end beside the task's own reason (`containers[].reason`): why it couldn't be
    /// started, or was killed. One that just ended has nothing to say.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
    pub fn container_reason(&self) -> Option<&str> {
        let ended_by_itself = matches!(
            self.stop_code,
            Some(StopCode::TaskFailedToStart | StopCode::EssentialContainerExited)
        );
        let reason = self.stopped_reason.as_deref().filter(|_| ended_by_itself)?;
        (reason != CONTAINER_EXITED).then_some(reason)
    }

    /// Whether it counts as running or pending; nobody has asked it to stop.
    pub(crate) fn is_live(&self) -> bool {
        matches!(
            self.last_status,
            TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Running
        )
    }

    /// Its health at `now`.
    ///
    /// Behind a load balancer the target decides, and what it says against the task is ignored during the grace period;
    /// otherwise the task is healthy once it has run long enough.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
    pub(crate) fn judge(&self, settings: &Settings, now: SystemTime) -> Health {
        let Some(started_at) = self.started_at else {
            return Health::Unknown;
        };
        if !self.registered {
            let steady = now >= started_at + settings.steady_after_running;
            return if steady { Health::Healthy } else { Health::Unknown };
        }
        match self.target {
            // A target group without health checks calls every target unavailable and sends it traffic.
            Some(TargetState::Healthy | TargetState::Unavailable) => Health::Healthy,
            Some(TargetState::Unhealthy) if now >= started_at + settings.health_check_grace => Health::Unhealthy,
            _ => Health::Unknown,
        }
    }

    /// When time alone will change its health, if that is unknown.
    pub(crate) fn judged_at(&self, settings: &Settings) -> Option<SystemTime> {
        let started_at = self.started_at?;
        match (self.registered, self.target) {
            (false, _) => Some(started_at + settings.steady_after_running),
            (true, Some(TargetState::Unhealthy)) => Some(started_at + settings.health_check_grace),
            (true, _) => None,
        }
    }
}
