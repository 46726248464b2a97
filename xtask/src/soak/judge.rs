//! Whether what was seen of a deployment is what its plan promises: every breach, in words.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use stacks::Stage;

use super::account::{Account, Cause, Failure, Window, account};
use super::plan::{Bad, Blow, Change, State, Step};
use super::words::harmless;
use crate::code::Code;
use crate::deploy::plan::short;
use crate::exit::Exit;

/// A disturbed command is given so often at the most.
pub(crate) const MOST_ATTEMPTS: usize = 4;

/// How many tasks each stage runs at rest.
#[expect(clippy::cast_possible_truncation, reason = "small and above 0")]
pub(crate) const COUNTS: [usize; 2] = [
    constants::capacity::ONEBOX_MINIMUM as usize,
    constants::capacity::FLEET_MINIMUM as usize,
];

/// What was seen of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// How the command ended, each time that it was given.
    pub(crate) attempts: Vec<Attempt>,
    /// The service stack's status at the end.
    pub(crate) status: String,
    /// Whether the stack's template is the one that must be deployed.
    pub(crate) same_template: bool,
    /// Onebox and Fleet at the end.
    pub(crate) stages: [StageSeen; 2],
    /// What made requests fail, beside the deployment itself.
    pub(crate) windows: Vec<Window>,
    /// How many requests were answered, or failed to be.
    pub(crate) requests: u64,
    /// Those that failed.
    pub(crate) failures: Vec<Failure>,
    /// How many more failed than could be kept.
    pub(crate) beyond: u64,
    /// Processes of this local cloud's that it doesn't know, at the end.
    pub(crate) strays: Vec<String>,
}

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// The exit status; none where it was killed.
    pub(crate) exit: Option<i32>,
    /// The error's code, where there was one.
    pub(crate) code: Option<String>,
}

/// What was seen of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StageSeen {
    /// The image that CloudFormation says it runs.
    pub(crate) parameter: String,
    /// The images that ECS says its tasks run, one a task.
    pub(crate) images: Vec<String>,
    /// Its tasks' processes.
    pub(crate) processes: Vec<Process>,
}

/// What a task's process was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Process {
    /// The image's fault.
    pub(crate) fault: Option<String>,
    /// The configuration.
    pub(crate) configuration: Option<String>,
}

/// What is not as the plan promises; nothing where all is. `image` is what must run in the end.
pub(crate) fn judge(step: &Step, image: &str, seen: &Seen) -> (Vec<String>, Account) {
    let mut breaches = Vec::new();
    breaches.extend(attempts(step, &seen.attempts));
    if !seen.status.ends_with("_COMPLETE") {
        breaches.push(format!("the stack is {}", seen.status));
    }
    if !seen.same_template {
        breaches.push("the stack's template is not the one that must be deployed".to_owned());
    }
    for (at, stage) in [Stage::Onebox, Stage::Fleet].into_iter().enumerate() {
        let seen = &seen.stages[at];
        breaches.extend(runs(stage, COUNTS[at], image, seen));
        breaches.extend(processes(stage, step.goal(), seen));
    }
    breaches.extend(seen.strays.iter().map(|stray| format!("left over: {stray}")));
    let account = account(&seen.failures, &seen.windows);
    let unexplained = account.unexplained.iter();
    breaches.extend(unexplained.map(|(what, count)| format!("nothing accounts for {count} × {what}")));
    if seen.beyond > 0 {
        breaches.push(format!(
            "{} more requests failed than can be accounted for",
            seen.beyond
        ));
    }
    if seen.requests == 0 {
        breaches.push("no request was sent".to_owned());
    }
    (breaches, account)
}

/// What the deployment itself makes fail, beside every disturbance.
pub(crate) fn own_cause(change: Change) -> Option<Cause> {
    let (onebox, fleet) = (|| Stage::Onebox.value().to_owned(), || Stage::Fleet.value().to_owned());
    match change {
        Change::Bad(Bad::Errors(_)) => Some(Cause::Answers500(onebox())),
        Change::Bad(Bad::FleetErrors(_)) => Some(Cause::Answers500(fleet())),
        Change::Bad(Bad::Crash(_)) => Some(Cause::TasksEnd(onebox())),
        _ => None,
    }
}

