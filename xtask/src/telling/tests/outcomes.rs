//! Each outcome of a deployment, in all three renderings.

use deployment::machine::{Cause, Outcome};
use serde_json::json;

use super::play::Play;
use super::{at, group};
use crate::alarms::{Fired, Firing};
use crate::aws::cli::Cli;
use crate::aws::replay::Replay;
use crate::code::Code;
use crate::context::Context;
use crate::deploy::notices::{RESTORING, reverting};
use crate::deploy::outcome;
use crate::exit::{Done, Exit, Failure};
use crate::stack::Wanted;
use crate::stack::apply::{Terms, apply};
use crate::stack::explain::{Consequences, Evidence, Told, failure};
use crate::stack::script::{change_set, created_change_set, done as done_with, stack};
use crate::stack::standing::outcome as outcome_of;
use crate::telling::log::SILENCE;
use crate::telling::note::Note;
use crate::verdict::Verdict;

const AGAIN: &str = "cargo xtask deploy sandbox --local";
const EXITED: &str = "Essential container in task exited; container service exited with code 64";

pub(super) fn done(changed: bool) -> Done {
    Done::from(json!({"environment": "sandbox", "changed": changed}))
}

/// The failure that a play's events end in, with what was seen of its cause.
pub(super) fn failed(play: &Play, evidence: Evidence) -> anyhow::Result<Done> {
    let cause = play
        .events()
        .iter()
        .find(|event| event.status.ends_with("_FAILED"))
        .unwrap();
    let end = play.events().last().unwrap();
    let cli = Cli::default();
    let told = Told {
        stack: "Example",
        status: &end.status,
        outcome: outcome_of(&end.status).unwrap(),
        cause: Some(cause),
        again: AGAIN,
        cli: &cli,
    };
    let evidence = Evidence {
        defined: Some("stacks/src/compute.rs:59".to_owned()),
        consequences: Consequences::of(play.events(), "Example", cause),
        ..evidence
    };
    Err(failure(told, &evidence).unwrap().into())
}

/// Onebox's stage, up to where its new tasks come.
fn onebox_begins(play: &mut Play) {
    play.note(Note::no_traffic(5, true));
    play.at(0)
        .event("Example", "UPDATE_IN_PROGRESS", "User Initiated")
        .tell();
    play.at(1)
        .event("OneboxTaskDefinition", "UPDATE_IN_PROGRESS", "")
        .event("OneboxTaskDefinition", "UPDATE_COMPLETE", "")
        .event("OneboxService", "UPDATE_IN_PROGRESS", "")
        .service(
            "Onebox",
            &[(7, 3, 0, 3, 0, "IN_PROGRESS"), (6, 3, 3, 0, 0, "COMPLETED")],
        )
        .alarm("Onebox", "OK")
        .sides((0, 0, 0), (0, 0, 0), None)
        .tell();
    play.at(4)
        .service(
            "Onebox",
            &[(7, 3, 2, 1, 0, "IN_PROGRESS"), (6, 3, 3, 0, 0, "COMPLETED")],
        )
        .sides((12, 9, 0), (15, 9, 0), None);
}

/// Onebox's new tasks serve alone.
fn onebox_bakes(play: &mut Play) {
    onebox_begins(play);
    play.look();
    play.at(9)
        .service("Onebox", &[(7, 3, 3, 0, 0, "IN_PROGRESS")])
        .stopped(
            "Onebox",
            &[group("Scaling activity initiated by (deployment d7)", false, 3, &[])],
        )
        .sides((40, 30, 0), (44, 30, 0), Some(39))
        .look();
}

