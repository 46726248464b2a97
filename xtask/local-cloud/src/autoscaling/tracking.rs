//! Target tracking: how many tasks a service should have, by how busy they are.
//!
//! <https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html>

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Minutes in a row above the target before tasks are added. AWS's guides don't say; this is what users report.
/// <https://github.com/aws/containers-roadmap/issues/1208>
pub(super) const MINUTES_ABOVE: usize = 3;

/// Minutes in a row below before tasks are taken away, by the same reports.
pub(super) const MINUTES_BELOW: usize = 15;

/// Tasks are taken away only when the metric is more than a tenth below its target.
const SCALE_IN_SHARE: f64 = 0.9;

/// What a policy aims at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Target {
    pub(super) value: f64,
    pub(super) scale_out_cooldown: Duration,
    pub(super) scale_in_cooldown: Duration,
    pub(super) scale_in_disabled: bool,
}

/// What is so now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) now: SystemTime,
    /// The metric's averages of the latest minutes, the oldest first; none where there is no data.
    pub(super) minutes: &'a [Option<f64>],
    /// How many tasks are wanted.
    pub(super) count: u32,
    pub(super) minimum: u32,
    pub(super) maximum: u32,
    /// Whether a deployment is under way.
    pub(super) deploying: bool,
}

/// What a policy wants of the number of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// As it is.
    Stay,
    /// More.
    Out(u32),
    /// Fewer.
    In(u32),
}

/// What was done last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tracking {
    /// When tasks were added, and how many there were before.
    scaled_out: Option<(SystemTime, u32)>,
    /// When tasks were taken away.
    scaled_in: Option<SystemTime>,
}

