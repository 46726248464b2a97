//! A target group's attribute: neither images nor tasks have to do with it.

use super::super::scenario::{Edit, Expectation, NOTHING, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "infrastructure",
    change: "infrastructure only: a target group's attribute",
    promise: "images untouched on both, no task replaced",
    edits: &[Edit {
        pointer: "/Resources/FleetTargetGroup/Properties/TargetGroupAttributes/0/Value",
        value: r#""31""#,
    }],
    steps: &[Step::Run(&[
        "deploy",
        "sandbox",
        "--stage",
        "infrastructure",
        "--templates",
        "{templates}",
    ])],
    expected: Expectation {
        stack: &["UPDATE_COMPLETE"],
        ..NOTHING
    },
    ..USUAL
};
