//! Ctrl-C mid-deployment: the deployment goes on, and resuming it gives the same end.

use super::super::scenario::{Act, Expectation, Moment, SHIPPED, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "ctrl-c",
    change: "a good image, Ctrl-C of deploy meanwhile",
    promise: "goes on, says how to follow; resuming gives the same end",
    steps: &[
        Step::During(
            &["deploy", "sandbox", "--image", "{good}"],
            Moment::OneboxChanges,
            Act::Interrupt,
        ),
        Step::Run(&["deploy", "sandbox", "--resume"]),
    ],
    expected: Expectation {
        exits: &[130, 0],
        says: &["follow it again with"],
        ..SHIPPED
    },
    ..USUAL
};
