//! Pipelines and executions as the API shows them.

use pipeline::{ActionDefinition, ActionExecution, Artifact, Execution, ExecutionKind, OnFailure, Pipeline, Stage};
use serde_json::{Value, json};

use super::Record;
use crate::cloud::Cloud;
use crate::moment::epoch_seconds;
use crate::properties::text;

/// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineDeclaration.html>
pub(super) fn declaration(record: &Record) -> Value {
    let (pipeline, properties) = (&record.pipeline, &record.properties);
    let definition = pipeline.definition();
    let variables = definition.variables.iter().map(|variable| {
        let mut shown = json!({"name": variable.name});
        if let Some(default) = &variable.default {
            shown["defaultValue"] = json!(default);
        }
        shown
    });
    let mut shown = json!({
        "name": pipeline.name(),
        "roleArn": text(properties, "RoleArn").unwrap_or_default(),
        "stages": definition.stages.iter().map(stage).collect::<Vec<_>>(),
        "version": pipeline.version(),
        "executionMode": definition.mode.as_str(),
        "pipelineType": text(properties, "PipelineType").unwrap_or_else(|| "V1".to_owned()),
        "variables": variables.collect::<Vec<_>>(),
    });
    if let Some(location) = bucket(record) {
        shown["artifactStore"] = json!({"type": "S3", "location": location});
    }
    shown
}

fn stage(stage: &Stage) -> Value {
    let mut shown = json!({
        "name": stage.name,
        "actions": stage.actions.iter().map(action).collect::<Vec<_>>(),
    });
    match stage.on_failure {
        OnFailure::Fail => {}
        OnFailure::RollBack => shown["onFailure"] = json!({"result": "ROLLBACK"}),
        OnFailure::Retry(mode) => {
            shown["onFailure"] = json!({"result": "RETRY", "retryConfiguration": {"retryMode": mode.as_str()}});
        }
    }
    shown
}

fn action(action: &ActionDefinition) -> Value {
    let mut shown = json!({
        "name": action.name,
        "actionTypeId": type_id(action),
        "runOrder": action.run_order,
        "configuration": action.configuration,
        "outputArtifacts": names(&action.outputs),
        "inputArtifacts": names(&action.inputs),
    });
    if let Some(namespace) = &action.namespace {
        shown["namespace"] = json!(namespace);
    }
    if let Some(role) = &action.role_arn {
        shown["roleArn"] = json!(role);
    }
    shown
}

fn type_id(action: &ActionDefinition) -> Value {
    json!({
        "category": action.category,
        "owner": action.owner,
        "provider": action.provider,
        "version": action.version,
    })
}

fn names(names: &[String]) -> Value {
    names.iter().map(|name| json!({"name": name})).collect()
}

fn bucket(record: &Record) -> Option<String> {
    text(&record.properties["ArtifactStore"], "Location")
}

/// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineState.html>
pub(super) fn state(cloud: &Cloud, record: &Record) -> Value {
    let pipeline = &record.pipeline;
    let stages = pipeline.definition().stages.iter();
    json!({
        "pipelineName": pipeline.name(),
        "pipelineVersion": pipeline.version(),
        "stageStates": stages.map(|stage| stage_state(cloud, pipeline, stage)).collect::<Vec<_>>(),
        "created": epoch_seconds(record.created_at),
        "updated": epoch_seconds(record.updated_at),
    })
}

fn stage_state(cloud: &Cloud, pipeline: &Pipeline, stage: &Stage) -> Value {
    let known = pipeline.stage_state(&stage.name).cloned().unwrap_or_default();
    let waiting = pipeline
        .executions()
        .iter()
        .filter(|execution| execution.waits_for(&stage.name));
    let waiting = waiting
        .map(|execution| of_stage(execution, "InProgress"))
        .collect::<Vec<_>>();
    let actions = stage.actions.iter();
    let mut shown = json!({
        "stageName": stage.name,
        "inboundExecutions": waiting,
        "inboundTransitionState": {"enabled": known.transition.closed_because.is_none()},
        "actionStates": actions.map(|action| action_state(cloud, pipeline, stage, action)).collect::<Vec<_>>(),
    });
    if let Some(last) = waiting.last() {
        shown["inboundExecution"] = last.clone();
    }
    if let Some((by, at)) = &known.transition.changed {
        shown["inboundTransitionState"]["lastChangedBy"] = json!(by);
        shown["inboundTransitionState"]["lastChangedAt"] = json!(epoch_seconds(*at));
    }
    if let Some(reason) = &known.transition.closed_because {
        shown["inboundTransitionState"]["disabledReason"] = json!(reason);
    }
    if let Some((id, status)) = &known.latest
        && let Some(execution) = pipeline.execution(id)
    {
        shown["latestExecution"] = of_stage(execution, status.as_str());
    }
    shown
}

fn of_stage(execution: &Execution, status: &str) -> Value {
    json!({"pipelineExecutionId": execution.id, "status": status, "type": execution.kind.as_str()})
}

/// The last run of an action, whichever execution it was for.
fn action_state(cloud: &Cloud, pipeline: &Pipeline, stage: &Stage, action: &ActionDefinition) -> Value {
    let mut shown = json!({"actionName": action.name});
    let runs = pipeline.executions().iter().flat_map(|execution| {
        let runs = execution.actions.iter().map(move |run| (execution, run));
        runs.filter(|(_, run)| run.stage == stage.name && run.definition.name == action.name)
    });
    let Some((execution, run)) = runs.max_by_key(|(_, run)| run.started_at) else {
        return shown;
    };
    if let Some(revision) = execution
        .revisions
        .get(&action.name)
        .filter(|_| action.category == "Source")
    {
        shown["currentRevision"] = json!({
            "revisionId": revision.id,
            "revisionChangeId": revision.id,
            "created": epoch_seconds(revision.created_at),
        });
    }
    let mut latest = json!({
        "actionExecutionId": run.id,
        "status": run.status.as_str(),
        "lastStatusChange": epoch_seconds(run.updated_at),
    });
    if let Some(summary) = &run.summary {
        latest["summary"] = json!(summary);
    }
    result(cloud, run, &mut latest);
    shown["latestExecution"] = latest;
    shown
}

