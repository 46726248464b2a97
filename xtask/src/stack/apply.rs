//! Bringing a stack to what is wanted of it, by change set.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use serde_json::json;

use super::change_set::{abandon, work_out};
use super::events::Event;
use super::explain::{Consequences, Evidence, Told};
use super::follow::{Followed, follow, wait_until_idle};
use super::operation::Operation;
use super::remove::remove;
use super::standing::{Outcome, Standing, standing};
use super::{Stack, Wanted, busy, changes, explain, gone};
use crate::alarms::Fired;
use crate::aws::Aws;
use crate::aws::cloudformation::{ChangeSet, ChangeSetId};
use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;
use crate::patience::patiently;
use crate::prompt;
use crate::services::stopped::Stopped;
use crate::telling::event_code::EventCode;
use crate::telling::lookout::cluster_and_name;
use crate::telling::note::Note;
use crate::unread::as_far_as_readable;

/// What leaving means before anything is asked of CloudFormation.
const UNCHANGED: &str = "interrupted: nothing was changed";

/// How a stack is brought to what is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// Whether to act without asking.
    pub(crate) yes: bool,
    /// The name of the change set, and the token that the events carry: unique to this operation.
    pub(crate) token: &'a str,
    /// The command that was run, by which to repeat it.
    pub(crate) again: &'a str,
    /// The command by which to follow it.
    pub(crate) follow: &'a str,
    /// Whether to leave it to itself once it is under way.
    pub(crate) detach: bool,
    /// What of the stack it brings to what is wanted, where that isn't all of it: `Onebox`.
    pub(crate) part: Option<&'a str>,
}

impl Terms<'_> {
    /// The stack, and what of it: `Example (Onebox)`.
    fn of(&self, stack: &str) -> String {
        match self.part {
            Some(part) => format!("{stack} ({part})"),
            None => stack.to_owned(),
        }
    }
}

/// A stack that is as wanted, or is on its way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Whether it had to be changed.
    pub(crate) changed: bool,
    /// Whether that goes on, left to itself as asked.
    pub(crate) under_way: bool,
    /// The stack.
    pub(crate) stack: Stack,
}

/// Brings a stack to what is wanted of it: shows the changes, asks, makes them and follows them to the end.
///
/// # Errors
/// When declined (exit status 3), when the change fails and is rolled back (5), when the rollback fails (6).
pub(crate) async fn apply(context: &Context, aws: &Aws, wanted: &Wanted, terms: Terms<'_>) -> anyhow::Result<Applied> {
    let creates = make_way(context, aws, &wanted.name, terms).await?.is_none();
    let opened = open(context, aws, wanted, (terms.token, creates)).await?;
    if opened.change_set.is_empty() {
        close(context, aws, &opened).await?;
        context.tell(Note::nothing_to_do(&wanted.name, terms.part));
        return Ok(Applied {
            changed: false,
            under_way: false,
            stack: existing(context, aws, &opened.id.stack_id).await?,
        });
    }
    show(context, &wanted.name, terms, &opened.change_set);
    if let Err(error) = consent(context, &wanted.name, terms).await {
        return Err(abandon(aws, &opened.id, creates, error).await);
    }
    execute(context, aws, &wanted.name, &opened, terms.token).await?;
    if !terms.detach
        && let Some(failure) = ended(context, aws, &wanted.name, &opened, terms).await?
    {
        return Err(failure.into());
    }
    Ok(Applied {
        changed: true,
        under_way: terms.detach,
        stack: existing(context, aws, &opened.id.stack_id).await?,
    })
}

/// A change set that can be executed, or changes nothing.
#[derive(Debug)]
pub(crate) struct Opened {
    id: ChangeSetId,
    creates: bool,
    /// What it would do.
    pub(crate) change_set: ChangeSet,
}

/// Creates a change set and waits until CloudFormation has worked it out.
///
/// # Errors
/// When CloudFormation refuses it, after which none is left.
pub(crate) async fn open(
    context: &Context,
    aws: &Aws,
    wanted: &Wanted,
    (token, creates): (&str, bool),
) -> anyhow::Result<Opened> {
    let create = async || aws.create_change_set(wanted, token, creates).await;
    let id = match patiently(context, UNCHANGED, create).await {
        Ok(id) => id,
        Err(error) => return Err(busy::or_held(aws, &wanted.name, token, error).await),
    };
    let change_set = match work_out(context, aws, &id).await {
        Ok(change_set) => change_set,
        Err(error) => {
            let error = busy::or_held(aws, &wanted.name, token, error).await;
            return Err(abandon(aws, &id, creates, error).await);
        }
    };
    if let Some(error) = change_set.refusal(&wanted.name) {
        return Err(abandon(aws, &id, creates, error).await);
    }
    Ok(Opened {
        id,
        creates,
        change_set,
    })
}

