//! How Onebox's image is judged before Fleet gets it: beyond the alarms, which only know their thresholds.

/// Probes a second that a deployment sends to a stage while it meets a change: over the bake time some ten
/// thousand, so that an environment without traffic can be judged, and enough of them even where that time passes
/// sixty times as fast; and a small part of what one task answers.
pub const PROBES_PER_SECOND: u32 = 40;

/// The most probes that a deployment sends to a stage: an hour of them, which no rollout with its bake time takes.
pub const PROBES_AT_MOST: u64 = 144_000;

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

const _: () = assert!(2 <= MINIMUM_MINUTES && MINIMUM_MINUTES <= MAXIMUM_MINUTES);
const _: () = assert!(SMALLEST_ERROR_RISE * 100.0 < crate::alarm::SERVER_ERROR_PERCENT as f64);
const _: () = assert!(SMALLEST_LATENCY_RISE_SECONDS < crate::alarm::RESPONSE_TIME_SECONDS as f64);
// Probes alone give enough requests within the bake time.
const _: () = assert!(PROBES_PER_SECOND as u64 * 60 * crate::deployment::BAKE_MINUTES as u64 >= MINIMUM_REQUESTS);
// Probes never end before an ordinary rollout does.
const _: () = assert!(PROBES_AT_MOST >= PROBES_PER_SECOND as u64 * 60 * 2 * crate::deployment::BAKE_MINUTES as u64);
