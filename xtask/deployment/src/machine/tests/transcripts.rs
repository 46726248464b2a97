//! A few deployments in full.

use super::drive::{Crash, Run};
use super::scripts::deployment;
use super::world::{Conditions, Fault, World};
use crate::stage::Stage::{Fleet, Onebox};

fn run(conditions: Conditions) -> Run {
    Run::new(World::new(conditions), deployment(&[Onebox, Fleet]))
}

fn transcript(conditions: Conditions) -> String {
    let mut run = run(conditions);
    run.finish();
    run.transcript
}

const FLEET_ONLY: Fault = Fault {
    stage: Fleet,
    customers: 0.2,
    probes: 0.0,
    after: 0,
};

#[test]
fn a_good_release() {
    let transcript = transcript(Conditions::DEFAULT);
    insta::assert_snapshot!(transcript);
}

#[test]
fn only_fleets_customers_see_it_and_the_bake_is_ignored() {
    let transcript = transcript(Conditions {
        fault: Some(FLEET_ONLY),
        is_bake_honoured: false,
        ..Conditions::DEFAULT
    });
    insta::assert_snapshot!(transcript);
}

#[test]
fn failing_probes_cancel_the_update() {
    let transcript = transcript(Conditions {
        fault: Some(Fault {
            stage: Onebox,
            probes: 1.0,
            ..FLEET_ONLY
        }),
        ..Conditions::DEFAULT
    });
    insta::assert_snapshot!(transcript);
}

#[test]
fn a_cancellation_that_comes_too_late() {
    let transcript = transcript(Conditions {
        fault: Some(Fault {
            stage: Onebox,
            probes: 1.0,
            after: 1,
            ..FLEET_ONLY
        }),
        is_bake_honoured: false,
        ..Conditions::DEFAULT
    });
    insta::assert_snapshot!(transcript);
}

#[test]
fn fleet_is_rolled_back_and_then_onebox() {
    let transcript = transcript(Conditions {
        no_start: Some(Fleet),
        ..Conditions::DEFAULT
    });
    insta::assert_snapshot!(transcript);
}

#[test]
fn resumed_in_the_middle_of_a_revert() {
    let mut run = run(Conditions {
        fault: Some(FLEET_ONLY),
        is_bake_honoured: false,
        ..Conditions::DEFAULT
    });
    run.interrupted(&[Crash::Seconds(17 * 60)], 100);
    let transcript = run.transcript;
    insta::assert_snapshot!(transcript);
}
