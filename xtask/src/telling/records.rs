//! NDJSON: an object for each thing that happens, and after a silence one for what is pending.

use std::collections::BTreeMap;
use std::mem::discriminant;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::event_code::EventCode;
use super::log::{PACE, SILENCE};
use super::view::{Bake, STACK_TYPE, ServiceView, Side, View};
use crate::aws::rfc3339;
use crate::services::Deployment;
use crate::services::stopped::Group;
use crate::stack::events::Event;

/// An object that is new: its code, and its fields but for the code.
pub(crate) type Record = (EventCode, Value);

/// What programs were told of an operation.
#[derive(Debug, Default)]
pub(crate) struct Records {
    services: BTreeMap<String, Value>,
    stopped: BTreeMap<(String, String), Value>,
    alarms: BTreeMap<String, String>,
    sides: Option<(String, Vec<Side>, SystemTime)>,
    spoke: Option<SystemTime>,
}

impl Records {
    /// The objects that are new; `events` are those of the stack that weren't seen before.
    pub(crate) fn of(&mut self, view: &View, events: &[Event], now: SystemTime) -> Vec<Record> {
        let mut records: Vec<Record> = events.iter().map(|event| of_event(&view.stack, event)).collect();
        for service in &view.services {
            self.service(service, &mut records);
        }
        records.extend(self.sides(&view.sides, now));
        let spoke = *self.spoke.get_or_insert(now);
        let silence = now.duration_since(spoke).unwrap_or_default();
        if !records.is_empty() {
            self.spoke = Some(now);
        } else if silence >= SILENCE {
            self.spoke = Some(now);
            records.push((EventCode::Pending, pending(view, silence, now)));
        }
        for (_, fields) in &mut records {
            if fields["time"].is_null() {
                fields["time"] = json!(rfc3339(now));
            }
        }
        records
    }

    fn service(&mut self, view: &ServiceView, records: &mut Vec<Record>) {
        let name = &view.service.name;
        let fields = of_service(view);
        if self.services.get(name) != Some(&fields) {
            self.services.insert(name.clone(), fields.clone());
            records.push((EventCode::Service, fields));
        }
        for group in &view.stopped {
            let (key, fields) = ((name.clone(), group.reason.clone()), of_group(name, group));
            if self.stopped.get(&key) != Some(&fields) {
                self.stopped.insert(key, fields.clone());
                records.push((EventCode::TasksStopped, fields));
            }
        }
        for alarm in &view.alarms {
            if self.alarms.insert(alarm.name.clone(), alarm.state.clone()).as_ref() != Some(&alarm.state) {
                records.push((EventCode::Alarm, alarm.record()));
            }
        }
    }

    /// Weights and bakes at once, how many requests there were not more often than the log.
    fn sides(&mut self, sides: &[Side], now: SystemTime) -> Option<Record> {
        if sides.is_empty() {
            return None;
        }
        let essence: Vec<_> = sides
            .iter()
            .map(|side| (side.weight, discriminant(&side.bake)))
            .collect();
        let essence = format!("{essence:?}");
        let said = self.sides.as_ref().is_some_and(|(before, seen, at)| {
            let soon = now.duration_since(*at).is_ok_and(|waited| waited < PACE);
            *before == essence && (soon || seen == sides)
        });
        if said {
            return None;
        }
        self.sides = Some((essence, sides.to_vec(), now));
        let stages: Vec<Value> = sides.iter().map(|side| of_side(side, now)).collect();
        Some((EventCode::Stages, json!({"stages": stages})))
    }
}

fn of_event(stack: &str, event: &Event) -> Record {
    let of_stack = event.resource_type == STACK_TYPE && event.logical_id == stack;
    let code = EventCode::of_status(&event.status, of_stack);
    let failed = code == EventCode::ResourceFailed;
    let fields = json!({
        "stack": stack,
        "time": rfc3339(event.time),
        "logical_id": event.logical_id,
        "physical_id": event.physical_id,
        "resource_type": event.resource_type,
        "status": event.status,
        "reason": event.reason,
        "defined": failed.then(|| crate::explain::definition(stack, &event.logical_id)).flatten(),
    });
    (code, fields)
}

fn of_service(view: &ServiceView) -> Value {
    let service = &view.service;
    json!({
        "service": service.name,
        "logical_id": view.logical_id,
        "desired": service.desired,
        "running": service.running,
        "pending": service.pending,
        "deployments": service.deployments.iter().map(of_deployment).collect::<Vec<_>>(),
    })
}

fn of_deployment(deployment: &Deployment) -> Value {
    json!({
        "status": deployment.status,
        "revision": super::tables::revision(deployment),
        "desired": deployment.desired,
        "running": deployment.running,
        "pending": deployment.pending,
        "failed": deployment.failed,
        "rollout_state": deployment.rollout_state,
        "reason": deployment.reason,
    })
}

/// Tasks that stopped for one reason.
pub(crate) fn of_group(service: &str, group: &Group) -> Value {
    json!({
        "service": service,
        "reason": group.reason,
        "failed": group.failed,
        "count": group.tasks.len(),
        "tasks": group.tasks,
        "log": group.words,
    })
}

fn of_side(side: &Side, now: SystemTime) -> Value {
    let left = match side.bake {
        Bake::Until(until) => Some(until.duration_since(now).unwrap_or_default().as_secs_f64()),
        Bake::No | Bake::Unknown => None,
    };
    json!({
        "stage": side.stage.value(),
        "changes": side.changes,
        "weight_percent": side.weight,
        "requests": side.requests,
        "probes": side.probes.map(|(sent, _)| sent),
        "probes_failed": side.probes.map(|(_, failed)| failed),
        "baking": side.bake != Bake::No,
        "bake_left_seconds": left,
    })
}

fn pending(view: &View, silence: Duration, now: SystemTime) -> Value {
    let resources = view.going_on().map(|step| {
        json!({
            "logical_id": step.logical_id,
            "resource_type": step.resource_type,
            "status": step.status,
            "seconds": step.took(now).as_secs_f64(),
        })
    });
    json!({
        "stack": view.stack,
        "silent_seconds": silence.as_secs_f64(),
        "resources": resources.collect::<Vec<_>>(),
    })
}
