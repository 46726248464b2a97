//! A deployment played from facts: what each of the three renderings makes of it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stacks::Stage;

use super::{alarm, at, event};
use crate::alarms::Alarm;
use crate::exit::Done;
use crate::output;
use crate::progress::Size;
use crate::services::stopped::Group;
use crate::services::{Deployment, Service};
use crate::stack::events::Event;
use crate::telling::event_code::EventCode;
use crate::telling::log::Log;
use crate::telling::note::Note;
use crate::telling::records::Records;
use crate::telling::view::{Bake, ServiceView, Side, View};
use crate::telling::{block, report};

/// A deployment, and what was shown of it.
pub(crate) struct Play {
    facts: View,
    events: Vec<Event>,
    told: usize,
    now: u64,
    log: Log,
    records: Records,
    screens: String,
    lines: String,
    json: Vec<Value>,
}

impl Play {
    pub(crate) fn new() -> Self {
        Self {
            facts: View::default(),
            events: Vec::new(),
            told: 0,
            now: 0,
            log: Log::default(),
            records: Records::default(),
            screens: String::new(),
            lines: String::new(),
            json: Vec::new(),
        }
    }

    /// Goes on to a moment.
    pub(crate) fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = seconds;
        self
    }

    /// An event of the stack Example or of one of its resources, now.
    pub(crate) fn event(&mut self, logical_id: &str, status: &str, reason: &str) -> &mut Self {
        self.events.push(event(self.now, logical_id, status, reason));
        self
    }

    /// How many resources the change set has.
    pub(crate) fn total(&mut self, total: usize) -> &mut Self {
        self.facts.total = Some(total);
        self
    }

    /// What ECS says of a service: deployments as (revision, desired, running, pending, failed, rollout state).
    pub(crate) fn service(&mut self, name: &str, deployments: &[(u8, u64, u64, u64, u64, &str)]) -> &mut Self {
        let deployments = deployments.iter().enumerate();
        let deployment = |(index, (revision, desired, running, pending, failed, state)): (
            usize,
            &(u8, u64, u64, u64, u64, &str),
        )| Deployment {
            id: revision.to_string(),
            status: if index == 0 { "PRIMARY" } else { "ACTIVE" }.to_owned(),
            rollout_state: Some((*state).to_owned()),
            reason: None,
            task_definition: format!("arn:aws:ecs:us-east-1:000000000000:task-definition/{name}:{revision}"),
            desired: *desired,
            running: *running,
            pending: *pending,
            failed: *failed,
        };
        let deployments: Vec<Deployment> = deployments.map(deployment).collect();
        let service = Service {
            name: name.to_owned(),
            desired: deployments[0].desired,
            running: deployments.iter().map(|deployment| deployment.running).sum(),
            pending: deployments.iter().map(|deployment| deployment.pending).sum(),
            deployments,
            events: Vec::new(),
        };
        self.described(name, service)
    }

    /// The same as ECS describes it.
    pub(crate) fn described(&mut self, name: &str, service: Service) -> &mut Self {
        let logical_id = format!("{name}Service");
        match self
            .facts
            .services
            .iter_mut()
            .find(|view| view.logical_id == logical_id)
        {
            Some(view) => view.service = service,
            None => self.facts.services.push(ServiceView {
                logical_id,
                service,
                stopped: Vec::new(),
                alarms: Vec::new(),
            }),
        }
        self
    }

    /// An event as CloudFormation tells it, whenever it was.
    pub(crate) fn recorded(&mut self, event: Event) -> &mut Self {
        self.events.push(event);
        self
    }

    /// Tasks of a service that stopped.
    pub(crate) fn stopped(&mut self, name: &str, groups: &[Group]) -> &mut Self {
        self.view(name).stopped = groups.to_vec();
        self
    }

    /// The state of the alarm on a service's errors.
    pub(crate) fn alarm(&mut self, name: &str, state: &str) -> &mut Self {
        let since = Some(at(self.now));
        self.view(name).alarms = vec![Alarm {
            since,
            ..alarm(&format!("{name}-ServerErrors"), state)
        }];
        self
    }

    /// The stages side by side: requests, probes and failed probes of each, and until when Onebox bakes.
    pub(crate) fn sides(&mut self, onebox: (u64, u64, u64), fleet: (u64, u64, u64), until: Option<u64>) -> &mut Self {
        let side = |stage, weight, (requests, sent, failed), bake| Side {
            stage,
            changes: stage == Stage::Onebox,
            weight: Some(weight),
            requests: Some(requests),
            probes: Some((sent, failed)),
            bake,
        };
        let bake = until.map_or(Bake::No, |until| Bake::Until(at(until)));
        self.facts.sides = vec![
            side(Stage::Onebox, 1.0, onebox, bake),
            side(Stage::Fleet, 99.0, fleet, Bake::No),
        ];
        self
    }

    /// Since when AWS gives no answer.
    pub(crate) fn silent(&mut self, since: Option<u64>) -> &mut Self {
        self.facts.silent_since = since.map(at);
        self
    }

    /// Something is said once.
    pub(crate) fn note(&mut self, note: Note) -> &mut Self {
        let _ = writeln!(self.screens, "{}", note.text);
        let _ = writeln!(self.lines, "{}", note.text);
        self.json.push(output::event(note.code, note.fields, at(self.now)));
        self
    }

    /// Lines that people are told, on a terminal as in a log.
    pub(crate) fn said(&mut self, text: &str) -> &mut Self {
        let _ = writeln!(self.screens, "{text}");
        let _ = writeln!(self.lines, "{text}");
        self
    }

    /// Everyone is told what is new; the terminal's screen isn't kept.
    pub(crate) fn tell(&mut self) -> &mut Self {
        let (view, now) = (self.view_now(), at(self.now));
        let new = self.events[self.told..].to_vec();
        self.told = self.events.len();
        for (code, fields) in self.records.of(&view, &new, now) {
            self.json.push(output::event(code, fields, now));
        }
        for line in self.log.lines(&view, now) {
            let _ = writeln!(self.lines, "{line}");
        }
        self
    }

    /// As [`Self::tell`], and the screen is kept.
    pub(crate) fn look(&mut self) -> &mut Self {
        self.tell();
        let size = Size { rows: 24, columns: 100 };
        let block = block::render(&self.view_now(), at(self.now), size);
        assert!(block.len() < size.rows, "{block:?}");
        let _ = writeln!(self.screens, "[after {} s]", self.now);
        for line in block {
            let _ = writeln!(
                self.screens,
                "{}",
                crate::progress::screen::cut(&line.text, size.columns)
            );
        }
        self
    }

    /// The operation ended: what stays of the block.
    pub(crate) fn settle(&mut self) -> &mut Self {
        self.tell();
        let _ = writeln!(self.screens, "[stays]");
        for line in block::last(&self.view_now(), at(self.now)) {
            let _ = writeln!(self.screens, "{}", line.text);
        }
        let total = None;
        self.facts = View {
            total,
            ..View::default()
        };
        self.events.clear();
        self.told = 0;
        (self.log, self.records) = (Log::default(), Records::default());
        self
    }

    /// All that was shown, with the end.
    pub(crate) fn end(&mut self, outcome: &anyhow::Result<Done>) -> String {
        let told = match outcome {
            Ok(_) => String::new(),
            Err(error) => format!("{}\n", report::text(error)),
        };
        self.json.push(output::end(outcome, at(self.now)));
        check(&self.json);
        let json: Vec<String> = self.json.iter().map(sorted).collect();
        format!(
            "=== terminal\n{}{told}=== log\n{}{told}=== json\n{}",
            self.screens,
            self.lines,
            json.join("\n")
        )
    }

    /// The failure that the events end in, told as `apply` tells it.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    fn view(&mut self, name: &str) -> &mut ServiceView {
        let logical_id = format!("{name}Service");
        let mut views = self.facts.services.iter_mut();
        views.find(|view| view.logical_id == logical_id).unwrap()
    }

    fn view_now(&self) -> View {
        let facts = &self.facts;
        let of_events = View::of_events("Example", &self.events).with_sides(facts.sides.clone());
        View {
            total: facts.total,
            services: facts.services.clone(),
            silent_since: facts.silent_since,
            ..of_events
        }
    }
}

