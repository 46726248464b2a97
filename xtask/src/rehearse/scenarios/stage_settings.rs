//! Settings of a stage that no image shows: an alarm's threshold, a role's rights.

use super::super::scenario::{Alarms, Edit, Expectation, FOUND_ON_ONEBOX, Harm, ONEBOX_BACK, QUICK, Scenario, Step};

pub(super) const ALARM_THRESHOLD: Scenario = Scenario {
    name: "alarm-threshold",
    change: "a threshold of both stages' latency alarms that ordinary traffic breaches",
    promise: "reverted by Onebox's alarm; Fleet untouched",
    edits: &[
        Edit {
            pointer: "/Resources/OneboxResponseTimeAlarm/Properties/Threshold",
            value: "0.000001",
        },
        Edit {
            pointer: "/Resources/FleetResponseTimeAlarm/Properties/Threshold",
            value: "0.000001",
        },
    ],
    steps: &[Step::Run(&["deploy", "sandbox", "--templates", "{templates}"])],
    expected: Expectation {
        onebox: ONEBOX_BACK,
        alarms: Alarms::Fired("Onebox-ResponseTime"),
        harm: Harm::None,
        says: &["Onebox-ResponseTime"],
        ..FOUND_ON_ONEBOX
    },
    ..QUICK
};

pub(super) const TASK_ROLE: Scenario = Scenario {
    name: "task-role",
    change: "task roles without the permission that every request uses",
    promise: "found on Onebox; the roles as before, Fleet untouched",
    first: &["deploy", "sandbox", "--fault", "aws-call"],
    edits: &[
        Edit {
            pointer: "/Resources/OneboxTaskRole/Properties/Policies/0/PolicyDocument/Statement/0/Action/0",
            value: r#""cloudwatch:ListMetrics""#,
        },
        Edit {
            pointer: "/Resources/FleetTaskRole/Properties/Policies/0/PolicyDocument/Statement/0/Action/0",
            value: r#""cloudwatch:ListMetrics""#,
        },
    ],
    steps: &[Step::Run(&[
        "deploy",
        "sandbox",
        "--templates",
        "{templates}",
        "--fault",
        "aws-call",
    ])],
    expected: Expectation {
        onebox: ONEBOX_BACK,
        says: &["probes"],
        ..FOUND_ON_ONEBOX
    },
    ..QUICK
};