/// What the provider says of a run.
fn result(cloud: &Cloud, run: &ActionExecution, shown: &mut Value) {
    if let Some(external) = &run.external_id {
        shown["externalExecutionId"] = json!(external);
        let log = cloud
            .code
            .builds
            .get(external)
            .map(|build| crate::codebuild::log_of(external, build));
        if let Some((group, stream)) = log {
            let arn = cloud
                .place
                .arn("logs", &format!("log-group:{group}:log-stream:{stream}"));
            shown["logStreamARN"] = json!(arn);
        }
    }
    if let Some(error) = &run.error {
        shown["errorDetails"] = json!({"code": error.code, "message": error.message});
    }
}

/// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecutionSummary.html>
pub(super) fn summary(record: &Record, execution: &Execution) -> Value {
    let revisions = execution.revisions.iter().map(|(action, revision)| {
        json!({"actionName": action, "revisionId": revision.id, "revisionSummary": revision.summary})
    });
    let mut shown = json!({
        "pipelineExecutionId": execution.id,
        "status": execution.status.as_str(),
        "startTime": epoch_seconds(execution.started_at),
        "lastUpdateTime": epoch_seconds(execution.updated_at),
        "sourceRevisions": revisions.collect::<Vec<_>>(),
    });
    if let Some(stop) = &execution.stop {
        shown["stopTrigger"] = json!({"reason": stop.reason.clone().unwrap_or_default()});
    }
    add_common(record, execution, &mut shown);
    shown
}

/// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html>
pub(super) fn execution(record: &Record, execution: &Execution) -> Value {
    let artifacts = execution.actions.iter().flat_map(|run| {
        let revision = execution.revisions.get(&run.definition.name);
        let revision = revision.filter(|_| run.definition.category == "Source");
        run.outputs.iter().filter_map(move |output| Some((output, revision?)))
    });
    let revisions = artifacts.map(|(output, revision)| {
        json!({
            "name": output.name,
            "revisionId": revision.id,
            "revisionSummary": revision.summary,
            "created": epoch_seconds(revision.created_at),
        })
    });
    let variables = execution.variables.iter();
    let variables = variables.map(|(name, value)| json!({"name": name, "resolvedValue": value}));
    let mut shown = json!({
        "pipelineName": record.pipeline.name(),
        "pipelineVersion": execution.version,
        "pipelineExecutionId": execution.id,
        "status": execution.status.as_str(),
        "artifactRevisions": revisions.collect::<Vec<_>>(),
        "variables": variables.collect::<Vec<_>>(),
    });
    add_common(record, execution, &mut shown);
    shown
}

fn add_common(record: &Record, execution: &Execution, shown: &mut Value) {
    shown["trigger"] = json!({
        "triggerType": execution.trigger.kind.as_str(),
        "triggerDetail": execution.trigger.detail,
    });
    shown["executionMode"] = json!(record.pipeline.definition().mode.as_str());
    shown["executionType"] = json!(execution.kind.as_str());
    if let Some(summary) = &execution.summary {
        shown["statusSummary"] = json!(summary);
    }
    if let ExecutionKind::Rollback { target } = &execution.kind {
        shown["rollbackMetadata"] = json!({"rollbackTargetPipelineExecutionId": target});
    }
}

/// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionDetail.html>
pub(super) fn action_execution(cloud: &Cloud, record: &Record, execution: &Execution, run: &ActionExecution) -> Value {
    let artifacts = |artifacts: &[Artifact]| {
        let bucket = bucket(record).unwrap_or_default();
        let shown = artifacts
            .iter()
            .map(|artifact| json!({"name": artifact.name, "s3location": {"bucket": bucket, "key": artifact.key}}));
        shown.collect::<Vec<_>>()
    };
    let mut input = json!({
        "actionTypeId": type_id(&run.definition),
        "configuration": run.definition.configuration,
        "resolvedConfiguration": run.configuration,
        "region": cloud.place.region,
        "inputArtifacts": artifacts(&run.inputs),
    });
    if let Some(namespace) = &run.definition.namespace {
        input["namespace"] = json!(namespace);
    }
    if let Some(role) = &run.definition.role_arn {
        input["roleArn"] = json!(role);
    }
    let mut outcome = json!({});
    result(cloud, run, &mut outcome);
    if let Some(summary) = &run.summary {
        outcome["externalExecutionSummary"] = json!(summary);
    }
    let made = run.status == pipeline::ActionStatus::Succeeded;
    json!({
        "pipelineExecutionId": execution.id,
        "actionExecutionId": run.id,
        "pipelineVersion": execution.version,
        "stageName": run.stage,
        "actionName": run.definition.name,
        "startTime": epoch_seconds(run.started_at),
        "lastUpdateTime": epoch_seconds(run.updated_at),
        "status": run.status.as_str(),
        "input": input,
        "output": {
            "outputArtifacts": if made { artifacts(&run.outputs) } else { Vec::new() },
            "executionResult": outcome,
            "outputVariables": run.variables,
        },
    })
}
