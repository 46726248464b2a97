//! `CodePipeline`'s calls. <https://docs.aws.amazon.com/codepipeline/latest/APIReference/Welcome.html>

use std::collections::BTreeMap;
use std::time::SystemTime;

use pipeline::{Event, Execution, Refusal, RetryMode, TriggerKind};
use serde_json::{Value, json};

use super::{Record, resources, show};
use crate::cloud::Cloud;
use crate::moment::epoch_seconds;
use crate::properties::{boolean, list, required, text};
use crate::wire::{Fault, Service};

/// Answers one call.
pub(crate) fn call(cloud: &mut Cloud, now: SystemTime, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "GetPipeline" => get_pipeline(cloud, input),
        "GetPipelineExecution" => get_pipeline_execution(cloud, input),
        "GetPipelineState" => Ok(show::state(cloud, record(cloud, input, "name")?)),
        "ListActionExecutions" => list_action_executions(cloud, input),
        "ListPipelineExecutions" => list_pipeline_executions(cloud, input),
        "ListPipelines" => Ok(list_pipelines(cloud)),
        "StartPipelineExecution" => start(cloud, now, input),
        "StopPipelineExecution" => stop(cloud, now, input),
        "RetryStageExecution" => retry(cloud, now, input),
        "RollbackStage" => roll_back(cloud, now, input),
        "DisableStageTransition" => set_transition(cloud, now, input, true),
        "EnableStageTransition" => set_transition(cloud, now, input, false),
        _ => Err(Fault::unsupported(Service::CodePipeline, operation)),
    }
}

fn get_pipeline(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let record = record(cloud, input, "name")?;
    let version = record.pipeline.version();
    // The definitions before the last are not kept.
    if let Some(asked) = crate::properties::number(input, "version").map_err(|reason| invalid(&reason))?
        && asked != u64::from(version)
    {
        let message = format!(
            "Version {asked} of pipeline {} is not kept; it is at {version}",
            record.pipeline.name()
        );
        return Err(Fault::client("PipelineVersionNotFoundException", message));
    }
    Ok(json!({
        "pipeline": show::declaration(record),
        "metadata": {
            "pipelineArn": cloud.place.arn("codepipeline", record.pipeline.name()),
            "created": epoch_seconds(record.created_at),
            "updated": epoch_seconds(record.updated_at),
        },
    }))
}

fn get_pipeline_execution(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let record = record(cloud, input, "pipelineName")?;
    let execution = execution(record, &wanted(input, "pipelineExecutionId")?)?;
    Ok(json!({"pipelineExecution": show::execution(record, execution)}))
}

/// The newest first.
fn list_action_executions(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let record = record(cloud, input, "pipelineName")?;
    let filter = &input["filter"];
    let latest = &filter["latestInPipelineExecution"];
    let asked = text(filter, "pipelineExecutionId").or_else(|| text(latest, "pipelineExecutionId"));
    if let Some(id) = &asked {
        execution(record, id)?;
    }
    let executions = record.pipeline.executions().iter().rev();
    let executions = executions.filter(|execution| asked.as_ref().is_none_or(|id| *id == execution.id));
    let mut shown = Vec::new();
    for execution in executions {
        let mut seen = std::collections::BTreeSet::new();
        for run in execution.actions.iter().rev() {
            // Of an action that was retried, only the last run is the latest.
            let again = !seen.insert((&run.stage, &run.definition.name));
            if again && latest["startTimeRange"] == "Latest" {
                continue;
            }
            shown.push(show::action_execution(cloud, record, execution, run));
        }
    }
    Ok(json!({"actionExecutionDetails": shown}))
}

/// The newest first.
fn list_pipeline_executions(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let record = record(cloud, input, "pipelineName")?;
    let stage = text(&input["filter"]["succeededInStage"], "stageName");
    let executions = record.pipeline.executions().iter().rev();
    let fit = executions.filter(|execution| {
        stage
            .as_ref()
            .is_none_or(|stage| execution.succeeded_in.contains(stage))
    });
    let shown = fit.map(|execution| show::summary(record, execution));
    Ok(json!({"pipelineExecutionSummaries": shown.collect::<Vec<_>>()}))
}

fn list_pipelines(cloud: &Cloud) -> Value {
    let shown = cloud.code.pipelines.iter().map(|(name, record)| {
        json!({
            "name": name,
            "version": record.pipeline.version(),
            "pipelineType": text(&record.properties, "PipelineType").unwrap_or_else(|| "V1".to_owned()),
            "executionMode": record.pipeline.definition().mode.as_str(),
            "created": epoch_seconds(record.created_at),
            "updated": epoch_seconds(record.updated_at),
        })
    });
    json!({"pipelines": shown.collect::<Vec<_>>()})
}

