//! Every tenth answer is a 500, and a fast one: latency alone would pass it.

use super::super::scenario::{Alarms, Expectation, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "errors",
    change: "error=500@10%",
    promise: "rolled back by Onebox's error alarm; Fleet never sees it",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "error=500@10%"])],
    expected: Expectation {
        alarms: Alarms::Fired("Onebox-ServerErrors"),
        says: &["Onebox-ServerErrors"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
