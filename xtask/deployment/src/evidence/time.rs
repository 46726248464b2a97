//! Times by the servers' clock.

use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A time that a server reported, in milliseconds since 1970.
///
/// The deploying machine's clock may be wrong by any amount, so it never enters a decision. A driver derives the current
/// server time from the `Date` of a response and a monotonic clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerTime(u64);

impl ServerTime {
    /// A time so many milliseconds after the start of 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A time so many seconds after the start of 1970.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the start of 1970.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The second that contains it, counted since the start of 1970.
    pub const fn second(self) -> u64 {
        self.0 / 1000
    }

    /// The time since an earlier one; zero if that isn't earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The distance to another time, whichever is earlier.
    pub const fn distance(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

/// Converts a time that AWS sent. A time before 1970 becomes its start.
impl From<SystemTime> for ServerTime {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(millis(since))
    }
}

impl Add<Duration> for ServerTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for ServerTime {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The length of a metric's period. 60 s on AWS; shorter in a local cloud at a higher speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute(Duration);

impl Minute {
    /// AWS's.
    pub const AWS: Self = Self(Duration::from_mins(1));

    /// A period of this length. `None` if it is shorter than a millisecond.
    pub fn new(length: Duration) -> Option<Self> {
        (length >= Duration::from_millis(1)).then_some(Self(length))
    }

    /// The length.
    pub const fn length(self) -> Duration {
        self.0
    }

    /// The length of so many.
    pub fn times(self, count: u32) -> Duration {
        self.0.saturating_mul(count)
    }

    /// The start of the first period that begins at or after a time.
    ///
    /// Periods begin at the full minute by the server's clock, or, where they are shorter, at a multiple of their length
    /// from `phase`, the start of any period.
    pub fn first_from(self, time: ServerTime, phase: Option<ServerTime>) -> ServerTime {
        let (length, phase) = (millis(self.0), phase.unwrap_or_default().0);
        let beyond = time.0.abs_diff(phase) % length;
        let wait = match (beyond, time.0 >= phase) {
            (0, _) => 0,
            (beyond, true) => length - beyond,
            (beyond, false) => beyond,
        };
        ServerTime(time.0.saturating_add(wait))
    }
}

/// A span of time, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub from: ServerTime,
    /// When it ends.
    pub to: ServerTime,
}

impl Span {
    /// Whether a period that begins at a time lies in it entirely.
    pub fn contains(self, start: ServerTime, minute: Minute) -> bool {
        self.from <= start && start + minute.length() <= self.to
    }

    /// Whether a second, counted since 1970, begins in it.
    pub fn contains_second(self, second: u64) -> bool {
        (self.from.second()..self.to.millis().div_ceil(1000)).contains(&second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_at_the_full_minute_or_at_the_phase() {
        let check = |minute: Minute, millis, phase: Option<u64>, expected| {
            let found = minute.first_from(ServerTime::from_millis(millis), phase.map(ServerTime::from_millis));
            assert_eq!(found.millis(), expected);
        };
        check(Minute::AWS, 60_000, None, 60_000);
        check(Minute::AWS, 60_001, None, 120_000);
        let short = Minute::new(Duration::from_millis(8571)).unwrap();
        check(short, 100_000, Some(95_000), 103_571);
        check(short, 90_000, Some(95_000), 95_000);
        check(short, 80_000, Some(95_000), 86_429);
    }

    #[test]
    fn a_span_contains_whole_periods_only() {
        let at = ServerTime::from_seconds;
        let span = Span {
            from: at(30),
            to: at(180),
        };
        let found: Vec<u64> = (0..5)
            .map(|minute| minute * 60)
            .filter(|second| span.contains(at(*second), Minute::AWS))
            .collect();
        assert_eq!(found, [60, 120]);
    }
}