fn start(cloud: &mut Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let name = wanted(input, "name")?;
    let variables = list(input, "variables").iter();
    let variables = variables.map(|variable| Ok((wanted(variable, "name")?, wanted(variable, "value")?)));
    let mut revisions = BTreeMap::new();
    for revision in list(input, "sourceRevisions") {
        if revision["revisionType"] != "COMMIT_ID" {
            return Err(invalid(
                "sourceRevisions: the local cloud knows revisions of the type COMMIT_ID only",
            ));
        }
        revisions.insert(wanted(revision, "actionName")?, wanted(revision, "revisionValue")?);
    }
    let event = Event::Start {
        trigger: resources::by_user(cloud, TriggerKind::StartPipelineExecution),
        variables: variables.collect::<Result<_, Fault>>()?,
        revisions,
    };
    step_and_name(cloud, now, &name, event)
}

fn stop(cloud: &mut Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let (name, id) = (wanted(input, "pipelineName")?, wanted(input, "pipelineExecutionId")?);
    let event = Event::Stop {
        execution_id: id.clone(),
        abandon: boolean(input, "abandon").unwrap_or(false),
        reason: text(input, "reason"),
    };
    step(cloud, now, &name, event)?;
    Ok(json!({"pipelineExecutionId": id}))
}

fn retry(cloud: &mut Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let (name, id) = (wanted(input, "pipelineName")?, wanted(input, "pipelineExecutionId")?);
    let mode = wanted(input, "retryMode")?;
    let event = Event::Retry {
        execution_id: id.clone(),
        stage: wanted(input, "stageName")?,
        mode: RetryMode::from_word(&mode).ok_or_else(|| invalid(&format!("retryMode: there is no {mode}")))?,
    };
    step(cloud, now, &name, event)?;
    Ok(json!({"pipelineExecutionId": id}))
}

fn roll_back(cloud: &mut Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let name = wanted(input, "pipelineName")?;
    let event = Event::RollBack {
        stage: wanted(input, "stageName")?,
        target: wanted(input, "targetPipelineExecutionId")?,
        trigger: resources::by_user(cloud, TriggerKind::ManualRollback),
    };
    step_and_name(cloud, now, &name, event)
}

fn set_transition(cloud: &mut Cloud, now: SystemTime, input: &Value, closes: bool) -> Result<Value, Fault> {
    let name = wanted(input, "pipelineName")?;
    if wanted(input, "transitionType")? != "Inbound" {
        return Err(invalid(
            "transitionType: the local cloud opens and closes the way into a stage, Inbound, only",
        ));
    }
    let closed_because = if closes { Some(wanted(input, "reason")?) } else { None };
    let event = Event::SetTransition {
        stage: wanted(input, "stageName")?,
        closed_because,
        by: cloud.place.global_arn("iam", "user/local"),
    };
    step(cloud, now, &name, event)?;
    Ok(json!({}))
}

/// Takes an event in, and names the execution that came of it.
fn step_and_name(cloud: &mut Cloud, now: SystemTime, name: &str, event: Event) -> Result<Value, Fault> {
    let before = newest(cloud, name);
    step(cloud, now, name, event)?;
    let id = newest(cloud, name).filter(|id| Some(id) != before.as_ref());
    id.map(|id| json!({"pipelineExecutionId": id}))
        .ok_or_else(|| Fault::client("ConflictException", "the pipeline has begun nothing"))
}

fn newest(cloud: &Cloud, name: &str) -> Option<String> {
    let executions = cloud.code.pipelines.get(name)?.pipeline.executions();
    executions.last().map(|execution| execution.id.clone())
}

fn step(cloud: &mut Cloud, now: SystemTime, name: &str, event: Event) -> Result<(), Fault> {
    let record = cloud.code.pipelines.get(name).ok_or_else(|| no_pipeline(cloud, name))?;
    record
        .pipeline
        .check(&event)
        .map_err(|Refusal { code, message }| Fault::client(code, message))?;
    cloud.pipeline_step(now, name, event);
    Ok(())
}

fn record<'a>(cloud: &'a Cloud, input: &Value, member: &str) -> Result<&'a Record, Fault> {
    let name = wanted(input, member)?;
    cloud.code.pipelines.get(&name).ok_or_else(|| no_pipeline(cloud, &name))
}

fn no_pipeline(cloud: &Cloud, name: &str) -> Fault {
    let message = format!(
        "Account '{}' does not have a pipeline with name '{name}'",
        cloud.place.account_id
    );
    Fault::client("PipelineNotFoundException", message)
}

fn execution<'a>(record: &'a Record, id: &str) -> Result<&'a Execution, Fault> {
    record.pipeline.execution(id).ok_or_else(|| {
        let message = format!("Pipeline {} has no execution {id}", record.pipeline.name());
        Fault::client("PipelineExecutionNotFoundException", message)
    })
}

fn wanted(input: &Value, name: &str) -> Result<String, Fault> {
    required(input, name).map_err(|reason| invalid(&reason))
}

fn invalid(message: &str) -> Fault {
    Fault::client("ValidationException", message)
}
