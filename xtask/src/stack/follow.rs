//! Following an operation on a stack to its end.

use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::time::Instant;

use super::Stack;
use super::events::{Event, EventLog};
use super::leave::{goes_on, leave};
use crate::aws::{Aws, rfc3339};
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::patience::{self, Patience, patiently};
use crate::progress::{human, tone_of};

/// The longest that an operation is followed. A service's deployment may take CloudFormation's handler 3 hours, and
/// Onebox's comes before Fleet's.
const LIMIT: Duration = Duration::from_hours(7);

/// The longest that an operation may go without its first event, though AWS can't be reached for a while.
const FIRST_EVENT_LIMIT: Duration = Duration::from_mins(5).saturating_add(patience::LIMIT);

/// An operation that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    /// The stack's name.
    pub(crate) stack_name: &'a str,
    /// The stack's ARN, by which it is found even when it is deleted.
    pub(crate) stack_id: &'a str,
    /// The token that its events carry.
    pub(crate) token: &'a str,
    /// How to follow it again: a command.
    pub(crate) follow: &'a str,
}

/// Follows an operation until it ends, saying each event.
///
/// # Errors
/// When interrupted, when the events can't be read, or when it doesn't end within its limit.
pub(crate) async fn follow(context: &Context, aws: &Aws, operation: Operation<'_>) -> anyhow::Result<EventLog> {
    let started = Instant::now();
    let leaving = format!("interrupted: {} goes on", operation.stack_name);
    let mut log = EventLog::new(operation.stack_id, operation.token);
    let mut patience = Patience::default();
    loop {
        let new = context
            .interrupt
            .or(&leaving, read(aws, operation.stack_id, &mut log))
            .await
            .and_then(|read| patience.bear(context, read))
            .map(Option::unwrap_or_default);
        let new = match new {
            Ok(new) => new,
            Err(error) => return Err(leave(context, aws, &log, operation, error).await),
        };
        for event in &new {
            say(context, &log, event, operation.stack_name);
        }
        if log.outcome().is_some() {
            context.progress.clear();
            return Ok(log);
        }
        // Silence has a limit of its own, and says nothing of whether the operation began.
        if !patience.is_tried() {
            check_limits(&log, operation, started.elapsed())?;
        }
        context
            .progress
            .block(&block(&log, operation.stack_name, started.elapsed()));
        let pause = if patience.is_tried() {
            patience::pause()
        } else {
            pause(aws, started.elapsed())
        };
        if let Err(error) = context.interrupt.sleep(&leaving, pause).await {
            return Err(leave(context, aws, &log, operation, error).await);
        }
    }
}

/// Waits until no operation goes on in a stack, whoever started it; none where it is gone.
///
/// # Errors
/// As [`follow`].
pub(crate) async fn wait_until_idle(context: &Context, aws: &Aws, stack: Stack) -> anyhow::Result<Option<Stack>> {
    let started = Instant::now();
    let leaving = format!("interrupted: {} goes on as before", stack.name);
    let mut last = stack;
    while super::standing::standing(Some(&last.status)) == super::standing::Standing::Busy {
        if started.elapsed() > LIMIT {
            let what = format!("{} is still {} after {}", last.name, last.status, human(LIMIT));
            return Err(Failure::new(Exit::Failed, what).code(Code::TimeLimit).into());
        }
        context
            .progress
            .block(&[format!("{}: {}, {}", last.name, last.status, human(started.elapsed()))]);
        context.interrupt.sleep(&leaving, pause(aws, started.elapsed())).await?;
        match patiently(context, &leaving, async || aws.stack(&last.name).await).await? {
            Some(stack) => last = stack,
            None => return Ok(None),
        }
    }
    context.progress.clear();
    Ok(Some(last))
}

/// How long to wait before asking again: near, asking costs nothing; far, more than one question in two seconds is
/// throttled once several people deploy.
pub(crate) fn pause(aws: &Aws, elapsed: Duration) -> Duration {
    if aws.is_near() {
        Duration::from_millis(100)
    } else {
        (elapsed / 20).clamp(Duration::from_secs(2), Duration::from_secs(5))
    }
}

/// The events not read before. Pages are taken together: one of several that can't be read leaves all to be read again.
async fn read(aws: &Aws, stack_id: &str, log: &mut EventLog) -> anyhow::Result<Vec<Event>> {
    let mut pages = Vec::new();
    let mut next = None;
    loop {
        let (events, after) = aws.events(stack_id, next).await?;
        next = after.filter(|_| log.lacks(&events));
        pages.extend(events);
        if next.is_none() {
            return Ok(log.take(pages));
        }
    }
}

fn check_limits(log: &EventLog, operation: Operation<'_>, elapsed: Duration) -> anyhow::Result<()> {
    let limit = if log.began().is_some() {
        LIMIT
    } else {
        FIRST_EVENT_LIMIT
    };
    if elapsed <= limit {
        return Ok(());
    }
    let seen = log.newest().map_or("no event of it".to_owned(), |event| {
        format!("{} {}", event.logical_id, event.status)
    });
    let what = format!(
        "{} has not ended after {}; last seen: {seen}",
        operation.stack_name,
        human(limit)
    );
    Err(goes_on(Failure::new(Exit::Failed, what).code(Code::TimeLimit).into(), operation).into())
}

fn say(context: &Context, log: &EventLog, event: &Event, stack_name: &str) {
    context.output.record(
        "event",
        json!({
            "stack": stack_name,
            "time": rfc3339(event.time),
            "logical_id": event.logical_id,
            "resource_type": event.resource_type,
            "status": event.status,
            "reason": event.reason,
        }),
    );
    if stays(event, context.progress.is_live()) {
        let status = context
            .progress
            .paint(tone_of(&event.status), &format!("{:<28}", event.status));
        context
            .progress
            .line(&line(event, log.began().unwrap_or(event.time), &status));
    }
}

/// Whether an event is worth a line that stays: the live block shows what goes on already, and that a resource's
/// creation has been initiated tells nobody more than that it is in progress.
fn stays(event: &Event, live: bool) -> bool {
    let in_progress = event.status.ends_with("_IN_PROGRESS");
    let initiated = event
        .reason
        .as_deref()
        .is_some_and(|reason| reason.ends_with(" Initiated"));
    let of_stack = event.resource_type == "AWS::CloudFormation::Stack";
    of_stack || !(in_progress && (live || initiated))
}

fn line(event: &Event, began: SystemTime, status: &str) -> String {
    let elapsed = event.time.duration_since(began).unwrap_or_default();
    let reason = event
        .reason
        .as_deref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    format!(
        "{:>8}  {status}  {} ({}){reason}",
        human(elapsed),
        event.logical_id,
        event.resource_type
    )
}

fn block(log: &EventLog, stack_name: &str, elapsed: Duration) -> Vec<String> {
    let going_on = log.going_on();
    let mut lines = vec![format!(
        "{stack_name}: {} done, {} going on, {}",
        log.done(),
        going_on.len(),
        human(elapsed)
    )];
    lines.extend(
        going_on
            .iter()
            .map(|event| format!("  {} {}", event.status, event.logical_id)),
    );
    lines
}
