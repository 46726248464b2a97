use cloudformation::generated::ecs_service::DeploymentConfiguration;
use cloudformation::relations::{AlarmWindow, BakeTime, Capacity, Rollout, WatchingAlarm};

const CAPACITY: Capacity = Capacity::new(3, 10);
const ROLLOUT: Rollout = Rollout::new(100, 200, &CAPACITY);
const BAKE_TIME: BakeTime<AlarmWindow<1, 1, 60>> = BakeTime::minutes(6, 4);

fn deployment(alarms: &[WatchingAlarm<AlarmWindow<3, 4, 60>>]) -> DeploymentConfiguration {
    ROLLOUT.watched_by(alarms, &BAKE_TIME)
}

fn main() {}
