//! The local cloud is killed mid-deployment and started again: it settles by the same rules, and nothing is orphaned.
//! Nobody answers in between, so that neither requests nor floors are promised.

use super::super::scenario::{
    Act, Expectation, FLEET_NEW, Harm, Moment, ONEBOX_NEW, SHIPPED, Scenario, Stage, Step, USUAL,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "killed-cloud",
    change: "a good image, kill -9 of the local cloud meanwhile",
    promise: "settles by the same rules, nothing orphaned",
    steps: &[Step::During(
        &["deploy", "sandbox", "--image", "{good}"],
        Moment::OneboxChanges,
        Act::KillCloud,
    )],
    expected: Expectation {
        onebox: Stage {
            floor: None,
            ..ONEBOX_NEW
        },
        fleet: Stage {
            floor: None,
            ..FLEET_NEW
        },
        harm: Harm::Outage,
        ..SHIPPED
    },
    ..USUAL
};
