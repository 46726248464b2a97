//! `pipeline`: runs the pipeline and follows it to its end; what is missing of it is created.

mod build_log;
mod demonstration;
pub(crate) mod execution;
mod follow;
mod prepare;
mod show;
mod source;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::time::Instant;

use self::execution::{Action, Execution};
use self::follow::{Followed, Snapshot, explain, follow};
use self::prepare::{Place, prepare};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::flags::{Cloud, Pipeline, PipelineCommand, Target};
use crate::patience::patiently;
use crate::progress::human;
use crate::stack::follow::pause;
use crate::{cloud, runs, token};

/// How long the event of a push, or of the pipeline's creation, may take to start an execution.
const START_LIMIT: Duration = Duration::from_mins(2);

impl Pipeline {
    /// Runs the pipeline, or looks at it, stops it, tries a stage again.
    ///
    /// # Errors
    /// By the exit statuses of [`Exit`]: when a stage was rolled back, that of the stage.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        match &self.command {
            None => self.follow_to_the_end(context).await,
            Some(PipelineCommand::Status { cloud }) => status(context, cloud).await,
            Some(PipelineCommand::Stop { abandon, reason, cloud }) => stop(context, cloud, *abandon, reason).await,
            Some(PipelineCommand::Retry { cloud }) => retry(context, cloud).await,
        }
    }

    async fn follow_to_the_end(&self, context: &Context) -> anyhow::Result<Value> {
        let started = Instant::now();
        let aws = cloud::connect(context, &self.cloud, &Target::Toolchain.environments()).await?;
        let again = again(&self.cloud);
        let prepared = prepare(context, &aws, self, &again).await?;
        let place = &prepared.place;
        demonstration::check(self, &aws, &prepared)?;
        let traffic = demonstration::begin_load(self, &aws).await?;
        let execution = match &prepared.starts_by_itself {
            Some(commit) => awaited(context, &aws, place, commit).await?,
            None => joined(context, &aws, place, &demonstration::variables(self)).await?,
        };
        let followed = Followed {
            pipeline: &place.pipeline,
            id: &execution.id,
            before: &[],
            again: &again,
        };
        let finished = finish(context, &aws, followed, started).await;
        let load = demonstration::end_load(context, traffic).await;
        finished.map(|mut result| {
            result["load"] = load.into();
            result
        })
    }
}

/// The command that follows, or begins anew.
fn again(cloud: &Cloud) -> String {
    format!("cargo xtask pipeline{}", cloud.arguments())
}

/// The execution of a commit that was just pushed, once its event has started it.
async fn awaited(context: &Context, aws: &Aws, place: &Place, commit: &str) -> anyhow::Result<Execution> {
    let started = Instant::now();
    let leaving = "interrupted: what was pushed starts the pipeline";
    loop {
        let executions = patiently(context, leaving, async || aws.executions(&place.pipeline).await).await?;
        if let Some(execution) = of_commit(&executions, commit) {
            return Ok(execution.clone());
        }
        let elapsed = started.elapsed();
        if elapsed > START_LIMIT {
            let newest = executions.first().map_or_else(|| "none".to_owned(), show::headline);
            let what = format!(
                "no execution of {} has begun {} after the push; the newest: {newest}",
                show::short(commit),
                human(elapsed)
            );
            let next = format!(
                "look at the rule that starts the pipeline, or {}",
                aws.cli().command(&format!(
                    "codepipeline start-pipeline-execution --name {}",
                    place.pipeline
                ))
            );
            return Err(Failure::new(Exit::Failed, what).code(Code::TimeLimit).next(next).into());
        }
        context.progress.block(&[format!(
            "waiting for the push to start the pipeline, {}",
            human(elapsed)
        )]);
        context.interrupt.sleep(leaving, pause(aws, elapsed)).await?;
    }
}

/// The newest execution of a commit; one that doesn't know its source yet may be it, if nothing else is.
fn of_commit<'a>(executions: &'a [Execution], commit: &str) -> Option<&'a Execution> {
    executions.iter().find(|execution| {
        execution
            .revision
            .as_ref()
            .is_some_and(|revision| revision.id == commit)
    })
}

