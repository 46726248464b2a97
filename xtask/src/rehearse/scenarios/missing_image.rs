//! An image that the repository doesn't have: the circuit breaker.

use super::super::scenario::{Expectation, Harm, ONEBOX_UNTOUCHED, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "missing-image",
    change: "an image that doesn't exist",
    promise: "rolled back by the circuit breaker; stop reason shown",
    steps: &[Step::Run(&["deploy", "sandbox", "--image", "{missing}"])],
    expected: Expectation {
        onebox: ONEBOX_UNTOUCHED,
        harm: Harm::None,
        says: &["CannotPullContainerError"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
