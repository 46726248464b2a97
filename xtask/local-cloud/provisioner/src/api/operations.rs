//! Calls that begin something, or end it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::prepare::DEPLOYMENT;
use crate::api::{Call, Input};
use crate::change_set::ExecutionStatus;
use crate::changes::{Changes, compare};
use crate::deployment::{Deployment, OnFailure};
use crate::engine::exports::importers;
use crate::engine::{Engine, delete};
use crate::error::ApiError;
use crate::run::{Phase, Run};
use crate::stack::{Stable, Stack, StackStatus};
use crate::template::Policy;

pub(super) const USER_INITIATED: &str = "User Initiated";
const MAX_NAME_CHARACTERS: usize = 128;

impl Call<'_> {
    pub(super) fn create_stack(&mut self) -> Result<Value, ApiError> {
        let mut known = DEPLOYMENT.to_vec();
        known.extend([
            "ClientRequestToken",
            "DisableRollback",
            "EnableTerminationProtection",
            "OnFailure",
            "RetainExceptOnCreate",
            "TimeoutInMinutes",
        ]);
        let input = self.input(&known)?;
        let name = input.required("StackName")?;
        check_name(&name, "stackName")?;
        let token = input.text("ClientRequestToken");
        if let Some(index) = self.stacks.find(&name) {
            let stack = &self.stacks.list[index];
            if token.is_some() && stack.token == token {
                return Ok(json!({ "StackId": stack.id }));
            }
            return Err(ApiError::already_exists(format!("Stack [{name}] already exists")));
        }
        // The id is part of what the template can see, and is taken for good only if all goes well.
        let mut ids = self.stacks.ids.clone();
        let id = self.stack_arn(&name, &ids.uuid());
        let deployment = self.prepare(&input, &name, &id, None)?;
        self.check_imports(&name, &id, &deployment)?;
        if let Some(faults) = self.faults(&deployment) {
            return Err(ApiError::validation(faults));
        }
        let mut stack = Stack::new(id.clone(), name, self.now, deployment);
        stack.disable_rollback = input.boolean("DisableRollback")?.unwrap_or(false);
        stack.on_failure = on_failure(&input, stack.disable_rollback)?;
        stack.retain_except_on_create = input.boolean("RetainExceptOnCreate")?.unwrap_or(false);
        stack.termination_protection = input.boolean("EnableTerminationProtection")?.unwrap_or(false);
        stack.timeout_in_minutes = timeout_in_minutes(&input)?;
        stack.token = token;
        self.stacks.ids = ids;
        self.begin_create(&mut stack);
        self.stacks.list.push(stack);
        Ok(json!({ "StackId": id }))
    }

    pub(super) fn update_stack(&mut self) -> Result<Value, ApiError> {
        let mut known = DEPLOYMENT.to_vec();
        known.extend(["ClientRequestToken", "DisableRollback", "RetainExceptOnCreate"]);
        let input = self.input(&known)?;
        let index = self.existing(&input)?;
        let token = input.text("ClientRequestToken");
        let stack = self.stacks.list[index].clone();
        if token.is_some() && stack.token == token {
            return Ok(json!({ "StackId": stack.id }));
        }
        check_updatable(&stack)?;
        let deployment = self.prepare(&input, &stack.name, &stack.id, Some(&stack.deployment))?;
        self.check_imports(&stack.name, &stack.id, &deployment)?;
        if let Some(faults) = self.faults(&deployment) {
            return Err(ApiError::validation(faults));
        }
        check_types_kept(&stack, &deployment)?;
        let changes = compare(&stack, &deployment, self.provider);
        if changes.is_empty() {
            return Err(ApiError::validation("No updates are to be performed."));
        }
        let disable_rollback = input.boolean("DisableRollback")?.unwrap_or(false);
        let retain = input.boolean("RetainExceptOnCreate")?.unwrap_or(false);
        let mut stack = stack;
        stack.token = token;
        stack.disable_rollback = disable_rollback;
        stack.retain_except_on_create = retain;
        for change_set in &mut stack.change_sets {
            if change_set.execution_status == ExecutionStatus::Available {
                change_set.execution_status = ExecutionStatus::Obsolete;
            }
        }
        self.begin_update(&mut stack, deployment, changes);
        let id = stack.id.clone();
        self.stacks.list[index] = stack;
        Ok(json!({ "StackId": id }))
    }

    pub(super) fn delete_stack(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&[
            "ClientRequestToken",
            "DeletionMode",
            "RetainResources",
            "RoleARN",
            "StackName",
        ])?;
        if input.text("DeletionMode").is_some_and(|mode| mode != "STANDARD") {
            return Err(ApiError::validation(
                "the local cloud doesn't support the DeletionMode FORCE_DELETE_STACK; use RetainResources",
            ));
        }
        let name = input.required("StackName")?;
        let retained: BTreeSet<String> = input.texts("RetainResources")?.into_iter().collect();
        // Deleting what isn't there is no error.
        let Some(index) = self.stacks.find(&name) else {
            return Ok(Value::Null);
        };
        let mut stack = self.stacks.list[index].clone();
        if stack.deleted.is_some() || stack.status == StackStatus::DeleteInProgress {
            return Ok(Value::Null);
        }
        check_deletable(&stack, &retained)?;
        self.check_not_imported(&stack)?;
        stack.token = input.text("ClientRequestToken");
        if let Some(role_arn) = input.text("RoleARN") {
            stack.deployment.role_arn = Some(role_arn);
        }
        if let Some(mut run) = stack.run.take() {
            self.engine(|engine| engine.cancel(&mut stack, &mut run));
            stack.finish_execution(ExecutionStatus::ExecuteFailed);
        }
        stack.set_status(
            self.now,
            &mut self.stacks.ids,
            StackStatus::DeleteInProgress,
            Some(USER_INITIATED.to_owned()),
        );
        let mut run = delete::everything(&mut stack, Phase::Delete);
        for deletion in &mut run.deletions {
            if retained.contains(&deletion.logical_id) {
                deletion.policy = Policy::Retain;
            }
        }
        stack.run = Some(run);
        self.stacks.list[index] = stack;
        Ok(Value::Null)
    }

    pub(super) fn update_termination_protection(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["EnableTerminationProtection", "StackName"])?;
        let index = self.existing(&input)?;
        let protection = input
            .boolean("EnableTerminationProtection")?
            .ok_or_else(|| ApiError::validation("EnableTerminationProtection must be true or false"))?;
        let stack = &mut self.stacks.list[index];
        stack.termination_protection = protection;
        Ok(json!({ "StackId": stack.id }))
    }

    pub(super) fn begin_create(&mut self, stack: &mut Stack) {
        stack.set_status(
            self.now,
            &mut self.stacks.ids,
            StackStatus::CreateInProgress,
            Some(USER_INITIATED.to_owned()),
        );
        let mut run = Run::deploy(Phase::Create, stack.deployment.plan.resources.keys().cloned());
        run.deadline = stack
            .timeout_in_minutes
            .map(|minutes| self.now + Duration::from_secs(minutes * 60));
        stack.run = Some(run);
    }

    pub(super) fn begin_update(&mut self, stack: &mut Stack, deployment: Deployment, changes: Changes) {
        let before = std::mem::replace(&mut stack.deployment, deployment);
        // Over a failed update, the state to go back to stays the one before that; a failed creation has none.
        if !matches!(stack.status, StackStatus::UpdateFailed | StackStatus::CreateFailed) {
            stack.stable = Some(Stable {
                deployment: before,
                resources: stack.resources.clone(),
                outputs: stack.outputs.clone(),
                touched: BTreeSet::new(),
            });
        }
        stack.updated = Some(self.now);
        stack.set_status(
            self.now,
            &mut self.stacks.ids,
            StackStatus::UpdateInProgress,
            Some(USER_INITIATED.to_owned()),
        );
        let mut run = Run::deploy(Phase::Update, stack.deployment.plan.resources.keys().cloned());
        run.changed = changes.changed;
        stack.run = Some(run);
    }

    /// The stack that the input names.
    pub(super) fn existing(&self, input: &Input<'_>) -> Result<usize, ApiError> {
        let name = input.required("StackName")?;
        self.stacks
            .find(&name)
            .filter(|index| self.stacks.list[*index].deleted.is_none())
            .ok_or_else(|| ApiError::validation(format!("Stack [{name}] does not exist")))
    }

    pub(super) fn stack_arn(&self, name: &str, unique: &str) -> String {
        format!(
            "arn:aws:cloudformation:{}:{}:stack/{name}/{unique}",
            self.stacks.region, self.stacks.account_id
        )
    }

    pub(super) fn engine(&mut self, act: impl FnOnce(&mut Engine<'_>)) {
        act(&mut Engine {
            now: self.now,
            provider: &mut *self.provider,
            ids: &mut self.stacks.ids,
            others: &[],
        });
    }

    /// What a direct call imports must exist; a change set's may still come.
    fn check_imports(&self, stack_name: &str, stack_id: &str, deployment: &Deployment) -> Result<(), ApiError> {
        let exports = self.stacks.environment(stack_name, stack_id).exports;
        match deployment.plan.missing_import(&exports) {
            Some(name) => Err(ApiError::validation(format!("No export named {name} found."))),
            None => Ok(()),
        }
    }

    /// AWS lets the deletion begin and cancels it with the same words; here the call itself says so, a named choice.
    fn check_not_imported(&self, stack: &Stack) -> Result<(), ApiError> {
        for name in stack.outputs.iter().filter_map(|output| output.export_name.as_ref()) {
            if let Some(user) = importers(name, &self.stacks.list).first() {
                return Err(ApiError::validation(format!(
                    "Delete canceled. Cannot delete export {name} as it is in use by {user}."
                )));
            }
        }
        Ok(())
    }
}

