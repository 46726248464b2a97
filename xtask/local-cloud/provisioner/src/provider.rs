//! What the provisioner asks of whoever makes the resources.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is done to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// The resource is made.
    Create,
    /// The resource is changed in place; its physical id stays.
    Update,
    /// The resource is taken away.
    Delete,
}

/// How far an operation that was begun has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not there yet.
    InProgress,
    /// The resource is stable, or gone after a deletion.
    Done,
    /// It ended badly. The reason goes into the stack's event verbatim.
    Failed(String),
}

/// What a resource is like now, whoever changed it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actual {
    /// Nobody can say: drift of the type isn't detected.
    Unsupported,
    /// It isn't there any more.
    Gone,
    /// Its properties, named as in a template.
    Properties(Value),
}

/// The facts of a resource type that CloudFormation needs, as AWS's own schemas state them.
pub trait ResourceType {
    /// Paths of the properties whose change needs a new resource: `createOnlyProperties` in the type's schema,
    /// without `/properties/`, so `Name` or `DefinitionBody/Nested`.
    fn create_only(&self) -> &[&str];

    /// The names that `Fn::GetAtt` accepts, dots included.
    fn attributes(&self) -> &[&str];

    /// Whether the stack's tags reach the resource, so that a change of them is an update.
    fn taggable(&self) -> bool {
        false
    }

    /// Refuses what isn't supported or is invalid: each error is the property's path and why.
    ///
    /// Called before anything is created, and again with everything resolved before each create and update.
    /// In the first call a value that depends on a resource which doesn't exist yet is still an intrinsic function:
    /// see [`is_unresolved`](crate::is_unresolved); such a value can be of any type and must be accepted.
    /// Numbers and booleans may be strings, as in CloudFormation (every parameter is one).
    ///
    /// # Errors
    ///
    /// One line a fault, at least one.
    fn check(&self, properties: &Value) -> Result<(), Vec<String>>;

    /// How long an operation may take before it counts as failed. AWS's handlers state it in the schema
    /// (`timeoutInMinutes`); [`DEFAULT_TIMEOUT`](crate::DEFAULT_TIMEOUT) where this gives `None`.
    fn timeout(&self, operation: Operation, properties: &Value) -> Option<Duration> {
        let _ = (operation, properties);
        None
    }
}

/// One request to make, change or delete a resource.
#[derive(Clone, Debug)]
pub struct ResourceRequest<'a> {
    /// ARN of the stack.
    pub stack_id: &'a str,
    /// Name of the stack.
    pub stack_name: &'a str,
    /// Name of the resource in its template.
    pub logical_id: &'a str,
    /// For example `AWS::ECS::Service`.
    pub type_name: &'a str,
    /// Every function resolved, `AWS::NoValue` removed. For a deletion, the properties that it has now.
    pub properties: &'a Value,
    /// The stack's tags and CloudFormation's own three (`aws:cloudformation:stack-name`, `stack-id`, `logical-id`).
    pub tags: &'a BTreeMap<String, String>,
    /// `<stack>-<logical id>-<12 letters and digits>`, for types whose template names no name. Cut it to the type's limit; the end must stay.
    pub generated_name: &'a str,
    /// ARN of the role that CloudFormation was handed; none to act as whoever asked.
    pub role_arn: Option<&'a str>,
    /// Whether this undoes what a failed change has done.
    pub rolls_back: bool,
    /// The same when the same step is repeated after a crash that lost its outcome; otherwise never the same.
    pub token: &'a str,
}

/// Makes the resources. Decides nothing about order.
///
/// `create`, `update` and `delete` begin and return at once; [`progress`](Provider::progress) says how far it is.
/// An operation may begin while an earlier one on the same resource is still under way (a cancelled creation is deleted, a
/// cancelled update is updated back): the later one takes over.
pub trait Provider {
    /// The facts of a type, or `None` when the type isn't supported.
    fn resource_type(&self, type_name: &str) -> Option<&dyn ResourceType>;

    /// Begins to make a resource and gives its physical id, unique among the resources of its type.
    ///
    /// # Errors
    ///
    /// Why it can't, as AWS would say it; then nothing may have been made.
    fn create(&mut self, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String>;

    /// Begins to change a resource in place, `request.properties` being the new ones.
    ///
    /// # Errors
    ///
    /// Why it can't, as AWS would say it.
    fn update(
        &mut self,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
        previous_properties: &Value,
    ) -> Result<(), String>;

    /// Begins to delete a resource. One that doesn't exist is deleted already, and no error.
    ///
    /// # Errors
    ///
    /// Why it can't, as AWS would say it.
    fn delete(&mut self, now: SystemTime, request: &ResourceRequest<'_>, physical_id: &str) -> Result<(), String>;

    /// How far the operation is that was begun last on this resource.
    fn progress(&self, now: SystemTime, type_name: &str, physical_id: &str, operation: Operation) -> Progress;

    /// What `Fn::GetAtt` gives, or `None` when the resource has no such attribute.
    fn attribute(&self, type_name: &str, physical_id: &str, attribute: &str) -> Option<Value>;

    /// What the resource is like now.
    fn actual(&self, type_name: &str, physical_id: &str) -> Actual {
        let _ = (type_name, physical_id);
        Actual::Unsupported
    }

    /// What `Ref` gives: the physical id unless the type's documentation says otherwise.
    fn reference(&self, type_name: &str, physical_id: &str) -> Value {
        let _ = type_name;
        Value::String(physical_id.to_owned())
    }
}
