//! A shared resource, changed for both stages at once: evidence of both, and restored if either suffers.

use super::super::scenario::{Alarms, Edit, Expectation, Harm, NOTHING, QUICK, Scenario, Step};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "listener",
    change: "the listener answers 500 itself",
    promise: "found by probes through the listener, restored; no task replaced",
    edits: &[Edit {
        pointer: "/Resources/Listener/Properties/DefaultActions",
        value: r#"[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "500"}}]"#,
    }],
    steps: &[Step::Run(&["deploy", "sandbox", "--templates", "{templates}"])],
    expected: Expectation {
        exits: &[5],
        stack: &["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"],
        alarms: Alarms::Perhaps(""),
        harm: Harm::Outage,
        says: &["probes"],
        ..NOTHING
    },
    ..QUICK
};
