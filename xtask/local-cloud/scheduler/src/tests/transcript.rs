//! What a run did, as text: tasks are t1, t2, … and deployments d1, d2, … in the order in which they came.

use std::time::SystemTime;

use super::world::{TARGET_GROUP, World};
use crate::{Action, TaskId};

/// All actions, those of one kind at one time on one line, then how things stand.
pub(super) fn transcript(world: &World) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut last: Option<(SystemTime, String)> = None;
    for (at, action) in &world.transcript {
        let (head, tail) = describe(world, action);
        let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let same = last
            .as_ref()
            .is_some_and(|(time, previous)| time == at && *previous == head);
        match lines.last_mut().filter(|_| same && !tail.is_empty()) {
            Some(line) => line.extend([" ", &tail]),
            None => lines.push(format!("{seconds:>4} {head} {tail}").trim_end().to_owned()),
        }
        last = Some((*at, head));
    }
    lines.push(standing(world));
    with_short_names(world, &lines.join("\n"))
}

fn describe(world: &World, action: &Action) -> (String, String) {
    let name = |task: &TaskId| world.tasks[task].name.clone();
    match action {
        Action::StartTask { task, revision } => (format!("start {revision}"), name(task)),
        Action::RegisterTarget { task } => ("register".to_owned(), name(task)),
        Action::DeregisterTarget { task } => ("deregister".to_owned(), name(task)),
        Action::StopTask { task, reason } => (format!("stop ({reason})"), name(task)),
        Action::ServiceEvent { event } => (format!("event {}", event.message), String::new()),
        Action::DeploymentStateChanged {
            deployment,
            state,
            reason,
        } => (format!("{deployment} {} {reason}", state.as_str()), String::new()),
    }
}

fn standing(world: &World) -> String {
    let service = &world.service;
    let mut lines = vec![format!(
        "desired {} running {} pending {} stable {} steady {} gone {}",
        service.desired_count(),
        service.running_count(),
        service.pending_count(),
        service.is_stable(),
        service.is_steady(),
        service.is_gone(),
    )];
    lines.extend(service.deployments().iter().map(|deployment| {
        format!(
            "{} {} {} {} desired {} running {} failed {}",
            deployment.id,
            deployment.status.as_str(),
            deployment.revision,
            deployment.rollout_state.as_str(),
            deployment.desired_count,
            deployment.running_count,
            deployment.failed_tasks,
        )
    }));
    let records = service.service_deployments();
    lines.extend(records.map(|record| {
        format!(
            "{} -> {} {:?}",
            record.revision,
            record.status.as_str(),
            record.outcome()
        )
    }));
    lines.join("\n")
}

fn with_short_names(world: &World, text: &str) -> String {
    let mut text = text.replace(TARGET_GROUP, "TG");
    let mut deployments = Vec::new();
    for (_, action) in &world.transcript {
        if let Action::DeploymentStateChanged { deployment, .. } = action
            && !deployments.contains(deployment)
        {
            deployments.push(*deployment);
        }
    }
    for (index, deployment) in deployments.iter().enumerate() {
        text = text.replace(&deployment.to_string(), &format!("d{}", index + 1));
    }
    for (id, task) in &world.tasks {
        text = text.replace(&id.to_string(), &task.name);
    }
    text
}