/// The execution that goes on, or a new one. One with variables of its own is always new.
async fn joined(context: &Context, aws: &Aws, place: &Place, variables: &[(&str, &str)]) -> anyhow::Result<Execution> {
    let executions = aws.executions(&place.pipeline).await?;
    let running = executions.into_iter().find(Execution::is_running);
    if let Some(running) = running.filter(|_| variables.is_empty()) {
        context.progress.line("the pipeline runs already: following that");
        return Ok(running);
    }
    let token = token::token("pipeline", SystemTime::now());
    let id = aws.start_execution(&place.pipeline, variables, &token).await?;
    aws.execution(&place.pipeline, &id).await
}

/// Follows an execution and tells how it ended, and what runs where.
async fn finish(context: &Context, aws: &Aws, followed: Followed<'_>, started: Instant) -> anyhow::Result<Value> {
    let again = followed.again;
    let snapshot = follow_on(context, aws, followed).await?;
    let runs = runs::now(aws, crate::flags::Environment::Prod).await;
    if let Some(failure) = failure(aws, &snapshot, again).await {
        let failure = match runs {
            Ok(runs) => failure.also(&runs.render()),
            // The failure itself is what must be told.
            Err(_) => failure,
        };
        return Err(failure.into());
    }
    let runs = runs?;
    context.output.line(&runs.render_as_wanted());
    context
        .progress
        .line(&format!("the pipeline succeeded in {}", human(started.elapsed())));
    if let Some(asks) = runs.asks() {
        context.progress.line(&format!("  {asks}"));
    }
    Ok(json!({
        "execution": snapshot.execution.id,
        "status": snapshot.execution.status,
        "revision": snapshot.execution.revision.map(|revision| revision.id),
        "runs": runs.record(),
        "seconds": started.elapsed().as_secs_f64(),
    }))
}

/// Follows an execution, and where its own change of the pipeline ended it, the one that CodePipeline started in its place.
///
/// Source: `RestartExecutionOnUpdate` on
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codepipeline-pipeline.html>
async fn follow_on(context: &Context, aws: &Aws, followed: Followed<'_>) -> anyhow::Result<Snapshot> {
    let mut id = followed.id.to_owned();
    loop {
        let snapshot = follow(context, aws, Followed { id: &id, ..followed }).await?;
        if snapshot.execution.status != "Failed" || show::failed(&snapshot.actions).is_some() {
            return Ok(snapshot);
        }
        let leaving = "interrupted: the pipeline goes on";
        let executions = patiently(context, leaving, async || aws.executions(followed.pipeline).await).await?;
        let Some(next) = successor(&executions, &snapshot.execution) else {
            return Ok(snapshot);
        };
        context
            .progress
            .line("this push has changed the pipeline, which runs it again by the new definition");
        id.clone_from(&next.id);
    }
}

/// The newest execution after another that has the same source, or doesn't know its source yet.
fn successor<'a>(executions: &'a [Execution], former: &Execution) -> Option<&'a Execution> {
    let newer = executions.iter().take_while(|execution| execution.id != former.id);
    let has_its_source = |execution: &&Execution| execution.revision.is_none() || execution.revision == former.revision;
    newer.into_iter().find(has_its_source)
}

/// What the end of an execution is told as; none when it succeeded.
async fn failure(aws: &Aws, snapshot: &Snapshot, again: &str) -> Option<Failure> {
    let execution = &snapshot.execution;
    let reason = execution
        .reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let ended = |how: &str| {
        Failure::new(Exit::Failed, format!("execution {} was {how}{reason}", execution.id)).code(Code::PipelineFailed)
    };
    Some(match execution.status.as_str() {
        "Succeeded" => return None,
        "Superseded" => ended("superseded by a newer one").next(format!("follow that with `{again}`")),
        "Stopped" | "Cancelled" => ended("stopped").next(format!("start it anew with `{again}`")),
        _ => {
            let retry = retry_command(again);
            explain(aws, snapshot)
                .await
                .next(format!("fix the cause, commit, and run `{again}`, which pushes"))
                .next(format!("or try the same commit again with `{retry}`"))
        }
    })
}

fn retry_command(again: &str) -> String {
    again.replacen("cargo xtask pipeline", "cargo xtask pipeline retry", 1)
}

