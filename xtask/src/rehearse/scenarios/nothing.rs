//! Nothing changed: nothing to do.

use super::super::scenario::{NOTHING, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "nothing",
    change: "none",
    promise: "nothing to do, no task touched",
    steps: &[Step::Run(&["deploy", "sandbox"])],
    expected: NOTHING,
    ..USUAL
};
