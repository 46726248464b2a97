//! What the scheduler is told and what it asks for.

use serde::{Deserialize, Serialize};

use crate::{DeploymentId, RevisionId, RolloutState, Settings, TaskId, message::ServiceEvent};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// `CreateService`, or an `UpdateService` that starts a new deployment.
    Deploy {
        /// What to deploy.
        revision: RevisionId,
        /// The settings from now on.
        settings: Settings,
        /// The desired count from now on; `None` leaves it as it is (1 for a new service).
        desired_count: Option<u32>,
    },
    /// A new desired count, without a new deployment.
    SetDesiredCount {
        /// How many tasks are wanted.
        desired_count: u32,
    },
    /// New settings without a new deployment, such as another grace period.
    UpdateSettings {
        /// The settings from now on.
        settings: Settings,
    },
    /// The runtime has begun to prepare the task's container: PROVISIONING becomes PENDING. May be left out.
    TaskPending {
        /// Which task.
        task: TaskId,
    },
    /// The task's container runs.
    TaskRunning {
        /// Which task.
        task: TaskId,
    },
    /// The task's container has ended, by itself or because it was told to, or was not found after a restart.
    TaskStopped {
        /// Which task.
        task: TaskId,
        /// The container's exit code, if it is known.
        exit_code: Option<i32>,
        /// Why, where the runtime knows more than ECS's standard words.
        reason: Option<String>,
    },
    /// The task's container could not be started.
    TaskStartFailed {
        /// Which task.
        task: TaskId,
        /// Why, such as `CannotPullContainerError: …`.
        reason: String,
    },
    /// What the load balancer thinks of the task's target.
    TargetHealth {
        /// Which task.
        task: TaskId,
        /// The target's state.
        state: TargetState,
        /// The load balancer's description, such as `Health checks failed with these codes: [500]`.
        reason: Option<String>,
    },
    /// The task's target is deregistered and drained. An [`Event::TargetHealth`] that says [`TargetState::Unused`] does as well.
    TargetUnused {
        /// Which task.
        task: TaskId,
    },
    /// The `StopTask` API.
    StopTask {
        /// Which task.
        task: TaskId,
        /// The caller's reason, if there was one.
        reason: Option<String>,
    },
    /// The `StopServiceDeployment` API on the running deployment.
    StopDeployment {
        /// Whether to roll back to the latest completed deployment (`ROLLBACK`) or only to stop (`ABORT`).
        rollback: bool,
    },
    /// Which alarms are in ALARM now: each event replaces what the one before said.
    AlarmStates {
        /// The names of all alarms in ALARM; those that the settings don't list don't matter.
        in_alarm: Vec<String>,
    },
    /// `DeleteService`: stop everything.
    Delete,
    /// Time has passed.
    Tick,
}

/// A target's state, in the load balancer's words.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetState {
    /// Registered, not yet judged.
    Initial,
    /// Passes its health checks.
    Healthy,
    /// Fails its health checks.
    Unhealthy,
    /// Being deregistered, or deregistered with requests in flight.
    Draining,
    /// Not registered, or its target group gets no traffic.
    Unused,
    /// Health checks are off.
    Unavailable,
}

/// Something to do. Doing it again does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Start a task. Answered by [`Event::TaskRunning`] or [`Event::TaskStartFailed`].
    StartTask {
        /// The new task's id.
        task: TaskId,
        /// What it runs.
        revision: RevisionId,
    },
    /// Register the task in the target group. Answered by [`Event::TargetHealth`].
    RegisterTarget {
        /// Which task.
        task: TaskId,
    },
    /// Take the task out of the target group. Answered by [`Event::TargetUnused`] once it has drained.
    DeregisterTarget {
        /// Which task.
        task: TaskId,
    },
    /// Stop the task: the stop signal, and a kill after its stop timeout. Answered by [`Event::TaskStopped`].
    StopTask {
        /// Which task.
        task: TaskId,
        /// Why, in ECS's words.
        reason: String,
    },
    /// A message for the service's event list, which the service also keeps.
    ServiceEvent {
        /// The message with its id and time.
        event: ServiceEvent,
    },
    /// A deployment's rollout state changed.
    DeploymentStateChanged {
        /// Which deployment.
        deployment: DeploymentId,
        /// Its state now.
        state: RolloutState,
        /// Why, in ECS's words.
        reason: String,
    },
}
