//! Change sets: a deployment that was compared with what is there, and waits to be executed.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::deployment::{Deployment, OnFailure};

/// Whether a change set could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ChangeSetStatus {
    CreateComplete,
    Failed,
}

/// Whether a change set can be, is or was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ExecutionStatus {
    Unavailable,
    Available,
    ExecuteInProgress,
    ExecuteComplete,
    ExecuteFailed,
    Obsolete,
}

/// What a change set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ChangeSetType {
    Create,
    Update,
}

/// One change set of a stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChangeSet {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The `ClientToken` of the call that made it.
    #[serde(default)]
    pub(crate) token: Option<String>,
    pub(crate) created: SystemTime,
    pub(crate) purpose: ChangeSetType,
    pub(crate) description: Option<String>,
    pub(crate) status: ChangeSetStatus,
    pub(crate) status_reason: Option<String>,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) deployment: Deployment,
    /// `Change`s as the API gives them with property values.
    pub(crate) changes: Vec<Value>,
    /// `Change`s as the API gives them without property values, before these are taken out.
    #[serde(default)]
    pub(crate) plain_changes: Vec<Value>,
    /// Logical ids of the resources to add or modify.
    pub(crate) changed: BTreeSet<String>,
    pub(crate) on_stack_failure: Option<OnFailure>,
}
