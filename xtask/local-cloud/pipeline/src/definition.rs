//! What a pipeline is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How several executions of one pipeline get along.
///
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutionMode {
    /// An execution that waits for a stage gives way to a newer one that comes to wait there.
    #[default]
    Superseded,
    /// Executions wait for a stage in the order in which they came.
    Queued,
    /// Executions know nothing of one another.
    Parallel,
}

impl ExecutionMode {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "SUPERSEDED",
            Self::Queued => "QUEUED",
            Self::Parallel => "PARALLEL",
        }
    }
}

/// Which actions of a failed stage a retry runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryMode {
    /// Those that did not succeed.
    FailedActions,
    /// All of them.
    AllActions,
}

impl RetryMode {
    /// From the word on the wire.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "FAILED_ACTIONS" => Some(Self::FailedActions),
            "ALL_ACTIONS" => Some(Self::AllActions),
            _ => None,
        }
    }

    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FailedActions => "FAILED_ACTIONS",
            Self::AllActions => "ALL_ACTIONS",
        }
    }
}

/// What a stage does by itself when it fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// The execution fails.
    #[default]
    Fail,
    /// The stage is tried once more. <https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-retry.html>
    Retry(RetryMode),
    /// The stage goes back to the last execution that succeeded in it.
    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html>
    RollBack,
}

/// A pipeline as its template defines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// How executions get along.
    pub mode: ExecutionMode,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// The pipeline's own variables.
    pub variables: Vec<Variable>,
}

/// A variable that an execution is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name, without the namespace `variables`.
    pub name: String,
    /// Its value where the start names none.
    pub default: Option<String>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name, unique in the pipeline.
    pub name: String,
    /// Its actions.
    pub actions: Vec<ActionDefinition>,
    /// What it does when it fails.
    pub on_failure: OnFailure,
}

/// An action of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionDefinition {
    /// Its name, unique in its stage.
    pub name: String,
    /// `Source`, `Build`, `Test`, `Deploy` …
    pub category: String,
    /// `AWS` and the like.
    pub owner: String,
    /// Who does it: `CodeCommit`, `CodeBuild` …
    pub provider: String,
    /// The version of the provider's action.
    pub version: String,
    /// Actions with the same number run at once, those with a greater one after them.
    pub run_order: u32,
    /// What the provider is told, variables unresolved in a definition and resolved in an execution.
    pub configuration: BTreeMap<String, String>,
    /// Names of the artifacts that it takes.
    pub inputs: Vec<String>,
    /// Names of the artifacts that it makes.
    pub outputs: Vec<String>,
    /// Under which name later actions see its variables.
    pub namespace: Option<String>,
    /// The role that it runs as, if it has one of its own.
    pub role_arn: Option<String>,
}

impl Definition {
    /// A stage by its name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Where a stage stands.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }
}

impl Stage {
    /// An action by its name.
    pub fn action(&self, name: &str) -> Option<&ActionDefinition> {
        self.actions.iter().find(|action| action.name == name)
    }
}