/// `[a-zA-Z][-a-zA-Z0-9]*`, at most 128 characters.
pub(super) fn check_name(name: &str, member: &str) -> Result<(), ApiError> {
    let letters = name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    if !letters {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )));
    }
    if name.len() > MAX_NAME_CHARACTERS {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: \
             Member must have length less than or equal to {MAX_NAME_CHARACTERS}"
        )));
    }
    Ok(())
}

/// Which states can be updated: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>.
pub(super) fn check_updatable(stack: &Stack) -> Result<(), ApiError> {
    match stack.status {
        StackStatus::CreateComplete
        | StackStatus::UpdateComplete
        | StackStatus::UpdateRollbackComplete
        | StackStatus::CreateFailed
        | StackStatus::UpdateFailed => Ok(()),
        status => Err(ApiError::validation(format!(
            "Stack:{} is in {status} state and can not be updated.",
            stack.id
        ))),
    }
}

/// A resource can't turn into one of another type.
pub(super) fn check_types_kept(stack: &Stack, after: &Deployment) -> Result<(), ApiError> {
    let changed: Vec<&str> = after
        .plan
        .resources
        .iter()
        .filter(|(id, planned)| {
            stack
                .resources
                .get(*id)
                .is_some_and(|resource| !resource.status.is_gone() && resource.type_name != planned.type_name)
        })
        .map(|(id, _)| id.as_str())
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "Update of resource type is not permitted. The new template modifies resource type of the following resources: [{}]",
        changed.join(", ")
    )))
}

