//! A good image that nobody asks anything: nothing to judge it by, so that Fleet stays as it is.

use super::super::scenario::{Expectation, Harm, Load, NOTHING, ONEBOX_BACK, Scenario, Step, USUAL};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "no-traffic",
    change: "a good image, no traffic at all, --no-probe",
    promise: "too little evidence: Onebox restored, Fleet untouched",
    load: Load::Quiet,
    steps: &[Step::Run(&["deploy", "sandbox", "--image", "{good}", "--no-probe"])],
    expected: Expectation {
        exits: &[7],
        stack: &["UPDATE_COMPLETE"],
        onebox: ONEBOX_BACK,
        harm: Harm::NoRequests,
        says: &["--accept"],
        ..NOTHING
    },
    ..USUAL
};
