//! CloudFormation's verbs.

mod listed;

use std::time::{Duration, SystemTime};

use aws_sdk_cloudformation::types::{self, Capability, ChangeSetType, Parameter};
use deployment::staging::ListedChange;
use serde_json::Value;

use super::Aws;
use super::error::{failure, lacking, says};
use crate::code::Code;
use crate::exit::Failure;
use crate::stack::changes::{Change, effect};
use crate::stack::events::Event;
use crate::stack::properties::{PropertyChange, added, within};
use crate::stack::{Resource, Stack, Wanted};

/// The longest template that goes into a request:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.
const TEMPLATE_LIMIT_BYTES: usize = 51_200;

/// A change set as CloudFormation describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeSet {
    /// `CREATE_COMPLETE` once it can be executed.
    pub(crate) status: String,
    /// AWS's words, mostly for why it failed.
    pub(crate) reason: String,
    /// What it would do.
    pub(crate) changes: Vec<Change>,
    /// The same as the planner compares it.
    pub(crate) listed: Vec<ListedChange>,
}

/// A change set's and its stack's names in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeSetId {
    /// The change set's ARN.
    pub(crate) id: String,
    /// The stack's ARN.
    pub(crate) stack_id: String,
}

impl Aws {
    /// A stack, by its name or ARN; none where there isn't one. By its ARN a deleted stack is found too.
    pub(crate) async fn stack(&self, name: &str) -> anyhow::Result<Option<Stack>> {
        match self.cloudformation.describe_stacks().stack_name(name).send().await {
            Ok(answer) => Ok(answer.stacks().first().map(stack)),
            Err(error) if says(&error, "ValidationError", "does not exist") => Ok(None),
            Err(error) => Err(failure(&format!("describe the stack {name}"), &error)),
        }
    }

