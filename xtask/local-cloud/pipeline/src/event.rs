//! What a pipeline is told and what it asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ActionDefinition, ActionError, Artifact, Definition, RetryMode, Revision};

/// What started an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// What kind of cause.
    pub kind: TriggerKind,
    /// Who or what: an ARN of a rule or of a caller.
    pub detail: String,
}

/// The kinds of causes that exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerKind {
    /// The pipeline was made.
    CreatePipeline,
    /// Somebody asked.
    StartPipelineExecution,
    /// A rule of `EventBridge` matched.
    CloudWatchEvent,
    /// Somebody asked for a stage to go back.
    ManualRollback,
    /// A stage failed whose definition says that it goes back.
    AutomatedRollback,
}

impl TriggerKind {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatePipeline => "CreatePipeline",
            Self::StartPipelineExecution => "StartPipelineExecution",
            Self::CloudWatchEvent => "CloudWatchEvent",
            Self::ManualRollback => "ManualRollback",
            Self::AutomatedRollback => "AutomatedRollback",
        }
    }
}

/// Something that happened or is asked for. What [`Pipeline::check`](crate::Pipeline::check) refuses changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A new execution.
    Start {
        /// What starts it.
        trigger: Trigger,
        /// The pipeline's variables, where they are not the defaults.
        variables: BTreeMap<String, String>,
        /// Revisions by source action, where they are not the newest.
        revisions: BTreeMap<String, String>,
    },
    /// Another definition from now on.
    Update {
        /// The new one.
        definition: Box<Definition>,
        /// What restarts it, if it is to be restarted.
        restart: Option<Trigger>,
    },
    /// The provider has taken an action on, and calls it so.
    Accepted {
        /// The action execution.
        action_id: String,
        /// The provider's name for it.
        external_id: String,
    },
    /// An action succeeded.
    Succeeded {
        /// The action execution.
        action_id: String,
        /// The provider's summary.
        summary: Option<String>,
        /// The variables that it gives.
        variables: BTreeMap<String, String>,
        /// What a source action found.
        revision: Option<Revision>,
    },
    /// An action failed.
    Failed {
        /// The action execution.
        action_id: String,
        /// Why.
        error: ActionError,
    },
    /// An execution is to stop.
    Stop {
        /// The execution.
        execution_id: String,
        /// Whether its running actions are left to themselves.
        abandon: bool,
        /// The caller's words.
        reason: Option<String>,
    },
    /// A failed stage is to be tried again.
    Retry {
        /// The execution.
        execution_id: String,
        /// The stage.
        stage: String,
        /// Which of its actions.
        mode: RetryMode,
    },
    /// A stage is to go back to an earlier execution.
    RollBack {
        /// The stage.
        stage: String,
        /// The earlier execution.
        target: String,
        /// Who asks.
        trigger: Trigger,
    },
    /// The way into a stage is opened or closed.
    SetTransition {
        /// The stage.
        stage: String,
        /// Why it is closed; none opens it.
        closed_because: Option<String>,
        /// Who says so.
        by: String,
    },
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Run an action.
    Run(Box<Run>),
    /// Tell who listens that something changed.
    Tell(Change),
    /// Artifacts that nothing refers to any more, by key.
    Forget(Vec<String>),
}

/// An action to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The execution that it is for.
    pub execution_id: String,
    /// The id under which its end is told.
    pub action_id: String,
    /// The stage.
    pub stage: String,
    /// The action, its configuration resolved.
    pub definition: ActionDefinition,
    /// What it takes, in the definition's order.
    pub inputs: Vec<Artifact>,
    /// What it makes.
    pub outputs: Vec<Artifact>,
    /// The revision that the start asked for, of a source action.
    pub revision: Option<String>,
}

/// A change of state, as `EventBridge` is told of it.
///
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The execution.
    pub execution_id: String,
    /// Of what.
    pub subject: Subject,
    /// `STARTED`, `SUCCEEDED`, `FAILED`, `RESUMED`, `STOPPING`, `STOPPED`, `SUPERSEDED`, `ABANDONED`.
    pub state: String,
}

/// Of what a change is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The whole execution.
    Execution,
    /// A stage of it.
    Stage(String),
    /// An action of it.
    Action {
        /// The stage.
        stage: String,
        /// The action.
        action: String,
        /// Its type: owner, category, provider, version.
        kind: [String; 4],
    },
}
