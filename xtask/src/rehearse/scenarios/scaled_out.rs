//! A fleet of 40 tasks gets a good image: never fewer than 40 healthy ones, and 40 of them in the end.
//!
//! The scalable target's minimum brings it out, and stays in the template that is deployed; the template has no desired
//! count that could reset it.

use super::super::scenario::{Edit, Expectation, FLEET_NEW, SHIPPED, Scenario, Stage, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "scaled-out",
    change: "a good image, Fleet scaled out to 40 tasks",
    promise: "never below its floor, count kept",
    edits: &[Edit {
        pointer: "/Resources/FleetScalableTarget/Properties/MinCapacity",
        value: "40",
    }],
    before: &[Step::Run(&["deploy", "sandbox", "--templates", "{templates}"])],
    steps: &[Step::Run(&[
        "deploy",
        "sandbox",
        "--templates",
        "{templates}",
        "--image",
        "{good}",
    ])],
    expected: Expectation {
        fleet: Stage {
            count: 40,
            floor: Some(40),
            ..FLEET_NEW
        },
        ..SHIPPED
    },
    ..USUAL
};
