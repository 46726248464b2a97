//! How values are read.

use local_cloud::Bake;
use std::path::Path;
use std::time::Duration;

/// An image by digest, as the service stack's parameters take it, or a file that names one.
pub(super) fn image(text: &str) -> Result<String, String> {
    if Path::new(text).extension().is_some_and(|extension| extension == "json") {
        return Ok(text.to_owned());
    }
    image_by_digest(text).map_err(|problem| format!("{problem}, or a file of `build`'s, FILE.json"))
}

/// An image by digest.
pub(super) fn image_by_digest(text: &str) -> Result<String, String> {
    let hexadecimal = |digits: &str| digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match text.split_once("@sha256:") {
        Some((repository, digits)) if !repository.is_empty() && digits.len() == 64 && hexadecimal(digits) => {
            Ok(text.to_owned())
        }
        _ => Err("an image by digest, REPOSITORY@sha256: and 64 hexadecimal digits".to_owned()),
    }
}

/// A value in JSON; what is none is a text, so that none needs two kinds of quotation marks.
#[allow(clippy::unnecessary_wraps, reason = "clap asks for it")]
pub(super) fn json_value(text: &str) -> Result<serde_json::Value, String> {
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

/// An account's number, as ARNs have it.
pub(super) fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("an account's number, of twelve digits".to_owned())
}

/// A region's code.
pub(super) fn region(text: &str) -> Result<String, String> {
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.contains('-') && text.bytes().all(is_code) {
        return Ok(text.to_owned());
    }
    Err("a region's code, such as eu-west-1".to_owned())
}

pub(super) fn fault_or_none(text: &str) -> Result<String, String> {
    if text == constants::pipeline::NO_FAULT {
        Ok(text.to_owned())
    } else {
        fault(text)
    }
}

/// The text of a fault that the service understands.
pub(super) fn fault(text: &str) -> Result<String, String> {
    let read = fault::Faults::parse(text, constants::stage::ONEBOX);
    read.map(|_| text.to_owned()).map_err(|problems| problems.join("; "))
}

pub(super) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 1 to 1000".to_owned()),
    }
}

pub(super) fn metric_lag(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if (0.0..=10.0).contains(&minutes) => Ok(minutes),
        _ => Err("a number of minutes from 0 to 10".to_owned()),
    }
}

pub(super) fn bake(text: &str) -> Result<Bake, String> {
    let bake = Bake::ALL.into_iter().find(|bake| bake.name() == text);
    bake.ok_or_else(|| Bake::ALL.map(Bake::name).join(" or "))
}

pub(super) fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(clients @ 1..=1000) => Ok(clients),
        _ => Err("a number from 1 to 1000".to_owned()),
    }
}

pub(super) fn jobs(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(jobs @ 1..=16) => Ok(jobs),
        _ => Err("a number from 1 to 16".to_owned()),
    }
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("a number from 0.01 to 100000".to_owned()),
    }
}

/// How much of something there is.
pub(super) fn quantity(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(quantity) if (0.0..=1e6).contains(&quantity) => Ok(quantity),
        _ => Err("a number from 0 to 1000000".to_owned()),
    }
}

/// A whole number of `ms`, `s` or `m`, above 0 and up to an hour, as the service's faults have them.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    counted(text, &[("ms", 1), ("s", 1000), ("m", 60_000)])
        .filter(|duration| (Duration::from_millis(1)..=Duration::from_hours(1)).contains(duration))
        .ok_or_else(|| "a duration above 0 and up to 60m, such as 500ms, 30s or 2m".to_owned())
}

/// How long ago something was: a whole number of `s`, `m`, `h` or `d`, above 0 and up to ten years, for which CloudWatch
/// keeps logs at the longest. <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let units = [("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    counted(text, &units)
        .filter(|age| (Duration::from_secs(1)..=Duration::from_hours(24 * 3653)).contains(age))
        .ok_or_else(|| "how long ago, such as 30s, 10m, 3h or 2d".to_owned())
}

/// A whole number of units of so many milliseconds.
fn counted(text: &str, units: &[(&str, u64)]) -> Option<Duration> {
    units.iter().find_map(|(unit, milliseconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(Duration::from_millis(number.checked_mul(*milliseconds)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("60m"), Ok(Duration::from_hours(1)));
        assert!(duration("61m").is_err() && duration("1h").is_err());
    }

    #[test]
    fn ages() {
        assert_eq!(age("3h"), Ok(Duration::from_hours(3)));
        assert_eq!(age("2d"), Ok(Duration::from_hours(48)));
        for wrong in ["0m", "10", "1w", "-1h", "4000d", "99999999999999999999d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
