//! Who changes a stack just now, and since when.

use super::Stack;
use super::events::{Event, begun};
use super::standing::{Standing, standing};
use crate::aws::{Aws, rfc3339};
use crate::code::Code;
use crate::exit::{Failure, code_of};
use crate::token::Asked;

/// A stack in which an operation goes on, as people are told of it.
///
/// CloudFormation names no person, only the token that the operation was asked for with: this command line writes into
/// it who asks, as the console and others write what they are. Where the events can't be read, the stack's own times must
/// do.
pub(crate) async fn describe(aws: &Aws, stack: &Stack) -> String {
    // What can't be read isn't told.
    let begun = newest_begun(aws, &stack.id).await.ok().flatten();
    begun_words(stack, begun.as_ref())
}

/// The same, by the event with which the operation began.
pub(crate) fn begun_words(stack: &Stack, begun: Option<&Event>) -> String {
    let (since, token) = match begun {
        Some(event) => (Some(event.time), event.token.as_deref()),
        None => (stack.since, None),
    };
    let since = since
        .map(|since| format!(" since {}", rfc3339(since)))
        .unwrap_or_default();
    let by = token.map(|token| format!(", asked for {}", holder(token)));
    format!("{} is {}{since}{}", stack.name, stack.status, by.unwrap_or_default())
}

/// Whoever asked with a token: `by alice at laptop (deploy)`, or `as Console-UpdateStack-7`.
pub(crate) fn holder(token: &str) -> String {
    Asked::of(token).map_or_else(
        || format!("as {token}"),
        |asked| format!("by {} ({})", asked.by, asked.command()),
    )
}

/// The event with which the newest operation on a stack began, from as many pages as it takes: an operation may well have
/// more events than a page.
pub(crate) async fn newest_begun(aws: &Aws, stack_id: &str) -> anyhow::Result<Option<Event>> {
    let mut next = None;
    loop {
        let (events, after) = aws.events(stack_id, next).await?;
        if let Some(begun) = begun(&events, stack_id) {
            return Ok(Some(begun.clone()));
        }
        if after.is_none() {
            return Ok(None);
        }
        next = after;
    }
}

/// What CloudFormation says of a change set that went when another of the same stack was executed.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>
const OVERTAKEN: &str = ": ChangeSetNotFound: ";

/// A refusal of AWS's, as one that names whoever changes the stack meanwhile, or has changed it, if that is why: between a
/// look at a stack and its change, another may have been quicker.
pub(super) async fn or_held(aws: &Aws, name: &str, token: &str, error: anyhow::Error) -> anyhow::Error {
    if code_of(&error) != Code::AwsRefused {
        return error;
    }
    let overtaken = format!("{error:#}").contains(OVERTAKEN);
    let stack = aws.stack(name).await.ok().flatten();
    let is_busy = |stack: &Stack| standing(Some(&stack.status)) == Standing::Busy;
    let Some(stack) = stack.filter(|stack| overtaken || is_busy(stack)) else {
        return error;
    };
    let begun = newest_begun(aws, &stack.id).await.ok().flatten();
    if begun
        .as_ref()
        .is_some_and(|begun| begun.token.as_deref() == Some(token))
    {
        return error;
    }
    let what = format!("another was quicker: {}", begun_words(&stack, begun.as_ref()));
    let next = if is_busy(&stack) {
        "run the command again: it waits until that has ended"
    } else {
        "run the command again: it goes on from what that has made"
    };
    Failure::preflight(what)
        .code(Code::StackBusy)
        .also(&format!("{error:#}"))
        .next(next)
        .into()
}
