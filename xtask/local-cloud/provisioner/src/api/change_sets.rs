//! Change sets: made, shown, executed, deleted.

use serde_json::{Value, json};

use crate::api::operations::{USER_INITIATED, check_name, check_types_kept, check_updatable};
use crate::api::prepare::DEPLOYMENT;
use crate::api::{Answer, Call, Input, describe, page, timestamp};
use crate::change_set::{ChangeSet, ChangeSetStatus, ChangeSetType, ExecutionStatus};
use crate::changes::{Changes, compare};
use crate::deployment::{Deployment, OnFailure};
use crate::error::ApiError;
use crate::stack::{Stack, StackStatus};
use crate::wire::name;
use identifiers::Ids;

/// The AWS CLI's `deploy` knows an empty change set by these words.
const NO_CHANGES: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";
/// AWS's pre-deployment validation fails the change set in these words
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html>); AWS sends the user to another
/// call for what is wrong, here it follows at once.
const INVALID: &str = "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation].";
/// A named choice, so that the state stays bounded.
const MAX_CHANGE_SETS: usize = 200;

impl Call<'_> {
    pub(super) fn create_change_set(&mut self) -> Result<Value, ApiError> {
        let mut known = DEPLOYMENT.to_vec();
        known.extend([
            "ChangeSetName",
            "ChangeSetType",
            "ClientToken",
            "Description",
            "OnStackFailure",
        ]);
        let input = self.input(&known)?;
        let change_set_type = change_set_type(&input)?;
        let stack_name = input.required("StackName")?;
        let set_name = input.required("ChangeSetName")?;
        check_name(&set_name, "changeSetName")?;
        let token = input.text("ClientToken");
        let found = self.stacks.find(&stack_name);
        if let Some(made) = found.and_then(|index| self.made_already(index, &set_name, token.as_deref())) {
            return Ok(made);
        }
        let mut ids = self.stacks.ids.clone();
        let mut stack = match (change_set_type, found) {
            (ChangeSetType::Update, None) => {
                return Err(ApiError::validation(format!("Stack [{stack_name}] does not exist")));
            }
            (ChangeSetType::Create, None) => self.reviewed_stack(stack_name, &mut ids)?,
            (_, Some(index)) => self.stacks.list[index].clone(),
        };
        check_state(&stack, change_set_type, &set_name)?;
        let previous = (change_set_type == ChangeSetType::Update).then_some(&stack.deployment);
        let deployment = self.prepare(&input, &stack.name, &stack.id, previous)?;
        check_types_kept(&stack, &deployment)?;
        let changes = compare(&stack, &deployment, self.provider);
        let failure = match self.faults(&deployment) {
            Some(faults) => Some(format!("{INVALID} {faults}")),
            // A stack without resources can be created: all may be conditioned off.
            None => (change_set_type == ChangeSetType::Update && changes.is_empty()).then(|| NO_CHANGES.to_owned()),
        };
        let id = format!(
            "arn:aws:cloudformation:{}:{}:changeSet/{set_name}/{}",
            self.stacks.region,
            self.stacks.account_id,
            ids.uuid()
        );
        let (status, execution_status) = match failure {
            Some(_) => (ChangeSetStatus::Failed, ExecutionStatus::Unavailable),
            None => (ChangeSetStatus::CreateComplete, ExecutionStatus::Available),
        };
        stack.change_sets.push(ChangeSet {
            id: id.clone(),
            name: set_name,
            token,
            created: self.now,
            purpose: change_set_type,
            description: input.text("Description"),
            status,
            execution_status,
            status_reason: failure,
            deployment,
            changes: changes.with_values,
            plain_changes: changes.plain,
            changed: changes.changed,
            on_stack_failure: input.choice("OnStackFailure")?,
        });
        self.stacks.ids = ids;
        let stack_id = stack.id.clone();
        match found {
            Some(index) => self.stacks.list[index] = stack,
            None => self.stacks.list.push(stack),
        }
        Ok(json!({ "Id": id, "StackId": stack_id }))
    }

    /// The answer to a call that is made once more, because the first answer was lost: the token tells that no other change
    /// set is meant.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
    fn made_already(&self, stack: usize, name: &str, token: Option<&str>) -> Option<Value> {
        let (stack, token) = (&self.stacks.list[stack], token?);
        let same = |set: &&ChangeSet| set.name == name && set.token.as_deref() == Some(token);
        let made = stack.change_sets.iter().find(same)?;
        Some(json!({ "Id": made.id, "StackId": stack.id }))
    }

    /// The stack that a first change set brings along.
    fn reviewed_stack(&self, name: String, ids: &mut Ids) -> Result<Stack, ApiError> {
        check_name(&name, "stackName")?;
        let id = self.stack_arn(&name, &ids.uuid());
        let mut stack = Stack::new(id, name, self.now, Deployment::default());
        let reason = Some(USER_INITIATED.to_owned());
        stack.set_status(self.now, ids, StackStatus::ReviewInProgress, reason);
        Ok(stack)
    }

    pub(super) fn describe_change_set(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["ChangeSetName", "IncludePropertyValues", "NextToken", "StackName"])?;
        let with_values = input.boolean("IncludePropertyValues")?.unwrap_or(false);
        let (index, position) = self.find_change_set(&input)?;
        let stack = &self.stacks.list[index];
        let change_set = &stack.change_sets[position];
        let listed = if with_values {
            change_set.changes.clone()
        } else {
            change_set.plain_changes.iter().cloned().map(without_values).collect()
        };
        let (changes, next) = page(listed, input.text("NextToken").as_deref(), |change| {
            change["ResourceChange"]["LogicalResourceId"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })?;
        let deployment = &change_set.deployment;
        Ok(summary(stack, change_set)
            .set("Parameters", describe::parameters(deployment))
            .set("Capabilities", deployment.capabilities.clone())
            .set("Tags", describe::tags(&deployment.tags))
            .set("NotificationARNs", json!([]))
            .set("RollbackConfiguration", json!({}))
            .maybe("OnStackFailure", change_set.on_stack_failure.map(|on| name(&on)))
            .set("Changes", changes)
            .maybe("NextToken", next)
            .done())
    }

    pub(super) fn execute_change_set(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&[
            "ChangeSetName",
            "ClientRequestToken",
            "DisableRollback",
            "RetainExceptOnCreate",
            "StackName",
        ])?;
        let (index, position) = self.find_change_set(&input)?;
        let disable_rollback = input.boolean("DisableRollback")?.unwrap_or(false);
        let retain = input.boolean("RetainExceptOnCreate")?.unwrap_or(false);
        let token = input.text("ClientRequestToken");
        let mut stack = self.stacks.list[index].clone();
        let mut change_set = stack.change_sets[position].clone();
        // The first answer may have been lost, and all be done by now.
        let begun = matches!(
            change_set.execution_status,
            ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete | ExecutionStatus::ExecuteFailed
        );
        let repeated = begun && token.is_some() && stack.token == token;
        if repeated {
            return Ok(json!({}));
        }
        if change_set.execution_status != ExecutionStatus::Available {
            return Err(ApiError::invalid_change_set_status(format!(
                "ChangeSet [{}] cannot be executed in its current status of [{}]",
                change_set.id,
                match change_set.status {
                    ChangeSetStatus::Failed => name(&change_set.status),
                    ChangeSetStatus::CreateComplete => name(&change_set.execution_status),
                }
            )));
        }
        if change_set.purpose == ChangeSetType::Update {
            check_updatable(&stack)?;
        }
        let exports = self.stacks.environment(&stack.name, &stack.id).exports;
        let plan = &mut change_set.deployment.plan;
        plan.resolve_imports(&exports).map_err(ApiError::validation)?;
        if disable_rollback && change_set.on_stack_failure.is_some() {
            return Err(ApiError::validation(
                "DisableRollback can't be given for a change set with OnStackFailure; leave it out",
            ));
        }
        change_set.execution_status = ExecutionStatus::ExecuteInProgress;
        stack.token = token;
        stack.change_set_id = Some(change_set.id.clone());
        stack.retain_except_on_create = retain;
        apply_failure_options(&mut stack, &change_set, disable_rollback);
        // What the executed one was compared with is no more, so the others are worth nothing; AWS deletes them.
        stack.change_sets = vec![change_set.clone()];
        let ChangeSet {
            deployment, changed, ..
        } = change_set;
        match change_set.purpose {
            ChangeSetType::Create => {
                stack.deployment = deployment;
                self.begin_create(&mut stack);
            }
            ChangeSetType::Update => {
                let changes = Changes {
                    changed,
                    ..Changes::default()
                };
                self.begin_update(&mut stack, deployment, changes);
            }
        }
        self.stacks.list[index] = stack;
        Ok(json!({}))
    }

    pub(super) fn delete_change_set(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["ChangeSetName", "StackName"])?;
        // Deleting what isn't there is no error.
        let Ok((index, position)) = self.find_change_set(&input) else {
            return Ok(json!({}));
        };
        let stack = &mut self.stacks.list[index];
        let change_set = &stack.change_sets[position];
        if change_set.execution_status == ExecutionStatus::ExecuteInProgress {
            return Err(ApiError::invalid_change_set_status(format!(
                "ChangeSet [{}] cannot be deleted in its current status of [EXECUTE_IN_PROGRESS]",
                change_set.id
            )));
        }
        stack.change_sets.remove(position);
        Ok(json!({}))
    }

    pub(super) fn list_change_sets(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["NextToken", "StackName"])?;
        let index = self.existing(&input)?;
        let stack = &self.stacks.list[index];
        let listed: Vec<&ChangeSet> = stack
            .change_sets
            .iter()
            .filter(|change_set| !was_executed(change_set))
            .collect();
        let (listed, next) = page(listed, input.text("NextToken").as_deref(), |change_set| {
            change_set.id.clone()
        })?;
        let summaries: Vec<Value> = listed
            .into_iter()
            .map(|change_set| summary(stack, change_set).done())
            .collect();
        Ok(Answer::default()
            .set("Summaries", summaries)
            .maybe("NextToken", next)
            .done())
    }

    /// The stack's index and the change set's in it.
    pub(super) fn find_change_set(&self, input: &Input<'_>) -> Result<(usize, usize), ApiError> {
        let wanted = input.required("ChangeSetName")?;
        let missing = || ApiError::change_set_not_found(format!("ChangeSet [{wanted}] does not exist"));
        if wanted.starts_with("arn:") {
            return self
                .stacks
                .list
                .iter()
                .enumerate()
                .find_map(|(index, stack)| {
                    let position = stack.change_sets.iter().position(|set| set.id == wanted)?;
                    Some((index, position))
                })
                .ok_or_else(missing);
        }
        if input.text("StackName").is_none() {
            return Err(ApiError::validation(
                "StackName must be specified if ChangeSetName is not specified as an ARN.",
            ));
        }
        let index = self.existing(input)?;
        // One that was executed may have lent its name to a new one.
        let sets = &self.stacks.list[index].change_sets;
        sets.iter()
            .rposition(|set| set.name == wanted)
            .map(|position| (index, position))
            .ok_or_else(missing)
    }
}

