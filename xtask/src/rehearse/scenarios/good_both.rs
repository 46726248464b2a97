//! A good image and a good configuration in one release, under full load.

use super::super::scenario::{Load, SHIPPED, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "good-both",
    change: "a good image and a variable in one release, under full load",
    promise: "Onebox, then Fleet; no failed request",
    load: Load::Full(16),
    edits: super::configuration::SCENARIO.edits,
    steps: &[Step::Run(&[
        "deploy",
        "sandbox",
        "--templates",
        "{templates}",
        "--image",
        "{good}",
    ])],
    expected: SHIPPED,
    ..USUAL
};
