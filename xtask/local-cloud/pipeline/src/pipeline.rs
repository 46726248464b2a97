//! One pipeline and its step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{
    Action, ActionStatus, Change, Definition, Event, Execution, ExecutionKind, ExecutionMode, ExecutionStatus, Stop,
    Subject, Trigger, TriggerKind,
};
use identifiers::Ids;

/// How many executions are kept. AWS keeps them for twelve months.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html>
pub const EXECUTIONS_KEPT: usize = 50;

/// Of how many ended executions the artifacts are kept, besides those that can be retried: on AWS the bucket's lifecycle
/// decides, and what a build hands on is large.
pub const ARTIFACTS_KEPT: usize = 5;

/// The state of one pipeline. Save it with serde; a restored one goes on as the saved one would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    pub(crate) name: String,
    pub(crate) definition: Definition,
    pub(crate) version: u32,
    /// Oldest first.
    pub(crate) executions: Vec<Execution>,
    pub(crate) stages: BTreeMap<String, StageState>,
    pub(crate) ids: Ids,
}

/// What is known of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageState {
    /// The execution that entered it last, and how the stage stands for it.
    pub latest: Option<(String, StageStatus)>,
    /// The way in.
    pub transition: Transition,
}

/// How a stage stands for the execution that entered it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageStatus {
    /// Its actions run.
    InProgress,
    /// It ends once its running actions have.
    Stopping,
    /// It was stopped.
    Stopped,
    /// All its actions succeeded.
    Succeeded,
    /// One of its actions failed.
    Failed,
}

impl StageStatus {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// The way into a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Why it is closed; none while it is open.
    pub closed_because: Option<String>,
    /// Who changed it last, and when.
    pub changed: Option<(String, SystemTime)>,
}

impl Pipeline {
    /// A pipeline without an execution. `seed` decides all its identifiers: give each another one.
    pub fn new(name: impl Into<String>, definition: Definition, seed: u64) -> Self {
        let mut pipeline = Self {
            name: name.into(),
            definition,
            version: 1,
            executions: Vec::new(),
            stages: BTreeMap::new(),
            ids: Ids::new(seed),
        };
        pipeline.align_stages();
        pipeline
    }

    /// Takes in what happened and says what to do, in order. What [`Pipeline::check`] refuses changes nothing.
    pub fn step(&mut self, now: SystemTime, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.check(&event).is_ok() {
            self.observe(now, event, &mut actions);
            while self.advance(now, &mut actions) {}
            self.forget(&mut actions);
        }
        actions
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its definition.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// How many times it was defined.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Its executions, oldest first.
    pub fn executions(&self) -> &[Execution] {
        &self.executions
    }

    /// An execution by its id.
    pub fn execution(&self, id: &str) -> Option<&Execution> {
        self.executions.iter().find(|execution| execution.id == id)
    }

    /// What is known of a stage.
    pub fn stage_state(&self, stage: &str) -> Option<&StageState> {
        self.stages.get(stage)
    }

    /// The action executions that run, with the executions that they are for.
    pub fn running(&self) -> impl Iterator<Item = (&Execution, &crate::ActionExecution)> {
        self.executions.iter().flat_map(|execution| {
            let runs = execution.actions.iter();
            runs.filter(|run| run.status == ActionStatus::InProgress)
                .map(move |run| (execution, run))
        })
    }

    /// Every artifact's key that anything refers to.
    pub fn artifact_keys(&self) -> BTreeSet<String> {
        let kept = self
            .executions
            .iter()
            .flat_map(|execution| execution.artifacts.values());
        let coming = self.running().flat_map(|(_, run)| run.outputs.iter());
        kept.chain(coming).map(|artifact| artifact.key.clone()).collect()
    }

    fn observe(&mut self, now: SystemTime, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Start {
                trigger,
                variables,
                revisions,
            } => self.start(now, trigger, variables, revisions, actions),
            Event::Update { definition, restart } => self.update(now, *definition, restart, actions),
            Event::Accepted { action_id, external_id } => {
                self.change_run(now, &action_id, |run| run.external_id = Some(external_id));
            }
            Event::Succeeded {
                action_id,
                summary,
                variables,
                revision,
            } => {
                self.change_run(now, &action_id, |run| {
                    run.status = ActionStatus::Succeeded;
                    run.summary = summary;
                    run.variables = variables;
                });
                self.keep_results(&action_id, revision);
                self.tell_run(&action_id, "SUCCEEDED", actions);
            }
            Event::Failed { action_id, error } => {
                self.change_run(now, &action_id, |run| {
                    run.status = ActionStatus::Failed;
                    run.error = Some(error);
                });
                self.tell_run(&action_id, "FAILED", actions);
            }
            Event::Stop {
                execution_id,
                abandon,
                reason,
            } => self.begin_stop(now, &execution_id, Stop { abandon, reason }, actions),
            Event::Retry {
                execution_id,
                stage,
                mode,
            } => self.retry(now, &execution_id, &stage, mode, actions),
            Event::RollBack { stage, target, trigger } => self.roll_back(now, &stage, &target, trigger, actions),
            Event::SetTransition {
                stage,
                closed_because,
                by,
            } => {
                let changed = Some((by, now));
                self.stages.entry(stage).or_default().transition = Transition {
                    closed_because,
                    changed,
                };
            }
        }
    }

