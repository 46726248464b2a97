//! How Onebox's image is judged before Fleet gets it: beyond the alarms, which only know their thresholds.

/// Probes a second that a deployment sends to a stage while it meets a change: over the bake time some ten
/// thousand, so that an environment without traffic can be judged, and enough of them even where that time passes
/// sixty times as fast; and a small part of what one task answers.
pub const PROBES_PER_SECOND: u32 = 40;

/// The fewest requests of a stage to judge by: a hundred without an error bound the share of errors to below 3 %.
pub const MINIMUM_REQUESTS: u64 = 100;

/// The fewest minutes to compare response times by: with three a side, one order in twenty puts all of Onebox's last.
pub const MINIMUM_MINUTES: usize = 3;

/// The most minutes that are looked at: the latest tell most, and the test stays exact.
pub const MAXIMUM_MINUTES: usize = 30;

/// How unlikely Onebox's errors must be, were it no worse than Fleet: a good change is held up once in a hundred times.
pub const ERROR_SIGNIFICANCE: f64 = 0.01;

/// The smallest rise of the share of errors that is called worse: a fifth of what the alarm fires at.
pub const SMALLEST_ERROR_RISE: f64 = 0.01;

/// The fewest errors that are called worse: a stray one must not hold up a change.
pub const FEWEST_ERRORS: u64 = 3;

/// How unlikely Onebox's response times must be, were it no worse than Fleet. What four minutes can show isn't much
/// rarer; the smallest rise below is what keeps chance out.
pub const LATENCY_SIGNIFICANCE: f64 = 0.05;

/// The smallest rise of the response time that is called worse, in seconds: what people begin to notice.
pub const SMALLEST_LATENCY_RISE_SECONDS: f64 = 0.1;

/// How surely a regression must be found for it to count as one that the traffic could have shown.
pub const POWER: f64 = 0.8;

/// Seconds after which a probe has failed, at any speed of a local cloud: four times as quick as the service's own limit, so
/// that a request that hangs is noticed even if the service never gives it up.
pub const PROBE_TIMEOUT_SECONDS: u64 = 5;

/// The customers' requests a minute up to which a stage is probed at the full rate. Above, probes would dilute customers'
/// errors in the metrics that alarms watch, and there are enough requests to judge by.
pub const PROBE_DILUTION_REQUESTS: f64 = 100.0;

/// How unlikely the probes' failures must be at one look for a revert before the metrics arrive. Small, because there are up
/// to some thousand looks: together they revert a good release at most once in three hundred deployments.
pub const EARLY_SIGNIFICANCE: f64 = 1e-6;

/// The window of the latest probes that such a look tests beside all of them, in seconds: long enough for 10 % failures at
/// 5 probes a second, and short enough that earlier good minutes don't hide a late fault.
pub const EARLY_RECENT_SECONDS: u64 = 60;

/// In how many seconds a probe must have failed for such a revert: one hiccup of a machine isn't a bad release.
pub const EARLY_MINIMUM_FAILING_SECONDS: u64 = 3;

/// The share of failures that is tolerated where there is nothing to compare with.
pub const TOLERATED_ERROR_SHARE: f64 = 0.01;

/// How far from a second, in seconds, a call to AWS shows whether the network worked in it: more than the longest pause
/// between two calls while a deployment is watched.
pub const NETWORK_REACH_SECONDS: u64 = 15;

/// How unlikely a stage's share of the requests must be for it to be called too small.
pub const DROP_SIGNIFICANCE: f64 = 0.001;

/// The part of its share that must be missing: weights are chances, and half is far outside of them.
pub const SMALLEST_DROP: f64 = 0.5;

/// The part of all requests that must be missing compared with before the step: traffic changes by itself, yet hardly by
/// so much within minutes.
pub const SMALLEST_DROP_OF_ALL: f64 = 0.9;

/// The fewest requests that a stage must have been expected to receive: of ten, chance alone misses half in one of fifteen.
pub const DROP_MINIMUM_EXPECTED: f64 = 10.0;

const _: () = assert!(2 <= MINIMUM_MINUTES && MINIMUM_MINUTES <= MAXIMUM_MINUTES);
const _: () = assert!(SMALLEST_ERROR_RISE * 100.0 < crate::alarm::SERVER_ERROR_PERCENT as f64);
const _: () = assert!(SMALLEST_LATENCY_RISE_SECONDS < crate::alarm::RESPONSE_TIME_SECONDS as f64);
// Probes alone give enough requests within the bake time.
const _: () = assert!(PROBES_PER_SECOND as u64 * 60 * crate::deployment::BAKE_MINUTES as u64 >= MINIMUM_REQUESTS);
const _: () = assert!(PROBE_TIMEOUT_SECONDS < crate::service::REQUEST_TIMEOUT_SECONDS);
const _: () = assert!(EARLY_SIGNIFICANCE < ERROR_SIGNIFICANCE);
const _: () = assert!(0.0 < TOLERATED_ERROR_SHARE && TOLERATED_ERROR_SHARE < 1.0);
