//! Records of service deployments: what `DescribeServiceDeployments` tells, and what became of a deployment.

use std::{collections::VecDeque, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{DeploymentId, RevisionId, ServiceDeploymentId, cause::Cause};

/// How many records are kept, the newest first to stay.
pub const SERVICE_DEPLOYMENTS_KEPT: usize = 100;

/// A service deployment's status.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceDeploymentStatus {
    /// Being rolled out, or baking.
    InProgress,
    /// A newer deployment or a stop request ends it; it still has tasks.
    StopRequested,
    /// Ended without a rollback: superseded, stopped, or failed with nothing to roll back to.
    Stopped,
    /// The earlier revision is being rolled out again.
    RollbackInProgress,
    /// The earlier revision serves again.
    RollbackSuccessful,
    /// The rollback failed too.
    RollbackFailed,
    /// The revision serves.
    Successful,
}

impl ServiceDeploymentStatus {
    /// ECS's word, such as `ROLLBACK_SUCCESSFUL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::StopRequested => "STOP_REQUESTED",
            Self::Stopped => "STOPPED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
            Self::Successful => "SUCCESSFUL",
        }
    }

    /// Whether it can't change any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::InProgress | Self::StopRequested | Self::RollbackInProgress)
    }
}

/// One service deployment: from a `Deploy` to its end, rollback included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    /// Its id.
    pub id: ServiceDeploymentId,
    /// The deployment that it rolls out.
    pub deployment: DeploymentId,
    /// The revision that it rolls out.
    pub revision: RevisionId,
    /// The revisions that had tasks when it was asked for, newest first.
    #[serde(default)]
    pub sources: Vec<RevisionId>,
    /// Its status.
    pub status: ServiceDeploymentStatus,
    /// How it failed.
    pub failure: Option<Failure>,
    /// Whether an alarm was red before, so that none was heeded.
    #[serde(default)]
    pub alarms_ignored: bool,
    /// The deployment that it was rolled back to.
    pub rollback_to: Option<DeploymentId>,
    /// When it was asked for.
    pub created_at: SystemTime,
    /// When its status last changed.
    pub updated_at: SystemTime,
    /// When it came to its end.
    pub finished_at: Option<SystemTime>,
}

/// How a deployment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What found it to be bad.
    pub cause: Cause,
    /// The same in ECS's words.
    pub reason: String,
    /// The alarms that were in ALARM, if they were the cause.
    pub triggered_alarms: Vec<String>,
    /// How many of its tasks had failed by then, as the circuit breaker counts.
    #[serde(default)]
    pub failed_tasks: u32,
    /// When.
    pub at: SystemTime,
}

/// What became of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentOutcome {
    /// Being rolled out, or baking.
    InProgress,
    /// It serves, or served until a later one.
    Completed,
    /// It failed and nothing was rolled back.
    Failed {
        /// Why, in ECS's words.
        reason: String,
    },
    /// It failed and is being rolled back.
    RollingBack {
        /// Why it failed, in ECS's words.
        reason: String,
    },
    /// It failed and the earlier revision serves again.
    RolledBack {
        /// Why it failed, in ECS's words.
        reason: String,
    },
    /// It failed, and so did the rollback.
    RollbackFailed {
        /// Why it failed, in ECS's words.
        reason: String,
    },
    /// A later deployment, a stop request or the service's deletion ended it.
    Stopped,
}

