//! Every request takes 6 s: the alarm on the response time. The 6 s are real, so a minute has to be long against them.

use super::super::scenario::{Alarms, Expectation, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "slow",
    change: "delay=6s on every request",
    promise: "rolled back by Onebox's latency alarm; Fleet never sees it",
    speed: 6.0,
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "delay=6s"])],
    expected: Expectation {
        alarms: Alarms::Fired("Onebox-ResponseTime"),
        says: &["Onebox-ResponseTime"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
