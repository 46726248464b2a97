//! What a failed operation is told as: the first cause first, then what to do next.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stacks::Stage;

use super::events::Event;
use super::standing::Outcome;
use crate::alarms::Fired;
use crate::aws::cli::Cli;
use crate::aws::rfc3339;
use crate::code::Code;
use crate::environment::Stacks;
use crate::exit::{Exit, Failure};
use crate::flags::Environment;
use crate::progress::clean;
use crate::services::stopped::Group;
use crate::telling::view::{State, Turn, View};
use crate::telling::{records, tables};

/// How an operation on a stack ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    /// The stack's name.
    pub(crate) stack: &'a str,
    /// Its status.
    pub(crate) status: &'a str,
    /// What that means.
    pub(crate) outcome: Outcome,
    /// The first cause; none where AWS gives none.
    pub(crate) cause: Option<&'a Event>,
    /// The command that was run.
    pub(crate) again: &'a str,
    /// The AWS CLI, for the same cloud.
    pub(crate) cli: &'a Cli,
}

/// What there is to say of a first cause beside AWS's words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// Where the resource is defined: `stacks/src/compute.rs:59`.
    pub(crate) defined: Option<String>,
    /// The service's name, where it is one.
    pub(crate) service: Option<String>,
    /// Its alarms that fired.
    pub(crate) firings: Vec<Fired>,
    /// Its tasks that stopped, captured while they could be seen.
    pub(crate) stopped: Vec<Group>,
    /// What followed.
    pub(crate) consequences: Consequences,
    /// What could not be read of it.
    pub(crate) unread: Vec<String>,
}

/// What a first cause led to, folded: names and numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Consequences {
    /// The resources that were given up on account of it.
    pub(crate) cancelled: Vec<String>,
    /// What failed besides, each resource with AWS's words, and whether that was on the way back.
    pub(crate) failed: Vec<(String, String, bool)>,
    /// How many were put back, or removed again.
    pub(crate) undone: usize,
}

impl Consequences {
    /// What the operation's events say of everything but its first cause.
    pub(crate) fn of(events: &[Event], stack: &str, cause: &Event) -> Self {
        let mut consequences = Self::default();
        for step in View::of_events(stack, events).resources {
            let first = step.logical_id == cause.logical_id && step.turn == Turn::Asked;
            match step.state {
                State::Cancelled => consequences.cancelled.push(step.logical_id),
                State::Failed if !first => {
                    let reason = step.reason.unwrap_or_default();
                    let back = step.turn != Turn::Asked;
                    consequences.failed.push((step.logical_id, reason, back));
                }
                State::Done if step.turn == Turn::Back => consequences.undone += 1,
                _ => {}
            }
        }
        consequences
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, reason, back) in &self.failed {
            let what = if *back { "could not be put back" } else { "failed too" };
            lines.push(format!("then {name} {what}: {}", clean(reason)));
        }
        if !self.cancelled.is_empty() {
            lines.push(format!("then given up because of it: {}", self.cancelled.join(", ")));
        }
        match self.undone {
            0 => {}
            1 => lines.push("then 1 resource was put back or removed again".to_owned()),
            count => lines.push(format!("then {count} resources were put back or removed again")),
        }
        lines
    }
}

