//! Whether an environment is healthy: its problems, since when, and the evidence for each.

use std::time::SystemTime;

use serde_json::{Value, json};
use stacks::Stage;

use super::stages::{StageStatus, Stages, common_prefix};
use crate::alarms::Alarm;
use crate::aws::{rfc3339, whole_seconds};
use crate::deploy::plan::short;
use crate::progress::{clean, human};
use crate::services::{Deployment, Service, ServiceEvent};

/// A reason why an environment needs attention.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    /// What it is, for programs: `tasks-missing`.
    pub(super) kind: Kind,
    /// The stage. `None` if it concerns both.
    stage: Option<Stage>,
    /// What it is, for people: `Fleet has 0 of 10 tasks`.
    pub(super) words: String,
    /// Since when, as far as AWS says.
    since: Option<SystemTime>,
    /// ECS's own event that says why.
    event: Option<ServiceEvent>,
}

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A stack's status says that somebody must act.
    Stack,
    /// The load balancer isn't accepting traffic.
    LoadBalancer,
    /// Too few tasks run.
    TasksMissing,
    /// Targets fail their health checks.
    TargetsUnhealthy,
    /// The image that a stage is to run is no longer in the repository.
    ImageGone,
    /// ECS gave a deployment up.
    DeploymentFailed,
    /// Alarms are red.
    Alarms,
    /// Something that health depends on could not be read.
    Unread,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::LoadBalancer => "load-balancer",
            Self::TasksMissing => "tasks-missing",
            Self::TargetsUnhealthy => "targets-unhealthy",
            Self::ImageGone => "image-gone",
            Self::DeploymentFailed => "deployment-failed",
            Self::Alarms => "alarms",
            Self::Unread => "unread",
        }
    }
}

impl Problem {
    /// A problem of both stages.
    pub(super) fn new(kind: Kind, words: String) -> Self {
        Self {
            kind,
            stage: None,
            words,
            since: None,
            event: None,
        }
    }

    /// With its time: `Fleet has 0 of 10 tasks since 2026-12-01T10:14:00Z (3 min 2 s ago)`.
    pub(super) fn timed(&self, now: SystemTime) -> String {
        let Some(since) = self.since else {
            return self.words.clone();
        };
        let age = now.duration_since(since).map(human).unwrap_or_default();
        format!("{} since {} ({age} ago)", self.words, whole_seconds(since))
    }

    /// ECS's event: `2026-12-01T10:17:00Z, ECS: (service Fleet) was unable to place a task. Reason: …`.
    pub(super) fn why(&self) -> Option<String> {
        let event = self.event.as_ref()?;
        let at = event.at.map(|at| whole_seconds(at) + ", ").unwrap_or_default();
        Some(format!("{at}ECS: {}", clean(&event.message)))
    }

    /// For programs.
    pub(super) fn record(&self) -> Value {
        let event = self.event.as_ref();
        json!({
            "kind": self.kind.name(),
            "stage": self.stage.map(Stage::value),
            "words": self.words,
            "since": self.since.map(rfc3339),
            "event": event.map(|event| json!({"at": event.at.map(rfc3339), "message": event.message})),
        })
    }
}

/// The problems of both stages, Fleet's first: it serves nearly all requests.
pub(super) fn problems(stages: &Stages) -> Vec<Problem> {
    let mut problems: Vec<Problem> = stages
        .failure()
        .map(|failure| Problem::new(Kind::LoadBalancer, failure))
        .into_iter()
        .collect();
    problems.extend(stages.each.iter().rev().flat_map(of_stage));
    problems.extend(alarms(&stages.alarms));
    let unread = stages.unread.iter().cloned();
    problems.extend(unread.map(|words| Problem::new(Kind::Unread, words)));
    problems
}

