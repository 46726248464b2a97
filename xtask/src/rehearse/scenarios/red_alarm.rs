//! An alarm that is red already, which would leave the deployment unwatched: nothing is begun.
//! CloudWatch judges the alarm anew at its next minute, so that a minute has to outlast the command.

use super::super::scenario::{Alarms, Expectation, NOTHING, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "red-alarm",
    change: "a good image, an alarm already red",
    promise: "refused before anything changes",
    speed: 6.0,
    steps: &[
        Step::Redden("Onebox-ServerErrors"),
        Step::Run(&["deploy", "sandbox", "--image", "{good}"]),
    ],
    expected: Expectation {
        exits: &[4],
        alarms: Alarms::Fired("Onebox-ServerErrors"),
        says: &["Onebox-ServerErrors", "--ignore-red-alarms"],
        ..NOTHING
    },
    ..USUAL
};
