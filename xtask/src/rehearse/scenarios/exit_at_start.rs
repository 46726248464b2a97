//! Tasks that end before they listen: the circuit breaker, and no request ever meets one.

use super::super::scenario::{Expectation, Harm, ONEBOX_UNTOUCHED, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "exit-at-start",
    change: "exit-at-start",
    promise: "rolled back by the circuit breaker; stop reason and log lines shown",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "exit-at-start"])],
    expected: Expectation {
        onebox: ONEBOX_UNTOUCHED,
        harm: Harm::None,
        says: &[
            "circuit breaker",
            "exited with code 1",
            "a fault was asked for: exit-at-start",
        ],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
