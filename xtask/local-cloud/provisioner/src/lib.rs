//! CloudFormation's state machines: templates, change sets, stacks.
//!
//! Pure: no sockets, no clock, no async. [`Stacks`] is the whole state; [`Stacks::call`] answers one API call,
//! [`Stacks::advance`] carries on what is under way, and a [`Provider`] makes the resources.
//! Between any two calls the state can be written as JSON and read back, and carries on as if nothing had happened.

mod error;
mod ids;
mod provider;
mod stacks;

pub use error::ApiError;
pub use provider::{Operation, Progress, Provider, ResourceRequest, ResourceType};
pub use stacks::{DEFAULT_TIMEOUT, Stacks};

use serde_json::Value;

/// Whether a value is a function that can't be resolved yet, because it depends on a resource that doesn't exist yet.
///
/// [`ResourceType::check`] must accept such a value in place of any other.
pub fn is_unresolved(value: &Value) -> bool {
    value
        .as_object()
        .filter(|object| object.len() == 1)
        .and_then(|object| object.keys().next())
        .is_some_and(|key| key == "Ref" || key.starts_with("Fn::"))
}
