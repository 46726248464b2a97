//! One deployment: an attempt to run one revision.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{DeploymentId, RevisionId, settings::StartBackoff};

/// A deployment's `rolloutState`.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutState {
    /// Being rolled out, or baking.
    InProgress,
    /// Every desired task runs it, is healthy, and nothing else runs.
    Completed,
    /// The circuit breaker, an alarm or a stop request ended it: it launches nothing more.
    Failed,
}

impl RolloutState {
    /// ECS's word, such as `IN_PROGRESS`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// Whether the deployment alarms watch a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AlarmWatch {
    /// No task of the deployment has run yet.
    NotStarted,
    /// An alarm fails the deployment.
    Watching,
    /// Alarms don't matter to this deployment: one was in ALARM at the start, or it is a rollback.
    Ignored,
}

/// A deployment as the scheduler keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) id: DeploymentId,
    pub(crate) revision: RevisionId,
    pub(crate) created_at: SystemTime,
    pub(crate) updated_at: SystemTime,
    pub(crate) rollout: RolloutState,
    pub(crate) rollout_reason: String,
    /// Failed tasks, as the circuit breaker counts them.
    pub(crate) failed_tasks: u32,
    /// Whether it was completed once, so that its tasks are known to be good.
    pub(crate) proven: bool,
    /// How many tasks it had when another deployment took its place: no more are replaced.
    pub(crate) sustained_tasks: u32,
    /// Whether the last task that it started has failed before it was healthy.
    pub(crate) replacement_failed: bool,
    pub(crate) alarm_watch: AlarmWatch,
    /// When the bake began.
    pub(crate) bake_started_at: Option<SystemTime>,
    /// Whether the service has said that the percentages leave no room.
    pub(crate) stuck_reported: bool,
    pub(crate) backoff: Backoff,
}

impl Deployment {
    pub(crate) fn new(id: DeploymentId, revision: RevisionId, now: SystemTime) -> Self {
        Self {
            id,
            revision,
            created_at: now,
            updated_at: now,
            rollout: RolloutState::InProgress,
            rollout_reason: in_progress_reason(id),
            failed_tasks: 0,
            proven: false,
            sustained_tasks: 0,
            replacement_failed: false,
            alarm_watch: AlarmWatch::NotStarted,
            bake_started_at: None,
            stuck_reported: false,
            backoff: Backoff::default(),
        }
    }

    /// A completed deployment that has to be completed once more, because the one after it failed.
    ///
    /// No alarm watches it: it would tell of what the failed one did, and there is nothing left to roll back to.
    /// AWS's guide says of alarms only that one in ALARM at a deployment's start is ignored, and nothing of a rollback.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
    pub(crate) fn reactivate(&mut self, reason: String, now: SystemTime) {
        let fresh = Self::new(self.id, self.revision.clone(), now);
        *self = Self {
            created_at: self.created_at,
            proven: true,
            alarm_watch: AlarmWatch::Ignored,
            rollout_reason: reason,
            ..fresh
        };
    }

    pub(crate) fn is_in_progress(&self) -> bool {
        self.rollout == RolloutState::InProgress
    }
}

pub(crate) fn in_progress_reason(id: DeploymentId) -> String {
    format!("ECS deployment {id} in progress.")
}

pub(crate) fn completed_reason(id: DeploymentId) -> String {
    format!("ECS deployment {id} completed.")
}

/// The wait that tasks which never become healthy impose on the next start.
///
/// ECS throttles only tasks that never reach RUNNING. Here every task that ends before it is healthy counts:
/// a local process is RUNNING in a millisecond, and one that exits at once would be started a thousand times a second.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backoff {
    /// Failed attempts in a row. Tasks started together are one attempt.
    pub(crate) rounds: u32,
    /// Tasks up to this place in the order of starts belong to attempts already counted.
    last_sequence: u64,
    not_before: Option<SystemTime>,
}

impl Backoff {
    /// Counts the failure of a task; `last_started` is the latest task's place in the order of starts.
    /// Says whether this began a new round.
    pub(crate) fn record_failure(
        &mut self,
        sequence: u64,
        last_started: u64,
        settings: StartBackoff,
        now: SystemTime,
    ) -> bool {
        if sequence <= self.last_sequence {
            return false;
        }
        self.last_sequence = last_started;
        self.rounds = self.rounds.saturating_add(1);
        self.not_before = Some(now + settings.wait(self.rounds));
        true
    }

    pub(crate) fn reset(&mut self) {
        self.rounds = 0;
        self.not_before = None;
    }

    /// When the next start may be, if that is after `now`.
    pub(crate) fn blocked_until(&self, now: SystemTime) -> Option<SystemTime> {
        self.not_before.filter(|&not_before| not_before > now)
    }
}
