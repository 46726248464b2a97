//! What stands under a service, and the stages side by side.

use std::time::SystemTime;

use super::sentence::fitting;
use super::view::{Bake, Side};
use crate::alarms::Alarm;
use crate::progress::{Line, Tone, clean, count, human};
use crate::services::stopped::Group;
use crate::services::{Deployment, Service};
use crate::table;

/// The columns of a service's deployments, those of the least worth first: whether it is the new one, how many tasks run
/// and how its rollout stands are seen on the narrowest screen.
const LEAST_OF_DEPLOYMENTS: [usize; 4] = [4, 0, 2, 5];

/// A service's deployments within a width: which revision each brings, and how far it is.
pub(crate) fn deployments(service: &Service, width: usize) -> Vec<Line> {
    let header = ["REVISION", "", "DESIRED", "RUNNING", "PENDING", "FAILED", "ROLLOUT"];
    let row = |deployment: &Deployment| {
        let counts = [
            deployment.desired,
            deployment.running,
            deployment.pending,
            deployment.failed,
        ];
        let mut row = vec![short(revision(deployment)).to_owned(), role(deployment).to_owned()];
        row.extend(counts.map(|count| count.to_string()));
        row.push(rollout(deployment).to_owned());
        row
    };
    let rows: Vec<Vec<String>> = service.deployments.iter().map(row).collect();
    let text = table::render_within(&header, &rows, width, &LEAST_OF_DEPLOYMENTS);
    let tone = |index: usize| {
        let deployment = index.checked_sub(1).and_then(|index| service.deployments.get(index));
        match deployment {
            None => Tone::Quiet,
            Some(deployment) if deployment.failed > 0 || rollout(deployment) == "FAILED" => Tone::Bad,
            Some(_) => Tone::Plain,
        }
    };
    text.lines()
        .enumerate()
        .map(|(index, line)| Line::new(tone(index), line))
        .collect()
}

/// The deployments in a line, for a log.
pub(crate) fn deployments_in_a_line(service: &Service) -> String {
    let one = |deployment: &Deployment| {
        let mut parts = vec![format!("{} of {} running", deployment.running, deployment.desired)];
        let counts = [(deployment.pending, "pending"), (deployment.failed, "failed")];
        parts.extend(
            counts
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}")),
        );
        format!(
            "{} {}: {}, {}",
            role(deployment),
            revision(deployment),
            parts.join(", "),
            rollout(deployment)
        )
    };
    service.deployments.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The revision that a deployment brings, `family:7`.
pub(crate) fn revision(deployment: &Deployment) -> &str {
    let definition = &deployment.task_definition;
    definition.rsplit('/').next().unwrap_or(definition)
}

/// What tells names of one service apart: their last word, as all begin with the stack's and the stage's.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit('-').next().unwrap_or(name)
}

/// Whether a deployment brings the new, is the old that goes, failed, or brings back what ran before.
fn role(deployment: &Deployment) -> &'static str {
    match deployment.status.as_str() {
        _ if deployment.has_failed() => "bad",
        "PRIMARY" if deployment.rolls_back() => "back",
        "PRIMARY" => "new",
        _ => "old",
    }
}

fn rollout(deployment: &Deployment) -> &str {
    deployment.rollout_state.as_deref().unwrap_or("-")
}

/// The tasks that stopped, a line for each reason, and below it what one of them last wrote.
pub(crate) fn stopped(groups: &[Group], words: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for group in groups {
        let tone = if group.failed { Tone::Bad } else { Tone::Quiet };
        lines.push(Line::new(tone, stopped_in_a_line(group)));
        if words {
            lines.extend(
                group
                    .words
                    .iter()
                    .map(|line| Line::new(tone, format!("  {}", clean(line)))),
            );
        }
    }
    lines
}

/// The tasks that stopped for one reason: `3 tasks stopped: Essential container in task exited`.
pub(crate) fn stopped_in_a_line(group: &Group) -> String {
    let count = group.tasks.len();
    let tasks = if count == 1 { "task" } else { "tasks" };
    format!("{count} {tasks} stopped: {}", clean(&group.reason))
}

