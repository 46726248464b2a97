//! CloudFormation stacks: what they are, and how a change is planned, made and followed.
//!
//! The types are ours; `crate::aws` converts AWS's into them. Deciding is pure; `apply`, `remove` and `follow` act.

pub(crate) mod absent;
pub(crate) mod apply;
pub(crate) mod busy;
mod change_set;
pub(crate) mod changes;
pub(crate) mod compare;
pub(crate) mod drift;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod follow;
mod leave;
pub(crate) mod operation;
pub(crate) mod parameters;
pub(crate) mod properties;
pub(crate) mod remove;
#[cfg(test)]
pub(crate) mod script;
pub(crate) mod standing;

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::code::Code;
use crate::exit::{Exit, Failure};

/// A stack as CloudFormation describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stack {
    /// The name.
    pub(crate) name: String,
    /// The ARN, which also names a deleted stack.
    pub(crate) id: String,
    /// The status, `UPDATE_COMPLETE`.
    pub(crate) status: String,
    /// AWS's words for why it is in that state.
    pub(crate) reason: Option<String>,
    /// When its last operation began, as far as CloudFormation says.
    pub(crate) since: Option<SystemTime>,
    /// The values of its parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub(crate) outputs: BTreeMap<String, String>,
}

/// A stack that somebody deleted while it was worked on.
pub(crate) fn gone(name: &str) -> Failure {
    Failure::new(Exit::Failed, format!("the stack {name} has gone while it was deployed"))
        .code(Code::StackGone)
        .next("see who deleted it, and run the command again to create it anew")
}

/// A resource of a stack.
#[allow(
    clippy::struct_field_names,
    reason = "the resource type is AWS's term; type alone is Rust's word"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// The name in the template.
    pub(crate) logical_id: String,
    /// The name or ARN in AWS; empty before it exists.
    pub(crate) physical_id: String,
    /// The type, `AWS::ECS::Service`.
    pub(crate) resource_type: String,
    /// The status, `CREATE_COMPLETE`.
    pub(crate) status: String,
}

/// What is asked of a stack: its name, template and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The stack's name.
    pub(crate) name: String,
    /// The template's text.
    pub(crate) template: String,
    /// The values of parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The parameters that keep the value that the stack has.
    pub(crate) kept: Vec<String>,
}
