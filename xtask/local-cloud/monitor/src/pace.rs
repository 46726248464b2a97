//! How metric minutes lie on the clock, and when the data of one can be read.
//!
//! A metric minute is one of AWS's waits, so it is shorter at a higher speed. Timestamps are the clock's own, so that
//! `--start-time` and `--end-time` mean what they say; a period of 60 s is a metric minute, and its data points are
//! as far apart as that minute lasts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Minute;

/// The longest lag that the local cloud supports, in metric minutes. The longest measured on AWS is about 4 min: one-of-one
/// alarms reached ALARM 3 min 20 s to 4 min after the first error.
/// <https://stackoverflow.com/questions/64045238>
pub const LONGEST_LAG_MINUTES: u64 = 10;

/// How long a metric minute lasts, and how long after its end its data is published.
///
/// Nobody can read a data point before it is published, alarms included, and only then does a data point that isn't there
/// count as missing. The second half is a named choice: AWS doesn't say when an alarm takes a minute for missing, but
/// one-of-one alarms were seen to fire 3 min 20 s after the first error, which an alarm that took unpublished minutes for
/// missing couldn't do with `notBreaching`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    minute_nanos: u64,
    lag: Duration,
}

impl Pace {
    /// The pace at which a metric minute lasts `minute`, and is published `lag` after its end.
    pub fn new(minute: Duration, lag: Duration) -> Self {
        Self {
            minute_nanos: u64::try_from(minute.as_nanos()).unwrap_or(u64::MAX).max(1),
            lag,
        }
    }

    /// How many nanoseconds a metric minute has.
    pub fn minute_nanos(self) -> u64 {
        self.minute_nanos
    }

    /// The metric minute that a moment is in.
    pub fn minute(self, moment: SystemTime) -> Minute {
        let nanos = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Minute::try_from(nanos / u128::from(self.minute_nanos)).unwrap_or(Minute::MAX)
    }

    /// When a metric minute begins.
    pub fn start(self, minute: Minute) -> SystemTime {
        let nanos = u128::from(minute) * u128::from(self.minute_nanos);
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX >> 1);
        let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
        UNIX_EPOCH + Duration::new(seconds.min(u64::MAX >> 2), rest)
    }

    /// The first minute that isn't published yet: all before it are.
    pub fn published(self, now: SystemTime) -> Minute {
        self.minute(now.checked_sub(self.lag).unwrap_or(UNIX_EPOCH))
    }

    /// When a minute is published.
    pub fn publication(self, minute: Minute) -> SystemTime {
        self.start(minute + 1) + self.lag
    }
}

/// Which minutes are collected, and up to which the alarms have been evaluated.
///
/// CloudWatch evaluates an alarm every minute. A named choice: it does so as soon as a minute is published.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evaluations {
    /// The first minute that isn't collected yet; `None` before the first.
    collected: Option<Minute>,
    /// The end of the minutes that were evaluated last.
    evaluated: Option<Minute>,
}

impl Evaluations {
    /// Notes that a minute's data is collected.
    pub fn collect(&mut self, minute: Minute) {
        self.collected = Some(minute + 1);
    }

    /// The end of the minutes to evaluate the alarms by, if that is due: once for each minute that is published.
    pub fn due(&mut self, pace: Pace, now: SystemTime) -> Option<Minute> {
        let end = pace.published(now).min(self.collected?);
        (self.evaluated.replace(end) != Some(end)).then_some(end)
    }

    /// When the next evaluation is due; `None` while it waits for a minute that isn't collected yet.
    pub fn next(&self, pace: Pace) -> Option<SystemTime> {
        let (collected, evaluated) = (self.collected?, self.evaluated?);
        (collected > evaluated).then(|| pace.publication(evaluated))
    }
}
