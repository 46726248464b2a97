//! Following an execution to its end.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::build_log::{self, Standing, Story};
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

/// The longest that an execution is followed: a build and three actions of production, of which each may take
/// `DEPLOYMENT_MINUTES`.
const LIMIT: Duration = Duration::from_hours(24);

/// The last lines of a build's log that are read to tell what failed it.
const FAILED_LINES: u32 = 200;

/// Those that are read to tell where a build stands when it is first looked at, so that the step that it is at is among
/// them; after that, [`NEW_LINES`] each time.
const FIRST_LINES: u32 = 1000;

/// The lines that a build may write between two looks.
const NEW_LINES: u32 = 100;

/// An execution that is followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Followed<'a> {
    /// The pipeline's name.
    pub(crate) pipeline: &'a str,
    /// The execution's id.
    pub(crate) id: &'a str,
    /// What its actions had done before, which isn't told again: where a stage is tried once more.
    pub(crate) before: &'a [Action],
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
    let (started, mut patience, mut told) = (Instant::now(), Patience::default(), Told::of(followed.before));
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
            told.look(context, aws, followed.pipeline, &snapshot).await;
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
        Err(error) => Failure::new(Exit::Failed, format!("{error:#}"))
            .code(Code::Bug)
            .next(next)
            .into(),
    }
}

/// What has been said of an execution, so that each change is said once.
#[derive(Debug, Default)]
struct Told {
    /// Whether it was said which commit it is of.
    headline: bool,
    /// The status of each action, by its id.
    statuses: BTreeMap<String, String>,
    /// The build that runs, and how far it was.
    build: Option<(String, Standing)>,
}

impl Told {
    /// What was said of an execution whose actions had done this.
    fn of(before: &[Action]) -> Self {
        let statuses = before.iter().map(|action| (action.id.clone(), action.status.clone()));
        Self {
            headline: !before.is_empty(),
            statuses: statuses.collect(),
            build: None,
        }
    }

    fn tell(&mut self, context: &Context, snapshot: &Snapshot) {
        let execution = &snapshot.execution;
        if !self.headline && (execution.revision.is_some() || !execution.is_running()) {
            self.headline = true;
            context.progress.line(&show::name(execution));
        }
        for action in &snapshot.actions {
            let before = self.statuses.insert(action.id.clone(), action.status.clone());
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

    /// Looks at the build that runs, which costs two calls: a terminal shows it below its stage, a log is told each step.
    async fn look(&mut self, context: &Context, aws: &Aws, pipeline: &str, snapshot: &Snapshot) {
        let now = SystemTime::now();
        let running = snapshot.actions.iter().rfind(|action| action.status == "InProgress");
        let mut said = Vec::new();
        if let Some(action) = running
            && let Some(build) = build_of(aws, action).await
        {
            let standing = self.standing(aws, action, &build).await;
            said = standing.render(build.phase.as_deref(), now);
            let step = standing.step().map(|step| format!("{}: step {step}", action.title()));
            self.tell_step(context, &action.id, step);
        }
        if context.progress.is_live() {
            let outlines = aws.pipeline_stages(pipeline).await.unwrap_or_default();
            let stages: Vec<Stage> = show::stages(&outlines, &snapshot.actions, now);
            context.progress.block(&show::block(&stages, &said));
        }
    }

    /// How far a build is now.
    async fn standing(&mut self, aws: &Aws, action: &Action, build: &Build) -> Standing {
        let known = self.build.take().filter(|(id, _)| *id == action.id);
        let most = if known.is_some() { NEW_LINES } else { FIRST_LINES };
        let mut standing = known.map(|(_, standing)| standing).unwrap_or_default();
        standing.take(&build_log::lines(aws, build, most).await);
        self.build = Some((action.id.clone(), standing.clone()));
        standing
    }

    fn tell_step(&mut self, context: &Context, action: &str, step: Option<String>) {
        let Some(step) = step.filter(|_| !context.progress.is_live()) else {
            return;
        };
        let before = self.statuses.insert(format!("step of {action}"), step.clone());
        if before.as_ref() != Some(&step) {
            context.progress.line(&step);
        }
    }
}

/// What failed an execution, as a failure: the commit and the stage, the error of the command that failed, or the end of
/// its log, and below it AWS's words.
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
    let log = match &build {
        Some(build) => build_log::lines(aws, build, FAILED_LINES).await,
        None => Vec::new(),
    };
    failure_of(execution, action, build.as_ref(), build_log::story(&log))
}

fn failure_of(execution: &Execution, action: &Action, build: Option<&Build>, story: Story) -> Failure {
    let words = build.and_then(|build| build.failure.as_deref());
    let words = words.or(action.reason.as_deref()).unwrap_or("AWS gives no reason");
    let failed = format!("{} failed at {}", show::what(execution), action.title());
    let (first, below) = match story.first {
        Some(first) => (first, Some(format!("  AWS's words: {words}"))),
        None => (words.to_owned(), None),
    };
    let mut lines = vec![format!("{failed}: {first}")];
    lines.extend(story.rest);
    lines.extend(below);
    let exit = build.map_or(Exit::Failed, Build::exit);
    let failure = Failure::new(exit, lines.join("\n"));
    match story.code {
        Some(code) => failure.code(code),
        None if exit == Exit::Failed => failure.code(Code::PipelineFailed),
        None => failure,
    }
}

async fn build_of(aws: &Aws, action: &Action) -> Option<Build> {
    // What can't be read is left out: the failure itself is what must be told.
    aws.build(action.build.as_deref()?).await.ok().flatten()
}
