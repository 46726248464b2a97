//! Waiting until services run all that they must.

use std::time::Duration;

use tokio::time::Instant;

use super::{Minimum, Service, describe, is_settled};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::patience::patiently;
use crate::progress::human;
use crate::stack::follow::pause;

/// The longest that the tasks may take to run once CloudFormation says that the services are complete.
const LIMIT: Duration = Duration::from_mins(20);

/// Waits until every service runs its minimum and nothing changes.
///
/// # Errors
/// When a deployment has failed, or the limit passes: what was last seen.
pub(crate) async fn until_settled(context: &Context, aws: &Aws, minimums: &[Minimum]) -> anyhow::Result<()> {
    let started = Instant::now();
    let leaving = "interrupted: the stack is deployed, and its tasks go on starting";
    let mut said = String::new();
    loop {
        let seen = patiently(context, leaving, async || look(aws, minimums).await).await?;
        let lines: Vec<String> = seen
            .iter()
            .map(|(minimum, service)| line(minimum, service.as_ref()))
            .collect();
        let settled = |(minimum, service): &(&Minimum, Option<Service>)| {
            service
                .as_ref()
                .is_some_and(|service| is_settled(service, minimum.tasks))
        };
        say_change(context, &lines, &mut said);
        if seen.iter().all(settled) {
            context.progress.clear();
            // A log has just been told.
            if context.progress.is_live() {
                context.progress.line(&lines.join("; "));
            }
            return Ok(());
        }
        check(&seen, &lines, started.elapsed())?;
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

fn line(minimum: &Minimum, service: Option<&Service>) -> String {
    service.map_or_else(
        || format!("{}: not there", minimum.service),
        |service| describe(service, minimum.tasks),
    )
}

/// A terminal gets every look in its live block, a log only what is new.
fn say_change(context: &Context, lines: &[String], said: &mut String) {
    context.progress.block(lines);
    let now = lines.join("; ");
    if !context.progress.is_live() && now != *said {
        context.progress.line(&now);
    }
    *said = now;
}

fn check(seen: &[(&Minimum, Option<Service>)], lines: &[String], elapsed: Duration) -> anyhow::Result<()> {
    let failed = seen
        .iter()
        .filter_map(|(_, service)| service.as_ref())
        .find_map(failed_rollout);
    if let Some(words) = failed {
        return Err(Failure::new(Exit::Failed, words).code(Code::StackFailed).into());
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

/// ECS launches nothing more for a deployment that has failed, so that waiting on is hopeless.
fn failed_rollout(service: &Service) -> Option<String> {
    let deployment = service.deployments.first()?;
    let failed = deployment.rollout_state.as_deref() == Some("FAILED");
    let reason = deployment.reason.as_deref().unwrap_or("ECS gives no reason");
    failed.then(|| format!("the deployment of {} failed: {reason}", service.name))
}