fn change_set_type(input: &Input<'_>) -> Result<ChangeSetType, ApiError> {
    match input.text("ChangeSetType").as_deref() {
        Some("IMPORT") => Err(ApiError::validation(
            "the local cloud doesn't support the ChangeSetType IMPORT; it has nothing that no stack made",
        )),
        None => Ok(ChangeSetType::Update),
        Some(_) => Ok(input.choice("ChangeSetType")?.unwrap_or(ChangeSetType::Update)),
    }
}

fn check_state(stack: &Stack, change_set_type: ChangeSetType, set_name: &str) -> Result<(), ApiError> {
    match change_set_type {
        ChangeSetType::Create if stack.status != StackStatus::ReviewInProgress => {
            return Err(ApiError::validation(format!(
                "Stack [{}] already exists and cannot be created again with the changeSet [{set_name}].",
                stack.name
            )));
        }
        ChangeSetType::Create => {}
        ChangeSetType::Update => check_updatable(stack)?,
    }
    let taken = stack
        .change_sets
        .iter()
        .any(|change_set| change_set.name == set_name && !was_executed(change_set));
    if taken {
        return Err(ApiError::already_exists(format!(
            "ChangeSet [{set_name}] already exists"
        )));
    }
    if stack.change_sets.len() >= MAX_CHANGE_SETS {
        return Err(ApiError::validation(format!(
            "stack [{}] has {MAX_CHANGE_SETS} change sets; delete some",
            stack.name
        )));
    }
    Ok(())
}

