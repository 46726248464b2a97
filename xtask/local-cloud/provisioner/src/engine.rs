//! Carries out what a stack has under way, one step at a time, and writes CloudFormation's statuses and events.
//!
//! A step asks at most one thing of the provider, so a crash can lose at most one answer.

pub(crate) mod delete;
mod deploy;
pub(crate) mod exports;
mod fail;
pub(crate) mod roll_back;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::evaluate::{Found, Lookup};
use crate::provider::{Operation, Progress, Provider, ResourceRequest};
use crate::resource::{Resource, ResourceStatus};
use crate::run::{Phase, Run, Step};
use crate::stack::{Stack, StackStatus};
use identifiers::Ids;

/// How long an operation on one resource may take where its type states nothing.
///
/// A named choice: AWS's own limit for an ECS service is three hours
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-service-cloudformation.html>).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_hours(3);

const TIMED_OUT: &str = "Resource timed out waiting for completion";

/// One step's surroundings.
pub(crate) struct Engine<'a> {
    pub(crate) now: SystemTime,
    pub(crate) provider: &'a mut dyn Provider,
    pub(crate) ids: &'a mut Ids,
    /// Every stack but the one that is stepped.
    pub(crate) others: &'a [Stack],
}

/// What a step came to.
enum Outcome {
    /// Nothing to do now.
    Waiting,
    /// Something changed.
    Moved,
    /// The phase ended; this comes next.
    Next(Option<Run>),
}

impl Engine<'_> {
    /// One step of what the stack has under way. False when there is nothing to do now.
    pub(crate) fn step(&mut self, stack: &mut Stack) -> bool {
        let Some(mut run) = stack.run.take() else {
            return false;
        };
        let outcome = match run.phase {
            Phase::Create | Phase::Update => self.deploy(stack, &mut run),
            Phase::UpdateRollback => self.roll_back(stack, &mut run),
            Phase::UpdateCleanup | Phase::UpdateRollbackCleanup | Phase::Rollback | Phase::Delete => {
                self.delete(stack, &mut run)
            }
        };
        let moved = !matches!(outcome, Outcome::Waiting);
        stack.run = match outcome {
            Outcome::Waiting | Outcome::Moved => Some(run),
            Outcome::Next(next) => next,
        };
        moved
    }

    fn set(&mut self, stack: &mut Stack, logical_id: &str, status: ResourceStatus, reason: Option<&str>) {
        stack.set_resource_status(self.now, self.ids, logical_id, status, reason);
    }

    fn poll(&self, resource: &Resource, operation: Operation, deadline: SystemTime) -> Progress {
        let physical_id = resource.physical_id.as_deref().unwrap_or_default();
        let progress = self
            .provider
            .progress(self.now, &resource.type_name, physical_id, operation);
        match progress {
            Progress::InProgress if self.now >= deadline => Progress::Failed(TIMED_OUT.to_owned()),
            progress => progress,
        }
    }

    fn running(&self, operation: Operation, resource: &Resource) -> Step {
        let timeout = self
            .provider
            .resource_type(&resource.type_name)
            .and_then(|facts| facts.timeout(operation, &resource.properties))
            .unwrap_or(DEFAULT_TIMEOUT);
        Step::Running {
            operation,
            deadline: self.now + timeout,
        }
    }

    /// Begins an operation on a resource and gives its physical id. `previous` are the properties before an update.
    fn begin(
        &mut self,
        stack: &Stack,
        logical_id: &str,
        resource: &Resource,
        operation: Operation,
        previous: &Value,
    ) -> Result<String, String> {
        let token = self.ids.uuid();
        let tags = resource_tags(stack, logical_id, &resource.tags);
        let request = ResourceRequest {
            stack_id: &stack.id,
            stack_name: &stack.name,
            logical_id,
            type_name: &resource.type_name,
            properties: &resource.properties,
            tags: &tags,
            generated_name: &resource.generated_name,
            role_arn: stack.deployment.role_arn.as_deref(),
            rolls_back: matches!(
                stack.status,
                StackStatus::RollbackInProgress | StackStatus::UpdateRollbackInProgress
            ),
            token: &token,
        };
        let physical_id = resource.physical_id.clone().unwrap_or_default();
        match operation {
            Operation::Create => self.provider.create(self.now, &request),
            Operation::Update => self
                .provider
                .update(self.now, &request, &physical_id, previous)
                .map(|()| physical_id),
            Operation::Delete => self
                .provider
                .delete(self.now, &request, &physical_id)
                .map(|()| physical_id),
        }
    }
}

fn resource_tags(stack: &Stack, logical_id: &str, tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut tags = tags.clone();
    for (key, value) in [
        ("stack-name", stack.name.as_str()),
        ("stack-id", stack.id.as_str()),
        ("logical-id", logical_id),
    ] {
        tags.insert(format!("aws:cloudformation:{key}"), value.to_owned());
    }
    tags
}

/// Looks up a stack's own resources; all else was resolved when its plan was made.
pub(crate) struct ResourceLookup<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) provider: &'a dyn Provider,
}

impl ResourceLookup<'_> {
    fn find(&self, logical_id: &str) -> Option<(&str, &str)> {
        let resource = self.stack.resources.get(logical_id)?;
        Some((resource.type_name.as_str(), resource.physical_id.as_deref()?))
    }
}

impl Lookup for ResourceLookup<'_> {
    fn reference(&self, name: &str) -> Result<Found, String> {
        Ok(match self.find(name) {
            Some((type_name, physical_id)) => Found::Value(self.provider.reference(type_name, physical_id)),
            None => Found::Later,
        })
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Found, String> {
        let Some((type_name, physical_id)) = self.find(logical_id) else {
            return Ok(Found::Later);
        };
        self.provider
            .attribute(type_name, physical_id, attribute)
            .map(Found::Value)
            .ok_or_else(|| format!("Attribute '{attribute}' of resource {logical_id} does not exist"))
    }

    fn condition(&self, name: &str) -> Result<bool, String> {
        Err(format!("condition {name} was resolved with the plan"))
    }

    fn mapping(&self, name: &str, _top_key: &str, _second_key: &str) -> Result<Value, String> {
        Err(format!("mapping {name} was resolved with the plan"))
    }

    fn import(&self, _export_name: &str) -> Result<Found, String> {
        Ok(Found::Later)
    }

    fn region(&self) -> &'static str {
        ""
    }
}
