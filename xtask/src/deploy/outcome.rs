//! How a deployment that didn't complete is told: the outcome, the reason, what runs where now, and the next command.

use std::fmt::Write as _;

use deployment::machine::{Cause, Outcome};
use deployment::release::Record;

use super::place::services_of;
use super::plan::{Images, short};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::image::revision::source_revision;
use crate::services::Service;
use crate::stack::Stack;
use crate::stack::explain::RUNS_AGAIN;
use crate::stack::standing::{Standing, standing};

/// What the words about an outcome need besides it.
pub(crate) struct Told<'a> {
    pub(crate) stack: &'a str,
    pub(crate) again: &'a str,
    pub(crate) follow: &'a str,
}

/// The error for an outcome. `failure` is the newest error behind it, which has AWS's words and hints.
pub(crate) fn error(outcome: Outcome, failure: Option<anyhow::Error>, told: &Told<'_>) -> anyhow::Error {
    let again = format!("fix the cause and run `{}` again", told.again);
    match outcome {
        Outcome::Declined => Failure::refused(format!("{} is not changed", told.stack))
            .code(Code::Declined)
            .into(),
        Outcome::Unplanned(changes) => unplanned(Exit::Refused, &changes, told).into(),
        Outcome::NotStarted(error) => {
            failure.unwrap_or_else(|| Failure::new(Exit::Failed, error).code(Code::Bug).into())
        }
        Outcome::Overtaken { by, changed } => overtaken(&by, changed, told).into(),
        Outcome::Reverted(Cause::RolledBack(what)) => {
            failure.unwrap_or_else(|| Failure::new(Exit::RolledBack, what).next(again).into())
        }
        Outcome::Reverted(cause) => reverted(&cause, told).into(),
        Outcome::Stuck { cause, error } => stuck(cause.as_ref(), &error, failure.as_ref(), told),
        Outcome::Deployed { .. } | Outcome::Unchanged => Failure::new(Exit::Failed, "the deployment is complete")
            .code(Code::Bug)
            .into(),
    }
}

fn reverted(cause: &Cause, told: &Told<'_>) -> Failure {
    let again = format!("fix the cause and run `{}` again", told.again);
    match cause {
        Cause::Inconclusive(reasons) => {
            let what = format!(
                "reverted: there is too little evidence to judge by: {}",
                reasons.join("; ")
            );
            Failure::new(Exit::ThinEvidence, what)
                .next(format!("deploy with probes or traffic: `{}`", told.again))
                .next(format!("or accept it: `{} --accept REASON`", told.again))
        }
        Cause::Unplanned(changes) => unplanned(Exit::RolledBack, changes, told),
        Cause::Worse(_) | Cause::Probes(_) => Failure::new(Exit::RolledBack, format!("rolled back: {cause}"))
            .code(Code::Worse)
            .next(again),
        Cause::Alarms(_)
        | Cause::Tasks(_)
        | Cause::RolledBack(_)
        | Cause::Failed(_)
        | Cause::Asked
        | Cause::Resumed => Failure::new(Exit::RolledBack, format!("rolled back: {cause}")).next(again),
    }
}

fn unplanned(exit: Exit, changes: &[String], told: &Told<'_>) -> Failure {
    let what = format!(
        "CloudFormation's change set for {} contains changes that the plan doesn't:\n  {}",
        told.stack,
        changes.join("\n  ")
    );
    Failure::new(exit, what).code(Code::Unplanned).next(format!(
        "somebody may have changed a resource by hand: see with `cargo xtask diff --drift {}`",
        told.stack
    ))
}

fn overtaken(by: &str, changed: bool, told: &Told<'_>) -> Failure {
    let unchanged = if changed { "" } else { "; nothing was changed" };
    let what = format!("somebody else changed the stack meanwhile: {by}{unchanged}");
    let failure = Failure::preflight(what).code(Code::Overtaken);
    failure.next(format!(
        "see with `cargo xtask status` what runs, and run `{}` again once that is through",
        told.again
    ))
}

fn stuck(cause: Option<&Cause>, error: &str, failure: Option<&anyhow::Error>, told: &Told<'_>) -> anyhow::Error {
    let hints = failure
        .and_then(Failure::of)
        .map(|failure| failure.next.clone())
        .unwrap_or_default();
    let because = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
    let what = format!("what ran before couldn't be restored{because}: {error}");
    let failure = Failure::new(Exit::RollbackFailed, what).next("see what runs with `cargo xtask status`");
    let failure = hints.into_iter().fold(failure, Failure::next);
    // If an update and its rollback failed, there is no way back to continue: that was CloudFormation's.
    let next = match cause {
        Some(_) => format!("then continue: `{}`", told.follow),
        None => format!("then run `{}` again", told.again),
    };
    failure.next(next).into()
}