/// The stack goes back: the service, and what was new.
fn roll_back(play: &mut Play, from: u64) {
    play.at(from)
        .sides((190, 160, 14), (200, 160, 0), None)
        .event(
            "Example",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to update: [OneboxService].",
        )
        .event("OneboxTaskDefinition", "UPDATE_IN_PROGRESS", "")
        .event("OneboxTaskDefinition", "UPDATE_COMPLETE", "")
        .event("OneboxService", "UPDATE_IN_PROGRESS", "")
        .look();
    play.at(from + 8)
        .event("OneboxService", "UPDATE_COMPLETE", "")
        .event("Example", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")
        .event("OneboxTaskDefinition", "DELETE_IN_PROGRESS", "")
        .event("OneboxTaskDefinition", "DELETE_COMPLETE", "")
        .event("Example", "UPDATE_ROLLBACK_COMPLETE", "");
}

fn thin() -> Verdict {
    crate::verdict::thin()
}

#[test]
fn nothing_to_do() {
    let mut play = Play::new();
    play.note(Note::nothing_to_do("Example-Foundation", None));
    play.note(Note::nothing_to_do("Example", Some("infrastructure")));
    insta::assert_snapshot!(play.end(&Ok(done(false))));
}

#[test]
fn first_deployment() {
    let mut play = Play::new();
    let names: Vec<String> = (1..=12).map(|number| format!("Resource{number}")).collect();
    play.total(14).event("Example", "CREATE_IN_PROGRESS", "User Initiated");
    for name in &names {
        play.event(name, "CREATE_IN_PROGRESS", "");
        play.event(name, "CREATE_IN_PROGRESS", "Resource creation Initiated");
    }
    play.at(2);
    for name in &names[..10] {
        play.event(name, "CREATE_COMPLETE", "");
    }
    play.event("OneboxTaskDefinition", "CREATE_IN_PROGRESS", "");
    play.event("OneboxTaskDefinition", "CREATE_COMPLETE", "");
    play.event("OneboxService", "CREATE_IN_PROGRESS", "").tell();
    play.at(5)
        .service("Onebox", &[(1, 3, 1, 2, 0, "IN_PROGRESS")])
        .alarm("Onebox", "INSUFFICIENT_DATA")
        .look();
    play.at(12);
    for name in &names[10..] {
        play.event(name, "CREATE_COMPLETE", "");
    }
    play.event("OneboxService", "CREATE_COMPLETE", "")
        .event("Example", "CREATE_COMPLETE", "")
        .settle();
    insta::assert_snapshot!(play.end(&Ok(done(true))));
}

#[test]
fn deployed() {
    let mut play = Play::new();
    onebox_bakes(&mut play);
    play.at(40)
        .service("Onebox", &[(7, 3, 3, 0, 0, "COMPLETED")])
        .sides((300, 250, 0), (310, 250, 0), None)
        .event("OneboxService", "UPDATE_COMPLETE", "")
        .event("Example", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
        .event("OneboxTaskDefinition", "DELETE_IN_PROGRESS", "")
        .event("OneboxTaskDefinition", "DELETE_COMPLETE", "")
        .event("Example", "UPDATE_COMPLETE", "")
        .settle();
    insta::assert_snapshot!(play.end(&Ok(done(true))));
}

#[test]
fn rolled_back_by_an_alarm() {
    let mut play = Play::new();
    onebox_bakes(&mut play);
    play.at(24)
        .alarm("Onebox", "ALARM")
        .sides((180, 150, 14), (190, 150, 0), Some(39))
        .look();
    let reason = "Resource handler returned message: \"ECS Deployment was rolled back because CloudWatch alarms were triggered\"";
    play.at(26).event("OneboxService", "UPDATE_FAILED", reason).tell();
    roll_back(&mut play, 26);
    let firing = Firing {
        at: at(24),
        reason: "Threshold Crossed".to_owned(),
        datapoints: vec![15.0, 15.0, 14.3],
        threshold: Some(5.0),
    };
    let outcome = failed(
        &play,
        Evidence {
            service: Some("Onebox".to_owned()),
            firings: vec![Fired {
                name: "Onebox-ServerErrors".to_owned(),
                alarm: None,
                firing,
            }],
            ..Evidence::default()
        },
    );
    play.settle();
    insta::assert_snapshot!(play.end(&outcome));
}

#[test]
fn rolled_back_by_the_circuit_breaker() {
    let mut play = Play::new();
    onebox_begins(&mut play);
    let stopped = |count, words: &[&str]| [group(EXITED, true, count, words)];
    play.service(
        "Onebox",
        &[(7, 3, 0, 3, 1, "IN_PROGRESS"), (6, 3, 3, 0, 0, "COMPLETED")],
    )
    .stopped("Onebox", &stopped(1, &[]))
    .look();
    let words = [
        "service: panicked at service/src/main.rs:20",
        "service: cannot bind 0.0.0.0:8080: \u{1b}[31mAddress in use\u{1b}[0m",
    ];
    play.at(6)
        .service("Onebox", &[(7, 3, 0, 0, 3, "FAILED"), (6, 3, 3, 0, 0, "IN_PROGRESS")])
        .stopped("Onebox", &stopped(3, &words))
        .event("OneboxService", "UPDATE_FAILED", "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\"")
        .look();
    roll_back(&mut play, 7);
    let outcome = failed(
        &play,
        Evidence {
            service: Some("Onebox".to_owned()),
            stopped: stopped(3, &words).to_vec(),
            ..Evidence::default()
        },
    );
    play.settle();
    insta::assert_snapshot!(play.end(&outcome));
}

#[test]
fn missing_image() {
    let mut play = Play::new();
    onebox_begins(&mut play);
    let reason =
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: not found";
    let stopped = [group(reason, true, 3, &[])];
    play.service("Onebox", &[(7, 3, 0, 0, 3, "FAILED"), (6, 3, 3, 0, 0, "IN_PROGRESS")])
        .stopped("Onebox", &stopped)
        .event(
            "OneboxService",
            "UPDATE_FAILED",
            "ECS Deployment Circuit Breaker was triggered",
        )
        .look();
    roll_back(&mut play, 5);
    let outcome = failed(
        &play,
        Evidence {
            service: Some("Onebox".to_owned()),
            stopped: stopped.to_vec(),
            ..Evidence::default()
        },
    );
    play.settle();
    insta::assert_snapshot!(play.end(&outcome));
}

#[test]
fn rollback_failed() {
    let mut play = Play::new();
    onebox_begins(&mut play);
    play.event(
        "OneboxService",
        "UPDATE_FAILED",
        "ECS Deployment Circuit Breaker was triggered",
    );
    play.at(7)
        .event(
            "Example",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to update: [OneboxService].",
        )
        .event("OneboxService", "UPDATE_IN_PROGRESS", "")
        .look();
    play.at(9)
        .event("OneboxService", "UPDATE_FAILED", "The service is DRAINING")
        .event(
            "Example",
            "UPDATE_ROLLBACK_FAILED",
            "The following resource(s) failed to update: [OneboxService].",
        );
    let outcome = failed(&play, Evidence::default());
    play.settle();
    insta::assert_snapshot!(play.end(&outcome));
}

/// The error for a revert.
fn reverted(cause: Cause) -> anyhow::Error {
    let told = outcome::Told {
        stack: "Example",
        again: AGAIN,
        follow: AGAIN,
    };
    outcome::error(Outcome::Reverted(cause), None, &told)
}

#[test]
fn not_enough_evidence() {
    let mut play = Play::new();
    let verdict = thin();
    let cause = Cause::Inconclusive(verdict.reasons.clone());
    play.at(50).note(Note::verdict(&verdict));
    play.note(reverting(&cause, RESTORING));
    play.event("Example", "UPDATE_IN_PROGRESS", "User Initiated").tell();
    play.at(60).event("Example", "UPDATE_COMPLETE", "").settle();
    insta::assert_snapshot!(play.end(&Err(reverted(cause))));
}

#[test]
fn worse_than_fleet() {
    let mut play = Play::new();
    let cause = Cause::Worse(vec![
        "Onebox's slowest tenth takes 150 ms longer than Fleet's".to_owned(),
    ]);
    play.at(50).note(reverting(&cause, RESTORING));
    play.event("Example", "UPDATE_IN_PROGRESS", "User Initiated").tell();
    play.at(60).event("Example", "UPDATE_COMPLETE", "").settle();
    insta::assert_snapshot!(play.end(&Err(reverted(cause))));
}

#[test]
fn interrupted() {
    let mut play = Play::new();
    onebox_bakes(&mut play);
    let failure = Failure::interrupted("interrupted: Example goes on").next(format!(
        "what was asked of Example goes on; follow it again with `{AGAIN}`"
    ));
    insta::assert_snapshot!(play.end(&Err(failure.into())));
}

#[test]
fn lost_network() {
    let mut play = Play::new();
    onebox_begins(&mut play);
    play.tell();
    play.at(10).note(Note::aws_silent(
        "cannot read the events of Example: connection reset by peer",
        std::time::Duration::from_mins(10),
    ));
    play.silent(Some(10));
    play.at(10 + SILENCE.as_secs()).look();
    play.at(12 + SILENCE.as_secs()).tell();
    let failure = Failure::new(
        Exit::Failed,
        "cannot read the events of Example: connection reset by peer",
    )
    .code(Code::AwsUnreachable)
    .next(format!(
        "what was asked of Example goes on; follow it again with `{AGAIN}`"
    ));
    insta::assert_snapshot!(play.end(&Err(failure.into())));
}

#[test]
fn a_network_that_comes_back_and_a_silence() {
    let mut play = Play::new();
    onebox_begins(&mut play);
    play.tell();
    play.at(10).note(Note::aws_silent(
        "cannot read the events of Example: connection reset by peer",
        std::time::Duration::from_mins(10),
    ));
    play.at(20).note(Note::aws_answers(std::time::Duration::from_secs(10)));
    play.tell();
    for seconds in [33, 34, 35, 63, 64, 65] {
        play.at(seconds).tell();
    }
    play.at(70)
        .event("OneboxService", "UPDATE_COMPLETE", "")
        .event("Example", "UPDATE_COMPLETE", "")
        .settle();
    insta::assert_snapshot!(play.end(&Ok(done(true))));
}

#[tokio::test]
async fn refused() {
    let error = crate::deploy::refused_for_a_red_alarm(&Context::hidden()).await;
    insta::assert_snapshot!(Play::new().end(&Err(error)));
}

#[tokio::test(start_paused = true)]
async fn a_change_set_that_is_declined() {
    let answers = [
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done_with("DeleteChangeSet"),
    ];
    let wanted = Wanted {
        name: "Example".to_owned(),
        template: "{}".to_owned(),
        parameters: std::collections::BTreeMap::new(),
        kept: Vec::new(),
    };
    let terms = Terms {
        yes: false,
        token: "token",
        again: AGAIN,
        follow: AGAIN,
        detach: false,
        part: None,
    };
    let context = Context::answered("n");
    let outcome = apply(&context, &Replay::new(answers).aws(), &wanted, terms).await;
    let mut play = Play::new();
    play.said(&context.progress.said());
    insta::assert_snapshot!(play.end(&outcome.map(|_| done(true))));
}
