//! An image that the repository doesn't have: no release can be made of it.

use super::super::scenario::{Expectation, NOTHING, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "missing-image",
    change: "an image that doesn't exist",
    promise: "refused before any change",
    steps: &[Step::Run(&["deploy", "sandbox", "--image", "{missing}"])],
    expected: Expectation {
        exits: &[4],
        says: &["E-RELEASE-GONE"],
        ..NOTHING
    },
    ..USUAL
};
