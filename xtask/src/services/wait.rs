//! Waiting until services run all that they must.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Minimum, Service, describe, is_settled};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::patience::patiently;
use crate::progress::human;
use crate::stack::follow::pause;
use crate::telling::event_code::EventCode;
use crate::telling::log::{PACE, SILENCE};
use crate::telling::note::Note;

/// The longest that the tasks may take to run once CloudFormation says that the services are complete.
const LIMIT: Duration = Duration::from_mins(20);

/// Waits until every service runs its minimum and nothing changes.
///
/// A deployment of `given_up` had failed before this operation began: it never completes, and isn't this one's failure
/// while its tasks run. `another` is the command that deploys another image.
///
/// # Errors
/// When a deployment has failed, or the limit passes: what was last seen.
pub(crate) async fn until_settled(
    context: &Context,
    aws: &Aws,
    minimums: &[Minimum],
    (given_up, another): (&BTreeSet<String>, &str),
) -> anyhow::Result<()> {
    let started = Instant::now();
    let leaving = "interrupted: the stack is deployed, and its tasks go on starting";
    let mut said = Said::default();
    loop {
        let seen = patiently(context, leaving, async || look(aws, minimums).await).await?;
        let lines: Vec<String> = seen
            .iter()
            .map(|(minimum, service)| line(minimum, service.as_ref()))
            .collect();
        let settled = |(minimum, service): &(&Minimum, Option<Service>)| {
            service
                .as_ref()
                .is_some_and(|service| is_settled(service, minimum.tasks) || runs_on(service, minimum.tasks, given_up))
        };
        let settled = seen.iter().all(settled);
        context.progress.block(&lines);
        if let Some(text) = said.news(&lines.join("; "), settled, started.elapsed()) {
            context.output.event(EventCode::Tasks, record(&seen, settled));
            if !context.progress.is_live() {
                context.progress.line(&text);
            }
        }
        if settled {
            context.progress.clear();
            // A log has just been told.
            if context.progress.is_live() {
                context.progress.line(&lines.join("; "));
            }
            for words in seen
                .iter()
                .filter_map(|(_, service)| runs_unattended(service.as_ref()?, another))
            {
                context.tell(Note::unprotected(&words));
            }
            return Ok(());
        }
        check(&seen, &lines, started.elapsed(), (given_up, another))?;
        context.interrupt.sleep(leaving, pause(aws, started.elapsed())).await?;
    }
}

async fn look<'a>(aws: &Aws, minimums: &'a [Minimum]) -> anyhow::Result<Vec<(&'a Minimum, Option<Service>)>> {
    let mut seen = Vec::new();
    for minimum in minimums {
        let service = aws.services(&minimum.cluster, &[&minimum.service]).await?.pop();
        seen.push((minimum, service));
    }
    Ok(seen)
}

/// A look for programs.
fn record(seen: &[(&Minimum, Option<Service>)], settled: bool) -> Value {
    let one = |(minimum, service): &(&Minimum, Option<Service>)| {
        json!({
            "service": minimum.service,
            "needed": minimum.tasks,
            "desired": service.as_ref().map(|service| service.desired),
            "running": service.as_ref().map(|service| service.running),
            "pending": service.as_ref().map(|service| service.pending),
        })
    };
    json!({"settled": settled, "services": seen.iter().map(one).collect::<Vec<_>>()})
}

fn line(minimum: &Minimum, service: Option<&Service>) -> String {
    service.map_or_else(
        || format!("{}: not there", minimum.service),
        |service| describe(service, minimum.tasks),
    )
}

/// What a log was told, and when; a terminal gets every look in its live block.
#[derive(Debug, Default)]
struct Said {
    text: String,
    at: Option<Duration>,
}

impl Said {
    /// What is to be said of a look: at once that all runs, now and then that tasks come, and after a silence what is
    /// still waited for.
    fn news(&mut self, text: &str, settled: bool, elapsed: Duration) -> Option<String> {
        let silence = self.at.map(|at| elapsed.saturating_sub(at));
        let due = settled || silence.is_none_or(|silence| silence >= PACE);
        let news = if text != self.text && due {
            text.to_owned()
        } else if let Some(silence) = silence.filter(|silence| *silence >= SILENCE) {
            format!("nothing new for {}; still {text}", human(silence))
        } else {
            return None;
        };
        text.clone_into(&mut self.text);
        self.at = Some(elapsed);
        Some(news)
    }
}

fn check(
    seen: &[(&Minimum, Option<Service>)],
    lines: &[String],
    elapsed: Duration,
    (given_up, another): (&BTreeSet<String>, &str),
) -> anyhow::Result<()> {
    let failed = seen
        .iter()
        .filter_map(|(minimum, service)| Some((minimum, service.as_ref()?)))
        .find_map(|(minimum, service)| failed_rollout(service, minimum.tasks, given_up));
    if let Some(words) = failed {
        let failure = Failure::new(Exit::Failed, words).code(Code::StackFailed);
        return Err(failure
            .next("see with `cargo xtask status` and `cargo xtask logs` what its tasks lack, and fix that")
            .next(format!(
                "then deploy an image that has changed, which begins a new deployment: `{another}`"
            ))
            .into());
    }
    if elapsed > LIMIT {
        let what = format!(
            "not all tasks run after {}; last seen: {}",
            human(LIMIT),
            lines.join("; ")
        );
        return Err(Failure::new(Exit::Failed, what).code(Code::TimeLimit).into());
    }
    Ok(())
}

