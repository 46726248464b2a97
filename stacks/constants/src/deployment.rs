//! How a change replaces what runs.

/// The share of the desired tasks that stays healthy throughout, in per cent: all of them.
pub const MINIMUM_HEALTHY_PERCENT: i64 = 100;

/// The share of the desired tasks that may exist at once, in per cent: the new beside the old.
pub const MAXIMUM_PERCENT: i64 = 200;

/// Minutes that the alarms go on watching once the new tasks alone serve: the alarms' window and a minute for the
/// metrics to arrive.
pub const BAKE_MINUTES: i64 = 5;

const _: () = assert!(0 < MINIMUM_HEALTHY_PERCENT);
// The window itself is what `stacks` asserts; the minute is for the metrics to arrive.
const _: () = assert!(BAKE_MINUTES * 60 >= crate::alarm::EVALUATION_PERIODS * crate::alarm::PERIOD_SECONDS + 60);
