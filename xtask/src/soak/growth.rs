//! Whether what a local cloud takes stays flat over many deployments.
//!
//! A few samples tell little by themselves: memory comes in steps, and a sample may fall into the middle of a deployment's
//! last work. So the trend is Theil and Sen's: the median of the slopes between all pairs of samples, which up to 29 % of
//! outliers don't move. <https://en.wikipedia.org/wiki/Theil%E2%80%93Sen_estimator>

use serde::{Deserialize, Serialize};

/// What a local cloud takes once a deployment is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// The deployment's number.
    pub(crate) step: u32,
    /// The local cloud's process id: another one after each time that it was killed.
    pub(crate) process_id: u32,
    /// Memory that is resident, in KiB.
    pub(crate) resident_kib: u64,
    /// Open file descriptors, sockets among them.
    pub(crate) descriptors: u64,
    /// Threads.
    pub(crate) threads: u64,
    /// The size of `state.json`, in bytes.
    pub(crate) state_bytes: u64,
    /// The size of `metrics.ndjson`, in bytes.
    pub(crate) metrics_bytes: u64,
    /// The size of everything else in its folder but for unpacked images and what tasks said, which log groups keep, in
    /// bytes.
    pub(crate) other_bytes: u64,
}

/// Something that mustn't grow.
struct Measure {
    /// What people call it.
    name: &'static str,
    /// Its value.
    of: fn(&Sample) -> u64,
    /// The most that it may grow a deployment.
    bound: f64,
    /// Whether a local cloud that was started again begins anew with it.
    begins_anew: bool,
}

/// What mustn't grow, and the most that each may.
///
/// State, and memory with it, grows until the local cloud keeps as many as it ever does of what is over: the last hundred
/// deployments of a service and revisions of a task definition, three hours of metrics. That is some 30 KiB a deployment.
const MEASURES: [Measure; 5] = [
    Measure {
        name: "KiB of memory",
        of: |sample| sample.resident_kib,
        bound: 4096.0,
        begins_anew: true,
    },
    Measure {
        name: "file descriptors",
        of: |sample| sample.descriptors,
        bound: 1.0,
        begins_anew: true,
    },
    Measure {
        name: "threads",
        of: |sample| sample.threads,
        bound: 0.5,
        begins_anew: true,
    },
    Measure {
        name: "bytes of state",
        of: |sample| sample.state_bytes,
        bound: 65_536.0,
        begins_anew: false,
    },
    Measure {
        name: "bytes of other files",
        of: |sample| sample.other_bytes,
        bound: 65_536.0,
        begins_anew: false,
    },
];

/// So many samples at the beginning don't count: buffers and caches fill up.
const WARM_UP: usize = 3;

/// Fewer slopes than this say nothing.
const FEWEST_SLOPES: usize = 10;

/// How much something grows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Growth {
    /// What.
    pub(crate) name: &'static str,
    /// How much a deployment.
    pub(crate) slope: f64,
    /// The most that it may.
    pub(crate) bound: f64,
}

/// How much everything grows; nothing where there are too few samples to tell.
pub(crate) fn growth(samples: &[Sample]) -> Vec<Growth> {
    let counted = samples.get(WARM_UP..).unwrap_or_default();
    let growth = |measure: &Measure| {
        let slope = median(slopes(counted, measure))?;
        Some(Growth {
            name: measure.name,
            slope,
            bound: measure.bound,
        })
    };
    MEASURES.iter().filter_map(growth).collect()
}

impl Growth {
    /// What is wrong with it, if it grows too much.
    pub(crate) fn breach(&self) -> Option<String> {
        let Self { name, slope, bound } = self;
        (slope > bound).then(|| format!("{slope:.1} {name} more with each deployment, at most {bound} are allowed"))
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes below 2^53")]
fn slopes(samples: &[Sample], measure: &Measure) -> Vec<f64> {
    let mut slopes = Vec::new();
    for (index, later) in samples.iter().enumerate() {
        for earlier in &samples[..index] {
            let same = earlier.process_id == later.process_id || !measure.begins_anew;
            if same && later.step > earlier.step {
                let rise = (measure.of)(later) as f64 - (measure.of)(earlier) as f64;
                slopes.push(rise / f64::from(later.step - earlier.step));
            }
        }
    }
    slopes
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    if values.len() < FEWEST_SLOPES {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    Some(f64::midpoint(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples whose memory is given.
    fn samples(count: u32, kib: impl Fn(u32) -> (u32, u64)) -> Vec<Sample> {
        let sample = |step| {
            let (process_id, resident_kib) = kib(step);
            Sample {
                step,
                process_id,
                resident_kib,
                ..Sample::default()
            }
        };
        (1..=count).map(sample).collect()
    }

    fn memory(samples: &[Sample]) -> f64 {
        growth(samples)[0].slope
    }

    #[test]
    fn a_leak_is_found_and_outliers_are_not() {
        let leak = samples(20, |step| (1, 20_000 + u64::from(step) * 5000));
        assert!((memory(&leak) - 5000.0).abs() < 1e-9);
        assert!(growth(&leak)[0].breach().is_some());
        let jumps = samples(20, |step| (1, if step % 7 == 0 { 90_000 } else { 20_000 }));
        assert!(memory(&jumps).abs() < 1e-9);
        assert!(growth(&jumps).iter().all(|growth| growth.breach().is_none()));
    }

    #[test]
    fn warming_up_is_no_growth() {
        let warm = samples(20, |step| (1, if step <= 3 { u64::from(step) * 5000 } else { 20_000 }));
        assert!(memory(&warm).abs() < 1e-9);
    }

    #[test]
    fn a_local_cloud_that_was_killed_begins_anew() {
        // Each leaks, and each kill gives back what leaked.
        let killed = samples(24, |step| (step / 8, 20_000 + u64::from(step % 8) * 700));
        assert!((memory(&killed) - 700.0).abs() < 1e-9);
    }

    #[test]
    fn too_few_samples_say_nothing() {
        assert_eq!(growth(&samples(7, |_| (1, 1))), []);
        assert_eq!(growth(&[]), []);
    }
}
