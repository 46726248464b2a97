//! A pipeline, its clock, and what it asked for.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    Action, ActionError, Definition, Event, ExecutionStatus, Pipeline, RetryMode, Revision, Run, Subject, Trigger,
    TriggerKind,
};

pub(super) struct Rig {
    pub(super) pipeline: Pipeline,
    pub(super) now: SystemTime,
    /// What was asked to run and hasn't been told of yet.
    pub(super) running: Vec<Run>,
    /// Executions by the letter that tests know them by.
    pub(super) names: BTreeMap<String, char>,
    /// Everything told, such as `A Build STARTED`.
    pub(super) told: Vec<String>,
    pub(super) forgotten: Vec<String>,
}

/// `Source`, `Build` and `Deploy`, with one action each.
pub(super) fn three_stages() -> Value {
    json!({"Stages": [stage("Source", &[("Pull", 1)]), stage("Build", &[("Compile", 1)]), stage("Deploy", &[("Ship", 1)])]})
}

/// A stage with actions of the names and run orders. The artifact `Code` comes from `Pull`, `Program` from `Compile`.
pub(super) fn stage(name: &str, actions: &[(&str, u32)]) -> Value {
    let actions = actions.iter().map(|(action, order)| {
        let (category, inputs, outputs) = match *action {
            "Pull" => ("Source", vec![], vec!["Code"]),
            "Compile" => ("Build", vec!["Code"], vec!["Program"]),
            _ => ("Build", vec!["Code"], vec![]),
        };
        let named = |names: Vec<&str>| names.iter().map(|name| json!({"Name": name})).collect::<Vec<_>>();
        let mut value = json!({
            "Name": action, "RunOrder": order,
            "ActionTypeId": {"Category": category, "Owner": "AWS", "Provider": "Any", "Version": "1"},
            "InputArtifacts": named(inputs), "OutputArtifacts": named(outputs),
        });
        match *action {
            "Pull" => value["Namespace"] = json!("Source"),
            "Compile" => value["Configuration"] = json!({"Commit": "#{Source.CommitId}"}),
            _ => {}
        }
        value
    });
    json!({"Name": name, "Actions": actions.collect::<Vec<_>>()})
}

impl Rig {
    pub(super) fn new(properties: &Value) -> Self {
        Self {
            pipeline: Pipeline::new("trial", Definition::read(properties).unwrap(), 7),
            now: UNIX_EPOCH + Duration::from_hours(500_000),
            running: Vec::new(),
            names: BTreeMap::new(),
            told: Vec::new(),
            forgotten: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, event: Event) {
        self.now += Duration::from_secs(1);
        let actions = self.pipeline.step(self.now, event);
        for execution in self.pipeline.executions() {
            let next = char::from(b'A' + u8::try_from(self.names.len()).unwrap() % 26);
            self.names.entry(execution.id.clone()).or_insert(next);
        }
        for action in actions {
            match action {
                Action::Run(run) => self.running.push(*run),
                Action::Tell(change) => {
                    let name = self.names.get(&change.execution_id).copied().unwrap_or('?');
                    let subject = match change.subject {
                        Subject::Execution => String::new(),
                        Subject::Stage(stage) => format!("{stage} "),
                        Subject::Action { action, .. } => format!("{action} "),
                    };
                    self.told.push(format!("{name} {subject}{}", change.state));
                }
                Action::Forget(keys) => self.forgotten.extend(keys),
            }
        }
        let abandoned = |run: &Run| !self.pipeline.awaits(&run.action_id);
        self.running.retain(|run| !abandoned(run));
    }

    pub(super) fn start(&mut self) -> String {
        self.step(start());
        self.pipeline.executions().last().unwrap().id.clone()
    }

    /// Ends a running action by its name, of the oldest execution that has it.
    pub(super) fn end(&mut self, action: &str, succeeds: bool) {
        let place = self.running.iter().position(|run| run.definition.name == action);
        let run = self
            .running
            .remove(place.unwrap_or_else(|| panic!("{action} does not run: {:?}", self.running)));
        self.step(ended(&run, succeeds));
    }

    pub(super) fn succeed(&mut self, action: &str) {
        self.end(action, true);
    }

    pub(super) fn fail(&mut self, action: &str) {
        self.end(action, false);
    }

    pub(super) fn stop(&mut self, id: &str, abandon: bool) {
        self.step(Event::Stop {
            execution_id: id.to_owned(),
            abandon,
            reason: Some("enough".to_owned()),
        });
    }

    pub(super) fn retry(&mut self, id: &str, stage: &str, mode: RetryMode) {
        self.step(Event::Retry {
            execution_id: id.to_owned(),
            stage: stage.to_owned(),
            mode,
        });
    }

    pub(super) fn roll_back(&mut self, stage: &str, target: &str) {
        self.step(Event::RollBack {
            stage: stage.to_owned(),
            target: target.to_owned(),
            trigger: trigger(TriggerKind::ManualRollback),
        });
    }

    pub(super) fn close(&mut self, stage: &str, because: Option<&str>) {
        self.step(Event::SetTransition {
            stage: stage.to_owned(),
            closed_because: because.map(str::to_owned),
            by: "somebody".to_owned(),
        });
    }

    pub(super) fn update(&mut self, properties: &Value, restart: bool) {
        self.step(Event::Update {
            definition: Box::new(Definition::read(properties).unwrap()),
            restart: restart.then(|| trigger(TriggerKind::StartPipelineExecution)),
        });
    }

    pub(super) fn status(&self, id: &str) -> ExecutionStatus {
        self.pipeline.execution(id).unwrap().status
    }

    /// `A Compile` for each running action.
    pub(super) fn runs(&self) -> Vec<String> {
        let runs = self.running.iter();
        runs.map(|run| format!("{} {}", self.names[&run.execution_id], run.definition.name))
            .collect()
    }

    /// Through to the end, everything succeeding.
    pub(super) fn finish(&mut self) {
        while let Some(run) = self.running.first().cloned() {
            self.running.remove(0);
            self.step(ended(&run, true));
        }
    }
}

pub(super) fn start() -> Event {
    Event::Start {
        trigger: trigger(TriggerKind::StartPipelineExecution),
        variables: BTreeMap::new(),
        revisions: BTreeMap::new(),
    }
}

pub(super) fn trigger(kind: TriggerKind) -> Trigger {
    Trigger {
        kind,
        detail: "test".to_owned(),
    }
}

pub(super) fn ended(run: &Run, succeeds: bool) -> Event {
    let action_id = run.action_id.clone();
    if !succeeds {
        let error = ActionError {
            code: "JobFailed".to_owned(),
            message: "it broke".to_owned(),
        };
        return Event::Failed { action_id, error };
    }
    let source = run.definition.category == "Source";
    Event::Succeeded {
        action_id,
        summary: None,
        variables: BTreeMap::from([("CommitId".to_owned(), "abc".to_owned())]),
        revision: source.then(|| Revision {
            id: "abc".to_owned(),
            summary: "a change".to_owned(),
            created_at: UNIX_EPOCH,
        }),
    }
}
