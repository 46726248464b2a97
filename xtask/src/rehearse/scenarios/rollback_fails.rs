//! A bad image, and a rollback that CloudFormation can't finish: the one case in which somebody has to act.
//! What the command says to do is done, and fixes it.

use super::super::scenario::{Alarms, Expectation, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "rollback-fails",
    change: "error=500@10%, and the rollback itself fails",
    promise: "says what to do; doing it fixes it",
    before: &[Step::Run(&["local", "fault", "add", "rollback", "OneboxService"])],
    steps: &[
        Step::Run(&["deploy", "sandbox", "--fault", "error=500@10%"]),
        Step::ContinueRollback,
    ],
    expected: Expectation {
        exits: &[6],
        alarms: Alarms::Fired("Onebox-ServerErrors"),
        says: &["UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