/// Every object has its type, code and time, just the fields that the document lists for its code, and one result ends
/// them all.
fn check(objects: &[Value]) {
    let (end, events) = objects.split_last().unwrap();
    assert_eq!(end["type"], "result");
    assert!(end["exit"].is_u64());
    for object in events {
        let code = object["code"].as_str().and_then(EventCode::of_name);
        let entry = code.unwrap_or_else(|| panic!("no code: {object}")).entry();
        assert_eq!(object["type"], entry.kind, "{object}");
        assert!(object["time"].is_string(), "{object}");
        let mut fields: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        fields.retain(|field| !["type", "code", "time"].contains(field));
        fields.sort_unstable();
        let mut expected = entry.fields.to_vec();
        expected.sort_unstable();
        assert_eq!(fields, expected, "{object}");
    }
}

/// An object in a line, its keys in an order that doesn't depend on how `serde_json` is built.
fn sorted(object: &Value) -> String {
    match object {
        Value::Object(fields) => {
            let mut fields: Vec<(&String, String)> = fields.iter().map(|(name, value)| (name, sorted(value))).collect();
            let first = |name: &str| {
                ["type", "code", "time", "exit"]
                    .iter()
                    .position(|first| *first == name)
                    .unwrap_or(9)
            };
            fields.sort_by(|(a, _), (b, _)| (first(a), a).cmp(&(first(b), b)));
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {value}", json!(name)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