    /// The names of all stacks in the region that aren't deleted.
    pub(crate) async fn stack_names(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut next = None;
        loop {
            let page = self.cloudformation.describe_stacks().set_next_token(next).send().await;
            let page = page.map_err(|error| failure("list the stacks", &error))?;
            names.extend(
                page.stacks()
                    .iter()
                    .filter_map(|stack| stack.stack_name())
                    .map(ToOwned::to_owned),
            );
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(names);
            }
        }
    }

    /// The resources of a stack.
    pub(crate) async fn resources(&self, stack: &str) -> anyhow::Result<Vec<Resource>> {
        let mut resources = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .cloudformation
                .list_stack_resources()
                .stack_name(stack)
                .set_next_token(next)
                .send()
                .await;
            let page = page.map_err(|error| failure(&format!("list the resources of {stack}"), &error))?;
            resources.extend(page.stack_resource_summaries().iter().map(resource));
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok(resources);
            }
        }
    }

    /// Asks for a change set, which CloudFormation then works out. The name makes it idempotent.
    pub(crate) async fn create_change_set(
        &self,
        wanted: &Wanted,
        name: &str,
        creates: bool,
    ) -> anyhow::Result<ChangeSetId> {
        let text = template_text(wanted)?;
        let parameter =
            |(key, value): (&String, &String)| Parameter::builder().parameter_key(key).parameter_value(value).build();
        let kept = |key: &String| Parameter::builder().parameter_key(key).use_previous_value(true).build();
        let parameters = wanted.parameters.iter().map(parameter);
        let parameters: Vec<Parameter> = parameters.chain(wanted.kept.iter().map(kept)).collect();
        let answer = self
            .cloudformation
            .create_change_set()
            .stack_name(&wanted.name)
            .change_set_name(name)
            .client_token(name)
            .change_set_type(if creates {
                ChangeSetType::Create
            } else {
                ChangeSetType::Update
            })
            .template_body(text)
            .set_parameters(Some(parameters))
            .set_role_arn(self.deployment_role.clone())
            .capabilities(Capability::CapabilityIam)
            .capabilities(Capability::CapabilityNamedIam)
            .send()
            .await
            .map_err(|error| failure(&format!("create a change set for {}", wanted.name), &error))?;
        let id = answer
            .id()
            .ok_or_else(|| lacking("CloudFormation names no change set"))?
            .to_owned();
        Ok(ChangeSetId {
            id,
            stack_id: answer
                .stack_id()
                .ok_or_else(|| lacking("CloudFormation names no stack"))?
                .to_owned(),
        })
    }

    /// A change set with all pages of its changes.
    pub(crate) async fn change_set(&self, id: &ChangeSetId) -> anyhow::Result<ChangeSet> {
        let (mut changes, mut listed) = (Vec::new(), Vec::new());
        let mut next = None;
        loop {
            let request = self
                .cloudformation
                .describe_change_set()
                .change_set_name(&id.id)
                .include_property_values(true)
                .set_next_token(next);
            let page = request
                .send()
                .await
                .map_err(|error| failure("describe the change set", &error))?;
            let of_page = page.changes().iter().filter_map(|change| change.resource_change());
            listed.extend(of_page.clone().map(listed::change));
            changes.extend(of_page.map(change));
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                let status = page.status().map_or("", |status| status.as_str()).to_owned();
                return Ok(ChangeSet {
                    status,
                    reason: page.status_reason().unwrap_or_default().to_owned(),
                    changes,
                    listed,
                });
            }
        }
    }

    /// Starts what a change set says; its events carry the token.
    pub(crate) async fn execute_change_set(&self, id: &ChangeSetId, token: &str) -> anyhow::Result<()> {
        let request = self
            .cloudformation
            .execute_change_set()
            .change_set_name(&id.id)
            .client_request_token(token);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failure("execute the change set", &error))
    }

    /// Deletes a change set, which leaves its stack untouched.
    pub(crate) async fn delete_change_set(&self, id: &ChangeSetId) -> anyhow::Result<()> {
        let request = self.cloudformation.delete_change_set().change_set_name(&id.id);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failure("delete the change set", &error))
    }

    /// The ids of the change sets that wait to be executed in a stack, up to the hundred that an answer holds.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListChangeSets.html>
    pub(crate) async fn change_sets(&self, stack_id: &str) -> anyhow::Result<Vec<String>> {
        let answer = self.cloudformation.list_change_sets().stack_name(stack_id).send().await;
        let answer = answer.map_err(|error| failure("list the change sets", &error))?;
        let ids = answer.summaries().iter().filter_map(|summary| summary.change_set_id());
        Ok(ids.map(ToOwned::to_owned).collect())
    }

    /// Has CloudFormation stop an update and bring back what was before; its events carry the token.
    pub(crate) async fn cancel_update(&self, stack_id: &str, token: &str) -> anyhow::Result<()> {
        let request = self
            .cloudformation
            .cancel_update_stack()
            .stack_name(stack_id)
            .client_request_token(token);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failure("cancel the update", &error))
    }

    /// Continues a rollback that failed; its events carry the token.
    pub(crate) async fn continue_rollback(&self, stack_id: &str, token: &str) -> anyhow::Result<()> {
        let request = self
            .cloudformation
            .continue_update_rollback()
            .stack_name(stack_id)
            .client_request_token(token);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failure("continue the rollback", &error))
    }

    /// Starts the deletion of a stack; its events carry the token.
    pub(crate) async fn delete_stack(&self, stack_id: &str, token: &str) -> anyhow::Result<()> {
        let request = self
            .cloudformation
            .delete_stack()
            .stack_name(stack_id)
            .client_request_token(token);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failure(&format!("delete the stack {stack_id}"), &error))
    }

    /// The text of a stack's template, as it was sent.
    ///
    /// # Errors
    /// When there is no such stack, or AWS can't be asked.
    pub(crate) async fn template(&self, stack: &str) -> anyhow::Result<String> {
        let request = self.cloudformation.get_template().stack_name(stack);
        let answer = request.template_stage(types::TemplateStage::Original).send().await;
        let answer = answer.map_err(|error| failure(&format!("get the template of {stack}"), &error))?;
        answer
            .template_body
            .ok_or_else(|| lacking(format!("CloudFormation gives no template of {stack}")))
    }

    /// A page of a stack's events, newest first, and what names the page after it.
    pub(crate) async fn events(
        &self,
        stack_id: &str,
        page: Option<String>,
    ) -> anyhow::Result<(Vec<Event>, Option<String>)> {
        let request = self
            .cloudformation
            .describe_stack_events()
            .stack_name(stack_id)
            .set_next_token(page);
        let answer = request
            .send()
            .await
            .map_err(|error| failure("read the stack's events", &error))?;
        Ok((
            answer.stack_events().iter().map(event).collect(),
            answer.next_token().map(ToOwned::to_owned),
        ))
    }
}

