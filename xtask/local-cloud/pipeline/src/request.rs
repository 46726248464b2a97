//! What is refused, and in which words.

use std::collections::BTreeMap;

use crate::{ActionStatus, Event, Execution, ExecutionKind, ExecutionMode, Pipeline};

/// How many executions may be under way in the modes that hold them all.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html>
const ACTIVE_LIMIT: usize = 50;

/// Why something isn't done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The exception of AWS's API.
    pub code: &'static str,
    /// The sentence for people.
    pub message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl Pipeline {
    /// Whether an event would be taken in.
    ///
    /// # Errors
    /// AWS's, as its API would give it.
    pub fn check(&self, event: &Event) -> Result<(), Refusal> {
        match event {
            Event::Start {
                variables, revisions, ..
            } => self.check_start(variables, revisions),
            Event::Update { .. } => Ok(()),
            Event::Accepted { action_id, .. }
            | Event::Succeeded { action_id, .. }
            | Event::Failed { action_id, .. } => {
                let runs = self.running().any(|(_, run)| run.id == *action_id);
                let message = format!("no action execution {action_id} runs");
                runs.then_some(())
                    .ok_or_else(|| Refusal::new("ValidationException", message))
            }
            Event::Stop {
                execution_id, abandon, ..
            } => self.check_stop(execution_id, *abandon),
            Event::Retry {
                execution_id, stage, ..
            } => self.check_retry(execution_id, stage),
            Event::RollBack { stage, target, .. } => self.check_rollback(stage, target),
            Event::SetTransition { stage, .. } => self.check_stage(stage),
        }
    }

    fn check_start(
        &self,
        variables: &BTreeMap<String, String>,
        revisions: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let known = |name: &String| self.definition.variables.iter().any(|variable| variable.name == *name);
        if let Some(unknown) = variables.keys().find(|name| !known(name)) {
            let message = format!("Variable {unknown} is not defined for pipeline {}", self.name);
            return Err(Refusal::new("ValidationException", message));
        }
        let without = self.definition.variables.iter().find(|variable| {
            let given = variables.contains_key(&variable.name);
            variable.default.is_none() && !given
        });
        if let Some(variable) = without {
            let message = format!("Variable {} has no default value and was given none", variable.name);
            return Err(Refusal::new("ValidationException", message));
        }
        let source = self.definition.stages.first();
        let is_source = |name: &String| source.is_some_and(|stage| stage.action(name).is_some());
        if let Some(unknown) = revisions.keys().find(|name| !is_source(name)) {
            let message = format!("Source action {unknown} does not exist in pipeline {}", self.name);
            return Err(Refusal::new("ValidationException", message));
        }
        let active = self
            .executions
            .iter()
            .filter(|execution| execution.status.is_active())
            .count();
        if self.definition.mode != ExecutionMode::Superseded && active >= ACTIVE_LIMIT {
            let message = format!("The pipeline has {ACTIVE_LIMIT} executions under way, which is the most");
            return Err(Refusal::new(
                "ConcurrentPipelineExecutionsLimitExceededException",
                message,
            ));
        }
        Ok(())
    }

    fn find(&self, id: &str) -> Result<&Execution, Refusal> {
        self.execution(id).ok_or_else(|| {
            let message = format!("Could not find pipeline execution {id} of pipeline {}", self.name);
            Refusal::new("PipelineExecutionNotFoundException", message)
        })
    }

    fn check_stage(&self, stage: &str) -> Result<(), Refusal> {
        match self.definition.stage(stage) {
            Some(_) => Ok(()),
            None => Err(Refusal::new(
                "StageNotFoundException",
                format!("Pipeline {} has no stage {stage}", self.name),
            )),
        }
    }

    /// The model of `StopPipelineExecution` has no exception for an execution that isn't there: it is not stoppable.
    fn check_stop(&self, id: &str, abandon: bool) -> Result<(), Refusal> {
        let not_stoppable = |message: String| Refusal::new("PipelineExecutionNotStoppableException", message);
        let execution = self.execution(id).ok_or_else(|| {
            let message = format!("Pipeline {} has no execution {id}", self.name);
            not_stoppable(message)
        })?;
        if !execution.status.is_active() {
            let message = format!("Pipeline execution {id} is {} already", execution.status.as_str());
            return Err(not_stoppable(message));
        }
        // A stop that waits may become one that abandons, not the other way round.
        match &execution.stop {
            Some(stop) if stop.abandon || !abandon => Err(Refusal::new(
                "DuplicatedStopRequestException",
                format!("Pipeline execution {id} is being stopped already"),
            )),
            _ => Ok(()),
        }
    }

    fn check_retry(&self, id: &str, stage: &str) -> Result<(), Refusal> {
        self.check_stage(stage)?;
        let latest = self.stages.get(stage).and_then(|state| state.latest.as_ref());
        let execution = self.execution(id);
        let (Some(execution), true) = (execution, latest.is_some_and(|(latest, _)| latest == id)) else {
            return Err(Refusal::new(
                "NotLatestPipelineExecutionException",
                format!("Pipeline execution {id} is not the latest in stage {stage}"),
            ));
        };
        if execution.stage != stage || !self.may_be_retried(execution) {
            let why = if execution.version == self.version {
                "it has not failed there"
            } else {
                "the pipeline's structure has changed since"
            };
            return Err(Refusal::new(
                "StageNotRetryableException",
                format!("Stage {stage} can't be retried for pipeline execution {id}: {why}"),
            ));
        }
        Ok(())
    }

    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html>
    fn check_rollback(&self, stage: &str, target: &str) -> Result<(), Refusal> {
        self.check_stage(stage)?;
        let execution = self.find(target)?;
        if execution.version != self.version {
            return Err(Refusal::new(
                "PipelineExecutionOutdatedException",
                format!("Pipeline execution {target} was started on another structure of the pipeline"),
            ));
        }
        let why = if self.definition.mode == ExecutionMode::Parallel {
            "the pipeline's mode is PARALLEL"
        } else if self.definition.position(stage) == Some(0) {
            "a source stage can't be rolled back"
        } else if execution.kind != ExecutionKind::Standard {
            "that execution is a rollback itself"
        } else if !execution.succeeded_in.contains(stage) {
            "that execution did not succeed in it"
        } else if !self.is_free(stage) {
            "an execution is in it"
        } else if execution.artifacts.is_empty() {
            "that execution's artifacts are no longer kept"
        } else {
            return Ok(());
        };
        let message = format!("Unable to roll back stage {stage} to pipeline execution {target}: {why}");
        Err(Refusal::new("UnableToRollbackStageException", message))
    }

    /// Whether an action execution is still waited for.
    pub fn awaits(&self, action_id: &str) -> bool {
        let runs = self.executions.iter().flat_map(|execution| &execution.actions);
        runs.filter(|run| run.status == ActionStatus::InProgress)
            .any(|run| run.id == action_id)
    }
}
