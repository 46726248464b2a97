//! How metric minutes lie on the clock.
//!
//! A metric minute is one of AWS's waits, so it passes faster with `--speed`. Timestamps are the clock's own, so that
//! `--start-time` and `--end-time` mean what they say; a period of 60 s then is a metric minute, and its data points are
//! as far apart as that minute lasts here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use monitor::Minute;

use crate::speed::Speed;

/// How long a metric minute lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    minute_nanos: u64,
}

impl Pace {
    pub(crate) fn new(speed: Speed) -> Self {
        let minute = speed.scale(Duration::from_mins(1)).as_nanos();
        Self {
            minute_nanos: u64::try_from(minute).unwrap_or(u64::MAX).max(1),
        }
    }

    /// How many nanoseconds a metric minute has here.
    pub(crate) fn minute_nanos(self) -> u64 {
        self.minute_nanos
    }

    /// The metric minute that a moment is in.
    pub(crate) fn minute(self, moment: SystemTime) -> Minute {
        let nanos = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Minute::try_from(nanos / u128::from(self.minute_nanos)).unwrap_or(Minute::MAX)
    }

    /// When a metric minute begins.
    pub(crate) fn start(self, minute: Minute) -> SystemTime {
        let nanos = u128::from(minute) * u128::from(self.minute_nanos);
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX >> 1);
        let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
        UNIX_EPOCH + Duration::new(seconds.min(u64::MAX >> 2), rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_begins_in_itself_and_ends_before_the_next() {
        for speed in [1.0, 7.0, 12.0, 60.0, 1000.0] {
            let pace = Pace::new(Speed::new(speed).unwrap());
            let now = UNIX_EPOCH + Duration::from_millis(1_795_538_400_123);
            let minute = pace.minute(now);
            assert!(pace.start(minute) <= now && now < pace.start(minute + 1), "{speed}");
            assert_eq!(pace.minute(pace.start(minute)), minute);
        }
        let aws = Pace::new(Speed::AS_ON_AWS);
        assert_eq!(aws.start(1000), UNIX_EPOCH + Duration::from_mins(1000));
    }
}