fn apply_failure_options(stack: &mut Stack, change_set: &ChangeSet, disable_rollback: bool) {
    let on_failure = match (change_set.on_stack_failure, disable_rollback) {
        (Some(on_failure), _) => on_failure,
        (None, true) => OnFailure::DoNothing,
        (None, false) => OnFailure::Rollback,
    };
    stack.on_failure = on_failure;
    stack.disable_rollback = on_failure == OnFailure::DoNothing;
}

fn was_executed(change_set: &ChangeSet) -> bool {
    matches!(
        change_set.execution_status,
        ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete | ExecutionStatus::ExecuteFailed
    )
}

fn summary(stack: &Stack, change_set: &ChangeSet) -> Answer {
    Answer::default()
        .set("ChangeSetId", change_set.id.as_str())
        .set("ChangeSetName", change_set.name.as_str())
        .set("StackId", stack.id.as_str())
        .set("StackName", stack.name.as_str())
        .set("CreationTime", timestamp(change_set.created))
        .maybe("Description", change_set.description.as_deref())
        .set("Status", name(&change_set.status))
        .maybe("StatusReason", change_set.status_reason.as_deref())
        .set("ExecutionStatus", name(&change_set.execution_status))
        .set("IncludeNestedStacks", false)
        .set("ImportExistingResources", false)
}

/// A change as it is shown unless property values are asked for.
fn without_values(mut change: Value) -> Value {
    let resource = &mut change["ResourceChange"];
    if let Some(members) = resource.as_object_mut() {
        members.remove("BeforeContext");
        members.remove("AfterContext");
        if members.get("Action").is_some_and(|action| action == "Add") {
            members.remove("Replacement");
        }
    }
    for detail in resource["Details"].as_array_mut().into_iter().flatten() {
        if let Some(target) = detail["Target"].as_object_mut() {
            for key in ["AfterValue", "AttributeChangeType", "BeforeValue", "Path"] {
                target.remove(key);
            }
        }
    }
    change
}
