//! A second deployment while the first isn't finished.

use local_cloud::Bake;

use super::super::scenario::{Act, Expectation, Moment, QUICK, SHIPPED, Scenario, Step};

/// The first is finished, the second refused.
const REFUSED: Expectation = Expectation {
    exits: &[4, 0],
    says: &["E-UNFINISHED", "--resume"],
    ..SHIPPED
};

const SECOND: Act<'static> = Act::Run(&["deploy", "sandbox", "--image", "{first}"]);

pub(super) const BETWEEN: Scenario = Scenario {
    name: "second-deploy",
    change: "a good image, and another deployment between its steps",
    promise: "the second is refused by name; the first ends as without it",
    steps: &[Step::During(
        &["deploy", "sandbox", "--image", "{good}"],
        Moment::OneboxPassed,
        SECOND,
    )],
    expected: REFUSED,
    ..QUICK
};

pub(super) const AT_GATE: Scenario = Scenario {
    name: "second-deploy-at-gate",
    change: "a good image, and another deployment at Onebox's gate, the bake time ignored",
    promise: "the second is refused by name; the first ends as without it",
    bake: Some(Bake::Ignored),
    steps: &[Step::During(
        &["deploy", "sandbox", "--image", "{good}"],
        Moment::Waits,
        SECOND,
    )],
    expected: REFUSED,
    ..QUICK
};