    fn start(
        &mut self,
        now: SystemTime,
        trigger: Trigger,
        variables: BTreeMap<String, String>,
        asked_revisions: BTreeMap<String, String>,
        actions: &mut Vec<Action>,
    ) {
        let defaults = self.definition.variables.iter();
        let mut values = defaults
            .filter_map(|variable| Some((variable.name.clone(), variable.default.clone()?)))
            .collect::<BTreeMap<_, _>>();
        values.extend(variables);
        let stage = self.definition.stages.first().map(|stage| stage.name.clone());
        let execution = Execution {
            variables: values,
            asked_revisions,
            ..self.new_execution(now, trigger, ExecutionKind::Standard, stage.unwrap_or_default())
        };
        self.add(now, execution, actions);
    }

    /// An execution that runs one stage with what an earlier one had. Its other stages are not run: AWS documents that the
    /// stage goes back, and nothing of those after it.
    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html>
    pub(crate) fn roll_back(
        &mut self,
        now: SystemTime,
        stage: &str,
        target: &str,
        trigger: Trigger,
        actions: &mut Vec<Action>,
    ) {
        let Some(earlier) = self.execution(target).cloned() else {
            return;
        };
        let kind = ExecutionKind::Rollback {
            target: target.to_owned(),
        };
        let execution = Execution {
            variables: earlier.variables,
            revisions: earlier.revisions,
            artifacts: earlier.artifacts,
            outputs: earlier.outputs,
            ..self.new_execution(now, trigger, kind, stage.to_owned())
        };
        self.add(now, execution, actions);
    }

    fn new_execution(&mut self, now: SystemTime, trigger: Trigger, kind: ExecutionKind, stage: String) -> Execution {
        Execution {
            id: self.ids.uuid(),
            version: self.version,
            status: ExecutionStatus::InProgress,
            summary: None,
            started_at: now,
            updated_at: now,
            trigger,
            kind,
            variables: BTreeMap::new(),
            asked_revisions: BTreeMap::new(),
            revisions: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            outputs: BTreeMap::new(),
            stop: None,
            stage,
            waiting: true,
            succeeded_in: BTreeSet::new(),
            actions: Vec::new(),
            current: BTreeMap::new(),
            retried_in: BTreeSet::new(),
        }
    }

    fn add(&mut self, now: SystemTime, execution: Execution, actions: &mut Vec<Action>) {
        actions.push(tell(&execution.id, Subject::Execution, "STARTED"));
        self.executions.push(execution);
        self.come_to_wait(now, self.executions.len() - 1, actions);
    }

    /// Running actions finish, then their stages and executions fail; see [`Pipeline::advance`].
    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-edit.html>
    fn update(&mut self, now: SystemTime, definition: Definition, restart: Option<Trigger>, actions: &mut Vec<Action>) {
        self.definition = definition;
        self.version += 1;
        self.align_stages();
        if let Some(trigger) = restart {
            self.start(now, trigger, BTreeMap::new(), BTreeMap::new(), actions);
        }
    }

    fn align_stages(&mut self) {
        let names = self.definition.stages.iter().map(|stage| stage.name.clone());
        let mut before = std::mem::take(&mut self.stages);
        self.stages = names
            .map(|name| {
                let state = before.remove(&name).unwrap_or_default();
                (name, state)
            })
            .collect();
    }

    fn begin_stop(&mut self, now: SystemTime, id: &str, stop: Stop, actions: &mut Vec<Action>) {
        let Some(execution) = self.executions.iter_mut().find(|execution| execution.id == id) else {
            return;
        };
        execution.updated_at = now;
        execution.status = ExecutionStatus::Stopping;
        execution.summary.clone_from(&stop.reason);
        execution.stop = Some(stop);
        actions.push(tell(id, Subject::Execution, "STOPPING"));
        if !execution.waiting {
            let stage = execution.stage.clone();
            self.set_stage(&stage, id, StageStatus::Stopping);
        }
    }

    fn retry(&mut self, now: SystemTime, id: &str, stage: &str, mode: crate::RetryMode, actions: &mut Vec<Action>) {
        let Some(index) = self.executions.iter().position(|execution| execution.id == id) else {
            return;
        };
        self.resume(now, index, mode, actions);
        actions.push(tell(id, Subject::Execution, "RESUMED"));
        self.set_stage(stage, id, StageStatus::InProgress);
    }

    /// Lets an execution go on in the stage that it is in, with its actions to run again forgotten.
    pub(crate) fn resume(&mut self, now: SystemTime, index: usize, mode: crate::RetryMode, actions: &mut Vec<Action>) {
        let execution = &mut self.executions[index];
        let succeeded = |id: &String| {
            let run = execution.actions.iter().find(|run| run.id == *id);
            run.is_some_and(|run| run.status == ActionStatus::Succeeded)
        };
        let mut current = std::mem::take(&mut execution.current);
        match mode {
            crate::RetryMode::AllActions => current.clear(),
            crate::RetryMode::FailedActions => current.retain(|_, id| succeeded(id)),
        }
        execution.current = current;
        execution.status = ExecutionStatus::InProgress;
        execution.summary = None;
        execution.stop = None;
        execution.updated_at = now;
        let subject = Subject::Stage(execution.stage.clone());
        actions.push(tell(&execution.id, subject, "RESUMED"));
    }

