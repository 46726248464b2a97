//! CodePipeline's verbs.

use std::time::{Duration, SystemTime};

use constants::pipeline::{FAULT, NO_FAULT};
use serde_json::{Value, json};

use super::calls::{Operation, codepipeline};
use super::error::lacking;
use super::json::{items, text};
use super::{Aws, json};
use crate::pipeline::execution::{Action, Execution, Outline, Revision};

/// The most executions that are looked through for one: the newest are what anyone here asks for.
const EXECUTIONS_LOOKED_AT: u32 = 20;

impl Aws {
    /// A pipeline's stages with their actions, in the order in which they run.
    pub(crate) async fn pipeline_stages(&self, pipeline: &str) -> anyhow::Result<Vec<Outline>> {
        let answer = self
            .pipeline(codepipeline::GET_PIPELINE, json!({"name": pipeline}))
            .await?;
        Ok(items(&answer["pipeline"]["stages"]).map(outline).collect())
    }

    /// The newest executions of a pipeline, the newest first.
    pub(crate) async fn executions(&self, pipeline: &str) -> anyhow::Result<Vec<Execution>> {
        let input = json!({"pipelineName": pipeline, "maxResults": EXECUTIONS_LOOKED_AT});
        let answer = self.pipeline(codepipeline::LIST_PIPELINE_EXECUTIONS, input).await?;
        Ok(items(&answer["pipelineExecutionSummaries"]).map(summary).collect())
    }

    /// An execution as it stands.
    pub(crate) async fn execution(&self, pipeline: &str, id: &str) -> anyhow::Result<Execution> {
        let input = json!({"pipelineName": pipeline, "pipelineExecutionId": id});
        let answer = self.pipeline(codepipeline::GET_PIPELINE_EXECUTION, input).await?;
        Ok(execution(&answer["pipelineExecution"]))
    }

    /// What an execution's actions have done, the earliest first.
    pub(crate) async fn actions(&self, pipeline: &str, id: &str) -> anyhow::Result<Vec<Action>> {
        let mut actions = Vec::new();
        let mut input = json!({"pipelineName": pipeline, "filter": {"pipelineExecutionId": id}});
        loop {
            let answer = self
                .pipeline(codepipeline::LIST_ACTION_EXECUTIONS, input.clone())
                .await?;
            actions.extend(items(&answer["actionExecutionDetails"]).map(action));
            match answer["nextToken"].as_str() {
                Some(next) => input["nextToken"] = next.into(),
                None => break,
            }
        }
        // The newest come first; of two that began at once, the one that was asked for first has to stay first.
        actions.reverse();
        actions.sort_by_key(|action| action.started);
        Ok(actions)
    }

    /// Starts an execution with these values of the pipeline's variables; its id. A token makes the second of two such
    /// requests give the first one's execution.
    pub(crate) async fn start_execution(
        &self,
        pipeline: &str,
        variables: &[(&str, &str)],
        token: &str,
    ) -> anyhow::Result<String> {
        let variables: Vec<Value> = variables
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let mut input = json!({"name": pipeline, "clientRequestToken": token});
        if !variables.is_empty() {
            input["variables"] = variables.into();
        }
        let answer = self.pipeline(codepipeline::START_PIPELINE_EXECUTION, input).await?;
        let id = answer["pipelineExecutionId"].as_str();
        Ok(id
            .ok_or_else(|| lacking("CodePipeline gives the execution no id"))?
            .to_owned())
    }

    /// Stops an execution: after the actions that run, or with `abandon` without waiting for them.
    pub(crate) async fn stop_execution(
        &self,
        pipeline: &str,
        id: &str,
        abandon: bool,
        reason: &str,
    ) -> anyhow::Result<()> {
        let input = json!({"pipelineName": pipeline, "pipelineExecutionId": id, "abandon": abandon, "reason": reason});
        self.pipeline(codepipeline::STOP_PIPELINE_EXECUTION, input)
            .await
            .map(drop)
    }

    /// Runs every action of an execution's failed stage again.
    ///
    /// All of them, not only those that failed: a failed action of a deployment reverts what the actions before it deployed.
    pub(crate) async fn retry_stage(&self, pipeline: &str, id: &str, stage: &str) -> anyhow::Result<()> {
        let input = json!({
            "pipelineName": pipeline,
            "stageName": stage,
            "pipelineExecutionId": id,
            "retryMode": "ALL_ACTIONS",
        });
        self.pipeline(codepipeline::RETRY_STAGE_EXECUTION, input)
            .await
            .map(drop)
    }

    async fn pipeline(&self, operation: Operation, input: Value) -> anyhow::Result<Value> {
        json::call(self, operation, input).await
    }
}

fn outline(stage: &Value) -> Outline {
    let mut actions: Vec<&Value> = items(&stage["actions"]).collect();
    actions.sort_by_key(|action| action["runOrder"].as_i64());
    Outline {
        name: text(&stage["name"]),
        actions: actions.into_iter().map(|action| text(&action["name"])).collect(),
    }
}

fn summary(summary: &Value) -> Execution {
    Execution {
        id: text(&summary["pipelineExecutionId"]),
        status: text(&summary["status"]),
        reason: reason(&summary["statusSummary"]).or_else(|| reason(&summary["stopTrigger"]["reason"])),
        revision: items(&summary["sourceRevisions"]).next().map(revision),
        trigger: reason(&summary["trigger"]["triggerType"]),
        started: time(&summary["startTime"]),
        updated: time(&summary["lastUpdateTime"]),
        fault: None,
    }
}

fn execution(execution: &Value) -> Execution {
    Execution {
        id: text(&execution["pipelineExecutionId"]),
        status: text(&execution["status"]),
        reason: reason(&execution["statusSummary"]),
        revision: items(&execution["artifactRevisions"]).next().map(revision),
        trigger: reason(&execution["trigger"]["triggerType"]),
        started: None,
        updated: None,
        fault: items(&execution["variables"]).find_map(fault),
    }
}

/// The fault that a variable of an execution asks for.
fn fault(variable: &Value) -> Option<String> {
    let value = reason(&variable["resolvedValue"]).filter(|value| value != NO_FAULT);
    value.filter(|_| variable["name"] == FAULT)
}

fn revision(revision: &Value) -> Revision {
    Revision {
        id: text(&revision["revisionId"]),
        summary: first_line(&text(&revision["revisionSummary"])),
    }
}

fn action(action: &Value) -> Action {
    let result = &action["output"]["executionResult"];
    Action {
        id: text(&action["actionExecutionId"]),
        stage: text(&action["stageName"]),
        name: text(&action["actionName"]),
        status: text(&action["status"]),
        started: time(&action["startTime"]),
        updated: time(&action["lastUpdateTime"]),
        build: is_build(&action["input"]["actionTypeId"])
            .then(|| reason(&result["externalExecutionId"]))
            .flatten(),
        reason: reason(&result["errorDetails"]["message"])
            .or_else(|| reason(&result["externalExecutionSummary"]))
            .map(|reason| first_line(&reason)),
    }
}

fn is_build(action_type: &Value) -> bool {
    action_type["provider"] == "CodeBuild"
}

/// JSON 1.1 writes a time as seconds since 1970, with a fraction.
fn time(value: &Value) -> Option<SystemTime> {
    let seconds = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(seconds)
}

fn reason(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// A commit's message is long; its first line says what it is.
fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().to_owned()
}
