//! The weights of the stages: neither images nor tasks have to do with it.

use super::super::scenario::{Edit, Expectation, NOTHING, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "infrastructure",
    change: "shared resources only: the stages' weights",
    promise: "images untouched on both, no task replaced",
    edits: &[Edit {
        pointer: "/Resources/Listener/Properties/DefaultActions/0/ForwardConfig/TargetGroups/0/Weight",
        value: "2",
    }],
    steps: &[Step::Run(&["deploy", "sandbox", "--templates", "{templates}"])],
    expected: Expectation {
        stack: &["UPDATE_COMPLETE"],
        ..NOTHING
    },
    ..USUAL
};