/// Deletes a change set that isn't executed.
///
/// # Errors
/// When AWS refuses, or when interrupted.
pub(crate) async fn close(context: &Context, aws: &Aws, opened: &Opened) -> anyhow::Result<()> {
    patiently(context, UNCHANGED, async || aws.delete_change_set(&opened.id).await).await
}

/// Starts a change set.
///
/// # Errors
/// When CloudFormation refuses, or somebody else changes the stack.
pub(crate) async fn execute(
    context: &Context,
    aws: &Aws,
    name: &str,
    opened: &Opened,
    token: &str,
) -> anyhow::Result<()> {
    let begin = async || aws.execute_change_set(&opened.id, token).await;
    let leaving = format!("interrupted while {name} was asked to change");
    match patiently(context, &leaving, begin).await {
        Ok(()) => Ok(()),
        Err(error) => Err(busy::or_held(aws, name, token, error).await),
    }
}

/// Follows a change set that was started to its end. `None` if it completed.
///
/// # Errors
/// When interrupted, or when its events can't be read.
pub(crate) async fn ended(
    context: &Context,
    aws: &Aws,
    name: &str,
    opened: &Opened,
    terms: Terms<'_>,
) -> anyhow::Result<Option<Failure>> {
    let operation = Operation {
        stack_name: name,
        stack_id: &opened.id.stack_id,
        token: terms.token,
        follow: terms.follow,
        total: opened.creates.then_some(opened.change_set.changes.len()),
    };
    let log = follow(context, aws, operation).await?;
    Ok(failed(aws, name, &log, terms.again).await)
}

/// An operation that someone else began, or that this command did before it was interrupted.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// The stack as it was meanwhile, with the parameters that the operation brings.
    pub(crate) stack: Stack,
    /// How it failed; none where it ended as asked.
    pub(crate) failure: Option<Failure>,
}

/// The newest operation on a stack, whoever asked for it.
#[derive(Debug)]
pub(crate) struct Newest {
    /// The stack as it is now: while the operation goes on, with the parameters that it brings.
    pub(crate) stack: Stack,
    /// The token that it was asked for with.
    pub(crate) token: String,
    /// Since when.
    pub(crate) since: SystemTime,
}

impl Newest {
    /// Whether it goes on.
    pub(crate) fn goes_on(&self) -> bool {
        standing(Some(&self.stack.status)) == Standing::Busy
    }

    /// Whoever asked for it: `by alice at laptop (deploy)`.
    pub(crate) fn holder(&self) -> String {
        busy::holder(&self.token)
    }
}

/// The newest operation on a stack; none where there is no stack, or its events don't tell how it was asked for.
///
/// # Errors
/// When interrupted, or when AWS can't be asked.
pub(crate) async fn newest(context: &Context, aws: &Aws, name: &str) -> anyhow::Result<Option<Newest>> {
    let look = async || {
        let Some(stack) = aws.stack(name).await? else {
            return Ok(None);
        };
        let begun = busy::newest_begun(aws, &stack.id).await?;
        Ok(begun.and_then(|begun| {
            Some(Newest {
                stack,
                token: begun.token?,
                since: begun.time,
            })
        }))
    };
    patiently(context, UNCHANGED, look).await
}

/// Follows the newest operation on a stack to its end, which may be over already.
///
/// # Errors
/// When interrupted, or when AWS can't be asked.
pub(crate) async fn follow_newest(
    context: &Context,
    aws: &Aws,
    newest: Newest,
    (again, follow_again): (&str, &str),
) -> anyhow::Result<UnderWay> {
    let Newest { stack, token, .. } = newest;
    let operation = Operation {
        stack_name: &stack.name,
        stack_id: &stack.id,
        token: &token,
        follow: follow_again,
        total: None,
    };
    let log = follow(context, aws, operation).await?;
    let failure = failed(aws, &stack.name, &log, again).await;
    Ok(UnderWay { stack, failure })
}

