//! Following an operation on a stack to its end.

use std::time::Duration;

use tokio::time::Instant;

use super::Stack;
use super::events::{Event, EventLog};
use super::leave::{goes_on, leave};
use super::operation::Operation;
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::patience::{self, Patience, patiently};
use crate::progress::human;
use crate::telling::scene::Scene;
use crate::telling::teller::meanwhile;
use crate::telling::view::ServiceView;

/// The longest that an operation is followed. A service's deployment may take CloudFormation's handler 3 hours, and
/// Onebox's comes before Fleet's.
const LIMIT: Duration = Duration::from_hours(7);

/// The longest that an operation may go without its first event, though AWS can't be reached for a while.
const FIRST_EVENT_LIMIT: Duration = Duration::from_mins(5).saturating_add(patience::LIMIT);

/// An operation that was followed to its end.
#[derive(Debug)]
pub(crate) struct Followed {
    /// Its events.
    pub(crate) log: EventLog,
    /// What was seen of the services that it changed.
    pub(crate) services: Vec<ServiceView>,
}

/// Follows an operation until it ends, telling what happens meanwhile.
///
/// # Errors
/// When interrupted, when the events can't be read, or when it doesn't end within its limit.
pub(crate) async fn follow(context: &Context, aws: &Aws, operation: Operation<'_>) -> anyhow::Result<Followed> {
    let started = Instant::now();
    let leaving = format!("interrupted: {} goes on", operation.stack_name);
    let mut log = EventLog::new(operation.stack_id, operation.token);
    let mut patience = Patience::default();
    let mut scene = Scene::new(context, operation);
    loop {
        let reading = Box::pin(read(aws, operation.stack_id, &log));
        let reading = meanwhile(reading, || scene.redraw());
        let new = context
            .interrupt
            .or(&leaving, reading)
            .await
            .and_then(|read| patience.bear(context, read))
            .map(|pages| log.take(pages.unwrap_or_default()));
        let new = match new {
            Ok(new) => new,
            Err(error) => return Err(leave(context, aws, &log, operation, error).await),
        };
        let looking = Box::pin(scene.look(aws, &log, &new));
        if let Err(error) = context.interrupt.or(&leaving, looking).await {
            return Err(leave(context, aws, &log, operation, error).await);
        }
        scene.tell(&log, &new, patience.silence());
        if log.outcome().is_some() {
            let services = scene.end();
            return Ok(Followed { log, services });
        }
        // Silence has a limit of its own, and says nothing of whether the operation began.
        if !patience.is_tried() {
            check_limits(&log, operation, started.elapsed())?;
        }
        let pause = if patience.is_tried() {
            patience::pause()
        } else {
            pause(aws, started.elapsed())
        };
        let sleeping = meanwhile(tokio::time::sleep(pause), || scene.redraw());
        if let Err(error) = context.interrupt.or(&leaving, sleeping).await {
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

/// The pages that hold events not read before. They are taken together: one of several that can't be read leaves all to
/// be read again.
async fn read(aws: &Aws, stack_id: &str, log: &EventLog) -> anyhow::Result<Vec<Event>> {
    let mut pages = Vec::new();
    let mut next = None;
    loop {
        let (events, after) = aws.events(stack_id, next).await?;
        next = after.filter(|_| log.lacks(&events));
        pages.extend(events);
        if next.is_none() {
            return Ok(pages);
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
