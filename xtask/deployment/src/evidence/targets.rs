//! Whether a stage's targets pass their health checks since a step.

use constants::alarm::UNHEALTHY_PERCENT;
use serde_json::Value;

use super::series::{Point, Series};
use super::time::{Minute, ServerTime, Span};

/// The longest that health checks may take to notice a fault and be waited for, in minutes.
const MOST_MINUTES: u32 = 10;

/// A stage's targets in a minute: the most of each kind, as its alarm counts them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Targets {
    /// Those that pass their health checks.
    pub healthy: f64,
    /// Those that don't.
    pub unhealthy: f64,
}

impl Targets {
    /// As many fail at once as the stage's alarm fires at, or none is healthy. A single one of Fleet's may fail by itself.
    fn are_failing(self) -> bool {
        let Self { healthy, unhealthy } = self;
        let too_many = 100.0 * unhealthy >= f64::from(UNHEALTHY_PERCENT) * (healthy + unhealthy);
        healthy < 1.0 || too_many && unhealthy > 0.0
    }
}

/// What the targets of a stage show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Health {
    /// No whole minute since has both counts.
    Unknown,
    /// They failed before the step already.
    FailedBefore,
    /// They are healthy: in the newest minute.
    Healthy(Targets),
    /// They fail: in the first such minute.
    Failing(Targets),
}

/// The health of a stage's targets over a span, for a step that began at a time.
pub fn health(series: &Series, began: ServerTime, since: Span, minute: Minute) -> Health {
    let minutes = minutes(series);
    let before = minutes.iter().rev().find(|(at, _)| *at + minute.length() <= began);
    if before.is_some_and(|(_, targets)| targets.are_failing()) {
        return Health::FailedBefore;
    }
    let since: Vec<Targets> = minutes
        .iter()
        .filter(|(at, _)| since.contains(*at, minute))
        .map(|(_, targets)| *targets)
        .collect();
    match (since.iter().find(|targets| targets.are_failing()), since.last()) {
        (Some(failing), _) => Health::Failing(*failing),
        (None, Some(newest)) => Health::Healthy(*newest),
        (None, None) => Health::Unknown,
    }
}

/// The minutes of which both counts are known, in order.
fn minutes(series: &Series) -> Vec<(ServerTime, Targets)> {
    let unhealthy = |at| {
        series
            .unhealthy
            .iter()
            .find(|point| point.at == at)
            .map(|point| point.value)
    };
    let targets = |point: &Point| {
        let (healthy, unhealthy) = (point.value, unhealthy(point.at)?);
        Some((point.at, Targets { healthy, unhealthy }))
    };
    let mut minutes: Vec<_> = series.healthy.iter().filter_map(targets).collect();
    minutes.sort_by_key(|(at, _)| *at);
    minutes
}

/// The whole minutes that health checks need to notice a fault: the slowest target group's interval by its unhealthy
/// threshold, and the last check's timeout.
///
/// Missing values are AWS's defaults:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
pub fn minutes_to_notice(template: &Value) -> u32 {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let seconds = resources
        .filter(|(_, resource)| resource["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup")
        .map(|(_, group)| {
            let given = |name: &str, default| group["Properties"][name].as_u64().unwrap_or(default);
            let checks = given("HealthCheckIntervalSeconds", 30).saturating_mul(given("UnhealthyThresholdCount", 2));
            checks.saturating_add(given("HealthCheckTimeoutSeconds", 5))
        });
    let minutes = seconds.max().unwrap_or_default().div_ceil(60);
    u32::try_from(minutes).unwrap_or(u32::MAX).clamp(1, MOST_MINUTES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> ServerTime {
        ServerTime::from_seconds(seconds)
    }

    /// Targets by the minute, healthy and unhealthy, the first minute at 0.
    fn series(minutes: &[(f64, f64)]) -> Series {
        let mut series = Series::default();
        for (at, (healthy, unhealthy)) in (0..).map(|minute| at(minute * 60)).zip(minutes) {
            series.healthy.push(Point { at, value: *healthy });
            series.unhealthy.push(Point { at, value: *unhealthy });
        }
        series
    }

    #[test]
    fn a_step_that_began_at_two_minutes() {
        let good = (3.0, 0.0);
        let check = |minutes: &[(f64, f64)], now, expected: Health| {
            let since = Span {
                from: at(125),
                to: at(now),
            };
            assert_eq!(
                health(&series(minutes), at(121), since, Minute::AWS),
                expected,
                "{minutes:?}"
            );
        };
        let targets = |healthy, unhealthy| Targets { healthy, unhealthy };
        check(&[], 600, Health::Unknown);
        // The minute in which the change was made shows what was before as well.
        check(&[good, good, (3.0, 3.0)], 180, Health::Unknown);
        check(&[good, good, good, good], 239, Health::Unknown);
        check(&[good, good, good, good], 240, Health::Healthy(targets(3.0, 0.0)));
        check(&[good, good, good, (3.0, 3.0)], 240, Health::Failing(targets(3.0, 3.0)));
        check(&[good, good, good, (0.0, 0.0)], 240, Health::Failing(targets(0.0, 0.0)));
        // One of Fleet's, which any machine's failure may take, and two.
        check(
            &[good, good, good, (10.0, 1.0)],
            240,
            Health::Healthy(targets(10.0, 1.0)),
        );
        check(
            &[good, good, good, (10.0, 2.0)],
            240,
            Health::Failing(targets(10.0, 2.0)),
        );
        check(&[good, (0.0, 3.0), (0.0, 3.0), (3.0, 3.0)], 240, Health::FailedBefore);
    }

    #[test]
    fn the_slowest_health_check_sets_the_minutes() {
        let group =
            |properties: Value| json!({"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": properties});
        let minutes = |groups: Value| minutes_to_notice(&json!({"Resources": groups}));
        assert_eq!(minutes(json!({})), 1);
        assert_eq!(minutes(json!({"A": group(json!({}))})), 2, "AWS's defaults");
        let quick =
            json!({"HealthCheckIntervalSeconds": 15, "UnhealthyThresholdCount": 2, "HealthCheckTimeoutSeconds": 10});
        let slow = json!({"HealthCheckIntervalSeconds": 60, "UnhealthyThresholdCount": 3});
        assert_eq!(minutes(json!({"A": group(quick.clone())})), 1);
        assert_eq!(minutes(json!({"A": group(quick), "B": group(slow)})), 4);
        let slowest = json!({"HealthCheckIntervalSeconds": 300, "UnhealthyThresholdCount": 10});
        assert_eq!(minutes(json!({"A": group(slowest)})), MOST_MINUTES);
    }
}
