//! Tasks that pass their first health checks and then fail them. The seconds are real, and health checks come 30 times
//! as often as on AWS: half a second is what 15 s are there, one interval.

use super::super::scenario::{Alarms, Expectation, Harm, ONEBOX_BACK, STOPPED_AT_ONEBOX, Scenario, Stage, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "unhealthy",
    change: "unhealthy-after (30 s on AWS are 1 s here)",
    promise: "rolled back by the circuit breaker",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "unhealthy-after=1s"])],
    expected: Expectation {
        onebox: Stage {
            floor: None,
            ..ONEBOX_BACK
        },
        alarms: Alarms::Perhaps("Onebox-UnhealthyTargets"),
        harm: Harm::None,
        says: &["circuit breaker"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
