//! Fifteen good releases in a row: every verdict is a chance to be wrong.

use super::super::scenario::{Expectation, QUICK, SHIPPED, Scenario, Step};

const NEW: Step = Step::Run(&["deploy", "sandbox", "--image", "{good}"]);
const OLD: Step = Step::Run(&["deploy", "sandbox", "--image", "{first}"]);

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fifteen-good",
    change: "fifteen good releases in a row",
    promise: "no false rollback, no failed request",
    speed: 60.0,
    steps: &[
        NEW, OLD, NEW, OLD, NEW, OLD, NEW, OLD, NEW, OLD, NEW, OLD, NEW, OLD, NEW,
    ],
    expected: Expectation {
        exits: &[0; 15],
        ..SHIPPED
    },
    ..QUICK
};
