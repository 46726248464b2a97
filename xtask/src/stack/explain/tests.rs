//! What a failed operation is told as.

use super::*;
use crate::alarms::Firing;
use crate::telling::tests::{at, event, group};

const AGAIN: &str = "cargo xtask deploy sandbox --local";

fn cause() -> Event {
    event(
        2,
        "OneboxService",
        "UPDATE_FAILED",
        "ECS Deployment Circuit Breaker was triggered",
    )
}

fn told(status: &str, outcome: Outcome, evidence: &Evidence) -> String {
    told_of("Example", status, outcome, evidence)
}

fn told_of(stack: &str, status: &str, outcome: Outcome, evidence: &Evidence) -> String {
    let (cause, cli) = (cause(), Cli::default());
    let told = Told {
        stack,
        status,
        outcome,
        cause: Some(&cause),
        again: AGAIN,
        cli: &cli,
    };
    let failure = failure(told, evidence).unwrap();
    format!("{}\n{failure}\n{}", failure.exit.code(), failure.next.join("\n"))
}

#[test]
fn an_update_that_was_rolled_back_is_told_by_its_cause_and_then_by_what_followed() {
    let firing = Firing {
        at: at(3),
        reason: "Threshold Crossed".to_owned(),
        datapoints: vec![15.0, 14.3],
        threshold: Some(5.0),
    };
    let events = [
        event(0, "Example", "UPDATE_IN_PROGRESS", ""),
        event(1, "OneboxService", "UPDATE_IN_PROGRESS", ""),
        event(1, "Alarm", "UPDATE_IN_PROGRESS", ""),
        cause(),
        event(2, "Alarm", "UPDATE_FAILED", "Resource update cancelled"),
        event(2, "Example", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
        event(3, "OneboxService", "UPDATE_IN_PROGRESS", ""),
        event(9, "OneboxService", "UPDATE_COMPLETE", ""),
        event(9, "Policy", "DELETE_FAILED", "in use"),
    ];
    let evidence = Evidence {
        defined: Some("stacks/src/compute.rs:59".to_owned()),
        service: Some(Stage::Onebox.service_name()),
        firings: vec![Fired {
            name: "Onebox-ServerErrors".to_owned(),
            alarm: None,
            firing,
        }],
        stopped: vec![
            group("Essential container in task exited", true, 3, &["service: cannot bind"]),
            group("Scaling activity initiated by (deployment d1)", false, 2, &[]),
        ],
        consequences: Consequences::of(&events, "Example", &cause()),
        unread: vec!["could not read the tasks that stopped: AccessDeniedException".to_owned()],
    };
    insta::assert_snapshot!(told("UPDATE_ROLLBACK_COMPLETE", Outcome::RolledBack, &evidence));
}

#[test]
fn the_logs_of_a_service_are_named_with_the_same_cloud() {
    let evidence = Evidence {
        service: Some(Stage::Fleet.service_name()),
        ..Evidence::default()
    };
    let stack = Stacks::of(Environment::Sandbox).service.name;
    insta::assert_snapshot!(told_of(
        &stack,
        "UPDATE_ROLLBACK_COMPLETE",
        Outcome::RolledBack,
        &evidence
    ));
    let fired = Fired {
        name: "OneBoxDeploymentOnECS-Sandbox-Fleet-ServerErrors".to_owned(),
        alarm: None,
        firing: Firing {
            at: at(3),
            reason: "Threshold Crossed".to_owned(),
            datapoints: Vec::new(),
            threshold: None,
        },
    };
    let errors = Evidence {
        firings: vec![fired],
        ..evidence
    };
    let told = told_of(&stack, "UPDATE_ROLLBACK_COMPLETE", Outcome::RolledBack, &errors);
    assert!(
        told.ends_with(
            "see the errors that its tasks logged: `cargo xtask logs sandbox --stage fleet --errors --local`"
        ),
        "{told}"
    );
    assert_eq!(
        same_cloud("cargo xtask deploy prod --profile p --stage fleet --region r"),
        " --profile p --region r"
    );
}

#[test]
fn a_creation_that_was_rolled_back() {
    insta::assert_snapshot!(told("ROLLBACK_COMPLETE", Outcome::RolledBack, &Evidence::default()));
}

#[test]
fn a_rollback_that_failed() {
    insta::assert_snapshot!(told(
        "UPDATE_ROLLBACK_FAILED",
        Outcome::RollbackFailed,
        &Evidence::default()
    ));
}
