//! Following an execution to its end.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::execution::{Action, Build, Execution};
use super::show::{self, Stage};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::patience::{self, Patience};
use crate::progress::human;
use crate::stack::follow::pause;
use crate::telling::event_code::EventCode;

/// The longest that an execution is followed: two service stages, of which each may take as long as its stack may.
const LIMIT: Duration = Duration::from_hours(16);

/// The lines of a failed build's log that are told: enough for a compiler's error, few enough to stay on the screen.
const LOG_LINES: usize = 12;

/// The lines that are looked through for those: CodeBuild's own stand between and after them.
const LOG_LINES_READ: u32 = 100;

/// How CodeBuild begins its own lines, which tell of phases.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html>
const OF_CODEBUILD: &str = "[Container] ";

/// An execution that is followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Followed<'a> {
    /// The pipeline's name.
    pub(crate) pipeline: &'a str,
    /// The execution's id.
    pub(crate) id: &'a str,
    /// How to follow it again: a command.
    pub(crate) again: &'a str,
}

/// An execution as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The execution.
    pub(crate) execution: Execution,
    /// What its actions have done, the earliest first.
    pub(crate) actions: Vec<Action>,
}

/// Follows an execution until it ends, saying each action.
///
/// # Errors
/// When interrupted, when it can't be read, or when it doesn't end within its limit.
pub(crate) async fn follow(context: &Context, aws: &Aws, followed: Followed<'_>) -> anyhow::Result<Snapshot> {
    let leaving = "interrupted: the pipeline goes on";
    let (started, mut patience, mut told) = (Instant::now(), Patience::default(), Told::default());
    loop {
        let read = context.interrupt.or(leaving, read(aws, followed)).await;
        let read = read.and_then(|read| patience.bear(context, read));
        if let Some(snapshot) = read.map_err(|error| goes_on(error, followed))? {
            told.tell(context, &snapshot);
            if !snapshot.execution.is_running() {
                context.progress.clear();
                return Ok(snapshot);
            }
            check_limit(&snapshot, started.elapsed()).map_err(|error| goes_on(error, followed))?;
            show(context, aws, followed.pipeline, &snapshot).await;
        }
        let pause = if patience.is_tried() {
            patience::pause()
        } else {
            pause(aws, started.elapsed())
        };
        let slept = context.interrupt.sleep(leaving, pause).await;
        slept.map_err(|error| goes_on(error, followed))?;
    }
}

async fn read(aws: &Aws, followed: Followed<'_>) -> anyhow::Result<Snapshot> {
    let execution = aws.execution(followed.pipeline, followed.id).await?;
    let actions = aws.actions(followed.pipeline, followed.id).await?;
    Ok(Snapshot { execution, actions })
}

fn check_limit(snapshot: &Snapshot, elapsed: Duration) -> anyhow::Result<()> {
    if elapsed <= LIMIT {
        return Ok(());
    }
    let last = snapshot.actions.last();
    let last = last.map_or_else(
        || "no action of it".to_owned(),
        |action| show::line(action, SystemTime::now()),
    );
    let what = format!("the execution has not ended after {}; last seen: {last}", human(LIMIT));
    Err(Failure::new(Exit::Failed, what).code(Code::TimeLimit).into())
}

/// An error that ends the following, not the execution.
fn goes_on(error: anyhow::Error, followed: Followed<'_>) -> anyhow::Error {
    let next = format!(
        "execution {} goes on; follow it again with `{}`",
        followed.id, followed.again
    );
    match error.downcast::<Failure>() {
        Ok(failure) => failure.next(next).into(),
        Err(error) => Failure::new(Exit::Failed, format!("{error:#}")).next(next).into(),
    }
}

/// What has been said of each action, so that each change is said once.
#[derive(Debug, Default)]
struct Told(BTreeMap<String, String>);

impl Told {
    fn tell(&mut self, context: &Context, snapshot: &Snapshot) {
        for action in &snapshot.actions {
            let before = self.0.insert(action.id.clone(), action.status.clone());
            if before.as_ref() == Some(&action.status) {
                continue;
            }
            context.output.event(EventCode::Action, show::record(action));
            // The block shows on a terminal that an action has begun.
            if action.status != "InProgress" || !context.progress.is_live() {
                context.progress.line(&show::line(action, SystemTime::now()));
            }
        }
    }
}

/// Shows the live block, where there is one: what the running step said last costs two calls.
async fn show(context: &Context, aws: &Aws, pipeline: &str, snapshot: &Snapshot) {
    if !context.progress.is_live() {
        return;
    }
    let names = aws.pipeline_stages(pipeline).await.unwrap_or_default();
    let stages: Vec<Stage> = show::stages(&names, &snapshot.actions, SystemTime::now());
    let running = snapshot.actions.iter().rfind(|action| action.status == "InProgress");
    let said = match running {
        Some(action) => last_said(aws, build_of(aws, action).await.as_ref(), 1).await.pop(),
        None => None,
    };
    context
        .progress
        .block(&show::block(&snapshot.execution, &stages, said.as_deref()));
}

/// What failed an execution, as a failure: the stage, CodeBuild's words, what its log said last.
///
/// The exit status is that of the command that failed: one of this command line's that rolled back says so by it.
pub(crate) async fn explain(aws: &Aws, snapshot: &Snapshot) -> Failure {
    let execution = &snapshot.execution;
    let Some(action) = show::failed(&snapshot.actions) else {
        let reason = execution.reason.as_deref().unwrap_or("AWS gives no reason");
        let what = format!("execution {} ended as {}: {reason}", execution.id, execution.status);
        return Failure::new(Exit::Failed, what).code(Code::PipelineFailed);
    };
    let build = build_of(aws, action).await;
    let words = build.as_ref().and_then(|build| build.failure.as_deref());
    let words = words.or(action.reason.as_deref()).unwrap_or("AWS gives no reason");
    let mut what = format!("the pipeline failed at {}: {words}", action.stage);
    for line in last_said(aws, build.as_ref(), LOG_LINES).await {
        what.push_str("\n  | ");
        what.push_str(&line);
    }
    Failure::new(build.as_ref().map_or(Exit::Failed, Build::exit), what)
}

async fn build_of(aws: &Aws, action: &Action) -> Option<Build> {
    // What can't be read is left out: the failure itself is what must be told.
    aws.build(action.build.as_deref()?).await.ok().flatten()
}

/// What a command of this command line says last when it fails; in a build, it says it to nobody who could do so.
const ADVICE: &str = "next: ";

/// The last lines of a build's log, but for CodeBuild's own, and for advice to whoever had typed the build's command.
async fn last_said(aws: &Aws, build: Option<&Build>, lines: usize) -> Vec<String> {
    let place = build.and_then(|build| Some((build.log_group.as_deref()?, build.log_stream.as_deref()?)));
    let Some((group, stream)) = place else {
        return Vec::new();
    };
    let read = aws.last_log_lines(group, stream, LOG_LINES_READ).await;
    let mut said = read.unwrap_or_default();
    said.retain(|line| !line.starts_with(OF_CODEBUILD) && !line.trim_start().starts_with(ADVICE));
    said.split_off(said.len().saturating_sub(lines))
}