async fn status(context: &Context, cloud: &Cloud) -> anyhow::Result<Value> {
    let aws = cloud::connect(context, cloud, &Target::Toolchain.environments()).await?;
    let place = prepare::existing(&aws, &again(cloud)).await?;
    let mut executions = aws.executions(&place.pipeline).await?;
    for execution in executions.iter_mut().filter(|execution| execution.is_asked_for()) {
        // The list has no variables.
        execution.fault = aws.execution(&place.pipeline, &execution.id).await?.fault;
    }
    let Some(newest) = executions.first() else {
        context.output.prose(&format!("{} has not run yet", place.pipeline));
        return Ok(json!({"pipeline": place.pipeline, "executions": []}));
    };
    let actions = aws.actions(&place.pipeline, &newest.id).await?;
    let outlines = aws.pipeline_stages(&place.pipeline).await?;
    let now = SystemTime::now();
    let stages = show::stages(&outlines, &actions, now);
    let mut lines = vec![show::headline(newest)];
    lines.extend(show::block(&stages, &[]));
    context.output.line(&lines.join("\n"));
    let width = context.output.columns();
    context
        .output
        .line(&format!("\n{}", show::table_of(&executions, now, width)));
    let failure = why(&aws, newest, &actions).await;
    if let Some(words) = &failure {
        context.output.prose(&format!("\n{words}"));
    }
    Ok(json!({
        "pipeline": place.pipeline,
        "executions": executions.iter().map(show::execution_record).collect::<Vec<_>>(),
        "actions": actions.iter().map(show::record).collect::<Vec<_>>(),
        "failure": failure,
    }))
}

/// Why an execution has failed, if an action of it has: CodeBuild's words, and the last lines of the build's log.
async fn why(aws: &Aws, execution: &Execution, actions: &[Action]) -> Option<String> {
    if execution.status != "Failed" || show::failed(actions).is_none() {
        return None;
    }
    let snapshot = Snapshot {
        execution: execution.clone(),
        actions: actions.to_vec(),
    };
    Some(explain(aws, &snapshot).await.what)
}

async fn stop(context: &Context, cloud: &Cloud, abandon: bool, reason: &str) -> anyhow::Result<Value> {
    let aws = cloud::connect(context, cloud, &Target::Toolchain.environments()).await?;
    let place = prepare::existing(&aws, &again(cloud)).await?;
    let running = aws
        .executions(&place.pipeline)
        .await?
        .into_iter()
        .find(Execution::is_running);
    let Some(running) = running else {
        context.output.prose("nothing runs");
        return Ok(json!({"stopped": null}));
    };
    aws.stop_execution(&place.pipeline, &running.id, abandon, reason)
        .await?;
    let how = if abandon {
        "what it runs is abandoned"
    } else {
        "it ends after the action that runs"
    };
    context
        .output
        .prose(&format!("asked execution {} to stop: {how}", running.id));
    Ok(json!({"stopped": running.id}))
}

fn nothing_failed(again: &str) -> Failure {
    Failure::refused("the newest execution has not failed: there is no stage to try again")
        .code(Code::NothingToRetry)
        .next(format!("start it with `{again}`"))
}

async fn retry(context: &Context, cloud: &Cloud) -> anyhow::Result<Value> {
    let started = Instant::now();
    let aws = cloud::connect(context, cloud, &Target::Toolchain.environments()).await?;
    let again = again(cloud);
    let place = prepare::existing(&aws, &again).await?;
    retry_newest(context, &aws, &place, &again, started).await
}

/// Tries the stage again at which the newest execution failed, all of its actions.
async fn retry_newest(
    context: &Context,
    aws: &Aws,
    place: &Place,
    again: &str,
    started: Instant,
) -> anyhow::Result<Value> {
    let newest = aws.executions(&place.pipeline).await?.into_iter().next();
    let Some(newest) = newest.filter(|execution| execution.status == "Failed") else {
        return Err(nothing_failed(again).into());
    };
    let actions = aws.actions(&place.pipeline, &newest.id).await?;
    let Some(failed) = show::failed(&actions) else {
        let what = format!("execution {} failed before any of its actions did", newest.id);
        return Err(Failure::refused(what)
            .code(Code::NothingToRetry)
            .next(format!("start it anew with `{again}`"))
            .into());
    };
    aws.retry_stage(&place.pipeline, &newest.id, &failed.stage).await?;
    context
        .progress
        .line(&format!("trying {} again, of {}", failed.stage, show::name(&newest)));
    let followed = Followed {
        pipeline: &place.pipeline,
        id: &newest.id,
        before: &actions,
        again,
    };
    finish(context, aws, followed, started).await
}
