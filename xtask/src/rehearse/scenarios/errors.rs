//! Every tenth answer is a 500, and a fast one: latency alone would pass it.
//! Without probes, so that it is known when the first request came to harm.

use super::super::scenario::{Alarms, Expectation, Harm, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "errors",
    change: "error=500@10%",
    promise: "rolled back by Onebox's error alarm; Fleet never sees it",
    steps: &[Step::Run(&[
        "deploy",
        "sandbox",
        "--fault",
        "error=500@10%",
        "--no-probe",
    ])],
    expected: Expectation {
        alarms: Alarms::Fired("Onebox-ServerErrors"),
        harm: Harm::OneboxAnswered,
        says: &["Onebox-ServerErrors"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
