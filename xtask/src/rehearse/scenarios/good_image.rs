//! A good image under full load: shipped without one failed request.

use super::super::scenario::{Load, SHIPPED, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "good-image",
    change: "a good image, under full load",
    promise: "Onebox, bake, Fleet; no failed request",
    load: Load::Full(16),
    steps: &[Step::Run(&["deploy", "sandbox", "--image", "{good}"])],
    expected: SHIPPED,
    ..USUAL
};
