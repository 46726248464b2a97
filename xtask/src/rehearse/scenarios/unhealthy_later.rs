//! Tasks that fail their health checks only when Onebox's bake time is over: then ECS's circuit breaker counts no more, and
//! the verdict has found nothing. Fleet's deployment is watched by Onebox's alarms as well. The 16 s are real, 8 min at
//! this speed: Fleet's tasks are too young to fail before Onebox's have.

use super::super::scenario::{
    Alarms, Expectation, FLEET_BACK, Harm, ONEBOX_BACK, STOPPED_AT_ONEBOX, Scenario, Stage, Step, USUAL,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "unhealthy-later",
    change: "unhealthy-after (8 min on AWS are 16 s here)",
    promise: "Fleet's deployment rolled back by Onebox's alarm, both back on the old image",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "unhealthy-after=16s"])],
    expected: Expectation {
        stack: &["UPDATE_COMPLETE"],
        onebox: Stage {
            floor: None,
            ..ONEBOX_BACK
        },
        fleet: FLEET_BACK,
        alarms: Alarms::Fired("Onebox-UnhealthyTargets"),
        harm: Harm::None,
        says: &["Onebox-UnhealthyTargets"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
