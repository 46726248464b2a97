//! A sandbox from before there were releases.

use super::super::scenario::{Load, SHIPPED, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "adopted",
    change: "a good image for a sandbox from before releases, under full load",
    promise: "adopted, staged, no failed request",
    load: Load::Full(16),
    first: &["deploy", "sandbox", "--templates", "{adopted}"],
    steps: &[Step::Run(&["deploy", "sandbox", "--image", "{good}"])],
    expected: SHIPPED,
    ..USUAL
};