/// How the command must end in the end: a good one done, a bad one undone.
pub(crate) fn wanted(step: &Step) -> Exit {
    if step.is_bad() { Exit::RolledBack } else { Exit::Done }
}

/// The command ends as it must, and before that only in ways that its disturbance accounts for.
fn attempts(step: &Step, attempts: &[Attempt]) -> Option<String> {
    let wanted = i32::from(wanted(step).code());
    let (last, earlier) = attempts.split_last()?;
    let excused = earlier.iter().all(|attempt| {
        step.disturbance
            .is_some_and(|disturbance| excuses(disturbance.blow, attempt))
    });
    let words = attempts.iter().map(Attempt::in_words).collect::<Vec<_>>().join(", ");
    (last.exit != Some(wanted) || !excused).then(|| format!("exit status {words}, expected {wanted}"))
}

/// Whether a disturbance accounts for a command that has to be given again.
fn excuses(blow: Blow, attempt: &Attempt) -> bool {
    let is = |exit: Exit| attempt.exit == Some(i32::from(exit.code()));
    let has = |code: Code| attempt.code.as_deref() == Some(code.name());
    let undecided = is(Exit::ThinEvidence) || is(Exit::RolledBack);
    match blow {
        // Its probes end with it. What was left may have been undone meanwhile, because of an alarm that still is red; or
        // nothing had begun that could be resumed.
        Blow::Xtask => {
            attempt.exit.is_none() || is(Exit::ThinEvidence) || has(Code::RedAlarm) || has(Code::NothingToResume)
        }
        // What clients met of it may have reddened an alarm by the time that the next stage was to begin.
        Blow::Tasks { .. } => undecided || has(Code::RedAlarm),
        Blow::Cloud => undecided || has(Code::RedAlarm) || has(Code::AwsUnreachable),
    }
}

fn runs(stage: Stage, count: usize, image: &str, seen: &StageSeen) -> Vec<String> {
    let name = stage.name();
    let mut breaches = Vec::new();
    if seen.parameter != image {
        breaches.push(format!(
            "CloudFormation says that {name} runs {}, expected {}",
            short(&seen.parameter),
            short(image)
        ));
    }
    let others: BTreeSet<&str> = seen
        .images
        .iter()
        .map(String::as_str)
        .filter(|runs| *runs != image)
        .collect();
    if !others.is_empty() {
        let others: Vec<&str> = others.into_iter().map(short).collect();
        breaches.push(format!(
            "{name} runs {}, expected {}",
            others.join(" and "),
            short(image)
        ));
    }
    if seen.images.len() != count {
        breaches.push(format!("{name} runs {} tasks, expected {count}", seen.images.len()));
    }
    breaches
}

/// The processes themselves: as many as ECS says, and all with what the state says.
fn processes(stage: Stage, goal: State, seen: &StageSeen) -> Vec<String> {
    let name = stage.name();
    let wanted = Process {
        fault: harmless(goal.image),
        configuration: (goal.configuration > 0).then(|| goal.configuration.to_string()),
    };
    let mut breaches = Vec::new();
    if seen.processes.len() != seen.images.len() {
        breaches.push(format!(
            "{name} has {} processes for its {} tasks",
            seen.processes.len(),
            seen.images.len()
        ));
    }
    let others: BTreeSet<&Process> = seen.processes.iter().filter(|process| **process != wanted).collect();
    breaches.extend(
        others
            .into_iter()
            .map(|process| format!("a process of {name} has {process:?}, expected {wanted:?}")),
    );
    breaches
}

impl Attempt {
    /// The exit status, in a word.
    pub(crate) fn in_words(&self) -> String {
        self.exit.map_or_else(|| "killed".to_owned(), |exit| exit.to_string())
    }
}

#[cfg(test)]
mod tests;
