//! A fault that shows on Fleet alone while ECS ignores the bake time: only Fleet's gate is left to find it.

use local_cloud::Bake;

use super::super::scenario::{Alarms, Expectation, QUICK, Scenario, Step};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fleet-only-gate",
    change: "error=500@10%, on Fleet only, the bake time ignored",
    promise: "found at Fleet's gate, both back on the old image",
    bake: Some(Bake::Ignored),
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "error=500@10%:fleet"])],
    expected: Expectation {
        alarms: Alarms::Perhaps("Fleet-"),
        says: &["Fleet"],
        stack: &["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"],
        ..super::fleet_only::SCENARIO.expected
    },
    ..QUICK
};
