//! Waiting until services run all that they must.

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

/// The longest that the tasks may take to run once CloudFormation says that the services are complete.
const LIMIT: Duration = Duration::from_mins(20);

/// Waits until every service runs its minimum and nothing changes.
///
/// # Errors
/// When a deployment has failed, or the limit passes: what was last seen.
pub(crate) async fn until_settled(context: &Context, aws: &Aws, minimums: &[Minimum]) -> anyhow::Result<()> {
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
                .is_some_and(|service| is_settled(service, minimum.tasks))
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
    let reason = deployment.reason.as_deref().unwrap_or("ECS gives no reason");
    deployment
        .has_failed()
        .then(|| format!("the deployment of {} failed: {reason}", service.name))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
