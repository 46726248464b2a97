//! How a change replaces what runs.

/// The share of the desired tasks that stays healthy throughout, in per cent: all of them.
pub const MINIMUM_HEALTHY_PERCENT: i64 = 100;

/// The share of the desired tasks that may exist at once, in per cent: the new beside the old.
pub const MAXIMUM_PERCENT: i64 = 200;

/// Minutes that the alarms go on watching once the new tasks alone serve: 1 until the first whole minute begins, 4 of the
/// alarms' window, 4 until the last of them is published, 1 until the alarm is evaluated.
pub const BAKE_MINUTES: i64 = 10;

const _: () = assert!(0 < MINIMUM_HEALTHY_PERCENT);
// `stacks` asserts the window, the lag and the evaluation; the period more is the one that has begun when the bake begins.
const _: () = assert!(
    BAKE_MINUTES * 60
        >= (crate::alarm::EVALUATION_PERIODS + 1) * crate::alarm::PERIOD_SECONDS
            + crate::alarm::LONGEST_METRIC_LAG_MINUTES * 60
            + 60
);
