//! Deleting a stack.

use super::Stack;
use super::explain;
use super::follow::{Operation, follow};
use crate::aws::Aws;
use crate::context::Context;

/// Deletes a stack and follows its deletion to the end.
///
/// # Errors
/// When CloudFormation refuses or fails to delete it: the first cause and what to do next.
pub(crate) async fn remove(
    context: &Context,
    aws: &Aws,
    stack: &Stack,
    token: &str,
    again: &str,
) -> anyhow::Result<()> {
    aws.delete_stack(&stack.id, token).await?;
    let operation = Operation {
        stack_name: &stack.name,
        stack_id: &stack.id,
        token,
        follow: again,
    };
    let log = follow(context, aws, operation).await?;
    let Some((outcome, end)) = log.outcome() else {
        return Ok(());
    };
    match explain::failure(&stack.name, &end.status, outcome, log.first_cause(), &[], again) {
        Some(failure) => Err(failure.into()),
        None => Ok(()),
    }
}
