//! `CodePipeline` as a state machine: what runs when, which execution waits, which is superseded, stopped, retried, rolled back.
//!
//! Nothing here touches the outside: the time is an argument, and what is to be done is given back as [`Action`]s.
//! Modes and rules: <https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html>

mod advance;
mod definition;
mod event;
mod execution;
mod pipeline;
mod read;
mod request;
mod variables;

#[cfg(test)]
mod tests;

pub use definition::{ActionDefinition, Definition, ExecutionMode, OnFailure, RetryMode, Stage, Variable};
pub use event::{Action, Change, Event, Run, Subject, Trigger, TriggerKind};
pub use execution::{
    ActionError, ActionExecution, ActionStatus, Artifact, Execution, ExecutionKind, ExecutionStatus, Revision, Stop,
};
pub use pipeline::{ARTIFACTS_KEPT, EXECUTIONS_KEPT, Pipeline, StageState, StageStatus, Transition};
pub use request::Refusal;
