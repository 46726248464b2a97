//! Six requests in a hundred take 6 s: an average would hide them, the trimmed mean of the slowest tenth doesn't.
//! As for `slow`, the 6 s are real.

use super::super::scenario::{Alarms, Expectation, Harm, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "slow-few",
    change: "delay=6s@6%",
    promise: "rolled back by the trimmed mean",
    speed: 4.0,
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "delay=6s@6%"])],
    expected: Expectation {
        alarms: Alarms::Fired("Onebox-ResponseTime"),
        harm: Harm::OneboxAnswered,
        says: &["Onebox-ResponseTime"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