/// The alarms, each with as much of its condition in words as a width holds; in short, those that are quiet are only counted.
pub(crate) fn alarms(alarms: &[Alarm], in_short: bool, width: usize) -> Vec<Line> {
    let told = alarms.iter().filter(|alarm| !in_short || alarm.is_red());
    let told = told.map(|found| alarm(found, short(&found.name), width));
    told.chain(quiet_alarms(alarms).filter(|_| in_short)).collect()
}

/// How many alarms are quiet, where any is.
pub(crate) fn quiet_alarms(alarms: &[Alarm]) -> Option<Line> {
    let quiet = alarms.iter().filter(|alarm| !alarm.is_red()).count();
    (quiet > 0).then(|| Line::new(Tone::Quiet, format!("{} quiet", count(quiet, "alarm"))))
}

/// An alarm by a name that tells it from the others.
pub(crate) fn alarm(alarm: &Alarm, name: &str, width: usize) -> Line {
    let tone = if alarm.is_red() { Tone::Bad } else { Tone::Quiet };
    let state = &alarm.state;
    let texts = [
        format!("alarm {name}: {state}; fires at {}", alarm.condition()),
        format!("{name}: {state} ({})", alarm.condition()),
        format!("alarm {name}: {state}; fires at {}", alarm.limit()),
        format!("alarm {name}: {state}"),
    ];
    Line::new(tone, fitting(texts, width))
}

/// An alarm in a line: its state, and what it takes for it to fire.
pub(crate) fn alarm_in_a_line(alarm: &Alarm) -> String {
    format!("alarm {}: {}; fires at {}", alarm.name, alarm.state, alarm.condition())
}

/// The columns of the stages side by side, those of the least worth first.
const LEAST_OF_SIDES: [usize; 3] = [1, 2, 3];

/// The stages side by side, within a width.
pub(crate) fn sides(sides: &[Side], now: SystemTime, width: usize) -> Vec<Line> {
    if sides.is_empty() {
        return Vec::new();
    }
    let dash = || "-".to_owned();
    let row = |side: &Side, words: bool| {
        let mut bake = bake(side.bake, now).unwrap_or_else(dash);
        if !words {
            bake = bake.replace("baking, ", "");
        }
        vec![
            side.stage.name().to_owned(),
            side.weight.map_or_else(dash, |weight| format!("{weight} %")),
            side.requests.map_or_else(dash, |requests| requests.to_string()),
            side.probes.map_or_else(dash, probes),
            bake,
        ]
    };
    let header = ["STAGE", "WEIGHT", "ALL REQUESTS", "PROBES", "BAKE"];
    let rows = |words| -> Vec<Vec<String>> { sides.iter().map(|side| row(side, words)).collect() };
    let whole = table::render(&header, &rows(true));
    let text = if whole.lines().all(|line| line.chars().count() <= width) {
        whole
    } else {
        table::render_within(&header, &rows(false), width, &LEAST_OF_SIDES)
    };
    let tone = |index| if index == 0 { Tone::Quiet } else { Tone::Plain };
    text.lines()
        .enumerate()
        .map(|(index, line)| Line::new(tone(index), line))
        .collect()
}

/// The stages in a line, for a log.
pub(crate) fn sides_in_a_line(sides: &[Side], now: SystemTime) -> String {
    let one = |side: &Side| {
        let weight = side.weight.map(|weight| format!("weight {weight} %"));
        let requests = side.requests.map(|requests| format!("{requests} requests in all"));
        let probed = side.probes.map(|counts| format!("probes {}", probes(counts)));
        let parts: Vec<String> = [weight, requests, probed, bake(side.bake, now)]
            .into_iter()
            .flatten()
            .collect();
        format!("{}: {}", side.stage.name(), parts.join(", "))
    };
    sides.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn probes((sent, failed): (u64, u64)) -> String {
    match failed {
        0 => sent.to_string(),
        failed => format!("{sent}, {failed} failed"),
    }
}

/// What is left of a bake, in words; none where there is none.
pub(crate) fn bake(bake: Bake, now: SystemTime) -> Option<String> {
    match bake {
        Bake::No => None,
        Bake::Unknown => Some("baking".to_owned()),
        Bake::Until(until) => {
            let left = until.duration_since(now).unwrap_or_default();
            Some(format!("baking, {} left", human(left)))
        }
    }
}