/// Follows what goes on in a stack to its end; none where nothing does, or its events don't tell how it was asked for.
///
/// # Errors
/// When interrupted, or when AWS can't be asked.
pub(crate) async fn follow_under_way(
    context: &Context,
    aws: &Aws,
    name: &str,
    commands: (&str, &str),
) -> anyhow::Result<Option<UnderWay>> {
    let Some(newest) = newest(context, aws, name).await?.filter(Newest::goes_on) else {
        return Ok(None);
    };
    let words = busy::describe(aws, &newest.stack).await;
    context.tell(Note::stack_busy(name, &words, true));
    follow_newest(context, aws, newest, commands).await.map(Some)
}

/// The stack, if there is one to update, once nothing goes on in it.
///
/// # Errors
/// When its state allows no change: its rollback failed (exit status 6), or the state is unknown (4).
pub(crate) async fn updatable(context: &Context, aws: &Aws, name: &str, again: &str) -> anyhow::Result<Option<Stack>> {
    let Some(stack) = idle(context, aws, name).await? else {
        return Ok(None);
    };
    match standing(Some(&stack.status)) {
        Standing::Ready => Ok(Some(stack)),
        Standing::Absent | Standing::Leftover => Ok(None),
        Standing::RollbackFailed => {
            Err(explain::rollback_failed(name, &stack.status, stack.reason.as_deref(), (aws.cli(), again)).into())
        }
        Standing::Busy | Standing::Unknown => Err(explain::unknown(name, &stack.status, (aws.cli(), again)).into()),
    }
}

/// Makes way for a change: waits for what goes on, deletes what a failed creation left. The stack, if there is one.
async fn make_way(context: &Context, aws: &Aws, name: &str, terms: Terms<'_>) -> anyhow::Result<Option<Stack>> {
    let Some(stack) = idle(context, aws, name).await? else {
        return Ok(None);
    };
    match standing(Some(&stack.status)) {
        Standing::Ready => Ok(Some(stack)),
        Standing::Absent => Ok(None),
        Standing::Leftover => clear_away(context, aws, &stack, terms).await.map(|()| None),
        Standing::RollbackFailed => {
            Err(explain::rollback_failed(name, &stack.status, stack.reason.as_deref(), (aws.cli(), terms.again)).into())
        }
        Standing::Busy | Standing::Unknown => {
            Err(explain::unknown(name, &stack.status, (aws.cli(), terms.again)).into())
        }
    }
}

/// The stack, if there is one, once nothing goes on in it.
async fn idle(context: &Context, aws: &Aws, name: &str) -> anyhow::Result<Option<Stack>> {
    let mut found = patiently(context, UNCHANGED, async || aws.stack(name).await).await?;
    if let Some(stack) = found.take_if(|stack| standing(Some(&stack.status)) == Standing::Busy) {
        context.tell(Note::stack_busy(name, &busy::describe(aws, &stack).await, false));
        found = wait_until_idle(context, aws, stack).await?;
    }
    Ok(found)
}

/// Deletes what a failed creation or deletion left, naming it.
async fn clear_away(context: &Context, aws: &Aws, stack: &Stack, terms: Terms<'_>) -> anyhow::Result<()> {
    let resources = patiently(context, UNCHANGED, async || aws.resources(&stack.id).await).await?;
    let left: Vec<&str> = resources
        .iter()
        .filter(|resource| !resource.physical_id.is_empty() && resource.status != "DELETE_COMPLETE")
        .map(|resource| resource.logical_id.as_str())
        .collect();
    let holds = if left.is_empty() {
        "it holds nothing".to_owned()
    } else {
        format!("it still holds {}", left.join(", "))
    };
    let found = format!(
        "{} is in {}, from which it can only be deleted; {holds}",
        stack.name, stack.status
    );
    context.tell(Note {
        code: EventCode::LeftOver,
        text: found,
        fields: json!({"stack": stack.name, "status": stack.status, "holds": left}),
    });
    let question = format!("delete {} and create it anew?", stack.name);
    if !terms.yes && !prompt::confirm(context, &question, "--yes", "interrupted: nothing was changed").await? {
        return Err(declined(&stack.name).into());
    }
    context.progress.line(&format!("deleting {}", stack.name));
    remove(context, aws, stack, &format!("{}-clear", terms.token), terms.again).await
}

