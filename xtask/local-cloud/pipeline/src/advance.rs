//! What goes on by itself: actions start, stages end, executions enter stages or give way.

use identifiers::LETTERS_AND_DIGITS;
use std::time::SystemTime;

use crate::pipeline::{of_run, tell};
use crate::{
    Action, ActionDefinition, ActionError, ActionExecution, ActionStatus, Artifact, Execution, ExecutionKind,
    ExecutionMode, ExecutionStatus, OnFailure, Pipeline, Run, Stage, StageStatus, Subject, variables,
};

/// Why an execution fails that an update of its pipeline has overtaken.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-edit.html>
const UPDATED: &str = "The pipeline was updated while this execution was in progress; its structure is another now";

/// What an execution in a stage comes to next.
enum Next {
    Nothing,
    Start(Vec<ActionDefinition>),
    Succeed,
    Fail,
    Retry(crate::RetryMode),
    RollBack(String),
    Outdated,
    Stop,
}

impl Pipeline {
    /// Takes one step of those that are due; false when none is.
    pub(crate) fn advance(&mut self, now: SystemTime, actions: &mut Vec<Action>) -> bool {
        let executions = 0..self.executions.len();
        for index in executions {
            if self.settle(now, index, actions) {
                return true;
            }
        }
        let stages = self.definition.stages.iter().rev().map(|stage| stage.name.clone());
        stages
            .collect::<Vec<_>>()
            .iter()
            .any(|stage| self.let_in(now, stage, actions))
    }

    /// Carries one execution on; false when nothing is due.
    fn settle(&mut self, now: SystemTime, index: usize, actions: &mut Vec<Action>) -> bool {
        let next = self.next(&self.executions[index]);
        match next {
            Next::Nothing => return false,
            Next::Start(definitions) => {
                for definition in definitions {
                    self.run(now, index, definition, actions);
                }
            }
            Next::Succeed => self.succeed(now, index, actions),
            Next::Fail => self.end(now, index, ExecutionStatus::Failed, None, actions),
            Next::Outdated => self.end(now, index, ExecutionStatus::Failed, Some(UPDATED), actions),
            Next::Retry(mode) => {
                let stage = self.executions[index].stage.clone();
                self.executions[index].retried_in.insert(stage);
                self.resume(now, index, mode, actions);
            }
            Next::RollBack(target) => {
                self.end(now, index, ExecutionStatus::Failed, None, actions);
                let (id, stage) = (self.executions[index].id.clone(), self.executions[index].stage.clone());
                self.roll_back(now, &stage, &target, Self::automated(&id), actions);
            }
            Next::Stop => {
                self.abandon(now, index, actions);
                self.end(now, index, ExecutionStatus::Stopped, None, actions);
            }
        }
        true
    }

    fn next(&self, execution: &Execution) -> Next {
        if !execution.status.is_active() {
            return Next::Nothing;
        }
        let abandons = execution.stop.as_ref().is_some_and(|stop| stop.abandon);
        if !execution.waiting && execution.is_busy() && !abandons {
            return Next::Nothing;
        }
        if execution.stop.is_some() {
            return Next::Stop;
        }
        if execution.version != self.version {
            return Next::Outdated;
        }
        match self.definition.stage(&execution.stage) {
            _ if execution.waiting => Next::Nothing,
            Some(stage) => self.next_in(execution, stage),
            None => Next::Outdated,
        }
    }

    /// What comes next in a stage in which nothing runs.
    fn next_in(&self, execution: &Execution, stage: &Stage) -> Next {
        let failed = execution
            .current_runs()
            .any(|run| run.status != ActionStatus::Succeeded);
        if failed {
            return match stage.on_failure {
                OnFailure::Retry(mode) if !execution.retried_in.contains(&stage.name) => Next::Retry(mode),
                OnFailure::RollBack if execution.kind == ExecutionKind::Standard => self
                    .rollback_target(&stage.name, &execution.id)
                    .map_or(Next::Fail, Next::RollBack),
                _ => Next::Fail,
            };
        }
        let outstanding = stage
            .actions
            .iter()
            .filter(|action| execution.current(&action.name).is_none());
        let outstanding = outstanding.collect::<Vec<_>>();
        let order = outstanding.iter().map(|action| action.run_order).min();
        let due = outstanding.into_iter().filter(|action| Some(action.run_order) == order);
        let due = due.cloned().collect::<Vec<_>>();
        if due.is_empty() {
            Next::Succeed
        } else {
            Next::Start(due)
        }
    }

