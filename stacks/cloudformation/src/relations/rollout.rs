//! How a rolling update replaces tasks.

use super::alarm::{BakeTime, WatchingAlarm, Window};
use super::capacity::Capacity;
use crate::generated::ecs_service::{DeploymentAlarms, DeploymentAlarmsRequired, DeploymentConfiguration};
use crate::value::list;

/// The shares of the desired tasks between which a rolling update stays, wide enough to start or to stop a task.
///
/// ECS rounds the lower limit up and the upper one down, in tasks; when neither leaves room for one, a deployment waits
/// for ever.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout {
    minimum_healthy_percent: i64,
    maximum_percent: i64,
}

impl Rollout {
    /// The share that stays healthy (0 to 100) and the share that may exist at once (100 to 200), in per cent, for a
    /// service of this capacity: with its fewest tasks there is room for one, and so with more.
    ///
    /// # Panics
    ///
    /// When a share is out of its range, or no task could be replaced: in a constant, when compiling.
    #[track_caller]
    pub const fn new(minimum_healthy_percent: i64, maximum_percent: i64, capacity: &Capacity) -> Self {
        assert!(
            0 <= minimum_healthy_percent && minimum_healthy_percent <= 100,
            "the healthy share isn't from 0 to 100 per cent"
        );
        assert!(
            100 <= maximum_percent && maximum_percent <= 200,
            "the largest share isn't from 100 to 200 per cent"
        );
        let fewest = if capacity.minimum() < 1 { 1 } else { capacity.minimum() };
        let can_start = fewest * maximum_percent / 100 > fewest;
        let can_stop = fewest * (100 - minimum_healthy_percent) >= 100;
        assert!(
            can_start || can_stop,
            "a rollout could neither start nor stop a task, and would wait for ever"
        );
        Self {
            minimum_healthy_percent,
            maximum_percent,
        }
    }

    /// A deployment between these shares that is rolled back when one of the alarms fires, until the bake time is over.
    pub fn watched_by<W: Window>(
        &'static self,
        alarms: &[WatchingAlarm<W>],
        bake_time: &'static BakeTime<W>,
    ) -> DeploymentConfiguration {
        let alarms = DeploymentAlarms::new(DeploymentAlarmsRequired {
            alarm_names: list(alarms.iter().map(WatchingAlarm::name)),
            enable: true.into(),
            rollback: true.into(),
        });
        DeploymentConfiguration::new()
            .alarms(alarms)
            .bake_time_in_minutes(bake_time.in_minutes())
            .maximum_percent(self.maximum_percent)
            .minimum_healthy_percent(self.minimum_healthy_percent)
    }
}
