//! Typed CloudFormation templates.
//!
//! The core here is written by hand: [`Template`], [`Value`], references, parameters, conditions, outputs.
//! The resource types in [`generated`] come from AWS's own schemas under `schemas/`, by `cargo xtask codegen`.
//!
//! What a wrong template looks like to the compiler:
//! - a required property can't be left out: constructors demand it;
//! - an attribute that the resource type lacks is a missing method of its [`Handle`];
//! - a subnet's id doesn't fit where a VPC's is expected: each has its own marker in [`formats`];
//! - an enumerated value is an enum, a bounded number an [`Integer`] with its range in the type;
//! - what must agree between properties is made by one of the types in [`relations`], which can't disagree;
//! - an IAM [`Action`] names one service and one action, and no wildcard.
//!
//! What can only be seen on the whole template (a name used twice, a reference to nothing, a circle of
//! dependencies) is an [`Error`] of [`Template::render`].

mod compact;
mod condition;
mod entry;
mod error;
mod functions;
mod graph;
mod handle;
mod layout;
mod node;
mod output;
mod parameter;
mod policy;
mod template;
mod value;

pub mod generated;
pub mod relations;

#[cfg(test)]
mod tests;

pub use compact::compact;
pub use condition::{Condition, ConditionExpression, Operand};
pub use error::Error;
pub use functions::{
    Part, account_id, availability_zones, choose, import_value, join, partition, region, select, split, stack_name,
    sub, url_suffix,
};
pub use generated::formats;
pub use handle::{DeletionPolicy, Dependency, Handle, Options, Resource};
pub use node::{Map, Node, Object, ToNode};
pub use output::Output;
pub use parameter::{Parameter, ParameterHandle, ParameterType};
pub use policy::{Action, Effect, PolicyDocument, Principal, Statement};
pub use template::Template;
pub use value::{Integer, Literal, Text, Value, list};
