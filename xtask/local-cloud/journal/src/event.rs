//! One line of a log.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A line that was said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// When it was taken in, in milliseconds since 1970.
    pub timestamp_millis: u64,
    /// Which it is of those of its stream with the same time, from 0.
    pub sequence: u64,
    /// The line, without its end.
    pub message: String,
}

/// A time as logs tell it.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