/// Who makes a release, when, and from which revision of the source.
pub(super) fn record(context: &Context, aws: &Aws) -> Record {
    Record {
        time: aws.now(),
        revision: source_revision(&context.root).unwrap_or_else(|| "unknown".to_owned()),
        author: crate::token::by(),
    }
}

/// Adds what now runs where to a failure after which someone wants to know.
pub(crate) async fn with_what_runs(aws: &Aws, stack_name: &str, error: anyhow::Error) -> anyhow::Error {
    let mut failure = match error.downcast::<Failure>() {
        Ok(failure) => failure,
        Err(error) => return error,
    };
    if !matches!(
        failure.exit,
        Exit::RolledBack | Exit::RollbackFailed | Exit::ThinEvidence
    ) {
        return failure.into();
    }
    let stack = aws.stack(stack_name).await.ok().flatten();
    let stack = stack.filter(|stack| standing(Some(&stack.status)) == Standing::Ready);
    if let Some(images) = stack.as_ref().and_then(Images::of) {
        let stack = stack.as_ref().filter(|_| failure.exit == Exit::RolledBack);
        let given_up = match stack {
            Some(stack) => given_up(aws, stack).await,
            None => Vec::new(),
        };
        match given_up.as_slice() {
            [] => drop(write!(failure.what, "\n  now {images}")),
            words => failure = not_brought_back(failure, words),
        }
    }
    failure.into()
}

/// What the services run that ECS has given up, by their tasks; none of those whose newest deployment hasn't failed.
async fn given_up(aws: &Aws, stack: &Stack) -> Vec<String> {
    let services = services_of(aws, stack).await.unwrap_or_default();
    let mut lines = Vec::new();
    for service in services {
        if !is_stuck(&service) {
            continue;
        }
        let mut images = Vec::new();
        for deployment in &service.deployments {
            let image = aws.image_of_definition(&deployment.task_definition).await;
            images.push(
                image
                    .ok()
                    .flatten()
                    .unwrap_or_else(|| deployment.task_definition.clone()),
            );
        }
        lines.push(tasks(&service, &images));
    }
    lines
}

/// Whether ECS gave up the newest deployment before all tasks were its own. One that it gave up afterwards serves.
fn is_stuck(service: &Service) -> bool {
    let Some((newest, older)) = service.deployments.split_first() else {
        return false;
    };
    let serves = newest.running >= service.desired && older.iter().all(|deployment| deployment.running == 0);
    newest.has_failed() && !serves
}

/// The tasks of a service by the image of each of its deployments.
fn tasks(service: &Service, images: &[String]) -> String {
    let deployments = service.deployments.iter().zip(images);
    let running = deployments.filter(|(deployment, _)| deployment.running > 0);
    let tasks: Vec<String> = running
        .map(|(deployment, image)| format!("{} of {}", deployment.running, short(image)))
        .collect();
    let reason = service.deployments.first().and_then(|newest| newest.reason.as_deref());
    format!(
        "{} runs {} tasks, and wants {}: {}; ECS has given its deployment up: {}",
        service.name,
        service.running,
        service.desired,
        tasks.join(" and "),
        reason.unwrap_or("it gives no reason")
    )
}