impl Evidence {
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.defined.iter().map(|line| format!("defined in {line}")).collect();
        lines.extend(self.firings.iter().map(Fired::describe));
        // That tasks went because others came is no news.
        let groups: Vec<Group> = self.stopped.iter().filter(|group| group.failed).cloned().collect();
        lines.extend(tables::stopped(&groups, true).into_iter().map(|line| line.text));
        lines.extend(self.unread.iter().cloned());
        lines.extend(self.consequences.lines());
        lines
    }

    /// For programs.
    fn record(&self, told: Told<'_>) -> Value {
        let service = self.service.as_deref().unwrap_or_default();
        let firing = |Fired { name, firing, .. }: &Fired| json!({"name": name, "at": rfc3339(firing.at), "datapoints": firing.datapoints, "threshold": firing.threshold, "reason": firing.reason});
        let stopped = self.stopped.iter().map(|group| records::of_group(service, group));
        let also = self.consequences.failed.iter();
        json!({
            "stack": told.stack,
            "stack_status": told.status,
            "logical_id": told.cause.map(|cause| &cause.logical_id),
            "physical_id": told.cause.map(|cause| &cause.physical_id),
            "resource_type": told.cause.map(|cause| &cause.resource_type),
            "status": told.cause.map(|cause| &cause.status),
            "reason": told.cause.map(|cause| &cause.reason),
            "defined": self.defined,
            "alarms": self.firings.iter().map(firing).collect::<Vec<_>>(),
            "stopped": stopped.collect::<Vec<_>>(),
            "unread": self.unread,
            "consequences": {
                "failed": also.map(|(name, reason, back)| json!({"logical_id": name, "reason": reason, "back": back})).collect::<Vec<_>>(),
                "cancelled": self.consequences.cancelled,
                "undone": self.consequences.undone,
            },
        })
    }
}

/// A failed operation on a stack; none when it ended as asked.
pub(crate) fn failure(told: Told<'_>, evidence: &Evidence) -> Option<Failure> {
    let Told {
        stack,
        status,
        cause,
        again,
        cli,
        ..
    } = told;
    let exit = match told.outcome {
        Outcome::Complete => return None,
        Outcome::RolledBack => Exit::RolledBack,
        Outcome::RollbackFailed => Exit::RollbackFailed,
        Outcome::Failed => Exit::Failed,
    };
    let said = cause.map(words);
    let mut what = match (in_words(exit, evidence), said) {
        (Some(sentence), Some(said)) => format!("{sentence}\n  AWS says of {said}"),
        (None, Some(said)) => said,
        (_, None) => format!("{stack} ended as {status}, and AWS gives no reason"),
    };
    for detail in evidence.lines() {
        what.push_str("\n  ");
        what.push_str(&detail);
    }
    let _ = write!(what, "\n  {stack}: {status}, {}", consequence(status));
    let mut failure = Failure::new(exit, what);
    failure.cause = Some(Box::new(evidence.record(told)));
    if exit == Exit::Failed {
        failure = failure.code(Code::StackFailed);
    }
    let steps = steps(stack, status, (cli, again))
        .into_iter()
        .chain([more(told, evidence)]);
    Some(steps.fold(failure, Failure::next))
}

/// What happened, in a sentence, where it can be told from what was seen; none where only AWS's words tell.
fn in_words(exit: Exit, evidence: &Evidence) -> Option<String> {
    if exit != Exit::RolledBack {
        return None;
    }
    let stage = evidence.service.as_deref().and_then(stage_of)?;
    let because = match evidence.firings.as_slice() {
        [] if evidence.stopped.iter().any(|group| group.failed) => {
            "its tasks didn't come up, or didn't stay up".to_owned()
        }
        [] => return None,
        firings => firings.iter().map(Fired::meaning).collect::<Vec<_>>().join("; "),
    };
    let fleet = match stage {
        Stage::Onebox => "; Fleet was not touched",
        Stage::Fleet => "",
    };
    Some(format!("{} was rolled back: {because}{fleet}", stage.name()))
}

/// The command that shows more: what a service's tasks wrote where they are still there, and otherwise the events.
fn more(told: Told<'_>, evidence: &Evidence) -> String {
    let stage = evidence.service.as_deref().and_then(stage_of);
    let environment = [Environment::Sandbox, Environment::Prod]
        .into_iter()
        .find(|environment| Stacks::of(*environment).service.name == told.stack);
    match (stage, environment) {
        (Some(stage), Some(environment)) if told.status != "ROLLBACK_COMPLETE" => {
            let by_errors = evidence
                .firings
                .iter()
                .any(|firing| firing.name.ends_with("-ServerErrors"));
            let (what, errors) = if by_errors {
                ("the errors that its tasks logged", " --errors")
            } else {
                ("all that its tasks wrote", "")
            };
            format!(
                "see {what}: `cargo xtask logs {} --stage {}{errors}{}`",
                environment.name(),
                stage.value(),
                same_cloud(told.again)
            )
        }
        _ => format!(
            "see all events: {}",
            told.cli.command(&format!(
                "cloudformation describe-stack-events --stack-name {}",
                told.stack
            ))
        ),
    }
}

