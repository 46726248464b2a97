//! A variable in both stages' containers that makes requests fail: no image changes, and no customer sends a request.

use super::super::scenario::{
    Edit, Expectation, FOUND_ON_ONEBOX, Harm, Load, NOTHING, ONEBOX_BACK, QUICK, Scenario, Step,
};

/// The fault, in both stages' containers.
pub(super) const EDITS: &[Edit<'static>] = &[
    Edit {
        pointer: "/Resources/OneboxTaskDefinition/Properties/ContainerDefinitions/0/Environment/-",
        value: r#"{"Name": "SERVICE_FAULT", "Value": "error=500@30%"}"#,
    },
    Edit {
        pointer: "/Resources/FleetTaskDefinition/Properties/ContainerDefinitions/0/Environment/-",
        value: r#"{"Name": "SERVICE_FAULT", "Value": "error=500@30%"}"#,
    },
];

pub(super) const PROBED: Scenario = Scenario {
    name: "bad-variable",
    change: "a variable that fails 30 % of the requests, on an idle sandbox",
    promise: "found by the probes to Onebox; Fleet untouched",
    load: Load::Quiet,
    edits: EDITS,
    steps: &[Step::Run(&["deploy", "sandbox", "--templates", "{templates}"])],
    expected: Expectation {
        harm: Harm::NoRequests,
        says: &["Onebox", "probes"],
        ..FOUND_ON_ONEBOX
    },
    ..QUICK
};

pub(super) const NOT_JUDGED: Scenario = Scenario {
    name: "bad-variable-unjudged",
    change: "the same, without probes either",
    promise: "not enough evidence; Onebox restored, Fleet untouched",
    load: Load::Quiet,
    edits: EDITS,
    steps: &[Step::Run(&[
        "deploy",
        "sandbox",
        "--templates",
        "{templates}",
        "--no-probe",
    ])],
    expected: Expectation {
        exits: &[7],
        stack: &["UPDATE_COMPLETE"],
        onebox: ONEBOX_BACK,
        harm: Harm::NoRequests,
        says: &["--accept"],
        ..NOTHING
    },
    ..QUICK
};
