//! Stacks, their events and their exports, shown.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{Answer, Call, drift, page, timestamp};
use crate::deployment::Deployment;
use crate::engine::exports::importers;
use crate::error::ApiError;
use crate::stack::{Event, Output, Stack};

const HIDDEN: &str = "****";

impl Call<'_> {
    pub(super) fn describe_stacks(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["NextToken", "StackName"])?;
        let stacks: Vec<&Stack> = match input.text("StackName") {
            Some(wanted) => {
                let index = self.stacks.find(&wanted).ok_or_else(|| missing(&wanted))?;
                vec![&self.stacks.list[index]]
            }
            None => self
                .stacks
                .list
                .iter()
                .rev()
                .filter(|stack| stack.deleted.is_none())
                .collect(),
        };
        let (stacks, next) = page(stacks, input.text("NextToken").as_deref(), |stack| stack.id.clone())?;
        let described: Vec<Value> = stacks.into_iter().map(describe).collect();
        Ok(Answer::default()
            .set("Stacks", described)
            .maybe("NextToken", next)
            .done())
    }

    pub(super) fn list_stacks(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["NextToken", "StackStatusFilter"])?;
        let filter = input.texts("StackStatusFilter")?;
        let stacks: Vec<&Stack> = self
            .stacks
            .list
            .iter()
            .rev()
            .filter(|stack| filter.is_empty() || filter.contains(&stack.status.to_string()))
            .collect();
        let (stacks, next) = page(stacks, input.text("NextToken").as_deref(), |stack| stack.id.clone())?;
        let summaries: Vec<Value> = stacks
            .into_iter()
            .map(|stack| {
                basics(stack)
                    .maybe("TemplateDescription", stack.deployment.description.as_deref())
                    .done()
            })
            .collect();
        Ok(Answer::default()
            .set("StackSummaries", summaries)
            .maybe("NextToken", next)
            .done())
    }

    pub(super) fn describe_stack_events(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["NextToken", "StackName"])?;
        let wanted = input.required("StackName")?;
        let index = self
            .stacks
            .find(&wanted)
            .ok_or_else(|| ApiError::validation(format!("Stack [{wanted}] does not exist")))?;
        let stack = &self.stacks.list[index];
        let newest_first: Vec<&Event> = stack.events.iter().rev().collect();
        let (events, next) = page(newest_first, input.text("NextToken").as_deref(), |event| {
            event.id.clone()
        })?;
        let events: Vec<Value> = events.into_iter().map(|event| describe_event(stack, event)).collect();
        Ok(Answer::default()
            .set("StackEvents", events)
            .maybe("NextToken", next)
            .done())
    }

    pub(super) fn list_exports(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["NextToken"])?;
        let mut exports: Vec<(&str, &str, &str)> = self
            .stacks
            .list
            .iter()
            .filter(|stack| stack.deleted.is_none())
            .flat_map(|stack| stack.outputs.iter().map(move |output| (stack, output)))
            .filter_map(|(stack, output)| {
                let name = output.export_name.as_deref()?;
                Some((name, stack.id.as_str(), output.value.as_str()))
            })
            .collect();
        exports.sort_unstable();
        let (exports, next) = page(exports, input.text("NextToken").as_deref(), |export| {
            export.0.to_owned()
        })?;
        let exports: Vec<Value> = exports
            .into_iter()
            .map(|(name, stack_id, value)| json!({ "ExportingStackId": stack_id, "Name": name, "Value": value }))
            .collect();
        Ok(Answer::default()
            .set("Exports", exports)
            .maybe("NextToken", next)
            .done())
    }

    pub(super) fn list_imports(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["ExportName", "NextToken"])?;
        let export_name = input.required("ExportName")?;
        let users = importers(&export_name, &self.stacks.list);
        if users.is_empty() {
            return Err(ApiError::validation(format!(
                "Export '{export_name}' is not imported by any stack."
            )));
        }
        let (users, next) = page(users, input.text("NextToken").as_deref(), |user| (*user).to_owned())?;
        Ok(Answer::default().set("Imports", users).maybe("NextToken", next).done())
    }
}

/// AWS CLI's `deploy` knows a stack that isn't there by these words.
fn missing(wanted: &str) -> ApiError {
    ApiError::validation(format!("Stack with id {wanted} does not exist"))
}

pub(super) fn parameters(deployment: &Deployment) -> Vec<Value> {
    deployment
        .parameters
        .iter()
        .map(|(key, value)| {
            let hidden = deployment.no_echo.contains(key);
            json!({ "ParameterKey": key, "ParameterValue": if hidden { HIDDEN } else { value } })
        })
        .collect()
}

pub(super) fn tags(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}

fn basics(stack: &Stack) -> Answer {
    Answer::default()
        .set("StackId", stack.id.as_str())
        .set("StackName", stack.name.as_str())
        .set("CreationTime", timestamp(stack.created))
        .maybe("LastUpdatedTime", stack.updated.map(timestamp))
        .maybe("DeletionTime", stack.deleted.map(timestamp))
        .set("StackStatus", stack.status.to_string())
        .maybe("StackStatusReason", stack.status_reason.as_deref())
        .set("DriftInformation", drift::of_stack(stack))
}

fn describe(stack: &Stack) -> Value {
    let deployment = &stack.deployment;
    let outputs: Vec<Value> = stack.outputs.iter().map(describe_output).collect();
    basics(stack)
        .maybe("ChangeSetId", stack.change_set_id.as_deref())
        .maybe("Description", deployment.description.as_deref())
        .set("Parameters", parameters(deployment))
        .set("RollbackConfiguration", json!({}))
        .set("DisableRollback", stack.disable_rollback)
        .set("NotificationARNs", json!([]))
        .maybe("TimeoutInMinutes", stack.timeout_in_minutes)
        .set("Capabilities", deployment.capabilities.clone())
        .set("Outputs", outputs)
        .maybe("RoleARN", deployment.role_arn.as_deref())
        .set("Tags", tags(&deployment.tags))
        .set("EnableTerminationProtection", stack.termination_protection)
        .set("RetainExceptOnCreate", stack.retain_except_on_create)
        .done()
}

fn describe_output(output: &Output) -> Value {
    Answer::default()
        .set("OutputKey", output.key.as_str())
        .set("OutputValue", output.value.as_str())
        .maybe("Description", output.description.as_deref())
        .maybe("ExportName", output.export_name.as_deref())
        .done()
}

/// Without `ResourceProperties`, which is optional: every event would carry a copy, secrets included. A named choice.
fn describe_event(stack: &Stack, event: &Event) -> Value {
    Answer::default()
        .set("StackId", stack.id.as_str())
        .set("EventId", event.id.as_str())
        .set("StackName", stack.name.as_str())
        .set("LogicalResourceId", event.logical_id.as_str())
        .set("PhysicalResourceId", event.physical_id.as_str())
        .set("ResourceType", event.type_name.as_str())
        .set("Timestamp", timestamp(event.at))
        .set("ResourceStatus", event.status.as_str())
        .maybe("ResourceStatusReason", event.reason.as_deref())
        .maybe("ClientRequestToken", event.token.as_deref())
        .done()
}
