//! A fault that shows on Fleet alone: Fleet's own alarm, and Onebox doesn't keep what Fleet couldn't bear.

use super::super::scenario::{Alarms, Expectation, FLEET_BACK, Harm, STOPPED_AT_ONEBOX, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fleet-only",
    change: "error=500@10%, on Fleet only",
    promise: "Fleet's alarm, both back on the old image",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "error=500@10%:fleet"])],
    expected: Expectation {
        stack: &["UPDATE_COMPLETE"],
        fleet: FLEET_BACK,
        alarms: Alarms::Fired("Fleet-ServerErrors"),
        harm: Harm::Fleet,
        says: &["Fleet-ServerErrors"],
        ..STOPPED_AT_ONEBOX
    },
    ..USUAL
};
