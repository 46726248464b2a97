//! Durations, counted in buckets that are as wide as their values are large.

use std::time::Duration;

/// Buckets for each doubling: a value is told to within 1/64 of itself.
const STEPS: u64 = 64;

/// How many durations fell into each bucket.
///
/// The buckets are those of a high dynamic range histogram: up to 64 µs one for each microsecond, above that 64 for each
/// doubling. <https://github.com/HdrHistogram/HdrHistogram>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn record(&mut self, duration: Duration) {
        let index = bucket_of(microseconds(duration));
        if self.buckets.len() <= index {
            self.buckets.resize(index + 1, 0);
        }
        self.buckets[index] += 1;
        self.total += 1;
        self.longest = self.longest.max(duration);
    }

    /// How many were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The longest; zero where none was counted.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    /// The duration that this share of all, 0 to 1, doesn't exceed: exact to 1/64, never too short; zero where none was
    /// counted.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut below = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            below += count;
            if count > &0 && reaches(below, self.total, share) {
                return Duration::from_micros(end_of(index)).min(self.longest);
            }
        }
        self.longest
    }

    /// How many are at least this long, to within a bucket.
    pub(crate) fn at_least(&self, duration: Duration) -> u64 {
        let first = bucket_of(microseconds(duration));
        self.buckets.iter().skip(first).sum()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share of counts below 2^53; beyond, the error is below the bucket's width"
)]
fn reaches(below: u64, total: u64, share: f64) -> bool {
    below as f64 >= share * total as f64
}

fn microseconds(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}

fn bucket_of(value: u64) -> usize {
    let doublings = u64::from(value.checked_ilog2().unwrap_or(0)).saturating_sub(u64::from(STEPS.ilog2()));
    let index = doublings * STEPS + (value >> doublings);
    // At the most 64 × 59, which fits any usize.
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The largest value of a bucket.
fn end_of(index: usize) -> u64 {
    let index = index as u64;
    let doublings = (index / STEPS).saturating_sub(1);
    let step = index - doublings * STEPS;
    ((step + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_in_no_other() {
        for value in (0..10_000).chain((1..40).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1])) {
            let index = bucket_of(value);
            assert!(value <= end_of(index), "{value}");
            assert!(index == 0 || value > end_of(index - 1), "{value}");
            assert!(end_of(index) - value <= value / STEPS, "{value} is told to within 1/64");
        }
    }

    #[test]
    fn quantiles_and_tails() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        for milliseconds in 1..=100 {
            histogram.record(Duration::from_millis(milliseconds));
        }
        let check = |share, expected: u64| {
            let found = histogram.quantile(share);
            let expected = Duration::from_millis(expected);
            assert!(
                found >= expected && found <= expected + expected / 64,
                "{share}: {found:?}"
            );
        };
        check(0.0, 1);
        check(0.5, 50);
        check(0.99, 99);
        check(1.0, 100);
        assert_eq!(histogram.at_least(Duration::from_secs(1)), 0);
        assert_eq!(histogram.at_least(Duration::ZERO), 100);
        assert_eq!(histogram.longest(), Duration::from_millis(100));
    }
}
