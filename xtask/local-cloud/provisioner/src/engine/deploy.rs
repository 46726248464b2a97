//! Creation and update: resources in dependency order, independent ones side by side, up to the first failure.

use identifiers::CAPITALS_AND_DIGITS;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::change_set::ExecutionStatus;
use crate::engine::exports;
use crate::engine::{Engine, Outcome, ResourceLookup, delete};
use crate::evaluate::{evaluate, has_unresolved, same};
use crate::plan::PlannedResource;
use crate::provider::{Operation, Progress, ResourceType};
use crate::replacement::needs_replacement;
use crate::resource::{Resource, ResourceStatus as Status};
use crate::run::{Phase, Run, Step};
use crate::stack::{Garbage, Stack, StackStatus};
use crate::template::Policy;

/// What a resource needs.
enum Need {
    Nothing,
    Create,
    Replace,
    Update,
}

impl Engine<'_> {
    pub(super) fn deploy(&mut self, stack: &mut Stack, run: &mut Run) -> Outcome {
        let begun = run.steps.values().any(|step| *step != Step::Waiting);
        let exports = exports::exports_of(self.others.iter());
        if let (false, Some(name)) = (begun, stack.deployment.plan.missing_import(&exports)) {
            let reason = format!("No export named {name} found.");
            return self.abandon(stack, run, Some(&reason));
        }
        let mut done = None;
        for (id, operation, deadline) in running(run) {
            match self.poll(&stack.resources[&id], operation, deadline) {
                Progress::InProgress => {}
                Progress::Done => done = done.or(Some(id)),
                Progress::Failed(reason) => return self.fail(stack, run, &id, &reason),
            }
        }
        if run.deadline.is_some_and(|deadline| self.now >= deadline) {
            let reason = "Stack creation time exceeded the specified timeout.";
            return self.abandon(stack, run, Some(reason));
        }
        // What can begin does so before anything counts as done, so independent resources run side by side.
        if let Some(id) = ready(stack, run) {
            return self.start(stack, run, &id);
        }
        if let Some(id) = done {
            let status = family(stack, &id, Status::CreateComplete, Status::UpdateComplete);
            self.set(stack, &id, status, None);
            run.steps.insert(id, Step::Done);
            return Outcome::Moved;
        }
        if run.steps.values().all(|step| *step == Step::Done) {
            return self.finish(stack, run);
        }
        Outcome::Waiting
    }

    fn start(&mut self, stack: &mut Stack, run: &mut Run, id: &str) -> Outcome {
        let planned = stack.deployment.plan.resources[id].clone();
        let existing = stack
            .resources
            .get(id)
            .filter(|resource| resource.physical_id.is_some() && !resource.status.is_gone())
            .cloned();
        if existing.is_some() && !run.changed.contains(id) {
            return skip(stack, run, id, &planned);
        }
        let properties = match self.resolve(stack, id, &planned) {
            Ok(properties) => properties,
            Err(reason) => {
                if existing.is_none() {
                    let record = self.record(stack, id, &planned, &json!({}));
                    stack.resources.insert(id.to_owned(), record);
                }
                return self.fail(stack, run, id, &reason);
            }
        };
        match (self.need(stack, id, existing.as_ref(), &properties), existing) {
            (Need::Nothing, _) => skip(stack, run, id, &planned),
            (Need::Update, Some(existing)) => self.start_update(stack, run, id, &planned, properties, &existing),
            (Need::Replace, Some(existing)) => self.start_create(stack, run, id, &planned, &properties, Some(existing)),
            (Need::Create | Need::Update | Need::Replace, existing) => {
                // What is left of a creation that failed is not the resource that is replaced, but goes the same way.
                if let Some(resource) = existing {
                    stack.garbage.push(Garbage {
                        logical_id: id.to_owned(),
                        resource,
                        policy: Policy::Delete,
                    });
                }
                self.start_create(stack, run, id, &planned, &properties, None)
            }
        }
    }

    fn resolve(&self, stack: &Stack, id: &str, planned: &PlannedResource) -> Result<Value, String> {
        let lookup = ResourceLookup {
            stack,
            provider: self.provider,
        };
        let properties = evaluate(&planned.properties, &lookup)?.unwrap_or_else(|| json!({}));
        if has_unresolved(&properties) {
            return Err(format!("the properties of {id} depend on a resource that isn't there"));
        }
        let facts = self
            .provider
            .resource_type(&planned.type_name)
            .ok_or_else(|| format!("the type {} isn't supported any more", planned.type_name))?;
        facts.check(&properties).map_err(|errors| {
            format!(
                "Properties validation failed for resource {id} with message: {}",
                errors.join("; ")
            )
        })?;
        Ok(properties)
    }

    fn need(&self, stack: &Stack, id: &str, existing: Option<&Resource>, properties: &Value) -> Need {
        let Some(existing) = existing else {
            return Need::Create;
        };
        let facts = self.provider.resource_type(&existing.type_name);
        let half_made = existing.status == Status::UpdateFailed && stack.was_replaced(id, existing);
        if existing.status == Status::CreateFailed {
            return Need::Create;
        }
        let create_only = facts.map_or(&[][..], |facts| facts.create_only());
        if half_made || needs_replacement(create_only, &existing.properties, properties) {
            return Need::Replace;
        }
        let tagged = facts.is_some_and(ResourceType::taggable);
        let unknown = existing.status == Status::UpdateFailed;
        if unknown || !same(&existing.properties, properties) || (tagged && existing.tags != stack.deployment.tags) {
            return Need::Update;
        }
        Need::Nothing
    }

    fn record(&mut self, stack: &Stack, id: &str, planned: &PlannedResource, properties: &Value) -> Resource {
        Resource {
            type_name: planned.type_name.clone(),
            physical_id: None,
            generated_name: format!("{}-{id}-{}", stack.name, self.ids.suffix(CAPITALS_AND_DIGITS, 12)),
            status: Status::CreateInProgress,
            status_reason: None,
            updated: self.now,
            properties: properties.clone(),
            declared: planned.properties.clone(),
            tags: stack.deployment.tags.clone(),
            dependencies: planned.dependencies.clone(),
            deletion_policy: planned.deletion_policy,
            update_replace_policy: planned.update_replace_policy,
            metadata: planned.metadata.clone(),
        }
    }

    fn start_create(
        &mut self,
        stack: &mut Stack,
        run: &mut Run,
        id: &str,
        planned: &PlannedResource,
        properties: &Value,
        replaced: Option<Resource>,
    ) -> Outcome {
        let mut record = self.record(stack, id, planned, properties);
        let (status, reason) = match &replaced {
            Some(replaced) => {
                record.physical_id.clone_from(&replaced.physical_id);
                (
                    Status::UpdateInProgress,
                    Some("Requested update requires the creation of a new physical resource; hence creating one."),
                )
            }
            None => (Status::CreateInProgress, None),
        };
        stack.resources.insert(id.to_owned(), record.clone());
        self.set(stack, id, status, reason);
        record.physical_id = None;
        match self.begin(stack, id, &record, Operation::Create, &Value::Null) {
            Ok(physical_id) => {
                if let Some(resource) = replaced.filter(|replaced| !stack.is_stable(id, replaced)) {
                    stack.garbage.push(Garbage {
                        logical_id: id.to_owned(),
                        resource,
                        policy: Policy::Delete,
                    });
                }
                record.physical_id = Some(physical_id);
                let step = self.running(Operation::Create, &record);
                stack.resources.insert(id.to_owned(), record);
                self.set(stack, id, status, Some("Resource creation Initiated"));
                run.steps.insert(id.to_owned(), step);
                Outcome::Moved
            }
            Err(reason) => {
                if let Some(replaced) = replaced {
                    stack.resources.insert(
                        id.to_owned(),
                        Resource {
                            status: Status::UpdateInProgress,
                            ..replaced
                        },
                    );
                }
                self.fail(stack, run, id, &reason)
            }
        }
    }

    fn start_update(
        &mut self,
        stack: &mut Stack,
        run: &mut Run,
        id: &str,
        planned: &PlannedResource,
        properties: Value,
        existing: &Resource,
    ) -> Outcome {
        if let Some(stable) = &mut stack.stable {
            stable.touched.insert(id.to_owned());
        }
        let mut record = Resource {
            properties,
            tags: stack.deployment.tags.clone(),
            ..existing.clone()
        };
        record.declare(planned);
        stack.resources.insert(id.to_owned(), record.clone());
        self.set(stack, id, Status::UpdateInProgress, None);
        match self.begin(stack, id, &record, Operation::Update, &existing.properties) {
            Ok(_) => {
                let step = self.running(Operation::Update, &record);
                run.steps.insert(id.to_owned(), step);
                Outcome::Moved
            }
            Err(reason) => self.fail(stack, run, id, &reason),
        }
    }

    fn finish(&mut self, stack: &mut Stack, run: &mut Run) -> Outcome {
        let before = stack.stable.as_ref().map_or(&stack.outputs, |stable| &stable.outputs);
        let outputs = exports::outputs(stack, self.provider).and_then(|after| {
            exports::check(before, &after, self.others)?;
            Ok(after)
        });
        match outputs {
            Ok(outputs) => stack.outputs = outputs,
            Err(reason) => return self.abandon(stack, run, Some(&reason)),
        }
        stack.finish_execution(ExecutionStatus::ExecuteComplete);
        if run.phase == Phase::Create {
            stack.set_status(self.now, self.ids, StackStatus::CreateComplete, None);
            return Outcome::Next(None);
        }
        stack.set_status(self.now, self.ids, StackStatus::UpdateCompleteCleanupInProgress, None);
        Outcome::Next(Some(delete::after_update(stack)))
    }
}