impl Tracking {
    /// The number of tasks to have from now on, if it is another. With several policies the largest number counts: any of
    /// them may add tasks, and all that may take away must want to.
    /// <https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html>
    pub(super) fn step(&mut self, policies: &[(Target, Situation<'_>)]) -> Option<u32> {
        let (_, Situation { now, count, .. }) = *policies.first()?;
        let wishes = policies
            .iter()
            .map(|(target, situation)| (target, self.wish(target, situation)));
        let wishes = wishes.collect::<Vec<_>>();
        let out = wishes.iter().filter_map(|(_, wish)| match wish {
            Wish::Out(wanted) => Some(*wanted),
            _ => None,
        });
        if let Some(wanted) = out.max() {
            self.scaled_out = Some((now, count));
            // Adding tasks ends the wait after taking some away.
            self.scaled_in = None;
            return Some(wanted);
        }
        let able = wishes.iter().filter(|(target, _)| !target.scale_in_disabled);
        let fewer = able.map(|(_, wish)| match wish {
            Wish::In(wanted) => Some(*wanted),
            _ => None,
        });
        let wanted = fewer.collect::<Option<Vec<_>>>()?.into_iter().max()?;
        self.scaled_in = Some(now);
        Some(wanted)
    }

    fn wish(&self, target: &Target, situation: &Situation<'_>) -> Wish {
        if let Some(minutes) = latest(situation.minutes, MINUTES_ABOVE)
            && minutes.iter().all(|value| *value > target.value)
        {
            return self.out(target, situation, minutes[MINUTES_ABOVE - 1]);
        }
        if let Some(minutes) = latest(situation.minutes, MINUTES_BELOW)
            && minutes.iter().all(|value| *value < target.value * SCALE_IN_SHARE)
        {
            return self.fewer(target, situation, minutes[MINUTES_BELOW - 1]);
        }
        Wish::Stay
    }

    /// While tasks added before are still settling, they count as part of what is needed: only a larger need adds more.
    fn out(&self, target: &Target, situation: &Situation<'_>, value: f64) -> Wish {
        let Situation {
            now,
            count,
            minimum,
            maximum,
            ..
        } = *situation;
        let settling = self.scaled_out.filter(|(at, _)| now < *at + target.scale_out_cooldown);
        let base = settling.map_or(count, |(_, before)| before);
        let wanted = proportional(base, value / target.value).clamp(minimum, maximum);
        if wanted > count { Wish::Out(wanted) } else { Wish::Stay }
    }

    /// Off during a deployment. <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html>
    fn fewer(&self, target: &Target, situation: &Situation<'_>, value: f64) -> Wish {
        let Situation {
            now,
            count,
            minimum,
            maximum,
            deploying,
            ..
        } = *situation;
        let cooling = self.scaled_in.is_some_and(|at| now < at + target.scale_in_cooldown);
        let wanted = proportional(count, value / target.value).clamp(minimum, maximum);
        if deploying || cooling || target.scale_in_disabled || wanted >= count {
            Wish::Stay
        } else {
            Wish::In(wanted)
        }
    }
}

/// The latest so many values, if none is missing: without data nothing is scaled.
fn latest(minutes: &[Option<f64>], count: usize) -> Option<Vec<f64>> {
    let start = minutes.len().checked_sub(count)?;
    minutes[start..].iter().copied().collect()
}

/// In proportion to how busy the tasks are, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of tasks, which `as` keeps within its type"
)]
fn proportional(count: u32, load: f64) -> u32 {
    // A little less than a whole, so that rounding errors don't add a task.
    (f64::from(count) * load - 1e-9).ceil().max(0.0) as u32
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    const TARGET: Target = Target {
        value: 75.0,
        scale_out_cooldown: Duration::from_mins(5),
        scale_in_cooldown: Duration::from_mins(5),
        scale_in_disabled: false,
    };

    /// The minutes' values, the newest last: a number, or `-`; with `x15` so often.
    fn minutes(text: &str) -> Vec<Option<f64>> {
        let values = text.split_whitespace().flat_map(|word| {
            let (value, times) = word.split_once('x').unwrap_or((word, "1"));
            std::iter::repeat_n(value.parse().ok(), times.parse().unwrap())
        });
        values.collect()
    }

    fn situation(minutes: &[Option<f64>], minute: u64, count: u32) -> Situation<'_> {
        Situation {
            now: UNIX_EPOCH + Duration::from_mins(minute),
            minutes,
            count,
            minimum: 3,
            maximum: 10,
            deploying: false,
        }
    }

    fn check(text: &str, count: u32, deploying: bool, expected: Option<u32>) {
        let minutes = minutes(text);
        let now = Situation {
            deploying,
            ..situation(&minutes, 100, count)
        };
        assert_eq!(
            Tracking::default().step(&[(TARGET, now)]),
            expected,
            "{text}, {count} tasks"
        );
    }

    #[test]
    fn tasks_follow_the_load() {
        check("100x3", 3, false, Some(4));
        check("100x3", 6, false, Some(8));
        check("10x12 100x3", 3, false, Some(4));
        check("100x3", 3, true, Some(4));
        check("1000x3", 3, false, Some(10));
        check("1000x3", 10, false, None);
        check("70 100x2", 3, false, None);
        check("100 - 100", 3, false, None);
        check("100x2", 3, false, None);
        check("75x15", 5, false, None);
        check("68x15", 5, false, None);
        check("30x15", 10, false, Some(4));
        check("30x14", 10, false, None);
        check("30x7 - 30x7", 10, false, None);
        check("68 30x14", 10, false, None);
        check("30x15", 10, true, None);
        check("0x15", 10, false, Some(3));
        check("0x15", 3, false, None);
        check("", 3, false, None);
        check("-x15", 3, false, None);
    }

    #[test]
    fn cooldowns_hold() {
        let (mut tracking, busy, busier, idle) = (
            Tracking::default(),
            minutes("125x3"),
            minutes("200x3"),
            minutes("30x15"),
        );
        let mut step =
            |minutes: &[Option<f64>], minute, count| tracking.step(&[(TARGET, situation(minutes, minute, count))]);
        assert_eq!(step(&busy, 0, 3), Some(5));
        assert_eq!(step(&busy, 1, 5), None, "the two that were added are what was needed");
        assert_eq!(step(&busier, 2, 5), Some(8), "a larger need");
        assert_eq!(step(&busy, 7, 8), Some(10), "after the wait the need is new");
        assert_eq!(step(&idle, 30, 10), Some(4));
        assert_eq!(step(&idle, 34, 9), None);
        assert_eq!(step(&busy, 34, 4), Some(7), "adding doesn't wait for it");
        assert_eq!(step(&idle, 50, 9), Some(4));
    }

    #[test]
    fn of_several_policies_the_largest_number_counts() {
        let (idle, busy) = (minutes("30x15"), minutes("100x15"));
        let step = |policies: &[(Target, Situation<'_>)]| Tracking::default().step(policies);
        let (idle, busy) = ((TARGET, situation(&idle, 0, 6)), (TARGET, situation(&busy, 0, 6)));
        assert_eq!(step(&[idle, busy]), Some(8));
        assert_eq!(step(&[idle, idle]), Some(3));
        let even = minutes("72x15");
        assert_eq!(
            step(&[idle, (TARGET, situation(&even, 0, 6))]),
            None,
            "not all want fewer"
        );
        let never = Target {
            scale_in_disabled: true,
            ..TARGET
        };
        assert_eq!(step(&[(never, idle.1)]), None);
        assert_eq!(step(&[idle, (never, busy.1)]), Some(8));
    }

    proptest! {
        #[test]
        fn the_count_stays_within_its_bounds_and_moves_the_right_way(
            minutes in prop::collection::vec(prop::option::weighted(0.9, 0.0_f64..300.0), 0..20), count in 3_u32..=10, deploying in any::<bool>(),
        ) {
            let now = Situation { deploying, ..situation(&minutes, 0, count) };
            if let Some(wanted) = Tracking::default().step(&[(TARGET, now)]) {
                prop_assert!((3..=10).contains(&wanted) && wanted != count);
                let newest = minutes.last().copied().flatten().unwrap();
                prop_assert_eq!(wanted > count, newest > TARGET.value);
                prop_assert!(wanted > count || !deploying);
            }
        }
    }
}
