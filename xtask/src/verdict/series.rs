//! From data points to a sample: the whole minutes since a moment.

use std::time::{Duration, SystemTime};

use constants::judgement::MAXIMUM_MINUTES;

use super::Sample;
use super::errors::Errors;

/// A data point of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// When its minute begins.
    pub(crate) at: SystemTime,
    /// The statistic's value.
    pub(crate) value: f64,
}

/// The data points of one stage, in any order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Series {
    /// Requests, by the sum.
    pub(crate) requests: Vec<Point>,
    /// Answers with a 5xx status and connections that failed, by the sum.
    pub(crate) errors: Vec<Point>,
    /// The response time of the slowest tenth, in seconds.
    pub(crate) latency: Vec<Point>,
}

/// The samples of two stages over the same minutes: those that begin after `since` and are over at `now`, the latest of
/// them where there are many.
///
/// How long a minute lasts follows from the data points' distance: with time that passes faster than elsewhere, they
/// stand closer. A minute that nobody could tell the end of isn't counted.
pub(crate) fn samples(stages: [&Series; 2], since: SystemTime, now: SystemTime) -> [Sample; 2] {
    let Some(minute) = minute(stages) else {
        return [Sample::default(), Sample::default()];
    };
    let earliest = now.checked_sub(minute * (u32::try_from(MAXIMUM_MINUTES).unwrap_or(u32::MAX) + 1));
    let since = earliest.map_or(since, |earliest| since.max(earliest));
    let whole = |point: &&Point| since <= point.at && point.at + minute <= now;
    stages.map(|series| {
        let sum = |points: &[Point]| count(points.iter().filter(whole).map(|point| point.value).sum());
        let requests = sum(&series.requests);
        Sample {
            errors: Errors {
                // A request whose connection failed may be among neither the answers nor the requests.
                errors: sum(&series.errors).min(requests),
                requests,
            },
            latencies: series.latency.iter().filter(whole).map(|point| point.value).collect(),
        }
    })
}

fn minute(stages: [&Series; 2]) -> Option<Duration> {
    let all = stages.into_iter().flat_map(|series| {
        let points = [&series.requests, &series.errors, &series.latency];
        points.into_iter().flatten()
    });
    shortest_distance(all)
}

/// The shortest distance of two data points; none where there aren't two.
pub(crate) fn shortest_distance<'a>(points: impl Iterator<Item = &'a Point>) -> Option<Duration> {
    let mut moments: Vec<SystemTime> = points.map(|point| point.at).collect();
    moments.sort();
    moments.dedup();
    let distances = moments
        .windows(2)
        .filter_map(|pair| pair[1].duration_since(pair[0]).ok());
    distances.min()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of whole numbers, none negative"
)]
fn count(sum: f64) -> u64 {
    sum.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn points(points: &[(u64, f64)]) -> Vec<Point> {
        points
            .iter()
            .map(|(seconds, value)| Point {
                at: at(*seconds),
                value: *value,
            })
            .collect()
    }

    #[test]
    fn only_whole_minutes_since_the_moment_count() {
        let onebox = Series {
            requests: points(&[(0, 10.0), (60, 20.0), (120, 30.0), (180, 40.0), (240, 50.0)]),
            errors: points(&[(0, 5.0), (120, 1.0)]),
            latency: points(&[(120, 0.1), (60, 0.2), (240, 9.0)]),
        };
        let fleet = Series {
            requests: points(&[(180, 1.0)]),
            ..Series::default()
        };
        let [onebox, fleet] = samples([&onebox, &fleet], at(30), at(270));
        assert_eq!(
            onebox.errors,
            Errors {
                errors: 1,
                requests: 90
            }
        );
        assert_eq!(onebox.latencies, [0.1, 0.2]);
        assert_eq!(fleet.errors.requests, 1);
    }

    #[test]
    fn where_time_passes_faster_minutes_are_shorter() {
        let series = Series {
            requests: points(&[(0, 1.0), (1, 2.0), (2, 4.0), (4, 8.0)]),
            ..Series::default()
        };
        let [sample, _] = samples([&series, &Series::default()], at(1), at(4));
        assert_eq!(sample.errors.requests, 6);
    }

    #[test]
    fn there_are_never_more_errors_than_requests() {
        let series = Series {
            requests: points(&[(0, 5.0), (60, 5.0)]),
            errors: points(&[(0, 50.0)]),
            ..Series::default()
        };
        let [sample, other] = samples([&series, &Series::default()], at(0), at(120));
        assert_eq!((sample.errors.errors, sample.errors.requests), (10, 10));
        assert_eq!(other, Sample::default());
    }

    #[test]
    fn nothing_follows_from_nothing() {
        let alone = Series {
            requests: points(&[(0, 5.0)]),
            ..Series::default()
        };
        for series in [Series::default(), alone] {
            assert_eq!(
                samples([&series, &Series::default()], at(0), at(600)),
                [Sample::default(), Sample::default()]
            );
        }
    }

    #[test]
    fn of_many_minutes_the_latest_count() {
        let many: Vec<(u64, f64)> = (0..100).map(|minute| (minute * 60, 0.1)).collect();
        let series = Series {
            latency: points(&many),
            ..Series::default()
        };
        let [sample, _] = samples([&series, &Series::default()], at(0), at(6_000));
        assert!(
            (30..=31).contains(&sample.latencies.len()),
            "{}",
            sample.latencies.len()
        );
    }
}