/// What is under way.
pub(super) fn running(run: &Run) -> Vec<(String, Operation, SystemTime)> {
    run.steps
        .iter()
        .filter_map(|(id, step)| match step {
            Step::Running { operation, deadline } => Some((id.clone(), *operation, *deadline)),
            _ => None,
        })
        .collect()
}

fn ready(stack: &Stack, run: &Run) -> Option<String> {
    let done = |id: &String| run.steps.get(id).is_none_or(|step| *step == Step::Done);
    run.steps
        .iter()
        .find(|(id, step)| {
            **step == Step::Waiting
                && stack
                    .deployment
                    .plan
                    .resources
                    .get(*id)
                    .is_none_or(|planned| planned.dependencies.iter().all(done))
        })
        .map(|(id, _)| id.clone())
}

/// Nothing to ask of the provider: only what CloudFormation itself keeps may have changed.
fn skip(stack: &mut Stack, run: &mut Run, id: &str, planned: &PlannedResource) -> Outcome {
    if let Some(resource) = stack.resources.get_mut(id) {
        resource.declare(planned);
    }
    run.steps.insert(id.to_owned(), Step::Done);
    Outcome::Moved
}

/// The status of a resource that is being created, or of one that is being updated.
pub(super) fn family(stack: &Stack, id: &str, creating: Status, updating: Status) -> Status {
    match stack.resources.get(id).map(|resource| resource.status) {
        Some(Status::CreateInProgress) => creating,
        _ => updating,
    }
}
