//! A target group's health checks ask for a path that the service doesn't have: CloudFormation changes that without a
//! deployment of ECS's, so that the command itself watches what it does, and takes it back.

use super::super::scenario::{Alarms, Edit, Expectation, NOTHING, ONEBOX_BACK, Scenario, Stage, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "health-check-path",
    change: "infrastructure only: the path of Onebox's health checks doesn't exist",
    promise: "the former template again, all targets healthy; Fleet untouched",
    speed: 12.0,
    edits: &[Edit {
        pointer: "/Resources/OneboxTargetGroup/Properties/HealthCheckPath",
        value: r#""/nope""#,
    }],
    steps: &[Step::Run(&["deploy", "sandbox", "--templates", "{templates}"])],
    expected: Expectation {
        exits: &[5],
        stack: &["UPDATE_COMPLETE"],
        onebox: Stage {
            floor: None,
            ..ONEBOX_BACK
        },
        alarms: Alarms::Perhaps("Onebox-UnhealthyTargets"),
        says: &["was rolled back", "fail their health checks"],
        ..NOTHING
    },
    ..USUAL
};
