//! Response times, kept as a histogram: small, free of locks, and exact enough for a trimmed mean.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Buckets in each doubling of time; a bucket is at most 1/32 as wide as its times are long.
const BUCKETS_PER_DOUBLING: u64 = 1 << DOUBLING_BITS;
const DOUBLING_BITS: u32 = 5;
/// Times from 2^32 microseconds (71 minutes) on share the last bucket; the idle timeout's limit of 4000 s is below it.
const LONGEST_BITS: u32 = 32;
const BUCKETS: usize = ((LONGEST_BITS - DOUBLING_BITS + 1) << DOUBLING_BITS) as usize;

/// Samples by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseTimes {
    buckets: BTreeMap<usize, u64>,
}

impl ResponseTimes {
    /// The samples, shortest first: a time (the middle of its bucket, right to 1/64) and how many took that long.
    pub fn samples(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.buckets.iter().map(|(&bucket, &count)| (middle(bucket), count))
    }

    /// How many samples there are.
    pub fn count(&self) -> u64 {
        self.buckets.values().sum()
    }

    /// What was added since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |bucket| earlier.buckets.get(bucket).copied().unwrap_or_default();
        let added = self
            .buckets
            .iter()
            .map(|(bucket, count)| (*bucket, count.saturating_sub(before(bucket))));
        Self {
            buckets: added.filter(|&(_, count)| count > 0).collect(),
        }
    }
}

/// The histogram while it grows.
#[derive(Debug)]
pub(crate) struct ResponseTimeRecorder(Vec<AtomicU64>);

impl Default for ResponseTimeRecorder {
    fn default() -> Self {
        Self((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl ResponseTimeRecorder {
    pub(crate) fn record(&self, time: Duration) {
        if let Some(bucket) = self.0.get(bucket(time)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> ResponseTimes {
        let counts = self.0.iter().map(|bucket| bucket.load(Ordering::Relaxed)).enumerate();
        ResponseTimes {
            buckets: counts.filter(|&(_, count)| count > 0).collect(),
        }
    }
}

fn bucket(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros())
        .unwrap_or(u64::MAX)
        .min((1 << LONGEST_BITS) - 1);
    let doublings = (u64::BITS - micros.leading_zeros()).saturating_sub(DOUBLING_BITS + 1);
    let within = micros >> doublings;
    let bucket = u64::from(doublings) * BUCKETS_PER_DOUBLING + within;
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

fn middle(bucket: usize) -> Duration {
    let bucket = bucket as u64;
    let doublings = (bucket / BUCKETS_PER_DOUBLING).saturating_sub(1);
    let lower = (bucket - doublings * BUCKETS_PER_DOUBLING) << doublings;
    let half_width = (1 << doublings) / 2;
    Duration::from_micros(lower + half_width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_kept_to_one_sixty_fourth(micros in 0..(1_u64 << 32)) {
            let time = Duration::from_micros(micros);
            let bucket = bucket(time);
            prop_assert!(bucket < BUCKETS);
            let error = middle(bucket).abs_diff(time);
            prop_assert!(error <= time / 64, "{:?} as {:?}", time, middle(bucket));
        }
    }

    #[test]
    fn samples_since() {
        let recorder = ResponseTimeRecorder::default();
        recorder.record(Duration::from_micros(10));
        let earlier = recorder.read();
        recorder.record(Duration::from_micros(10));
        recorder.record(Duration::from_micros(20));
        recorder.record(Duration::from_secs(100_000));
        let times = recorder.read();
        assert_eq!(times.count(), 4);
        let since = times.since(&earlier);
        let short: Vec<_> = since.samples().take(2).collect();
        assert_eq!(short, [(Duration::from_micros(10), 1), (Duration::from_micros(20), 1)]);
        assert_eq!(since.count(), 3);
    }
}
