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

/// Milliseconds since 1970, as CloudWatch Logs puts it.
pub(crate) fn millis(moment: SystemTime) -> u64 {
    let whole = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(whole.as_millis()).unwrap_or(u64::MAX)
}

/// A moment in either form: a number of seconds, or text.
pub(crate) fn read(value: &serde_json::Value) -> Option<SystemTime> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match seconds {
        Some(seconds) => UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?),
        None => OffsetDateTime::parse(value.as_str()?, &Rfc3339)
            .ok()
            .map(SystemTime::from),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_are_read_in_either_form() {
        let moment = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for value in [
            json!(1_700_000_000),
            json!("1700000000"),
            json!("2023-11-14T22:13:20Z"),
            json!("2023-11-14T23:13:20+01:00"),
        ] {
            assert_eq!(read(&value), Some(moment), "{value}");
        }
        for value in [
            json!("now"),
            json!(-1),
            json!(1e300),
            json!(null),
            json!("1e400"),
            json!("NaN"),
        ] {
            assert_eq!(read(&value), None, "{value}");
        }
    }

    #[test]
    fn moments_are_written_as_aws_writes_them() {
        let moment = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        assert_eq!(iso8601(moment), "2023-11-14T22:13:20.123Z");
        assert!((epoch_seconds(moment) - 1_700_000_000.123).abs() < 1e-9);
    }
}
