//! The result of an analysis: the ruling, every check behind it, and what wasn't checked.

use std::fmt;

use super::errors::Errors;
use super::probes::Tally;
use super::requests::Share;
use super::targets::Targets;
use crate::stage::Stage;

/// What the analysis of a step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    /// No significant difference, with enough evidence.
    Good,
    /// There is nothing to compare with: a first deployment.
    NotJudged,
    /// Inconclusive: not enough evidence.
    Thin,
    /// Worse than the baseline, or an alarm fired.
    Worse,
}

impl Ruling {
    /// The word for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NotJudged => "not_judged",
            Self::Thin => "thin",
            Self::Worse => "worse",
        }
    }
}

/// A ruling and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The ruling.
    pub ruling: Ruling,
    /// What was compared with what, in words: `Onebox with Fleet`.
    pub comparison: String,
    /// Why the ruling isn't good, the most important reason first.
    pub reasons: Vec<String>,
    /// What was judged.
    pub checks: Vec<Check>,
    /// What wasn't judged, and why.
    pub not_judged: Vec<NotJudged>,
}

impl Verdict {
    /// Whether the deployment may continue: the ruling is good, or there was nothing to compare with, or too little evidence
    /// was accepted (`--accept`). Never if it is worse.
    pub fn passes(&self, accepted: bool) -> bool {
        match self.ruling {
            Ruling::Good | Ruling::NotJudged => true,
            Ruling::Thin => accepted,
            Ruling::Worse => false,
        }
    }

    /// The same with alarms that fired, by their names. Any makes it worse, whatever the requests show.
    #[must_use]
    pub fn with_alarms(mut self, red: &[String]) -> Self {
        if red.is_empty() {
            return self;
        }
        let alarms = red.iter().map(|name| format!("alarm {name} fired"));
        let before = match self.ruling {
            Ruling::Worse => std::mem::take(&mut self.reasons),
            Ruling::Good | Ruling::NotJudged | Ruling::Thin => Vec::new(),
        };
        self.reasons = alarms.chain(before).collect();
        self.ruling = Ruling::Worse;
        self
    }
}

/// What was compared with a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Baseline {
    /// Fleet over the same minutes.
    Fleet,
    /// The same stage before the step.
    Before,
    /// Nothing: a share of failures that is tolerated.
    Limit(f64),
}

impl Baseline {
    /// The word for programs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Before => "before",
            Self::Limit(_) => "limit",
        }
    }
}

/// The requests that were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Probes, as their client saw them.
    Probes,
    /// Customers' requests: the load balancer's, without the probes.
    Customers,
    /// Every request that the load balancer counted.
    Requests,
}

impl Source {
    /// The word for programs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Probes => "probes",
            Self::Customers => "customers",
            Self::Requests => "requests",
        }
    }
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// Of failures.
    Errors(ErrorCheck),
    /// Of response times.
    Latency(LatencyCheck),
    /// Of the requests that arrive.
    Drop(DropCheck),
    /// Of the targets that pass their health checks.
    Targets(TargetsCheck),
}

impl Check {
    /// Whether the stage is worse by it.
    pub fn is_worse(&self) -> bool {
        match self {
            Self::Errors(check) => check.worse,
            Self::Latency(check) => check.worse,
            Self::Drop(check) => check.worse,
            Self::Targets(check) => check.worse,
        }
    }
}

/// Failures of a stage and of its baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorCheck {
    /// The stage. [`Stage::Shared`] stands for probes without a stage's header.
    pub stage: Stage,
    /// What it was compared with.
    pub baseline: Baseline,
    /// Which requests.
    pub source: Source,
    /// The stage's.
    pub tried: Errors,
    /// The baseline's; empty for a limit.
    pub known: Errors,
    /// Why the stage's probes failed; empty for other requests.
    pub failures: Tally,
    /// How likely so many failures would be if there were no difference.
    pub likelihood: f64,
    /// The smallest share of failures that would have been found; `None` if none would have.
    pub smallest: Option<f64>,
    /// Whether the stage is worse.
    pub worse: bool,
}

/// The response times of the slowest tenth, minute by minute.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyCheck {
    /// The stage.
    pub stage: Stage,
    /// What it was compared with.
    pub baseline: Baseline,
    /// The stage's, in seconds.
    pub tried: Vec<f64>,
    /// The baseline's, in seconds.
    pub known: Vec<f64>,
    /// How likely such times would be if there were no difference.
    pub likelihood: f64,
    /// How much longer they typically are, in seconds.
    pub rise: f64,
    /// The smallest rise that would have been found; `None` if none would have.
    pub smallest: Option<f64>,
    /// Whether the stage is worse.
    pub worse: bool,
}

/// The customers' requests that a stage received.
#[derive(Debug, Clone, PartialEq)]
pub struct DropCheck {
    /// The stage. [`Stage::Shared`] stands for both together.
    pub stage: Stage,
    /// The requests, and what was expected.
    pub received: Received,
    /// Whether they are too few.
    pub worse: bool,
}

/// Requests and what was expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Received {
    /// As a share of both stages' requests.
    Share(Share),
    /// A minute, before the step and since.
    PerMinute {
        /// Before.
        before: f64,
        /// Since.
        since: f64,
    },
}

/// A stage's targets in a minute since the step.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetsCheck {
    /// The stage.
    pub stage: Stage,
    /// Its targets.
    pub targets: Targets,
    /// Whether too many fail their health checks.
    pub worse: bool,
}

/// Something that wasn't judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJudged {
    /// What: `latency of Onebox`.
    pub what: String,
    /// Why: `no response times before the step`.
    pub reason: String,
}

impl NotJudged {
    pub(super) fn new(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for NotJudged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.what, self.reason)
    }
}

/// A stage in a sentence about probes.
pub(super) const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Shared => "the listener's default action",
        Stage::Onebox => "Onebox",
        Stage::Fleet => "Fleet",
    }
}
