//! A stage's metrics, a data point for each minute, and their sums over a span.

use std::time::Duration;

use super::errors::Errors;
use super::time::{Minute, ServerTime, Span};

/// A data point of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The start of its minute.
    pub at: ServerTime,
    /// The statistic's value.
    pub value: f64,
}

/// The metrics of one stage's target group, in any order.
///
/// `TargetConnectionErrorCount` isn't needed: a connection that fails leaves its request without a response, unless the
/// load balancer tried another target, which a client doesn't see.
///
/// AWS reports `RequestCount`, `HTTPCode_Target_*` and the host counts only while targets are registered:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// `RequestCount`, `Sum`.
    pub requests: Vec<Point>,
    /// `HTTPCode_Target_2XX_Count`, `3XX` and `4XX` together, `Sum`.
    pub good_responses: Vec<Point>,
    /// `HTTPCode_Target_5XX_Count`, `Sum`.
    pub server_errors: Vec<Point>,
    /// `TargetResponseTime` of the slowest tenth, in seconds.
    pub latency: Vec<Point>,
    /// `HealthyHostCount`, `Maximum`.
    pub healthy: Vec<Point>,
    /// `UnHealthyHostCount`, `Maximum`.
    pub unhealthy: Vec<Point>,
}

impl Series {
    fn all(&self) -> impl Iterator<Item = &Point> {
        let counts = [&self.requests, &self.good_responses, &self.server_errors];
        let others = [&self.latency, &self.healthy, &self.unhealthy];
        counts.into_iter().chain(others).flatten()
    }
}

/// A stage's requests over some minutes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// The requests, and those that failed: a 5xx status, or no response from a target (502, 503 and 504 of the load
    /// balancer, which no target metric contains).
    pub errors: Errors,
    /// Requests without a response from a target, of [`Self::errors`].
    pub no_response: u64,
    /// The response time of the slowest tenth, in seconds: one for each minute with a response.
    pub latencies: Vec<f64>,
    /// The start of the first minute, and the end of the last.
    pub span: Option<Span>,
}

/// How far a stage's metrics can be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settled {
    /// The length of a minute.
    pub(super) minute: Minute,
    /// Minutes that begin at or after this may be incomplete.
    pub(super) before: ServerTime,
}

impl Settled {
    /// The newest published minute may be incomplete
    /// (<https://github.com/Netflix/atlas/issues/1300>), and then answers would be missing from its requests. It counts
    /// once another minute is published, or once the longest lag has passed since it closed.
    pub(super) fn of(stages: [&Series; 2], minute: Minute, now: ServerTime, longest_lag_minutes: u32) -> Self {
        let newest = stages.into_iter().flat_map(Series::all).map(|point| point.at).max();
        let old = now - minute.times(longest_lag_minutes.saturating_add(1));
        let old = old + Duration::from_millis(1);
        Self {
            minute,
            before: newest.unwrap_or_default().max(old),
        }
    }
}

/// The sums over the settled minutes of a span; the latest `most` of them.
pub(super) fn sample(series: &Series, span: Span, settled: Settled, most: usize) -> Sample {
    let usable = |at: ServerTime| span.contains(at, settled.minute) && at < settled.before;
    let mut minutes: Vec<ServerTime> = series.all().map(|point| point.at).filter(|at| usable(*at)).collect();
    minutes.sort_unstable();
    minutes.dedup();
    let minutes = minutes.split_off(minutes.len().saturating_sub(most));
    let within = |point: &&Point| minutes.binary_search(&point.at).is_ok();
    let sum = |points: &[Point]| count(points.iter().filter(within).map(|point| point.value).sum());
    let requests = sum(&series.requests);
    let server_errors = sum(&series.server_errors).min(requests);
    let no_response = requests.saturating_sub(sum(&series.good_responses) + server_errors);
    Sample {
        errors: Errors {
            errors: server_errors + no_response,
            requests,
        },
        no_response,
        latencies: series.latency.iter().filter(within).map(|point| point.value).collect(),
        span: minutes.first().zip(minutes.last()).map(|(first, last)| Span {
            from: *first,
            to: *last + settled.minute.length(),
        }),
    }
}

/// The length of a minute by the distance of data points: with time that passes faster, minutes are shorter. `None` if
/// there aren't two.
pub fn observed_minute<'a>(points: impl Iterator<Item = &'a Point>) -> Option<Minute> {
    let mut times: Vec<ServerTime> = points.map(|point| point.at).collect();
    times.sort_unstable();
    times.dedup();
    let distances = times.windows(2).map(|pair| pair[1].since(pair[0]));
    distances.min().and_then(Minute::new)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of counts, clamped to 0 and far below 2^64"
)]
fn count(sum: f64) -> u64 {
    sum.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(points: &[(u64, f64)]) -> Vec<Point> {
        let point = |(second, value): &(u64, f64)| Point {
            at: ServerTime::from_seconds(*second),
            value: *value,
        };
        points.iter().map(point).collect()
    }

    fn sampled(series: &Series, [from, to]: [u64; 2], now: u64) -> Sample {
        let settled = Settled::of(
            [series, &Series::default()],
            Minute::AWS,
            ServerTime::from_seconds(now),
            4,
        );
        let span = Span {
            from: ServerTime::from_seconds(from),
            to: ServerTime::from_seconds(to),
        };
        sample(series, span, settled, 30)
    }

    #[test]
    fn only_whole_and_settled_minutes_count() {
        let series = Series {
            requests: points(&[(0, 10.0), (60, 20.0), (120, 30.0), (180, 40.0), (240, 50.0)]),
            good_responses: points(&[(60, 18.0), (120, 27.0), (180, 40.0)]),
            server_errors: points(&[(0, 5.0), (120, 1.0)]),
            latency: points(&[(120, 0.1), (60, 0.2), (240, 9.0)]),
            ..Series::default()
        };
        let seen = sampled(&series, [30, 400], 400);
        assert_eq!(
            (seen.errors.errors, seen.errors.requests),
            (5, 90),
            "240 isn't complete"
        );
        assert_eq!((seen.no_response, seen.latencies), (4, vec![0.1, 0.2]));
        let old = sampled(&series, [30, 400], 540);
        assert_eq!(old.errors.requests, 140, "the longest lag has passed");
        assert_eq!(sampled(&series, [30, 130], 400).errors.requests, 20);
    }

    #[test]
    fn there_are_never_more_errors_than_requests() {
        let series = Series {
            requests: points(&[(0, 5.0), (60, 5.0), (120, 0.0)]),
            server_errors: points(&[(0, 50.0)]),
            good_responses: points(&[(0, 50.0)]),
            ..Series::default()
        };
        let seen = sampled(&series, [0, 120], 180);
        assert_eq!((seen.errors.errors, seen.errors.requests), (10, 10));
        assert_eq!(sampled(&Series::default(), [0, 120], 180), Sample::default());
    }

    #[test]
    fn of_many_minutes_the_latest_count() {
        let many: Vec<(u64, f64)> = (0..100).map(|minute| (minute * 60, 0.1)).collect();
        let series = Series {
            latency: points(&many),
            ..Series::default()
        };
        assert_eq!(sampled(&series, [0, 6_000], 6_000).latencies.len(), 30);
        let minute = observed_minute(series.latency.iter());
        assert_eq!(minute, Some(Minute::AWS));
        assert_eq!(observed_minute(series.latency.iter().take(1)), None);
    }
}
