//! Executions, and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{ActionDefinition, Trigger};

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutionStatus {
    /// It runs or waits for a stage.
    InProgress,
    /// It ends once its running actions have.
    Stopping,
    /// It was stopped.
    Stopped,
    /// All of its stages succeeded.
    Succeeded,
    /// It gave way to a newer one while it waited.
    Superseded,
    /// A stage failed.
    Failed,
}

impl ExecutionStatus {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Succeeded => "Succeeded",
            Self::Superseded => "Superseded",
            Self::Failed => "Failed",
        }
    }

    /// Whether anything more may come of it without being asked for.
    pub fn is_active(self) -> bool {
        matches!(self, Self::InProgress | Self::Stopping)
    }
}

/// What an execution is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutionKind {
    /// It takes a change through all stages.
    Standard,
    /// It brings one stage back to what an earlier execution had brought there.
    Rollback {
        /// The earlier execution.
        target: String,
    },
}

impl ExecutionKind {
    /// The word for it on the wire.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Rollback { .. } => "ROLLBACK",
        }
    }
}

/// One run of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Its id, a UUID.
    pub id: String,
    /// The version of the pipeline that it was started on.
    pub version: u32,
    /// How it stands.
    pub status: ExecutionStatus,
    /// Why, where that isn't plain.
    pub summary: Option<String>,
    /// When it was started.
    pub started_at: SystemTime,
    /// When anything last changed.
    pub updated_at: SystemTime,
    /// What started it.
    pub trigger: Trigger,
    /// What it is for.
    pub kind: ExecutionKind,
    /// The pipeline's variables as they are for it.
    pub variables: BTreeMap<String, String>,
    /// The revisions that the start asked for, by source action.
    pub asked_revisions: BTreeMap<String, String>,
    /// What its source actions found, by action.
    pub revisions: BTreeMap<String, Revision>,
    /// What its actions have made so far, by name.
    pub artifacts: BTreeMap<String, Artifact>,
    /// Variables that its actions have given, by namespace.
    pub outputs: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether and why it is to stop.
    pub stop: Option<Stop>,
    /// The stage that it is in, waits for or ended in.
    pub stage: String,
    /// Whether it waits for that stage.
    pub waiting: bool,
    /// The stages in which it succeeded.
    pub succeeded_in: BTreeSet<String>,
    /// Everything that ran for it, in order.
    pub actions: Vec<ActionExecution>,
    /// What counts in the stage it is in: the last run of each action by its name.
    pub(crate) current: BTreeMap<String, String>,
    /// The stages that have been tried again by themselves.
    pub(crate) retried_in: BTreeSet<String>,
}

/// A request to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Whether its running actions are left to themselves.
    pub abandon: bool,
    /// The caller's words.
    pub reason: Option<String>,
}

/// What a source action found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The commit.
    pub id: String,
    /// The first line of its message, or the like.
    pub summary: String,
    /// When it was made.
    pub created_at: SystemTime,
}

/// Where an artifact is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name in the pipeline.
    pub name: String,
    /// Its key in the artifact store.
    pub key: String,
}

/// How an action's run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionStatus {
    /// It runs.
    InProgress,
    /// Nobody waits for it any more.
    Abandoned,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
}

impl ActionStatus {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Abandoned => "Abandoned",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionError {
    /// `JobFailed` and the like.
    pub code: String,
    /// The provider's words.
    pub message: String,
}

/// One run of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionExecution {
    /// Its id, a UUID.
    pub id: String,
    /// The stage.
    pub stage: String,
    /// The action as the definition has it.
    pub definition: ActionDefinition,
    /// The configuration with its variables resolved.
    pub configuration: BTreeMap<String, String>,
    /// How it stands.
    pub status: ActionStatus,
    /// When it was started.
    pub started_at: SystemTime,
    /// When it last changed.
    pub updated_at: SystemTime,
    /// What it takes.
    pub inputs: Vec<Artifact>,
    /// What it makes.
    pub outputs: Vec<Artifact>,
    /// What the provider calls it, such as a build's id.
    pub external_id: Option<String>,
    /// The provider's summary.
    pub summary: Option<String>,
    /// Why it failed.
    pub error: Option<ActionError>,
    /// The variables that it gave.
    pub variables: BTreeMap<String, String>,
}

impl Execution {
    /// Whether it is in a stage now, which is locked by it.
    pub fn is_in(&self, stage: &str) -> bool {
        self.status.is_active() && !self.waiting && self.stage == stage
    }

    /// Whether it waits for a stage now.
    pub fn waits_for(&self, stage: &str) -> bool {
        self.status.is_active() && self.waiting && self.stage == stage
    }

    /// The last run of an action in the stage that it is in.
    pub(crate) fn current(&self, action: &str) -> Option<&ActionExecution> {
        let id = self.current.get(action)?;
        self.actions.iter().find(|run| run.id == *id)
    }

    /// The runs that count in the stage that it is in.
    pub(crate) fn current_runs(&self) -> impl Iterator<Item = &ActionExecution> {
        self.actions
            .iter()
            .filter(|run| self.current.values().any(|id| *id == run.id))
    }

    /// Whether an action of it runs.
    pub fn is_busy(&self) -> bool {
        self.current_runs().any(|run| run.status == ActionStatus::InProgress)
    }
}