    fn change_run(&mut self, now: SystemTime, id: &str, change: impl FnOnce(&mut crate::ActionExecution)) {
        for execution in &mut self.executions {
            if let Some(run) = execution.actions.iter_mut().find(|run| run.id == id) {
                execution.updated_at = now;
                run.updated_at = now;
                change(run);
                return;
            }
        }
    }

    /// What an action made is there for those after it.
    fn keep_results(&mut self, id: &str, revision: Option<crate::Revision>) {
        let found = self.executions.iter_mut().find_map(|execution| {
            let run = execution.actions.iter().find(|run| run.id == id)?.clone();
            Some((execution, run))
        });
        let Some((execution, run)) = found else { return };
        for artifact in run.outputs {
            execution.artifacts.insert(artifact.name.clone(), artifact);
        }
        if let Some(namespace) = run.definition.namespace {
            execution.outputs.insert(namespace, run.variables);
        }
        if let Some(revision) = revision {
            execution.revisions.insert(run.definition.name, revision);
        }
    }

    fn tell_run(&self, id: &str, state: &str, actions: &mut Vec<Action>) {
        let found = self.executions.iter().find_map(|execution| {
            let run = execution.actions.iter().find(|run| run.id == id)?;
            Some((execution, run))
        });
        if let Some((execution, run)) = found {
            actions.push(tell(&execution.id, of_run(run), state));
        }
    }

    /// Notes how a stage stands, if this execution is the one that entered it last.
    pub(crate) fn set_stage(&mut self, stage: &str, id: &str, status: StageStatus) {
        if let Some((latest, known)) = self.stages.get_mut(stage).and_then(|state| state.latest.as_mut())
            && latest == id
        {
            *known = status;
        }
    }

    /// Whether an execution may enter a stage as far as others are concerned.
    pub(crate) fn is_free(&self, stage: &str) -> bool {
        self.definition.mode == ExecutionMode::Parallel
            || !self.executions.iter().any(|execution| execution.is_in(stage))
    }

    /// Keeps the history within its bounds.
    fn forget(&mut self, actions: &mut Vec<Action>) {
        let before = self.artifact_keys();
        while self.executions.len() > EXECUTIONS_KEPT {
            let oldest = self
                .executions
                .iter()
                .position(|execution| !execution.status.is_active());
            let Some(oldest) = oldest else { break };
            self.executions.remove(oldest);
        }
        let mut ended = 0;
        for index in (0..self.executions.len()).rev() {
            let execution = &self.executions[index];
            if execution.status.is_active() || self.may_be_retried(execution) {
                continue;
            }
            ended += 1;
            if ended > ARTIFACTS_KEPT {
                self.executions[index].artifacts.clear();
            }
        }
        let after = self.artifact_keys();
        let forgotten = before.difference(&after).cloned().collect::<Vec<_>>();
        if !forgotten.is_empty() {
            actions.push(Action::Forget(forgotten));
        }
    }

    pub(crate) fn may_be_retried(&self, execution: &Execution) -> bool {
        let latest = self
            .stages
            .get(&execution.stage)
            .and_then(|state| state.latest.as_ref());
        let retryable = matches!(execution.status, ExecutionStatus::Failed | ExecutionStatus::Stopped);
        retryable
            && !execution.waiting
            && execution.version == self.version
            && latest.is_some_and(|(id, _)| *id == execution.id)
    }

    /// The newest execution that a stage can go back to from another.
    pub(crate) fn rollback_target(&self, stage: &str, from: &str) -> Option<String> {
        let earlier = self.executions.iter().rev().filter(|execution| execution.id != from);
        let mut fit = earlier.filter(|execution| {
            execution.kind == ExecutionKind::Standard
                && execution.version == self.version
                && execution.succeeded_in.contains(stage)
                && !execution.artifacts.is_empty()
        });
        fit.next().map(|execution| execution.id.clone())
    }

    /// The trigger of a rollback that a stage's definition asks for.
    pub(crate) fn automated(id: &str) -> Trigger {
        Trigger {
            kind: TriggerKind::AutomatedRollback,
            detail: id.to_owned(),
        }
    }
}

pub(crate) fn tell(execution_id: &str, subject: Subject, state: &str) -> Action {
    Action::Tell(Change {
        execution_id: execution_id.to_owned(),
        subject,
        state: state.to_owned(),
    })
}

pub(crate) fn of_run(run: &crate::ActionExecution) -> Subject {
    let definition = &run.definition;
    Subject::Action {
        stage: run.stage.clone(),
        action: definition.name.clone(),
        kind: [
            definition.owner.clone(),
            definition.category.clone(),
            definition.provider.clone(),
            definition.version.clone(),
        ],
    }
}
