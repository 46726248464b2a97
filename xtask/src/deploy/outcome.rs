//! How a deployment that didn't reach Fleet is told: what was decided, what runs where now, and how to go on.

use std::fmt::Write as _;

use super::place::services_of;
use super::plan::{Images, short};
use crate::aws::Aws;
use crate::code::Code;
use crate::exit::{Exit, Failure, exit_of};
use crate::flags::Deploy;
use crate::services::{Deployment, Service};
use crate::stack::Stack;
use crate::stack::apply::Applied;
use crate::stack::explain::RUNS_AGAIN;
use crate::stack::standing::{Standing, standing};
use crate::verdict::Verdict;

/// Onebox's image is worse than Fleet's, and went.
pub(super) fn worse(verdict: &Verdict, again: &str) -> Failure {
    let what = format!(
        "the image is worse than what Fleet runs: {}",
        verdict.reasons.join("; ")
    );
    Failure::new(Exit::RolledBack, what)
        .code(Code::Worse)
        .next(format!("fix the cause and run `{again}` again"))
}

/// There was too little to judge Onebox's image by; it stays, so that more requests can tell.
pub(super) fn thin(verdict: &Verdict, deploy: &Deploy) -> Failure {
    let what = format!(
        "analysis inconclusive: not enough traffic: {}",
        verdict.reasons.join("; ")
    );
    let command = |verb: &str, flags: &str| {
        let environment = deploy.target.name();
        format!("`cargo xtask {verb} {environment}{flags}{}`", deploy.cloud.arguments())
    };
    Failure::new(Exit::ThinEvidence, what)
        .next(format!(
            "let more requests come to Onebox, and judge again: {}",
            command("deploy", " --stage fleet")
        ))
        .next(format!(
            "or go on to Fleet without: {}",
            command("deploy", " --stage fleet --accept-thin-evidence")
        ))
        .next(format!("or take it back from Onebox: {}", command("rollback", "")))
}

/// Somebody said no to Fleet's change, when Onebox ran the image already: what runs where, and the two ways on.
pub(super) fn declined_at_fleet(error: anyhow::Error, images: &Images, deploy: &Deploy, follow: &str) -> anyhow::Error {
    let failure = match error.downcast::<Failure>() {
        Ok(failure) if failure.code == Some(Code::Declined) => failure,
        Ok(other) => return other.into(),
        Err(other) => return other,
    };
    let (environment, cloud) = (deploy.target.name(), deploy.cloud.arguments());
    failure
        .also(&images.to_string())
        .next(format!("go on to Fleet: `{follow}`"))
        .next(format!(
            "or take it back from Onebox: `cargo xtask rollback {environment}{cloud}`"
        ))
        .into()
}

/// Onebox runs another image than the one that was judged.
pub(super) fn overtaken(image: &str, images: &Images) -> Failure {
    let what = format!(
        "somebody moved Onebox on while {} was judged: {images}; Fleet is untouched",
        short(image)
    );
    Failure::preflight(what)
        .code(Code::Overtaken)
        .next("see what goes on with `cargo xtask status`, and deploy again once that is through")
}