    /// Starts an action, or fails it where what it takes isn't there.
    fn run(&mut self, now: SystemTime, index: usize, definition: ActionDefinition, actions: &mut Vec<Action>) {
        let (id, outputs) = (self.ids.uuid(), self.new_artifacts(&definition));
        let execution = &mut self.executions[index];
        let inputs = inputs(execution, &definition);
        let resolved = variables::resolve_all(&definition.configuration, |namespace, name| {
            lookup(execution, namespace, name)
        });
        let (configuration, error) = match (&inputs, resolved) {
            (Ok(_), Ok(resolved)) => (resolved, None),
            (Err(reason), _) => (definition.configuration.clone(), Some(reason.clone())),
            (_, Err(reason)) => (definition.configuration.clone(), Some(reason)),
        };
        let run = ActionExecution {
            id: id.clone(),
            stage: execution.stage.clone(),
            configuration: configuration.clone(),
            status: if error.is_some() {
                ActionStatus::Failed
            } else {
                ActionStatus::InProgress
            },
            started_at: now,
            updated_at: now,
            inputs: inputs.unwrap_or_default(),
            outputs,
            external_id: None,
            summary: None,
            error: error.map(|message| ActionError {
                code: "ConfigurationError".to_owned(),
                message,
            }),
            variables: std::collections::BTreeMap::new(),
            definition,
        };
        execution.updated_at = now;
        execution.current.insert(run.definition.name.clone(), id.clone());
        actions.push(tell(&execution.id, of_run(&run), "STARTED"));
        if run.status == ActionStatus::Failed {
            actions.push(tell(&execution.id, of_run(&run), "FAILED"));
        } else {
            actions.push(Action::Run(Box::new(Run {
                execution_id: execution.id.clone(),
                action_id: id,
                stage: execution.stage.clone(),
                definition: ActionDefinition {
                    configuration,
                    ..run.definition.clone()
                },
                inputs: run.inputs.clone(),
                outputs: run.outputs.clone(),
                revision: execution.asked_revisions.get(&run.definition.name).cloned(),
            })));
        }
        execution.actions.push(run);
    }

    /// Keys as AWS makes them: the first twenty characters of the pipeline, ten of the artifact, and some of no meaning.
    fn new_artifacts(&mut self, definition: &ActionDefinition) -> Vec<Artifact> {
        let cut = |text: &str, length| text.chars().take(length).collect::<String>();
        let mut artifacts = Vec::new();
        for name in &definition.outputs {
            let key = format!(
                "{}/{}/{}",
                cut(&self.name, 20),
                cut(name, 10),
                self.ids.suffix(LETTERS_AND_DIGITS, 7)
            );
            artifacts.push(Artifact {
                name: name.clone(),
                key,
            });
        }
        artifacts
    }

    fn succeed(&mut self, now: SystemTime, index: usize, actions: &mut Vec<Action>) {
        let (id, stage) = (self.executions[index].id.clone(), self.executions[index].stage.clone());
        self.executions[index].succeeded_in.insert(stage.clone());
        self.executions[index].updated_at = now;
        self.set_stage(&stage, &id, StageStatus::Succeeded);
        actions.push(tell(&id, Subject::Stage(stage.clone()), "SUCCEEDED"));
        let following = self
            .definition
            .position(&stage)
            .and_then(|place| self.definition.stages.get(place + 1));
        match following {
            Some(following) if self.executions[index].kind == ExecutionKind::Standard => {
                self.executions[index].stage.clone_from(&following.name);
                self.come_to_wait(now, index, actions);
            }
            _ => {
                self.executions[index].status = ExecutionStatus::Succeeded;
                actions.push(tell(&id, Subject::Execution, "SUCCEEDED"));
            }
        }
    }

