//! The parameters of every decision in this module.

use constants::{alarm, judgement, load_balancer};

use super::{errors, latency};

/// The parameters of the analysis and the gate. `default` is this project's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// When errors are worse, at the end of a step.
    pub errors: errors::Rule,
    /// When latency is worse.
    pub latency: latency::Rule,
    /// When probes are worse while a step is still running.
    pub early: Early,
    /// When a stage receives too few requests.
    pub drop: Drop,
    /// The fewest requests or probes of a stage.
    pub minimum_requests: u64,
    /// The fewest minutes with response times.
    pub minimum_minutes: usize,
    /// The most minutes of metrics to use.
    pub maximum_minutes: usize,
    /// The share of failures that is tolerated where there is nothing to compare with.
    pub tolerated_share: f64,
    /// The chance with which the smallest detectable difference would be found.
    pub power: f64,
    /// The window of the alarms, in minutes.
    pub alarm_window_minutes: u32,
    /// Minutes after the metrics arrived for alarms to be evaluated.
    pub evaluation_minutes: u32,
    /// The longest that metrics take to arrive after their minute closed, in minutes.
    pub longest_lag_minutes: u32,
}

/// When probes are worse while a step is still running: a test that is repeated at every look.
///
/// Each look is Fisher's exact test of the probes of the last [`Self::recent_seconds`] and of all so far. By Bonferroni's
/// inequality, a good release is reverted with a chance of at most looks × 2 × significance: 0.3 % at a look every second
/// for 25 minutes. The looks are far from independent and the test is conservative, so it is less.
/// Twenty failures without one on the other side are conclusive (2⁻²⁰): at 40 probes a second, 25 % failures are found
/// after two or three seconds and 10 % after five; at 5 a second, after 16 and 40.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Early {
    /// The likelihood at or below which a look is conclusive.
    pub significance: f64,
    /// The length of the recent window, in seconds.
    pub recent_seconds: u64,
    /// In how many seconds a probe must have failed: a single hiccup isn't conclusive.
    pub minimum_failing_seconds: u64,
}

/// When a stage receives too few requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drop {
    /// The likelihood at or below which it isn't chance.
    pub significance: f64,
    /// The part of the expected share that must be missing.
    pub smallest: f64,
    /// The part of all requests that must be missing, where only the time before the step is there to compare with:
    /// customers' traffic changes by itself.
    pub smallest_of_all: f64,
    /// The fewest requests that must have been expected.
    pub minimum_expected: f64,
    /// Onebox's share of the requests by the listener's weights, if nothing else is known.
    pub onebox_share: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            errors: errors::Rule {
                significance: judgement::ERROR_SIGNIFICANCE,
                smallest_rise: judgement::SMALLEST_ERROR_RISE,
                fewest: judgement::FEWEST_ERRORS,
            },
            latency: latency::Rule {
                significance: judgement::LATENCY_SIGNIFICANCE,
                smallest_rise: judgement::SMALLEST_LATENCY_RISE_SECONDS,
            },
            early: Early {
                significance: judgement::EARLY_SIGNIFICANCE,
                recent_seconds: judgement::EARLY_RECENT_SECONDS,
                minimum_failing_seconds: judgement::EARLY_MINIMUM_FAILING_SECONDS,
            },
            drop: Drop {
                significance: judgement::DROP_SIGNIFICANCE,
                smallest: judgement::SMALLEST_DROP,
                smallest_of_all: judgement::SMALLEST_DROP_OF_ALL,
                minimum_expected: judgement::DROP_MINIMUM_EXPECTED,
                onebox_share: onebox_share(),
            },
            minimum_requests: judgement::MINIMUM_REQUESTS,
            minimum_minutes: judgement::MINIMUM_MINUTES,
            maximum_minutes: judgement::MAXIMUM_MINUTES,
            tolerated_share: judgement::TOLERATED_ERROR_SHARE,
            power: judgement::POWER,
            alarm_window_minutes: ALARM_WINDOW_MINUTES,
            evaluation_minutes: 1,
            longest_lag_minutes: LONGEST_LAG_MINUTES,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a few minutes, asserted below")]
const ALARM_WINDOW_MINUTES: u32 = (alarm::EVALUATION_PERIODS * alarm::PERIOD_SECONDS / 60) as u32;

#[expect(clippy::cast_possible_truncation, reason = "a few minutes, asserted below")]
const LONGEST_LAG_MINUTES: u32 = alarm::LONGEST_METRIC_LAG_MINUTES as u32;

const _: () = assert!(0 < alarm::LONGEST_METRIC_LAG_MINUTES && alarm::LONGEST_METRIC_LAG_MINUTES < 60);

const _: () = assert!(0 < ALARM_WINDOW_MINUTES && ALARM_WINDOW_MINUTES < 60);

#[expect(clippy::cast_precision_loss, reason = "weights are at most 999")]
fn onebox_share() -> f64 {
    let (onebox, fleet) = (load_balancer::ONEBOX_WEIGHT, load_balancer::FLEET_WEIGHT);
    onebox as f64 / (onebox + fleet) as f64
}
