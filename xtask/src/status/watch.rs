//! `status --watch`: what the stages do, again and again.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::stages::Stages;
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;
use crate::patience::patiently;
use crate::progress::{Line, Size};
use crate::services::phase::Phase;
use crate::telling::event_code::EventCode;
use crate::telling::teller::meanwhile;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// How long where asking costs nothing.
const NEAR_PAUSE: Duration = Duration::from_millis(500);

/// Shows what the stages of a service stack do until interrupted: in a live block, or in a log a line for each change.
///
/// # Errors
/// When the stack isn't there, when AWS can't be asked, or when interrupted.
pub(super) async fn watch(context: &Context, aws: &Aws, stack_name: &str, deploys: &str) -> anyhow::Result<Value> {
    let leaving = "interrupted: nothing was changed";
    let pause = if aws.is_near() { NEAR_PAUSE } else { PAUSE };
    let mut phases = [Phase::default(), Phase::default()];
    let mut said: Vec<String> = Vec::new();
    loop {
        let look = async || {
            let stack = aws.stack(stack_name).await?;
            let stack = stack.ok_or_else(|| no_stack(stack_name, deploys))?;
            let stages = Stages::gather(aws, &stack).await?;
            anyhow::Ok((stack, stages))
        };
        let (stack, stages) = patiently(context, leaving, look).await?;
        let head = format!("{stack_name}: {}", stack.status);
        let Some(stages) = stages else {
            say(context, vec![head], &mut said, Value::Null);
            context.interrupt.sleep(leaving, pause).await?;
            continue;
        };
        for (phase, stage) in phases.iter_mut().zip(&stages.each) {
            if let Some(service) = &stage.service {
                phase.look(service, aws.now());
            }
        }
        let alone_since = [phases[0].alone_since(), phases[1].alone_since()];
        let lines = std::iter::once(head.clone()).chain(stages.lines()).collect();
        say(context, lines, &mut said, stages.record());
        let show = || {
            if let Some(size) = context.progress.size() {
                let now = aws.now();
                context.progress.show(block(&head, &stages, alone_since, now, size));
            }
        };
        show();
        // A window that becomes narrower is noticed between two looks as well.
        meanwhile(context.interrupt.sleep(leaving, pause), show).await?;
    }
}

fn no_stack(stack_name: &str, deploys: &str) -> Failure {
    Failure::preflight(format!("there is no stack {stack_name}"))
        .code(Code::NoStack)
        .next(format!("deploy it: `{deploys}`"))
}

/// What is shown on a screen of some size: the stack's status, and below it the stages.
fn block(head: &str, stages: &Stages, alone_since: [Option<SystemTime>; 2], now: SystemTime, size: Size) -> Vec<Line> {
    // One row is the head's and one for the cursor; nor is the last column used.
    let below = Size {
        rows: size.rows.saturating_sub(2),
        columns: size.columns.saturating_sub(1).max(1),
    };
    let mut lines = vec![Line::plain(head)];
    lines.extend(stages.within(alone_since, now, below));
    lines
}

/// A log gets the lines that weren't there at the last look; programs get all of it whenever any is new.
fn say(context: &Context, lines: Vec<String>, said: &mut Vec<String>, record: Value) {
    if lines == *said {
        return;
    }
    context.output.event(EventCode::Status, record);
    if !context.progress.is_live() {
        for line in lines.iter().filter(|line| !said.contains(line)) {
            context.progress.line(line);
        }
    }
    *said = lines;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::stages::tests::stages;

    #[test]
    fn what_is_watched_keeps_to_its_screen() {
        let screens = [(24, 120), (24, 80), (24, 60), (10, 80), (24, 40)].map(|(rows, columns)| {
            let (now, size) = (
                SystemTime::UNIX_EPOCH + Duration::from_secs(400),
                Size { rows, columns },
            );
            let since = [Some(SystemTime::UNIX_EPOCH + Duration::from_secs(200)), None];
            let lines = block(
                "OneBoxDeploymentOnECS-Service-Sandbox: UPDATE_IN_PROGRESS",
                &stages(),
                since,
                now,
                size,
            );
            assert!(lines.len() < rows, "{rows} rows, {columns} columns: {}", lines.len());
            let lines: Vec<String> = lines.into_iter().map(|line| line.text).collect();
            format!("[{rows} rows, {columns} columns]\n{}", lines.join("\n"))
        });
        insta::assert_snapshot!(screens.join("\n"));
    }
}
