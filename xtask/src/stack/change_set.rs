//! Change sets: worked out by CloudFormation, and taken away again when they won't be executed.

use std::time::Duration;

use tokio::time::Instant;

use super::follow::pause;
use crate::aws::Aws;
use crate::aws::cloudformation::{ChangeSet, ChangeSetId};
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::patience::{self, patiently};
use crate::progress::human;

/// The longest that CloudFormation may take to work out a change set, though it can't be reached for a while.
const LIMIT: Duration = Duration::from_mins(5).saturating_add(patience::LIMIT);

impl ChangeSet {
    /// Whether it would change nothing, in the words of two generations of CloudFormation's answers:
    /// <https://github.com/elias5000/clouds-aws/issues/9>, <https://github.com/aws/aws-toolkit-azure-devops/issues/97>.
    pub(crate) fn is_empty(&self) -> bool {
        let words = ["didn't contain changes", "No updates are to be performed"];
        self.status == "FAILED" && words.iter().any(|words| self.reason.contains(words))
    }

    /// CloudFormation's refusal, if it refuses the change; that there is nothing to change is none.
    pub(super) fn refusal(&self, stack_name: &str) -> Option<anyhow::Error> {
        let refused = self.status == "FAILED" && !self.is_empty();
        refused.then(|| {
            let what = format!("{stack_name}: CloudFormation refuses the change: {}", self.reason);
            Failure::new(Exit::Failed, what)
                .code(Code::ChangeRefused)
                .next("fix the template by these words, and run the command again")
                .into()
        })
    }
}

/// Waits until CloudFormation has worked out a change set.
pub(super) async fn work_out(context: &Context, aws: &Aws, id: &ChangeSetId) -> anyhow::Result<ChangeSet> {
    let started = Instant::now();
    let leaving = "interrupted: nothing was changed";
    loop {
        let change_set = patiently(context, leaving, async || aws.change_set(id).await).await?;
        if matches!(change_set.status.as_str(), "CREATE_COMPLETE" | "FAILED") {
            context.progress.clear();
            return Ok(change_set);
        }
        let elapsed = started.elapsed();
        if elapsed > LIMIT {
            let what = format!("the change set is still {} after {}", change_set.status, human(elapsed));
            return Err(Failure::new(Exit::Failed, what).code(Code::TimeLimit).into());
        }
        context
            .progress
            .block(&[format!("change set: {}, {}", change_set.status, human(elapsed))]);
        context.interrupt.sleep(leaving, pause(aws, elapsed)).await?;
    }
}

/// Deletes a change set that won't be executed, and the shell of a stack that it made, if that is nobody else's. The error
/// stays the one that led here.
pub(super) async fn abandon(aws: &Aws, id: &ChangeSetId, creates: bool, error: anyhow::Error) -> anyhow::Error {
    match (give_up(aws, id, creates).await, error.downcast::<Failure>()) {
        (Ok(()), Ok(failure)) => failure.into(),
        (Ok(()), Err(error)) => error,
        (Err(left), Ok(failure)) => failure
            .next(format!("the change set {} is left: {left:#}", id.id))
            .into(),
        (Err(left), Err(error)) => error.context(format!("the change set {} is left: {left:#}", id.id)),
    }
}

async fn give_up(aws: &Aws, id: &ChangeSetId, creates: bool) -> anyhow::Result<()> {
    aws.delete_change_set(id).await?;
    if creates && is_empty_shell(aws, id).await? {
        aws.delete_stack(&id.stack_id, &format!("{}-shell", token_of(id)))
            .await?;
    }
    Ok(())
}

/// Whether a stack is nothing but a name that only this change set gave it. All who create a stack at once share its
/// shell, and whoever is the first to execute has made a stack of it. What counts is asked last.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
async fn is_empty_shell(aws: &Aws, id: &ChangeSetId) -> anyhow::Result<bool> {
    let others = aws.change_sets(&id.stack_id).await?;
    if others.iter().any(|other| *other != id.id) {
        return Ok(false);
    }
    let stack = aws.stack(&id.stack_id).await?;
    Ok(stack.is_some_and(|stack| stack.status == "REVIEW_IN_PROGRESS"))
}

/// The change set's name within its ARN, `arn:…:changeSet/<name>/<uuid>`.
fn token_of(id: &ChangeSetId) -> &str {
    id.id.split('/').nth(1).unwrap_or("xtask")
}
