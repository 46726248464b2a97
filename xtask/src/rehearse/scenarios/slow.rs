//! Every request takes 6 s: the alarm on the response time. The 6 s are real, so that at a higher speed a
//! target would be taken away before it has answered: 30 s for that are 7.5 s here.
//! Without probes, so that it is known when the first request came to harm.

use super::super::scenario::{Alarms, Expectation, Harm, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "slow",
    change: "delay=6s on every request",
    promise: "rolled back by Onebox's latency alarm; Fleet never sees it",
    speed: 4.0,
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "delay=6s", "--no-probe"])],
    expected: Expectation {
        alarms: Alarms::Fired("Onebox-ResponseTime"),
        harm: Harm::OneboxAnswered,
        says: &["Onebox-ResponseTime"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