/// ECS launches nothing more for a deployment that has failed, so that waiting on is hopeless. One that had failed before
/// is no failure while its tasks run.
fn failed_rollout(service: &Service, minimum: u64, given_up: &BTreeSet<String>) -> Option<String> {
    let deployment = service
        .deployments
        .first()
        .filter(|deployment| deployment.has_failed())?;
    let reason = deployment.reason.as_deref().unwrap_or("ECS gives no reason");
    if !given_up.contains(&deployment.id) {
        return Some(format!("the deployment of {} failed: {reason}", service.name));
    }
    let lacks = service.pending == 0 && !runs_on(service, minimum, given_up);
    lacks.then(|| {
        format!(
            "{}, and ECS starts no more: its deployment had failed before: {reason}",
            describe(service, minimum)
        )
    })
}

/// Whether all tasks run of a service whose deployment had failed before.
pub(crate) fn runs_on(service: &Service, minimum: u64, given_up: &BTreeSet<String>) -> bool {
    let newest = service.deployments.first();
    let failed_before = newest.is_some_and(|newest| newest.has_failed() && given_up.contains(&newest.id));
    failed_before && service.running >= service.desired.max(minimum) && service.pending == 0
}

/// What to know of a service whose tasks run, though ECS has given its deployment up.
fn runs_unattended(service: &Service, another: &str) -> Option<String> {
    let deployment = service
        .deployments
        .first()
        .filter(|deployment| deployment.has_failed())?;
    let reason = deployment.reason.as_deref().unwrap_or("ECS gives no reason");
    Some(format!(
        "the tasks of {} run, but their deployment had failed before ({reason}), and ECS starts none in the place of one \
         that stops; an image that has changed begins a new deployment: `{another}`",
        service.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Deployment;

    #[test]
    fn a_log_is_told_now_and_then_and_at_the_end() {
        let mut said = Said::default();
        let mut check = |seconds, text: &str, settled, expected: Option<&str>| {
            let news = said.news(text, settled, Duration::from_secs(seconds));
            assert_eq!(news.as_deref(), expected, "{seconds}");
        };
        check(0, "1 of 10", false, Some("1 of 10"));
        check(2, "2 of 10", false, None);
        check(10, "4 of 10", false, Some("4 of 10"));
        check(39, "4 of 10", false, None);
        check(40, "4 of 10", false, Some("nothing new for 30.0 s; still 4 of 10"));
        check(41, "10 of 10", true, Some("10 of 10"));
    }

    fn service(id: &str, state: &str, [desired, running, pending]: [u64; 3]) -> Service {
        let deployment = Deployment {
            id: id.to_owned(),
            status: "PRIMARY".to_owned(),
            rollout_state: Some(state.to_owned()),
            reason: Some("ECS deployment circuit breaker".to_owned()),
            task_definition: "arn".to_owned(),
            desired,
            running,
            pending,
            failed: 3,
        };
        Service {
            name: "Onebox".to_owned(),
            desired,
            running,
            pending,
            deployments: vec![deployment],
            events: Vec::new(),
        }
    }

    #[test]
    fn a_deployment_that_had_failed_before_is_no_failure_of_this_one() {
        let given_up = crate::services::given_up(&[
            service("old", "FAILED", [3, 3, 0]),
            service("good", "COMPLETED", [3; 3]),
        ]);
        assert_eq!(given_up, BTreeSet::from(["old".to_owned()]));
        let check = |service: &Service, runs: bool, failed: bool| {
            let seen = (
                runs_on(service, 3, &given_up),
                failed_rollout(service, 3, &given_up).is_some(),
            );
            assert_eq!(seen, (runs, failed), "{service:?}");
        };
        check(&service("old", "FAILED", [3, 3, 0]), true, false);
        check(&service("old", "FAILED", [3, 6, 0]), true, false);
        check(&service("old", "FAILED", [3, 2, 1]), false, false);
        check(&service("old", "FAILED", [3, 2, 0]), false, true);
        check(&service("new", "FAILED", [3, 3, 0]), false, true);
        check(&service("new", "IN_PROGRESS", [3, 3, 0]), false, false);
        check(&service("good", "COMPLETED", [3, 3, 0]), false, false);
    }

    #[test]
    fn a_failed_deployment_says_what_to_do_next() {
        let another = "cargo xtask deploy sandbox --local";
        let minimum = Minimum {
            cluster: "Cluster".to_owned(),
            service: "Onebox".to_owned(),
            tasks: 3,
        };
        let told = |running| {
            let seen = [(&minimum, Some(service("old", "FAILED", [3, running, 0])))];
            let given_up = BTreeSet::from(["old".to_owned()]);
            check(&seen, &[], Duration::ZERO, (&given_up, another))
                .map_err(|error| crate::telling::report::text(&error))
        };
        assert_eq!(told(3), Ok(()));
        insta::assert_snapshot!(told(2).unwrap_err(), @"
        error[E-STACK-FAILED]: Onebox: 2 of 3 tasks run, deployment FAILED, and ECS starts no more: its deployment had failed before: ECS deployment circuit breaker
          next: see with `cargo xtask status` and `cargo xtask logs` what its tasks lack, and fix that
          next: then deploy an image that has changed, which begins a new deployment: `cargo xtask deploy sandbox --local`
        ");
        insta::assert_snapshot!(runs_unattended(&service("old", "FAILED", [3, 3, 0]), another).unwrap(), @"the tasks of Onebox run, but their deployment had failed before (ECS deployment circuit breaker), and ECS starts none in the place of one that stops; an image that has changed begins a new deployment: `cargo xtask deploy sandbox --local`");
    }
}
