//! Every hundredth request ends its task: the requests in flight, and those sent to it until that is noticed, fail.

use super::super::scenario::{Alarms, Expectation, Load, ONEBOX_BACK, STOPPED_AT_ONEBOX, Scenario, Stage, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "crash",
    change: "crash@1%",
    speed: 6.0,
    load: Load::Full(16),
    promise: "tasks replaced, errors counted, rolled back by the error alarm",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "crash@1%"])],
    expected: Expectation {
        onebox: Stage {
            floor: None,
            ..ONEBOX_BACK
        },
        alarms: Alarms::Fired("Onebox-ConnectionErrors"),
        says: &["Onebox-ConnectionErrors"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
