//! What probes found, by the second in which each was sent.

use std::collections::BTreeMap;
use std::fmt;

use constants::judgement::PROBE_TIMEOUT_SECONDS;
use serde::{Deserialize, Serialize};

use super::errors::Errors;
use super::network::Network;
use super::time::{ServerTime, Span};

/// Why a probe failed, as its client saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeFailure {
    /// No connection to the load balancer.
    NoConnection,
    /// The connection ended before the response was complete.
    ConnectionClosed,
    /// No complete response in time.
    Timeout,
    /// The status isn't 200.
    Status(u16),
    /// The status is 200 and the body isn't the service's.
    WrongBody,
    /// Another stage responded than the one that the header names.
    WrongStage,
}

impl ProbeFailure {
    /// Whether the load balancer's metrics count it as a failure too.
    const fn is_in_metrics(self) -> bool {
        match self {
            Self::Status(status) => status >= 500,
            Self::ConnectionClosed | Self::Timeout => true,
            Self::NoConnection | Self::WrongBody | Self::WrongStage => false,
        }
    }
}

impl fmt::Display for ProbeFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection => formatter.write_str("no connection"),
            Self::ConnectionClosed => formatter.write_str("connection closed"),
            Self::Timeout => write!(formatter, "timeout after {PROBE_TIMEOUT_SECONDS} s"),
            Self::Status(status) => write!(formatter, "status {status}"),
            Self::WrongBody => formatter.write_str("wrong body"),
            Self::WrongStage => formatter.write_str("response of the other stage"),
        }
    }
}

/// The finished probes of one stage. A probe counts for the second in which it was sent, whenever it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProbeLog {
    seconds: BTreeMap<u64, Second>,
}

/// The probes that were sent in one second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Second {
    succeeded: u64,
    failed: BTreeMap<ProbeFailure, u64>,
}

impl Second {
    fn errors(&self) -> Errors {
        let errors = self.failed.values().sum();
        Errors {
            errors,
            requests: errors + self.succeeded,
        }
    }
}

/// Probes over some seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them, and those that failed.
    pub errors: Errors,
    /// Those that failed, by the reason.
    pub failures: BTreeMap<ProbeFailure, u64>,
    /// In how many seconds a probe failed.
    pub failing_seconds: u64,
}

impl Tally {
    fn add(&mut self, second: &Second) {
        let errors = second.errors();
        self.errors = self.errors + errors;
        self.failing_seconds += u64::from(errors.errors > 0);
        for (failure, count) in &second.failed {
            *self.failures.entry(*failure).or_default() += count;
        }
    }

    /// The probes that the load balancer certainly counted: those with a response.
    pub(super) fn answered(&self) -> u64 {
        let unanswered = |failure: &ProbeFailure| {
            matches!(
                failure,
                ProbeFailure::NoConnection | ProbeFailure::ConnectionClosed | ProbeFailure::Timeout
            )
        };
        let failures = self.failures.iter().filter(|(failure, _)| unanswered(failure));
        self.errors.requests - failures.map(|(_, count)| count).sum::<u64>()
    }

    /// The failures that the load balancer's metrics count too.
    pub(super) fn in_metrics(&self) -> u64 {
        let counted = self.failures.iter().filter(|(failure, _)| failure.is_in_metrics());
        counted.map(|(_, count)| count).sum()
    }

    /// `connection closed 28, timeout after 5 s 2`, the most frequent first.
    pub fn reasons(&self) -> String {
        let mut failures: Vec<_> = self.failures.iter().collect();
        failures.sort_by_key(|(failure, count)| (u64::MAX - **count, **failure));
        let reasons: Vec<String> = failures
            .iter()
            .map(|(failure, count)| format!("{failure} {count}"))
            .collect();
        reasons.join(", ")
    }
}

impl ProbeLog {
    /// Counts a probe that was sent at a time and is finished.
    pub fn record(&mut self, sent: ServerTime, outcome: Result<(), ProbeFailure>) {
        let second = self.seconds.entry(sent.second()).or_default();
        match outcome {
            Ok(()) => second.succeeded += 1,
            Err(failure) => *second.failed.entry(failure).or_default() += 1,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// All of them.
    pub fn total(&self) -> Tally {
        tally(self.seconds.values())
    }

    /// Those sent within a span.
    pub fn within(&self, span: Span) -> Tally {
        tally(self.in_span(span).map(|(_, second)| second))
    }

    fn in_span(&self, span: Span) -> impl Iterator<Item = (u64, &Second)> {
        let (from, to) = (span.from.second(), span.to.millis().div_ceil(1000));
        self.seconds
            .range(from..to.max(from))
            .map(|(second, probes)| (*second, probes))
    }

    /// Those sent about a second: in it, and in the ones beside it.
    fn about(&self, second: u64) -> Errors {
        let beside = second.saturating_sub(1)..=second.saturating_add(1);
        let errors = self.seconds.range(beside).map(|(_, probes)| probes.errors());
        errors.fold(Errors::default(), |sum, errors| sum + errors)
    }

    fn fails_in(&self, second: u64) -> bool {
        let probes = self.seconds.get(&second);
        probes.is_some_and(|probes| !probes.failed.is_empty())
    }
}

fn tally<'a>(seconds: impl Iterator<Item = &'a Second>) -> Tally {
    seconds.fold(Tally::default(), |mut tally, second| {
        tally.add(second);
        tally
    })
}

/// Whether probes to both stages fail about a second, and about as often: then the cause is likely what both have in
/// common, such as the network. Symmetric, so that leaving such seconds out favours neither stage.
fn fail_alike(one: &ProbeLog, other: &ProbeLog, second: u64) -> bool {
    let (one, other) = (one.about(second).share(), other.about(second).share());
    one.min(other) > 0.0 && 2.0 * one.min(other) >= one.max(other)
}

/// Probes that can be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// The stage's.
    pub(super) tried: Tally,
    /// The baseline's.
    pub(super) known: Tally,
    /// Seconds left out, because probes to both stages failed in them.
    pub(super) left_out: u64,
}

/// The probes to two stages over the same seconds, without those in which both failed alike.
pub(super) fn side_by_side(tried: &ProbeLog, known: &ProbeLog, span: Span) -> Compared {
    let mut compared = Compared::default();
    for (second, probes) in tried.in_span(span) {
        if fail_alike(tried, known, second) {
            compared.left_out += 1;
        } else {
            compared.tried.add(probes);
        }
    }
    for (second, probes) in known.in_span(span) {
        if !fail_alike(tried, known, second) {
            compared.known.add(probes);
        }
    }
    compared
}

/// The probes to a stage since a step, and before it.
///
/// Both stages may fail by the step here. A second with failures counts if another stage's probes didn't fail alike, or if
/// the network path to AWS worked.
pub(super) fn with_itself(
    tried: &ProbeLog,
    others: &[&ProbeLog],
    network: &Network,
    span: Span,
    before: Option<Span>,
) -> Compared {
    let mut compared = Compared::default();
    let succeeds_elsewhere = |second| {
        let fine = |other: &&&ProbeLog| other.about(second).requests > 0 && !fail_alike(tried, other, second);
        others.iter().any(|other| fine(&other))
    };
    for (second, probes) in tried.in_span(span) {
        if tried.fails_in(second) && !succeeds_elsewhere(second) && !network.works(second) {
            compared.left_out += 1;
        } else {
            compared.tried.add(probes);
        }
    }
    compared.known = before.map(|before| tried.within(before)).unwrap_or_default();
    compared
}
