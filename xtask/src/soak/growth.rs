//! Whether what a local cloud takes stays flat over many deployments.
//!
//! A few samples tell little by themselves: memory comes in steps, and a sample may fall into the middle of a deployment's
//! last work. So the trend is Theil and Sen's: the median of the slopes between all pairs of samples, which up to 29 % of
//! outliers don't move. <https://en.wikipedia.org/wiki/Theil%E2%80%93Sen_estimator>
//!
//! What is over is kept up to a number, as by AWS up to an age: a hundred deployments of a service, a thousand events of a
//! stack, three hours of metrics. Until all of that is full, a run grows, and its bounds allow for it; a long run is judged by
//! its second half alone, where nothing may grow any more, and by bounds that find a leak.

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
    /// The part of it that no file backs: without the program's own text, which comes in as it is first run.
    #[serde(default)]
    pub(crate) anonymous_kib: u64,
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
    /// The most that it may grow a deployment while what is kept fills up.
    bound: f64,
    /// The most that it may grow a deployment once all that is kept is full.
    bound_when_full: f64,
    /// Whether a local cloud that was started again begins anew with it.
    begins_anew: bool,
}

/// What mustn't grow, and the most that each may.
///
/// Some 2,500 requests come during a deployment: 256 KiB are 100 bytes a request. Less can't be told from how each
/// life warms up, which takes some ten deployments and is over at some 25 MiB.
const MEASURES: [Measure; 5] = [
    Measure {
        name: "KiB of memory",
        of: |sample| sample.anonymous_kib,
        bound: 768.0,
        bound_when_full: 256.0,
        begins_anew: true,
    },
    Measure {
        name: "file descriptors",
        of: |sample| sample.descriptors,
        bound: 1.0,
        bound_when_full: 0.25,
        begins_anew: true,
    },
    Measure {
        name: "threads",
        of: |sample| sample.threads,
        bound: 0.5,
        bound_when_full: 0.1,
        begins_anew: true,
    },
    Measure {
        name: "bytes of state",
        of: |sample| sample.state_bytes,
        bound: 65_536.0,
        bound_when_full: 4096.0,
        begins_anew: false,
    },
    Measure {
        name: "bytes of other files",
        of: |sample| sample.other_bytes,
        // A deployment stores its release, which contains the template.
        bound: 131_072.0,
        bound_when_full: 8192.0,
        begins_anew: false,
    },
];

/// So many samples at the beginning don't count, of a run and of each life of a local cloud: buffers and caches fill up.
const WARM_UP: usize = 3;

/// With so many samples, all that is kept is full before the second half begins.
const LONG: usize = 200;

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
    let is_full = samples.len() >= LONG;
    let begin = if is_full { samples.len() / 2 } else { WARM_UP };
    let growth = |measure: &Measure| {
        let slope = median(slopes(samples, begin, measure))?;
        Some(Growth {
            name: measure.name,
            slope,
            bound: if is_full {
                measure.bound_when_full
            } else {
                measure.bound
            },
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

/// The slopes between all pairs of samples from one on, of one life each where the measure begins anew with it.
#[expect(clippy::cast_precision_loss, reason = "sizes below 2^53")]
fn slopes(samples: &[Sample], begin: usize, measure: &Measure) -> Vec<f64> {
    let mut slopes = Vec::new();
    for (index, later) in samples.iter().enumerate() {
        for (before, earlier) in samples[..index].iter().enumerate().skip(begin) {
            let same = earlier.process_id == later.process_id && age(samples, before) >= WARM_UP;
            if (same || !measure.begins_anew) && later.step > earlier.step {
                let rise = (measure.of)(later) as f64 - (measure.of)(earlier) as f64;
                slopes.push(rise / f64::from(later.step - earlier.step));
            }
        }
    }
    slopes
}

/// How many samples there are of the same life before one.
fn age(samples: &[Sample], index: usize) -> usize {
    let before = samples[..index].iter().rev();
    before
        .take_while(|sample| sample.process_id == samples[index].process_id)
        .count()
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

    /// Samples whose process, memory and state are given.
    fn samples(count: u32, of: impl Fn(u32) -> (u32, u64, u64)) -> Vec<Sample> {
        let sample = |step| {
            let (process_id, anonymous_kib, state_bytes) = of(step);
            Sample {
                step,
                process_id,
                anonymous_kib,
                state_bytes,
                ..Sample::default()
            }
        };
        (1..=count).map(sample).collect()
    }

    /// Samples of one life whose memory is given.
    fn one_life(count: u32, kib: impl Fn(u32) -> u64) -> Vec<Sample> {
        samples(count, |step| (1, kib(step), 0))
    }

    fn memory(samples: &[Sample]) -> f64 {
        growth(samples)[0].slope
    }

    /// What of it grows too much.
    fn breaches(samples: &[Sample]) -> Vec<&'static str> {
        let growth = growth(samples);
        let grown = growth.iter().filter(|growth| growth.breach().is_some());
        grown.map(|growth| growth.name).collect()
    }

    #[test]
    fn a_leak_is_found_and_outliers_are_not() {
        let leak = one_life(20, |step| 20_000 + u64::from(step) * 1000);
        assert!((memory(&leak) - 1000.0).abs() < 1e-9);
        assert_eq!(breaches(&leak), ["KiB of memory"]);
        let jumps = one_life(20, |step| if step % 7 == 0 { 90_000 } else { 20_000 });
        assert!(memory(&jumps).abs() < 1e-9);
        assert_eq!(breaches(&jumps), <[&str; 0]>::default());
    }

    /// As a long run is: a local cloud lives for ten deployments, its memory comes in steps and is warm after three, and
    /// state fills up for a hundred. And so much leaks each deployment.
    fn long(memory_leak_kib: u64, state_leak_bytes: u64) -> Vec<Sample> {
        samples(200, |step| {
            let (age, number) = (step % 10, u64::from(step));
            let warm = u64::from(age.min(3)) * 1500 + u64::from(step * 37 % 11) * 60;
            let filled = number.min(100) * 12_000 + number * 37 % 4_000;
            let leaked = u64::from(age) * memory_leak_kib;
            (step / 10, 18_000 + warm + leaked, filled + number * state_leak_bytes)
        })
    }

    #[test]
    fn a_small_leak_is_found_in_a_long_run_though_it_fills_up_and_is_killed() {
        assert_eq!(breaches(&long(0, 0)), <[&str; 0]>::default());
        assert_eq!(breaches(&long(350, 0)), ["KiB of memory"]);
        assert_eq!(breaches(&long(0, 6000)), ["bytes of state"]);
        assert_eq!(
            breaches(&long(0, 0)[..150]),
            <[&str; 0]>::default(),
            "it may still fill up"
        );
    }

    #[test]
    fn warming_up_is_no_growth() {
        let warm = one_life(20, |step| if step <= 3 { u64::from(step) * 5000 } else { 20_000 });
        assert!(memory(&warm).abs() < 1e-9);
    }

    #[test]
    fn a_local_cloud_that_was_killed_begins_anew() {
        // Each leaks, and each kill gives back what leaked.
        let killed = samples(24, |step| (step / 8, 20_000 + u64::from(step % 8) * 700, 0));
        assert!((memory(&killed) - 700.0).abs() < 1e-9);
    }

    #[test]
    fn too_few_samples_say_nothing() {
        assert_eq!(growth(&one_life(7, |_| 1)), []);
        assert_eq!(growth(&[]), []);
    }
}
