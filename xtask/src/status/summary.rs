//! The first line of a status, and what to do next: whether the environment is healthy, and if not, why.

use std::time::SystemTime;

use stacks::service;

use super::Report;
use super::health::{Kind, Problem, problems};
use crate::aws::{Aws, rfc3339};
use crate::deploy::plan::short;
use crate::releases;
use crate::stack::Stack;
use crate::stack::busy::{begun_words, holder, newest_begun};
use crate::stack::standing::{Standing, standing};
use crate::token::{Asked, Purpose, digits};
use crate::unread::readable;

/// What goes on in a service stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Activity {
    /// Nothing.
    Idle,
    /// An operation.
    Changing(String),
    /// A deployment began, and not all of its steps are done.
    Unfinished(String),
}

impl Activity {
    /// Reads it from the stack's newest operation, whose token names the deployment's release and step.
    pub(super) async fn read(aws: &Aws, stack: &Stack, unread: &mut Vec<String>) -> anyhow::Result<Self> {
        let begun = newest_begun(aws, &stack.id).await;
        let begun = readable(unread, "the stack's events", begun)?.flatten();
        if standing(Some(&stack.status)) == Standing::Busy {
            return Ok(Self::Changing(begun_words(stack, begun.as_ref())));
        }
        let token = begun
            .as_ref()
            .and_then(|begun| Some((begun.time, begun.token.as_deref()?)));
        Ok(token.map_or(Self::Idle, |(at, token)| Self::of(stack, at, token)))
    }

    /// What the token of the newest operation, which is over, says. The last step names the release of the whole stack.
    pub(super) fn of(stack: &Stack, at: SystemTime, token: &str) -> Self {
        let Some(Asked {
            purpose: Purpose::Step { release, step, .. },
            ..
        }) = Asked::of(token)
        else {
            return Self::Idle;
        };
        let deployed = stack.parameters.get(service::RELEASE).map(|deployed| digits(deployed));
        if deployed.as_ref() == Some(&release) {
            return Self::Idle;
        }
        Self::Unfinished(format!(
            "the deployment of release {release} isn't finished: its step {} began at {}, started {}",
            step + 1,
            rfc3339(at),
            holder(token)
        ))
    }
}

/// The verdict on an environment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Summary {
    /// One line: `sandbox needs attention: Fleet has 0 of 10 tasks`.
    pub(super) line: String,
    /// What else needs attention.
    pub(super) also: Vec<String>,
    /// The evidence for the first problem that has any.
    pub(super) why: Option<String>,
    /// The steps to take.
    pub(super) next: Vec<String>,
    /// Whether nothing needs attention.
    pub(super) is_healthy: bool,
    pub(super) problems: Vec<Problem>,
}

impl Summary {
    pub(super) fn of(report: &Report, now: SystemTime) -> Self {
        let problems = all_problems(report);
        let name = &report.environment;
        let is_deployed = report.found.iter().all(Option::is_some);
        let mut words = problems.iter().map(|problem| problem.timed(now));
        let first = words.next();
        let mut also: Vec<String> = words.collect();
        let line = match (&first, &report.activity) {
            (Some(first), activity) => {
                if let Activity::Changing(words) | Activity::Unfinished(words) = activity {
                    also.push(words.clone());
                }
                format!("{name} needs attention: {first}.")
            }
            (None, _) if !is_deployed => format!("{name} isn't deployed."),
            (None, Activity::Changing(words)) => format!("{name} is changing: {words}."),
            (None, Activity::Unfinished(words)) => format!("{name} is healthy, but {words}."),
            (None, Activity::Idle) => healthy(report),
        };
        Self {
            line,
            also,
            why: problems.iter().find_map(Problem::why),
            next: next(report, &problems, is_deployed),
            is_healthy: is_deployed && first.is_none(),
            problems,
        }
    }
}

fn all_problems(report: &Report) -> Vec<Problem> {
    let mut found: Vec<Problem> = report.found.iter().flatten().filter_map(of_stack).collect();
    found.extend(report.stages.iter().flat_map(problems));
    let unread = report.unread.iter().cloned();
    found.extend(unread.map(|words| Problem::new(Kind::Unread, words)));
    found
}

fn of_stack(stack: &Stack) -> Option<Problem> {
    match standing(Some(&stack.status)) {
        Standing::Absent | Standing::Ready | Standing::Busy => None,
        Standing::Leftover | Standing::RollbackFailed | Standing::Unknown => {
            let reason = stack.reason.as_ref().map(|reason| format!(": {reason}"));
            let words = format!("{} is {}{}", stack.name, stack.status, reason.unwrap_or_default());
            Some(Problem::new(Kind::Stack, words))
        }
    }
}

fn healthy(report: &Report) -> String {
    let name = &report.environment;
    let Some(stages) = &report.stages else {
        return format!("{name} is deployed.");
    };
    let runs = stages.each.each_ref().map(|stage| match &stage.release {
        Some(release) => format!("release {}", releases::short(release)),
        None => format!("image {}", short(&stage.image).trim_start_matches("sha256:")),
    });
    let [onebox, fleet] = runs;
    if onebox == fleet {
        format!("{name} is healthy: both stages run {onebox}.")
    } else {
        format!("{name} is healthy: Onebox runs {onebox}, Fleet runs {fleet}.")
    }
}

/// The steps to take, by the kinds of the problems.
fn next(report: &Report, problems: &[Problem], is_deployed: bool) -> Vec<String> {
    let has = |kinds: &[Kind]| problems.iter().any(|problem| kinds.contains(&problem.kind));
    let command = |command: &str, flags: &str| {
        let (name, cloud) = (&report.environment, &report.cloud);
        format!("`cargo xtask {command} {name}{flags}{cloud}`")
    };
    let mut next = Vec::new();
    if !is_deployed {
        next.push(format!("deploy it: `{}`", report.deploys));
    }
    for stack in report.found.iter().flatten().filter(|stack| of_stack(stack).is_some()) {
        next.push(format!("what to do: `cargo xtask explain {}`", stack.status));
    }
    if matches!(report.activity, Activity::Unfinished(_)) {
        next.push(format!("continue the deployment: {}", command("deploy", " --resume")));
    }
    if has(&[Kind::ImageGone]) {
        next.push(format!("restore the previous release: {}", command("rollback", "")));
    } else if has(&[
        Kind::TasksMissing,
        Kind::TargetsUnhealthy,
        Kind::DeploymentFailed,
        Kind::Alarms,
    ]) {
        next.push(format!("see why: {}", command("logs", " --errors")));
        next.push(format!("or restore the previous release: {}", command("rollback", "")));
    }
    if has(&[Kind::Unread]) {
        next.push(format!(
            "the rights that are needed: `cargo xtask permissions {}`",
            report.environment
        ));
    }
    next
}
