//! Ctrl-C mid-deployment: the deployment goes on, and resuming it gives the same end.

use super::super::scenario::{Expectation, SHIPPED, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "ctrl-c",
    change: "a good image, Ctrl-C of deploy meanwhile",
    promise: "goes on, says how to follow; resuming gives the same end",
    steps: &[
        Step::Interrupt(&["deploy", "sandbox", "--image", "{good}"]),
        Step::Run(&["deploy", "sandbox", "--resume"]),
    ],
    expected: Expectation {
        exits: &[130, 0],
        says: &["follow it again with"],
        ..SHIPPED
    },
    ..USUAL
};
