//! Moments as AWS writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// `2026-11-01T12:00:00.123Z`, as the query services put it.
pub(crate) fn iso8601(moment: SystemTime) -> String {
    let whole = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let cut = UNIX_EPOCH + Duration::from_millis(u64::try_from(whole.as_millis()).unwrap_or(u64::MAX));
    OffsetDateTime::from(cut).format(&Rfc3339).unwrap_or_default()
}

/// Seconds since 1970 with milliseconds, as the JSON services put it.
pub(crate) fn epoch_seconds(moment: SystemTime) -> f64 {
    let whole = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    (whole.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_aws_writes_them() {
        let moment = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        assert_eq!(iso8601(moment), "2023-11-14T22:13:20.123Z");
        assert!((epoch_seconds(moment) - 1_700_000_000.123).abs() < 1e-9);
    }
}