/// The template's text, if it fits into the request.
fn template_text(wanted: &Wanted) -> anyhow::Result<&str> {
    let length = wanted.template.len();
    if length > TEMPLATE_LIMIT_BYTES {
        let what = format!(
            "the template of {} has {length} bytes (limit {TEMPLATE_LIMIT_BYTES})",
            wanted.name
        );
        return Err(Failure::preflight(what).code(Code::TemplateTooLong).into());
    }
    Ok(&wanted.template)
}

fn stack(stack: &types::Stack) -> Stack {
    let output = |output: &types::Output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()));
    let parameter = |parameter: &Parameter| {
        Some((
            parameter.parameter_key()?.to_owned(),
            parameter.parameter_value()?.to_owned(),
        ))
    };
    Stack {
        name: stack.stack_name().unwrap_or_default().to_owned(),
        id: stack.stack_id().unwrap_or_default().to_owned(),
        status: stack.stack_status().map_or("", |status| status.as_str()).to_owned(),
        reason: stack.stack_status_reason().map(ToOwned::to_owned),
        since: stack
            .deletion_time()
            .or(stack.last_updated_time())
            .or(stack.creation_time())
            .map(time),
        parameters: stack.parameters().iter().filter_map(parameter).collect(),
        outputs: stack.outputs().iter().filter_map(output).collect(),
    }
}

fn resource(resource: &types::StackResourceSummary) -> Resource {
    Resource {
        logical_id: resource.logical_resource_id().unwrap_or_default().to_owned(),
        physical_id: resource.physical_resource_id().unwrap_or_default().to_owned(),
        resource_type: resource.resource_type().unwrap_or_default().to_owned(),
        status: resource
            .resource_status()
            .map_or("", |status| status.as_str())
            .to_owned(),
    }
}

fn change(change: &types::ResourceChange) -> Change {
    let action = change.action().map_or("", |action| action.as_str());
    let mut causes: Vec<String> = change.details().iter().filter_map(cause).collect();
    causes.sort();
    causes.dedup();
    Change {
        effect: effect(action, change.replacement().map(types::Replacement::as_str)),
        logical_id: change.logical_resource_id().unwrap_or_default().to_owned(),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
        properties: properties(change),
        causes,
    }
}

/// The properties that change; for a resource that is created, those that it is created with.
fn properties(change: &types::ResourceChange) -> Vec<PropertyChange> {
    if change.action() == Some(&types::ChangeAction::Add) {
        let context = change
            .after_context()
            .and_then(|text| serde_json::from_str::<Value>(text).ok());
        return context.map(|context| added(&context["Properties"])).unwrap_or_default();
    }
    let targets = change.details().iter().filter_map(|detail| detail.target());
    let mut properties: Vec<PropertyChange> = targets
        .filter_map(|target| {
            let attribute = target.attribute().map(types::ResourceAttribute::as_str);
            let path = target.path().or(target.name()).or(attribute)?;
            Some(within(path, target.before_value(), target.after_value()))
        })
        .flatten()
        .collect();
    properties.sort();
    properties.dedup();
    properties
}

/// The property that a change comes from, or else the attribute, as `Tags`.
fn cause(detail: &types::ResourceChangeDetail) -> Option<String> {
    let target = detail.target()?;
    let name = target.name().map(ToOwned::to_owned);
    name.or_else(|| target.attribute().map(|attribute| attribute.as_str().to_owned()))
}

fn event(event: &types::StackEvent) -> Event {
    Event {
        id: event.event_id().unwrap_or_default().to_owned(),
        time: event.timestamp().map_or(SystemTime::UNIX_EPOCH, time),
        token: event.client_request_token().map(ToOwned::to_owned),
        logical_id: event.logical_resource_id().unwrap_or_default().to_owned(),
        physical_id: event.physical_resource_id().unwrap_or_default().to_owned(),
        resource_type: event.resource_type().unwrap_or_default().to_owned(),
        status: event.resource_status().map_or("", |status| status.as_str()).to_owned(),
        reason: event
            .resource_status_reason()
            .filter(|reason| !reason.is_empty())
            .map(ToOwned::to_owned),
    }
}

fn time(time: &aws_smithy_types::DateTime) -> SystemTime {
    let seconds = u64::try_from(time.secs()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(seconds, time.subsec_nanos())
}