/// CloudFormation has rolled back, and ECS didn't bring back what ran before.
fn not_brought_back(mut failure: Failure, stuck: &[String]) -> Failure {
    failure.exit = Exit::RollbackFailed;
    failure.what = failure
        .what
        .replace(RUNS_AGAIN, "but ECS didn't bring back what ran before");
    failure.also(&stuck.join("\n")).next(
        "ECS starts none of those tasks anew until a deployment of an image that has changed begins another deployment",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::exit_of;
    use crate::services::Deployment;
    use crate::stack::script::{no_stack, stack};
    use crate::telling::report::text as report;

    fn told(error: &anyhow::Error) -> String {
        format!("{}\nexit {}", report(error), exit_of(error).code())
    }

    /// What is told of an outcome, with the newest error behind it.
    fn ends(outcome: Outcome, failure: Option<Failure>) -> String {
        let words = Told {
            stack: "Example",
            again: "cargo xtask deploy sandbox",
            follow: "cargo xtask deploy sandbox --resume",
        };
        told(&error(outcome, failure.map(Into::into), &words))
    }

    fn reasons() -> Vec<String> {
        vec!["a reason".to_owned(), "another".to_owned()]
    }

    #[test]
    fn outcomes_before_the_first_change() {
        let refused = || Failure::refused("CloudFormation refuses it").code(Code::ChangeRefused);
        let changes = vec!["OneboxService would be replaced".to_owned()];
        let by = "Example is UPDATE_IN_PROGRESS".to_owned();
        insta::assert_snapshot!(ends(Outcome::Declined, None), @"
        error[E-DECLINED]: Example is not changed
        exit 3
        ");
        insta::assert_snapshot!(ends(Outcome::Unplanned(changes), None), @"
        error[E-UNPLANNED]: CloudFormation's change set for Example contains changes that the plan doesn't:
          OneboxService would be replaced
          next: somebody may have changed a resource by hand: see with `cargo xtask diff --drift Example`
        exit 3
        ");
        insta::assert_snapshot!(ends(Outcome::NotStarted("no".to_owned()), Some(refused())), @"
        error[E-CHANGE-REFUSED]: CloudFormation refuses it
        exit 3
        ");
        insta::assert_snapshot!(ends(Outcome::Overtaken { by, changed: false }, None), @"
        error[E-OVERTAKEN]: somebody else changed the stack meanwhile: Example is UPDATE_IN_PROGRESS; nothing was changed
          next: see with `cargo xtask status` what runs, and run `cargo xtask deploy sandbox` again once that is through
        exit 4
        ");
    }

    #[test]
    fn somebody_else_changed_the_stack_between_two_steps() {
        let by = "Example has another template".to_owned();
        insta::assert_snapshot!(ends(Outcome::Overtaken { by, changed: true }, None), @"
        error[E-OVERTAKEN]: somebody else changed the stack meanwhile: Example has another template
          next: see with `cargo xtask status` what runs, and run `cargo xtask deploy sandbox` again once that is through
        exit 4
        ");
    }

    #[test]
    fn reverted_by_evidence() {
        let ends = |cause| ends(Outcome::Reverted(cause), None);
        insta::assert_snapshot!(ends(Cause::Inconclusive(reasons())), @"
        error[E-THIN-EVIDENCE]: reverted: there is too little evidence to judge by: a reason; another
          next: deploy with probes or traffic: `cargo xtask deploy sandbox`
          next: or accept it: `cargo xtask deploy sandbox --accept REASON`
        exit 7
        ");
        insta::assert_snapshot!(ends(Cause::Worse(reasons())), @"
        error[E-WORSE]: rolled back: a reason; another
          next: fix the cause and run `cargo xtask deploy sandbox` again
        exit 5
        ");
        insta::assert_snapshot!(ends(Cause::Probes(reasons())), @"
        error[E-WORSE]: rolled back: probes failed: a reason; another
          next: fix the cause and run `cargo xtask deploy sandbox` again
        exit 5
        ");
        insta::assert_snapshot!(ends(Cause::Alarms(vec!["Onebox-ServerErrors".to_owned()])), @"
        error[E-ROLLED-BACK]: rolled back: in ALARM: Onebox-ServerErrors
          next: fix the cause and run `cargo xtask deploy sandbox` again
        exit 5
        ");
        insta::assert_snapshot!(ends(Cause::Tasks("Onebox: 0 of 3 tasks run".to_owned())), @"
        error[E-ROLLED-BACK]: rolled back: Onebox: 0 of 3 tasks run
          next: fix the cause and run `cargo xtask deploy sandbox` again
        exit 5
        ");
    }

    #[test]
    fn reverted_for_other_causes() {
        let ends = |cause, failure| ends(Outcome::Reverted(cause), failure);
        let failure = Failure::new(Exit::RolledBack, "Example was rolled back").next("look at the task");
        insta::assert_snapshot!(ends(Cause::RolledBack("UPDATE_FAILED".to_owned()), Some(failure)), @"
        error[E-ROLLED-BACK]: Example was rolled back
          next: look at the task
        exit 5
        ");
        insta::assert_snapshot!(ends(Cause::RolledBack("UPDATE_FAILED".to_owned()), None), @"
        error[E-ROLLED-BACK]: UPDATE_FAILED
          next: fix the cause and run `cargo xtask deploy sandbox` again
        exit 5
        ");
        insta::assert_snapshot!(ends(Cause::Unplanned(vec!["FleetService would be replaced".to_owned()]), None), @"
        error[E-UNPLANNED]: CloudFormation's change set for Example contains changes that the plan doesn't:
          FleetService would be replaced
          next: somebody may have changed a resource by hand: see with `cargo xtask diff --drift Example`
        exit 5
        ");
        insta::assert_snapshot!(ends(Cause::Failed("AWS can't be reached".to_owned()), None), @"
        error[E-ROLLED-BACK]: rolled back: AWS can't be reached
          next: fix the cause and run `cargo xtask deploy sandbox` again
        exit 5
        ");
        insta::assert_snapshot!(ends(Cause::Resumed, None), @"
        error[E-ROLLED-BACK]: rolled back: continues a revert that was interrupted
          next: fix the cause and run `cargo xtask deploy sandbox` again
        exit 5
        ");
    }

    #[test]
    fn what_ran_before_could_not_be_restored() {
        let stuck = |cause, failure| {
            let error = "Example is UPDATE_ROLLBACK_FAILED".to_owned();
            ends(Outcome::Stuck { cause, error }, failure)
        };
        let failure = Failure::new(Exit::RollbackFailed, "failed").next("look at the events");
        insta::assert_snapshot!(stuck(Some(Cause::Worse(reasons())), None), @"
        error[E-ROLLBACK-FAILED]: what ran before couldn't be restored (a reason; another): Example is UPDATE_ROLLBACK_FAILED
          next: see what runs with `cargo xtask status`
          next: then continue: `cargo xtask deploy sandbox --resume`
        exit 6
        ");
        insta::assert_snapshot!(stuck(None, Some(failure)), @"
        error[E-ROLLBACK-FAILED]: what ran before couldn't be restored: Example is UPDATE_ROLLBACK_FAILED
          next: see what runs with `cargo xtask status`
          next: look at the events
          next: then run `cargo xtask deploy sandbox` again
        exit 6
        ");
    }

    #[tokio::test]
    async fn what_runs_is_told_of_a_stack_that_runs() {
        let replay = |answer| crate::aws::replay::Replay::new([answer]).aws();
        let failure = |exit| Failure::new(exit, "it failed").into();
        for (answer, exit) in [
            (no_stack(), Exit::RolledBack),
            (stack("ROLLBACK_COMPLETE"), Exit::RolledBack),
            (stack("UPDATE_COMPLETE"), Exit::Failed),
        ] {
            let error = with_what_runs(&replay(answer), "Example", failure(exit)).await;
            assert_eq!(error.to_string(), "it failed");
        }
    }

    #[test]
    fn a_rollback_that_ecs_gave_up_is_told_by_tasks() {
        let deployment = |id: &str| Deployment {
            id: id.to_owned(),
            status: "PRIMARY".to_owned(),
            rollout_state: Some("FAILED".to_owned()),
            reason: Some("ECS deployment circuit breaker: tasks failed to start.".to_owned()),
            task_definition: id.to_owned(),
            desired: 3,
            running: 3,
            pending: 0,
            failed: 3,
        };
        let service = Service {
            name: "Onebox".to_owned(),
            desired: 3,
            running: 6,
            pending: 0,
            deployments: vec![deployment("old"), deployment("new")],
            events: Vec::new(),
        };
        assert!(is_stuck(&service));
        let mut serves = service.clone();
        serves.deployments[1].running = 0;
        assert!(!is_stuck(&serves));
        let stuck = tasks(&service, &["r@sha256:1".to_owned(), "r@sha256:2".to_owned()]);
        let failure = Failure::new(
            Exit::RolledBack,
            format!("Onebox was rolled back\n  Example: UPDATE_ROLLBACK_COMPLETE, {RUNS_AGAIN}"),
        );
        insta::assert_snapshot!(told(&not_brought_back(failure, &[stuck]).into()), @"
        error[E-ROLLBACK-FAILED]: Onebox was rolled back
          Example: UPDATE_ROLLBACK_COMPLETE, but ECS didn't bring back what ran before
          Onebox runs 6 tasks, and wants 3: 3 of sha256:1 and 3 of sha256:2; ECS has given its deployment up: ECS deployment circuit breaker: tasks failed to start.
          next: ECS starts none of those tasks anew until a deployment of an image that has changed begins another deployment
        exit 6
        ");
    }
}