fn stage_of(service: &str) -> Option<Stage> {
    [Stage::Onebox, Stage::Fleet]
        .into_iter()
        .find(|stage| stage.service_name() == service)
}

/// The flags of a command that say which cloud it goes to, for another command to the same.
fn same_cloud(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let mut flags = String::new();
    for (index, word) in words.iter().enumerate() {
        match (*word, words.get(index + 1)) {
            ("--local", _) => flags.push_str(" --local"),
            ("--profile" | "--region", Some(value)) => {
                let _ = write!(flags, " {word} {value}");
            }
            _ => {}
        }
    }
    flags
}

/// A stack whose update's rollback failed, found before anything was done.
pub(crate) fn rollback_failed(stack: &str, status: &str, reason: Option<&str>, hints: (&Cli, &str)) -> Failure {
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let failure = Failure::new(Exit::RollbackFailed, format!("{stack} is in {status}{reason}"));
    steps(stack, status, hints).into_iter().fold(failure, Failure::next)
}

/// A stack in a status that this command line doesn't know.
pub(crate) fn unknown(stack: &str, status: &str, (cli, again): (&Cli, &str)) -> Failure {
    Failure::preflight(format!(
        "{stack} is in {status}, a status that this command doesn't know"
    ))
    .code(Code::StackStatus)
    .next(format!(
        "look at it: {}",
        cli.command(&format!("cloudformation describe-stacks --stack-name {stack}"))
    ))
    .next(format!(
        "once it is in a status that ends in _COMPLETE, run `{again}` again"
    ))
}

fn words(cause: &Event) -> String {
    let reason = clean(cause.reason.as_deref().unwrap_or("AWS gives no reason"));
    format!(
        "{} ({}), {}: {reason}",
        cause.logical_id, cause.resource_type, cause.status
    )
}

/// What a rollback that ended well means, as long as ECS did its part.
pub(crate) const RUNS_AGAIN: &str = "what ran before runs again";

fn consequence(status: &str) -> &'static str {
    match status {
        "ROLLBACK_COMPLETE" => "its creation was rolled back and nothing of it is left",
        "UPDATE_ROLLBACK_COMPLETE" => RUNS_AGAIN,
        "ROLLBACK_FAILED" => "its creation failed, and so did removing what had been created",
        "UPDATE_ROLLBACK_FAILED" => "neither what was asked for nor what ran before is whole",
        "DELETE_FAILED" => "some of its resources are left",
        _ => "as it stands",
    }
}

fn steps(stack: &str, status: &str, (cli, again): (&Cli, &str)) -> Vec<String> {
    match status {
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => {
            vec![format!(
                "fix the cause and run `{again}` again: it deletes what is left of {stack} and creates it anew"
            )]
        }
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html
        "UPDATE_ROLLBACK_FAILED" => vec![
            format!(
                "fix what the events name, then {}",
                cli.command(&format!("cloudformation continue-update-rollback --stack-name {stack}"))
            ),
            "if a resource can't be fixed, skip it with `--resources-to-skip NAME`".to_owned(),
            format!("once the stack is in UPDATE_ROLLBACK_COMPLETE, run `{again}` again"),
        ],
        "DELETE_FAILED" => vec![format!("remove what the cause names and run `{again}` again")],
        _ => vec![format!("fix the cause and run `{again}` again")],
    }
}

#[cfg(test)]
mod tests;
