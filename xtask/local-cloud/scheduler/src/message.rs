//! Service events in ECS's words.
//!
//! The texts are those of <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>,
//! and of events that users have published.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{DeploymentId, ServiceEventId, TaskId};

/// How many service events are kept, as ECS does, the newest first to stay.
pub const SERVICE_EVENTS_KEPT: usize = 100;

/// How many tasks one message names at most, so that its length is bounded.
pub(crate) const TASKS_IN_A_MESSAGE: usize = 10;

/// A message in the service's event list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// Its id, a UUID.
    pub id: ServiceEventId,
    /// When it happened.
    pub created_at: SystemTime,
    /// What happened, in ECS's words.
    pub message: String,
}

/// What a service event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    Started {
        tasks: &'a [TaskId],
    },
    Registered {
        targets: usize,
        target_group: &'a str,
    },
    Deregistered {
        targets: usize,
        target_group: &'a str,
    },
    Draining {
        deployment: DeploymentId,
        tasks: usize,
    },
    StoppedRunning {
        tasks: &'a [TaskId],
    },
    Unhealthy {
        task: TaskId,
        port: u16,
        target_group: &'a str,
        reason: &'a str,
    },
    UnableToPlace {
        reason: &'a str,
    },
    UnableToStart,
    Stuck,
    SteadyState,
    Completed {
        deployment: DeploymentId,
    },
    Failed {
        deployment: DeploymentId,
        cause: &'a str,
    },
    RollingBack {
        deployment: DeploymentId,
    },
}

impl Message<'_> {
    pub(crate) fn text(&self, service: &str) -> String {
        match self {
            Self::Started { tasks } => {
                format!(
                    "(service {service}) has started {} tasks: {}.",
                    tasks.len(),
                    names(tasks)
                )
            }
            Self::Registered { targets, target_group } => {
                format!("(service {service}) registered {targets} targets in (target-group {target_group})")
            }
            Self::Deregistered { targets, target_group } => {
                format!("(service {service}) deregistered {targets} targets in (target-group {target_group})")
            }
            Self::Draining { deployment, tasks } => {
                format!("(service {service}, taskSet {deployment}) has begun draining connections on {tasks} tasks.")
            }
            Self::StoppedRunning { tasks } => {
                format!(
                    "(service {service}) has stopped {} running tasks: {}.",
                    tasks.len(),
                    names(tasks)
                )
            }
            Self::Unhealthy {
                task,
                port,
                target_group,
                reason,
            } => format!(
                "(service {service}) (task {task}) (port {port}) is unhealthy in (target-group {target_group}) \
                 due to (reason {reason})"
            ),
            Self::UnableToPlace { reason } => {
                format!("(service {service}) was unable to place a task. Reason: {reason}.")
            }
            Self::UnableToStart => format!(
                "(service {service}) is unable to consistently start tasks successfully. For more information, \
                 see the Troubleshooting section of the Amazon ECS Developer Guide."
            ),
            Self::Stuck => format!(
                "(service {service}) was unable to stop or start tasks during a deployment because of the service \
                 deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
            ),
            Self::SteadyState => format!("(service {service}) has reached a steady state."),
            Self::Completed { deployment } => {
                format!("(service {service}) (deployment {deployment}) deployment completed.")
            }
            Self::Failed { deployment, cause } => {
                format!("(service {service}) (deployment {deployment}) deployment failed: {cause}.")
            }
            Self::RollingBack { deployment } => {
                format!("(service {service}) rolling back to deployment {deployment}.")
            }
        }
    }
}

fn names(tasks: &[TaskId]) -> String {
    let names: Vec<String> = tasks.iter().map(|task| format!("(task {task})")).collect();
    names.join(" ")
}