fn check_deletable(stack: &Stack, retained: &BTreeSet<String>) -> Result<(), ApiError> {
    if stack.termination_protection {
        return Err(ApiError::validation(format!(
            "Stack [{}] cannot be deleted while TerminationProtection is enabled",
            stack.name
        )));
    }
    if stack.status.is_in_progress() && stack.status != StackStatus::CreateInProgress {
        return Err(ApiError::validation(format!(
            "Stack [{}] cannot be deleted while in status {}",
            stack.name, stack.status
        )));
    }
    if !retained.is_empty() && stack.status != StackStatus::DeleteFailed {
        return Err(ApiError::validation(format!(
            "Invalid operation on stack [{}]. Specify which resources to retain only when the stack is in the DELETE_FAILED state.",
            stack.id
        )));
    }
    if let Some(unknown) = retained.iter().find(|id| !stack.resources.contains_key(*id)) {
        return Err(ApiError::validation(format!(
            "Resource [{unknown}] of RetainResources does not exist in stack [{}]",
            stack.name
        )));
    }
    Ok(())
}

/// From a minute to a year; AWS states no upper limit.
fn timeout_in_minutes(input: &Input<'_>) -> Result<Option<u64>, ApiError> {
    match input.number("TimeoutInMinutes")? {
        Some(minutes) if !(1..=525_600).contains(&minutes) => Err(ApiError::validation(format!(
            "TimeoutInMinutes must be from 1 to 525600, not {minutes}"
        ))),
        minutes => Ok(minutes),
    }
}

fn on_failure(input: &Input<'_>, disable_rollback: bool) -> Result<OnFailure, ApiError> {
    match (input.choice("OnFailure")?, disable_rollback) {
        (Some(_), true) => Err(ApiError::validation(
            "OnFailure and DisableRollback exclude each other; give one of them",
        )),
        (Some(on_failure), false) => Ok(on_failure),
        (None, true) => Ok(OnFailure::DoNothing),
        (None, false) => Ok(OnFailure::Rollback),
    }
}
