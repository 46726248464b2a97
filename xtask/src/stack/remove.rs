//! Deleting a stack.

use super::Stack;
use super::explain::{self, Evidence, Told};
use super::follow::follow;
use super::operation::Operation;
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
        total: None,
    };
    let log = follow(context, aws, operation).await?.log;
    let Some((outcome, end)) = log.outcome() else {
        return Ok(());
    };
    let cause = log.first_cause();
    let told = Told {
        stack: &stack.name,
        status: &end.status,
        outcome,
        cause,
        again,
        cli: aws.cli(),
    };
    let evidence = Evidence {
        defined: cause.and_then(|cause| crate::explain::definition(&stack.name, &cause.logical_id)),
        ..Evidence::default()
    };
    match explain::failure(told, &evidence) {
        Some(failure) => Err(failure.into()),
        None => Ok(()),
    }
}
