//! Two bad deployments in a row, the second once the first one's alarm is no longer red.

use super::super::scenario::{Alarms, Expectation, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "two-bad",
    change: "error=500@10%, then error=500@20%",
    promise: "the second as safe as the first",
    steps: &[
        Step::Run(&["deploy", "sandbox", "--fault", "error=500@10%"]),
        Step::Calm,
        Step::Run(&["deploy", "sandbox", "--fault", "error=500@20%"]),
    ],
    expected: Expectation {
        exits: &[5, 5],
        alarms: Alarms::Fired("Onebox-ServerErrors"),
        says: &["Onebox-ServerErrors"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