fn of_stage(stage: &StageStatus) -> Vec<Problem> {
    let name = stage.stage.name();
    let problem = |kind, words| Problem {
        stage: Some(stage.stage),
        ..Problem::new(kind, words)
    };
    let mut problems = Vec::new();
    if let Some(service) = &stage.service {
        if stage.lacks_tasks() {
            let words = format!("{name} has {} of {} tasks", service.running, stage.wanted());
            problems.push(Problem {
                since: missing_since(service),
                event: trouble(service).cloned(),
                ..problem(Kind::TasksMissing, words)
            });
        }
        if let Some(failed) = service.deployments.first().filter(|newest| newest.has_failed()) {
            problems.push(problem(Kind::DeploymentFailed, given_up(name, failed)));
        }
    } else if stage.is_read {
        problems.push(problem(Kind::TasksMissing, format!("{name}'s ECS service is gone")));
    }
    if let Some(targets) = stage.targets.as_ref().filter(|targets| targets.unhealthy > 0) {
        let all = targets.healthy + targets.unhealthy + targets.others;
        let reason = targets.reason.as_deref().map(|reason| format!(" ({reason})"));
        let words = format!(
            "{} of {name}'s {all} targets fail health checks{}",
            targets.unhealthy,
            reason.unwrap_or_default()
        );
        problems.push(problem(Kind::TargetsUnhealthy, words));
    }
    if stage.image_gone {
        let image = short(&stage.image).trim_start_matches("sha256:");
        let words = format!("{name}'s image {image} is no longer in the repository");
        problems.push(problem(Kind::ImageGone, words));
    }
    problems
}

fn given_up(name: &str, deployment: &Deployment) -> String {
    let reason = deployment.reason.as_deref().unwrap_or("no reason given");
    format!("ECS gave up {name}'s deployment: {}", clean(reason))
}

/// The alarms that are red, as one problem.
fn alarms(alarms: &[Alarm]) -> Option<Problem> {
    let prefix = common_prefix(alarms);
    let red: Vec<&Alarm> = alarms.iter().filter(|alarm| alarm.is_red()).collect();
    let name = |alarm: &&Alarm| {
        let name = alarm.name[prefix..].to_owned();
        alarm
            .meaning()
            .map_or(name.clone(), |meaning| format!("{name} ({meaning})"))
    };
    let words = match red.as_slice() {
        [] => return None,
        [one] => format!("the alarm {} is red", name(one)),
        several => {
            let names: Vec<String> = several.iter().map(name).collect();
            format!("{} alarms are red: {}", several.len(), names.join("; "))
        }
    };
    Some(Problem {
        since: red.iter().filter_map(|alarm| alarm.since).min(),
        ..Problem::new(Kind::Alarms, words)
    })
}

/// ECS's words for a service that has all its tasks. ECS repeats them every six hours:
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html>.
const STEADY: &str = "has reached a steady state";

/// What ECS's events about trouble contain:
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>.
const TROUBLE: [&str; 4] = ["unable to", "unhealthy", "failed", "throttled"];

/// What may follow a steady state in the same second.
const COMPLETED: &str = "deployment completed";

/// The events since the service last had all its tasks, newest first.
fn since_steady(service: &Service) -> impl Iterator<Item = &ServiceEvent> {
    let events = service
        .events
        .iter()
        .take_while(|event| !event.message.contains(STEADY));
    events.filter(|event| !event.message.contains(COMPLETED))
}

/// Since when tasks are missing: the first event after the last steady state.
fn missing_since(service: &Service) -> Option<SystemTime> {
    since_steady(service).last()?.at
}

/// The newest event about trouble, or else the newest event.
fn trouble(service: &Service) -> Option<&ServiceEvent> {
    let is_trouble = |event: &&ServiceEvent| TROUBLE.iter().any(|words| event.message.contains(words));
    let found = since_steady(service).find(is_trouble);
    found.or_else(|| since_steady(service).next())
}

impl StageStatus {
    /// How many tasks it must have: what ECS keeps up, and no fewer than the stage's minimum.
    pub(super) fn wanted(&self) -> u64 {
        let desired = self.service.as_ref().map_or(0, |service| service.desired);
        desired.max(self.minimum)
    }

    /// Whether fewer run than the minimum, or ECS can't start those that it wants beside them.
    pub(super) fn lacks_tasks(&self) -> bool {
        self.service.as_ref().is_some_and(|service| {
            let is_stuck = || trouble(service).is_some_and(|event| event.message.contains("unable to"));
            service.running < self.minimum || service.running < service.desired && is_stuck()
        })
    }
}

#[cfg(test)]
mod tests;