impl ServiceDeployment {
    /// What became of it.
    pub fn outcome(&self) -> DeploymentOutcome {
        let reason = || {
            self.failure
                .as_ref()
                .map(|failure| failure.reason.clone())
                .unwrap_or_default()
        };
        match self.status {
            ServiceDeploymentStatus::InProgress => DeploymentOutcome::InProgress,
            ServiceDeploymentStatus::Successful => DeploymentOutcome::Completed,
            ServiceDeploymentStatus::RollbackInProgress => DeploymentOutcome::RollingBack { reason: reason() },
            ServiceDeploymentStatus::RollbackSuccessful => DeploymentOutcome::RolledBack { reason: reason() },
            ServiceDeploymentStatus::RollbackFailed => DeploymentOutcome::RollbackFailed { reason: reason() },
            ServiceDeploymentStatus::StopRequested | ServiceDeploymentStatus::Stopped => match &self.failure {
                Some(failure) => DeploymentOutcome::Failed {
                    reason: failure.reason.clone(),
                },
                None => DeploymentOutcome::Stopped,
            },
        }
    }

    fn set_status(&mut self, status: ServiceDeploymentStatus, now: SystemTime) {
        self.status = status;
        self.updated_at = now;
        if status.is_final() {
            self.finished_at = Some(now);
        }
    }
}

/// All records of a service, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ServiceDeployments(pub(crate) VecDeque<ServiceDeployment>);

impl ServiceDeployments {
    /// Opens a record; the one before, if it still runs, is asked to stop.
    pub(crate) fn open(
        &mut self,
        id: ServiceDeploymentId,
        deployment: DeploymentId,
        revision: RevisionId,
        sources: Vec<RevisionId>,
        now: SystemTime,
    ) {
        self.request_stop(now);
        self.0.push_front(ServiceDeployment {
            id,
            deployment,
            revision,
            sources,
            status: ServiceDeploymentStatus::InProgress,
            failure: None,
            alarms_ignored: false,
            rollback_to: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        });
        self.0.truncate(SERVICE_DEPLOYMENTS_KEPT);
    }

    /// Asks the running one to stop.
    pub(crate) fn request_stop(&mut self, now: SystemTime) {
        if let Some(current) = self.running() {
            current.set_status(ServiceDeploymentStatus::StopRequested, now);
        }
    }

    /// The running one failed: it is rolled back to `rollback_to`, or ends.
    pub(crate) fn fail(&mut self, failure: Failure, rollback_to: Option<DeploymentId>, now: SystemTime) {
        let Some(current) = self.running() else { return };
        let status = match (current.status, rollback_to) {
            (ServiceDeploymentStatus::RollbackInProgress, _) => ServiceDeploymentStatus::RollbackFailed,
            (_, Some(_)) => ServiceDeploymentStatus::RollbackInProgress,
            (_, None) => ServiceDeploymentStatus::Stopped,
        };
        current.failure.get_or_insert(failure);
        current.rollback_to = current.rollback_to.or(rollback_to);
        current.set_status(status, now);
    }

    /// The running one, if it is of this deployment, heeds no alarm.
    pub(crate) fn ignore_alarms(&mut self, deployment: DeploymentId) {
        if let Some(current) = self.running().filter(|current| current.deployment == deployment) {
            current.alarms_ignored = true;
        }
    }

    /// The running one came to its good end, which may be a rollback's.
    pub(crate) fn complete(&mut self, now: SystemTime) {
        if let Some(current) = self.running() {
            let status = match current.status {
                ServiceDeploymentStatus::RollbackInProgress => ServiceDeploymentStatus::RollbackSuccessful,
                _ => ServiceDeploymentStatus::Successful,
            };
            current.set_status(status, now);
        }
    }

    /// Those that were asked to stop have stopped once their deployment `has_tasks` no more.
    pub(crate) fn finish_stopped(&mut self, now: SystemTime, has_tasks: impl Fn(DeploymentId) -> bool) {
        for record in &mut self.0 {
            if record.status == ServiceDeploymentStatus::StopRequested && !has_tasks(record.deployment) {
                record.set_status(ServiceDeploymentStatus::Stopped, now);
            }
        }
    }

    fn running(&mut self) -> Option<&mut ServiceDeployment> {
        self.0.front_mut().filter(|record| {
            matches!(
                record.status,
                ServiceDeploymentStatus::InProgress | ServiceDeploymentStatus::RollbackInProgress
            )
        })
    }
}