    /// Ends an execution where it stands.
    fn end(
        &mut self,
        now: SystemTime,
        index: usize,
        status: ExecutionStatus,
        summary: Option<&str>,
        actions: &mut Vec<Action>,
    ) {
        let execution = &mut self.executions[index];
        execution.status = status;
        execution.updated_at = now;
        if let Some(summary) = summary {
            execution.summary = Some(summary.to_owned());
        }
        let (id, stage, waiting) = (execution.id.clone(), execution.stage.clone(), execution.waiting);
        let (of_stage, word) = match status {
            ExecutionStatus::Stopped => (StageStatus::Stopped, "STOPPED"),
            _ => (StageStatus::Failed, "FAILED"),
        };
        if !waiting {
            self.set_stage(&stage, &id, of_stage);
            actions.push(tell(&id, Subject::Stage(stage), word));
        }
        actions.push(tell(&id, Subject::Execution, word));
    }

    /// Leaves what runs to itself. The provider goes on with it, as on AWS.
    /// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StopPipelineExecution.html>
    fn abandon(&mut self, now: SystemTime, index: usize, actions: &mut Vec<Action>) {
        let execution = &mut self.executions[index];
        let running = execution
            .actions
            .iter_mut()
            .filter(|run| run.status == ActionStatus::InProgress);
        for run in running {
            run.status = ActionStatus::Abandoned;
            run.updated_at = now;
            actions.push(tell(&execution.id, of_run(run), "ABANDONED"));
        }
    }

    /// Puts an execution before the stage that it has come to. Whoever waits there gives way to it.
    pub(crate) fn come_to_wait(&mut self, now: SystemTime, index: usize, actions: &mut Vec<Action>) {
        let (id, stage) = (self.executions[index].id.clone(), self.executions[index].stage.clone());
        self.executions[index].waiting = true;
        if self.definition.mode != ExecutionMode::Superseded {
            return;
        }
        for other in &mut self.executions {
            if other.id != id && other.waits_for(&stage) {
                other.status = ExecutionStatus::Superseded;
                other.summary = Some(format!("Superseded by execution {id}"));
                other.updated_at = now;
                actions.push(tell(&other.id, Subject::Execution, "SUPERSEDED"));
            }
        }
    }

    /// Lets the first that waits for a stage in, if the stage is free and the way open.
    fn let_in(&mut self, now: SystemTime, stage: &str, actions: &mut Vec<Action>) -> bool {
        let known = self.stages.get(stage);
        let open = known.is_some_and(|known| known.transition.closed_because.is_none());
        let first = self.executions.iter().position(|execution| execution.waits_for(stage));
        let Some(index) = first.filter(|_| open && self.is_free(stage)) else {
            return false;
        };
        let execution = &mut self.executions[index];
        execution.waiting = false;
        execution.updated_at = now;
        execution.current.clear();
        let id = execution.id.clone();
        actions.push(tell(&id, Subject::Stage(stage.to_owned()), "STARTED"));
        if let Some(known) = self.stages.get_mut(stage) {
            known.latest = Some((id, StageStatus::InProgress));
        }
        true
    }
}

fn inputs(execution: &Execution, definition: &ActionDefinition) -> Result<Vec<Artifact>, String> {
    let found = definition.inputs.iter().map(|name| {
        let artifact = execution.artifacts.get(name).cloned();
        artifact.ok_or_else(|| format!("the input artifact {name} was not made by any earlier action"))
    });
    found.collect()
}

/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html>
fn lookup(execution: &Execution, namespace: &str, name: &str) -> Option<String> {
    match (namespace, name) {
        ("codepipeline", "PipelineExecutionId") => Some(execution.id.clone()),
        ("variables", _) => execution.variables.get(name).cloned(),
        _ => execution.outputs.get(namespace)?.get(name).cloned(),
    }
}
