//! Leaving an operation that is followed: it goes on, unless Ctrl-C is pressed once more.

use std::time::Duration;

use serde_json::json;

use super::events::EventLog;
use super::operation::Operation;
use crate::aws::Aws;
use crate::context::Context;
use crate::exit::{Exit, Failure, code_of, exit_of};
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;

/// How long a second Ctrl-C is waited for, which stops an update.
const AGAIN: Duration = Duration::from_secs(3);

/// The error with which the following of an operation ends: says that it goes on, and how to follow and to stop it.
///
/// An update can be stopped, and what ran before runs again; so, for a while, Ctrl-C pressed again has CloudFormation do
/// that. A creation or a deletion can't.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html>
pub(super) async fn leave(
    context: &Context,
    aws: &Aws,
    log: &EventLog,
    operation: Operation<'_>,
    error: anyhow::Error,
) -> anyhow::Error {
    context.progress.clear();
    let name = operation.stack_name;
    let interrupted = exit_of(&error) == Exit::Interrupted;
    let is_update = log.status() == Some("UPDATE_IN_PROGRESS");
    if interrupted && is_update && context.interrupt.may_come_again() {
        let seconds = AGAIN.as_secs();
        let again = context.interrupt.again_within(AGAIN);
        context.tell(Note {
            code: EventCode::Leaving,
            text: format!(
                "interrupted: {name} goes on in CloudFormation; Ctrl-C again within {seconds} s stops it, and what ran \
                 before runs again"
            ),
            fields: json!({"stack": name, "again_within_seconds": seconds}),
        });
        if again.await {
            return cancel(aws, operation).await;
        }
    }
    let (failure, cli) = (goes_on(error, operation), aws.cli());
    match log.status() {
        Some("UPDATE_IN_PROGRESS") if interrupted => failure.next(format!(
            "or stop it, so that what ran before runs again: {}",
            cli.command(&format!("cloudformation cancel-update-stack --stack-name {name}"))
        )),
        Some("CREATE_IN_PROGRESS") if interrupted => failure.next(format!(
            "or stop it by deleting what there is of it: {}",
            cli.command(&format!("cloudformation delete-stack --stack-name {name}"))
        )),
        _ => failure,
    }
    .into()
}

/// An error that ends the following, not the operation.
pub(super) fn goes_on(error: anyhow::Error, operation: Operation<'_>) -> Failure {
    let next = format!(
        "what was asked of {} goes on; follow it again with `{}`",
        operation.stack_name, operation.follow
    );
    match error.downcast::<Failure>() {
        Ok(failure) => failure.next(next),
        Err(error) => Failure::new(Exit::Failed, format!("{error:#}"))
            .code(code_of(&error))
            .next(next),
    }
}

async fn cancel(aws: &Aws, operation: Operation<'_>) -> anyhow::Error {
    let name = operation.stack_name;
    let token = format!("{}-cancel", operation.token);
    let failure = match aws.cancel_update(operation.stack_id, &token).await {
        Ok(()) => Failure::interrupted(format!(
            "interrupted twice: CloudFormation stops {name}, and rolls it back"
        ))
        .next(format!("follow the rollback with `{}`", operation.follow)),
        Err(error) => goes_on(
            Failure::interrupted(format!("interrupted twice, and {name} could not be stopped: {error:#}")).into(),
            operation,
        ),
    };
    failure.into()
}