fn show(context: &Context, name: &str, terms: Terms<'_>, change_set: &ChangeSet) {
    for change in &change_set.changes {
        let mut fields = change.record();
        fields["stack"] = name.into();
        context.output.event(EventCode::Change, fields);
    }
    let render = if terms.yes {
        changes::render_agreed
    } else {
        changes::render
    };
    context.progress.line(&render(&terms.of(name), &change_set.changes));
}

fn declined(name: &str) -> Failure {
    Failure::refused(format!("{name} was left as it is")).code(Code::Declined)
}

async fn consent(context: &Context, name: &str, terms: Terms<'_>) -> anyhow::Result<()> {
    let what = terms.of(name);
    let leaving = format!("interrupted: {what} was left as it is");
    if terms.yes || prompt::confirm(context, &format!("make these changes to {what}?"), "--yes", &leaving).await? {
        return Ok(());
    }
    Err(declined(&what).into())
}

async fn failed(aws: &Aws, name: &str, followed: &Followed, again: &str) -> Option<Failure> {
    let log = &followed.log;
    let (outcome, end) = log.outcome()?;
    let told = Told {
        stack: name,
        status: &end.status,
        outcome,
        cause: log.first_cause(),
        again,
        cli: aws.cli(),
    };
    let evidence = match told.cause {
        Some(cause) if outcome != Outcome::Complete => evidence(aws, name, followed, cause).await,
        _ => Evidence::default(),
    };
    explain::failure(told, &evidence)
}

/// What there is to say of a first cause: what was seen of its service meanwhile, and otherwise what AWS still tells.
async fn evidence(aws: &Aws, stack: &str, followed: &Followed, cause: &Event) -> Evidence {
    let log = &followed.log;
    let mut evidence = Evidence {
        defined: crate::explain::definition(stack, &cause.logical_id),
        consequences: Consequences::of(log.events(), stack, cause),
        ..Evidence::default()
    };
    let Some((cluster, service)) = cluster_and_name(&cause.physical_id) else {
        return evidence;
    };
    let began = log.began().unwrap_or(cause.time);
    evidence.service = Some(service.to_owned());
    let seen = followed
        .services
        .iter()
        .find(|seen| seen.logical_id == cause.logical_id);
    let seen = seen.map(|seen| seen.stopped.clone()).unwrap_or_default();
    evidence.stopped = if seen.is_empty() {
        let mut stopped = Stopped::default();
        // A service that is deleted tells nothing.
        let looked = stopped.look(aws, (cluster, service), Some(began)).await;
        let looked = as_far_as_readable(&mut evidence.unread, "the tasks that stopped", looked);
        stopped.take(looked.unwrap_or_default());
        stopped.groups()
    } else {
        seen
    };
    let place = (cluster, service);
    evidence.firings = fired(aws, place, began, &mut evidence.unread).await;
    evidence
}

/// A service's alarms that fired since a moment, as far as CloudWatch tells.
async fn fired(aws: &Aws, (cluster, service): (&str, &str), since: SystemTime, unread: &mut Vec<String>) -> Vec<Fired> {
    let names = aws.deployment_alarms(cluster, service).await;
    let names = as_far_as_readable(unread, "which alarms watch the service", names).unwrap_or_default();
    let mut fired = Vec::new();
    for name in names {
        let firing = aws.last_firing(&name, since).await;
        let what = format!("the history of the alarm {name}");
        if let Some(firing) = as_far_as_readable(unread, &what, firing).flatten() {
            let alarm = None;
            fired.push(Fired { name, alarm, firing });
        }
    }
    let names: Vec<String> = fired.iter().map(|fired| fired.name.clone()).collect();
    let alarms = aws.alarms(&names).await;
    let mut alarms = as_far_as_readable(unread, "the alarms", alarms).unwrap_or_default();
    for fired in &mut fired {
        let place = alarms.iter().position(|alarm| alarm.name == fired.name);
        fired.alarm = place.map(|place| alarms.swap_remove(place));
    }
    fired
}

async fn existing(context: &Context, aws: &Aws, stack_id: &str) -> anyhow::Result<Stack> {
    let leaving = "interrupted: the stack is as it was asked to be, or on its way";
    let stack = patiently(context, leaving, async || aws.stack(stack_id).await).await?;
    stack.ok_or_else(|| gone(stack_id).into())
}
