//! CloudFormation's state machines: templates, change sets, stacks.
//!
//! Pure: no sockets, no clock, no async. [`Stacks`] is the whole state; [`Stacks::call`] answers one API call,
//! [`Stacks::advance`] carries on what is under way, and a [`Provider`] makes the resources.
//! Between any two calls the state can be written as JSON and read back, and carries on as if nothing had happened.
//!
//! The way of a change: text ([`Stacks::call`]) → `template` (parsed, every function checked) → `plan` (parameters, conditions and
//! mappings resolved; only references to resources left) → `changes` (compared with what is there) → `engine` (one step at a time).

mod api;
mod change_set;
mod changes;
mod deployment;
mod drift;
mod engine;
mod error;
mod evaluate;
mod outside;
mod plan;
mod provider;
mod replacement;
mod resource;
mod run;
mod stack;
mod stacks;
mod template;
#[cfg(test)]
mod tests;
mod wire;

pub use engine::DEFAULT_TIMEOUT;
pub use error::ApiError;
pub use outside::Outside;
pub use provider::{Actual, Operation, Progress, Provider, ResourceRequest, ResourceType};
pub use stacks::Stacks;

use serde_json::Value;

/// Whether a value is a function that can't be resolved yet, because it depends on a resource that doesn't exist yet.
///
/// [`ResourceType::check`] must accept such a value in place of any other.
pub fn is_unresolved(value: &Value) -> bool {
    template::intrinsic(value).is_some()
}
