//! `status --watch`: what the stages do, again and again.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::stages::Stages;
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;
use crate::patience::patiently;
use crate::services::phase::Phase;
use crate::telling::event_code::EventCode;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// How long where asking costs nothing.
const NEAR_PAUSE: Duration = Duration::from_millis(500);

/// Shows what the stages of a service stack do until interrupted: in a live block, or in a log a line for each change.
///
/// # Errors
/// When the stack isn't there, when AWS can't be asked, or when interrupted.
pub(super) async fn watch(context: &Context, aws: &Aws, stack_name: &str) -> anyhow::Result<Value> {
    let leaving = "interrupted: nothing was changed";
    let pause = if aws.is_near() { NEAR_PAUSE } else { PAUSE };
    let mut phases = [Phase::default(), Phase::default()];
    let mut said: Vec<String> = Vec::new();
    loop {
        let look = async || {
            let stack = aws.stack(stack_name).await?;
            let stack = stack
                .ok_or_else(|| Failure::preflight(format!("there is no stack {stack_name}")).code(Code::NoStack))?;
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
                phase.look(service, SystemTime::now());
            }
        }
        let alone_since = [phases[0].alone_since(), phases[1].alone_since()];
        let block = format!("{head}\n{}", stages.render(Some(alone_since)));
        context
            .progress
            .block(&block.lines().map(ToOwned::to_owned).collect::<Vec<_>>());
        let lines = std::iter::once(head).chain(stages.lines()).collect();
        say(context, lines, &mut said, stages.record());
        context.interrupt.sleep(leaving, pause).await?;
    }
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