/// Why Onebox was put back, and what came of that.
pub(super) fn after_putting_back(error: anyhow::Error, back: anyhow::Result<Applied>) -> anyhow::Error {
    let Err(trouble) = back else { return error };
    let mut failure = match error.downcast::<Failure>() {
        Ok(failure) => failure,
        Err(error) => return error,
    };
    let _ = write!(
        failure.what,
        "\n  Onebox couldn't be brought back to what Fleet runs: {trouble:#}"
    );
    if matches!(exit_of(&trouble), Exit::RollbackFailed | Exit::Interrupted) {
        failure.exit = exit_of(&trouble);
    }
    let steps = Failure::of(&trouble).map(|trouble| trouble.next.clone());
    failure.next.extend(steps.unwrap_or_default());
    failure.into()
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
        if !service.deployments.first().is_some_and(Deployment::has_failed) {
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
    use clap::Parser as _;

    use super::*;
    use crate::flags::{Command, Xtask};
    use crate::stack::script::{no_stack, stack};
    use crate::telling::report::text as report;

    fn told(error: &anyhow::Error) -> String {
        format!("{}\nexit {}", report(error), exit_of(error).code())
    }

    #[test]
    fn an_onebox_that_somebody_moved_on_meanwhile() {
        let images = Images {
            onebox: "r@sha256:2".to_owned(),
            fleet: "r@sha256:0".to_owned(),
        };
        insta::assert_snapshot!(told(&overtaken("r@sha256:1", &images).into()), @"
        error[E-OVERTAKEN]: somebody moved Onebox on while sha256:1 was judged: Onebox runs sha256:2, Fleet sha256:0; Fleet is untouched
          next: see what goes on with `cargo xtask status`, and deploy again once that is through
        exit 4
        ");
    }

    #[test]
    fn too_little_evidence() {
        let xtask = Xtask::try_parse_from(["xtask", "deploy", "sandbox", "--local", "--no-probe"]).unwrap();
        let Command::Deploy(deploy) = xtask.command else {
            panic!("it is a deployment")
        };
        let verdict = crate::verdict::thin();
        insta::assert_snapshot!(told(&thin(&verdict, &deploy).into()), @"
        error[E-THIN-EVIDENCE]: analysis inconclusive: not enough traffic: Onebox had 0 requests (at least 100 needed); Fleet had 0 requests (at least 100 needed)
          next: let more requests come to Onebox, and judge again: `cargo xtask deploy sandbox --stage fleet --local`
          next: or go on to Fleet without: `cargo xtask deploy sandbox --stage fleet --accept-thin-evidence --local`
          next: or take it back from Onebox: `cargo xtask rollback sandbox --local`
        exit 7
        ");
    }

    #[test]
    fn a_no_to_fleets_change_tells_what_onebox_runs() {
        let arguments = ["xtask", "deploy", "sandbox", "--local"];
        let Command::Deploy(deploy) = Xtask::try_parse_from(arguments).unwrap().command else {
            panic!("it is a deployment")
        };
        let images = Images {
            onebox: "r@sha256:2".to_owned(),
            fleet: "r@sha256:1".to_owned(),
        };
        let declined = Failure::refused("Example (Fleet) was left as it is").code(Code::Declined);
        let follow = "cargo xtask deploy sandbox --resume --local";
        let told_of = |failure: Failure| told(&declined_at_fleet(failure.into(), &images, &deploy, follow));
        insta::assert_snapshot!(told_of(declined), @"
        error[E-DECLINED]: Example (Fleet) was left as it is
          Onebox runs sha256:2, Fleet sha256:1
          next: go on to Fleet: `cargo xtask deploy sandbox --resume --local`
          next: or take it back from Onebox: `cargo xtask rollback sandbox --local`
        exit 3
        ");
        assert_eq!(told_of(Failure::refused("no")), "error[E-BUG]: no\nexit 3");
    }

    #[test]
    fn a_worse_image_that_could_not_be_taken_back() {
        let mut verdict = crate::verdict::thin();
        verdict.reasons = vec!["error rate of Onebox 10 % (Fleet 0 %)".to_owned()];
        let failure = || worse(&verdict, "cargo xtask deploy sandbox").into();
        let trouble = |exit| Err(Failure::new(exit, "Example: UPDATE_ROLLBACK_FAILED").next("act").into());
        let (failed, rolled_back) = (trouble(Exit::RollbackFailed), trouble(Exit::RolledBack));
        insta::assert_snapshot!(told(&after_putting_back(failure(), failed)), @"
        error[E-WORSE]: the image is worse than what Fleet runs: error rate of Onebox 10 % (Fleet 0 %)
          Onebox couldn't be brought back to what Fleet runs: Example: UPDATE_ROLLBACK_FAILED
          next: fix the cause and run `cargo xtask deploy sandbox` again
          next: act
        exit 6
        ");
        assert_eq!(
            exit_of(&after_putting_back(failure(), rolled_back)),
            Exit::RolledBack,
            "both stages run what they ran"
        );
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
            last_event: None,
        };
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
