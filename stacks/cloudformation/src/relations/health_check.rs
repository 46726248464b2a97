//! When a target counts as healthy.

use crate::generated::elastic_load_balancing_v2_target_group::TargetGroup;
use crate::value::Integer;

/// The rhythm of a target group's health checks, each of which ends before the next begins.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthCheck {
    interval_seconds: Integer<5, 300>,
    timeout_seconds: Integer<2, 120>,
    healthy_threshold: Integer<2, 10>,
    unhealthy_threshold: Integer<2, 10>,
}

impl HealthCheck {
    /// Seconds between checks (5 to 300), seconds that a check may take (2 to 120, less than the interval), successes in a
    /// row that make healthy and failures in a row that make unhealthy (2 to 10 each).
    ///
    /// # Panics
    ///
    /// When a number is out of its range, or the timeout isn't below the interval: in a constant, when compiling.
    #[track_caller]
    pub const fn new(
        interval_seconds: i64,
        timeout_seconds: i64,
        healthy_threshold: i64,
        unhealthy_threshold: i64,
    ) -> Self {
        assert!(
            timeout_seconds < interval_seconds,
            "the health check's timeout isn't below its interval"
        );
        Self {
            interval_seconds: Integer::new(interval_seconds)
                .expect("the health check's interval isn't from 5 to 300 seconds"),
            timeout_seconds: Integer::new(timeout_seconds)
                .expect("the health check's timeout isn't from 2 to 120 seconds"),
            healthy_threshold: Integer::new(healthy_threshold).expect("the healthy threshold isn't from 2 to 10"),
            unhealthy_threshold: Integer::new(unhealthy_threshold).expect("the unhealthy threshold isn't from 2 to 10"),
        }
    }

    pub(super) fn of(&self, target_group: TargetGroup) -> TargetGroup {
        target_group
            .health_check_interval_seconds(self.interval_seconds)
            .health_check_timeout_seconds(self.timeout_seconds)
            .healthy_threshold_count(self.healthy_threshold)
            .unhealthy_threshold_count(self.unhealthy_threshold)
    }
}
