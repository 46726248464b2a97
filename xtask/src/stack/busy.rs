//! Who changes a stack just now, and since when.

use super::Stack;
use super::events::begun;
use crate::aws::{Aws, rfc3339};

/// A stack in which an operation goes on, as people are told of it.
///
/// CloudFormation names no person, only the token that the operation was asked for with; the console and others write
/// into it who they are. Where the events can't be read, the stack's own times must do.
pub(super) async fn describe(aws: &Aws, stack: &Stack) -> String {
    let events = aws.events(&stack.id, None).await.map(|(events, _)| events);
    let events = events.unwrap_or_default();
    let (since, token) = match begun(&events, &stack.id) {
        Some(event) => (Some(event.time), event.token.as_deref()),
        None => (stack.since, None),
    };
    let since = since
        .map(|since| format!(" since {}", rfc3339(since)))
        .unwrap_or_default();
    let token = token.map(|token| format!(", asked for as {token}")).unwrap_or_default();
    format!("{} is {}{since}{token}", stack.name, stack.status)
}
