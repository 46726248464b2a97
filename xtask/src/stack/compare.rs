//! What a deployment would change in a stack, worked out without changing anything.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

use super::change_set::{abandon, work_out};
use super::changes::{Change, Effect};
use super::parameters::{kept, parse};
use super::properties;
use super::standing::{Standing, standing};
use super::{Stack, Wanted, busy, explain};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Coded as _, Failure};

/// How a stack differs from what its template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The stack's name.
    pub(crate) stack_name: String,
    /// What more there is to say, such as that the stack doesn't exist.
    pub(crate) note: Option<String>,
    /// The resources that would change; empty too where only outputs or the stack's settings would.
    pub(crate) changes: Vec<Change>,
    /// Whether a deployment would change anything.
    pub(crate) differs: bool,
}

/// Compares a stack with its template. The parameters keep the values that they have.
///
/// An existing stack is asked by a change set, which is deleted again. For one that doesn't exist there is nothing to
/// ask: a change set would leave the shell of a stack, in `REVIEW_IN_PROGRESS`, should its deletion not succeed.
///
/// # Errors
/// When an operation goes on in the stack (exit status 4), when its rollback failed (6), or when CloudFormation refuses
/// the template.
pub(crate) async fn compare(
    context: &Context,
    aws: &Aws,
    name: &str,
    template: &str,
    token: &str,
    again: &str,
) -> anyhow::Result<Difference> {
    let Some(stack) = aws.stack(name).await? else {
        return created(
            name,
            template,
            "there is no such stack: all of it would be created".to_owned(),
        );
    };
    match standing(Some(&stack.status)) {
        Standing::Absent => created(
            name,
            template,
            format!(
                "it is in {}, without any resource: all of it would be created",
                stack.status
            ),
        ),
        Standing::Leftover => created(
            name,
            template,
            format!("it is in {}: it would be deleted, and all of it created", stack.status),
        ),
        Standing::Ready => by_change_set(context, aws, &stack, template, token).await,
        Standing::RollbackFailed => {
            Err(explain::rollback_failed(name, &stack.status, stack.reason.as_deref(), (aws.cli(), again)).into())
        }
        Standing::Busy => Err(Failure::preflight(busy::describe(aws, &stack).await)
            .code(Code::StackBusy)
            .next(format!("run `{again}` again once that has ended"))
            .into()),
        Standing::Unknown => Err(explain::unknown(name, &stack.status, (aws.cli(), again)).into()),
    }
}

async fn by_change_set(
    context: &Context,
    aws: &Aws,
    stack: &Stack,
    template: &str,
    token: &str,
) -> anyhow::Result<Difference> {
    let wanted = Wanted {
        name: stack.name.clone(),
        template: template.to_owned(),
        parameters: BTreeMap::new(),
        kept: kept(stack, template)?,
    };
    let id = aws.create_change_set(&wanted, token, false).await?;
    let worked_out = work_out(context, aws, &id).await;
    let worked_out = worked_out.and_then(|change_set| change_set.refusal(&stack.name).map_or(Ok(change_set), Err));
    let change_set = match worked_out {
        Ok(change_set) => change_set,
        Err(error) => return Err(abandon(aws, &id, false, error).await),
    };
    aws.delete_change_set(&id).await?;
    Ok(Difference {
        stack_name: stack.name.clone(),
        note: None,
        differs: !change_set.is_empty(),
        changes: change_set.changes,
    })
}

/// The creation of all that a template holds, with the properties as they are written there.
fn created(name: &str, template: &str, note: String) -> anyhow::Result<Difference> {
    let template = parse(template)?;
    let resources = template["Resources"]
        .as_object()
        .context("the template has no resources")
        .coded(Code::OtherStack)?;
    let change = |(logical_id, resource): (&String, &Value)| Change {
        effect: Effect::Create,
        logical_id: logical_id.clone(),
        resource_type: resource["Type"].as_str().unwrap_or_default().to_owned(),
        causes: Vec::new(),
        properties: properties::added(&resource["Properties"]),
    };
    Ok(Difference {
        stack_name: name.to_owned(),
        note: Some(note),
        changes: resources.iter().map(change).collect(),
        differs: true,
    })
}
