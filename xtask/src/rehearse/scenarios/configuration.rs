//! An environment variable more on both stages, and no other image: Onebox meets it first all the same.

use super::super::scenario::{Edit, Expectation, FLEET_BACK, NOTHING, ONEBOX_BACK, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "configuration",
    change: "configuration only: an environment variable",
    promise: "Onebox first, then Fleet; images untouched",
    edits: &[
        Edit {
            pointer: "/Resources/OneboxTaskDefinition/Properties/ContainerDefinitions/0/Environment/-",
            value: r#"{"Name": "REHEARSED", "Value": "yes"}"#,
        },
        Edit {
            pointer: "/Resources/FleetTaskDefinition/Properties/ContainerDefinitions/0/Environment/-",
            value: r#"{"Name": "REHEARSED", "Value": "yes"}"#,
        },
    ],
    steps: &[Step::Run(&["deploy", "sandbox", "--templates", "{templates}"])],
    expected: Expectation {
        stack: &["UPDATE_COMPLETE"],
        onebox: ONEBOX_BACK,
        fleet: FLEET_BACK,
        ..NOTHING
    },
    ..USUAL
};
