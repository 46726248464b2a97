//! The log: lines that are only ever added, each said once, and after a silence what is still pending.

use std::collections::{BTreeMap, HashSet};
use std::mem::discriminant;
use std::time::{Duration, SystemTime};

use super::sentence::{of_step, pending, stack_status};
use super::tables;
use super::view::{ServiceView, State, Step, View};
use crate::progress::human;

/// After how long a silence it is said what goes on.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);

/// How often it is said at the most that tasks come and go, which is no news by itself.
pub(crate) const PACE: Duration = Duration::from_secs(10);

/// What a log was told of an operation.
#[derive(Debug, Default)]
pub(crate) struct Log {
    status: Option<String>,
    steps: HashSet<String>,
    services: BTreeMap<String, Said>,
    stopped: BTreeMap<(String, String), (usize, bool)>,
    alarms: BTreeMap<String, String>,
    sides: Option<String>,
    spoke: Option<SystemTime>,
}

/// What was said of a service.
#[derive(Debug)]
struct Said {
    text: String,
    essence: String,
    at: SystemTime,
}

/// A line, when what it says happened, and whether it ends what was said of the same moment.
type Lines = Vec<((SystemTime, bool), String)>;

impl Log {
    /// The lines that are new.
    pub(crate) fn lines(&mut self, view: &View, now: SystemTime) -> Vec<String> {
        let mut lines = Lines::new();
        self.stack(view, &mut lines);
        self.steps(view, now, &mut lines);
        for service in &view.services {
            self.service(service, now, &mut lines);
        }
        self.sides(view, now, &mut lines);
        lines.sort_by_key(|(order, _)| *order);
        let spoke = *self.spoke.get_or_insert(now);
        if !lines.is_empty() {
            self.spoke = Some(now);
        } else if let Some(silence) = now.duration_since(spoke).ok().filter(|silence| *silence >= SILENCE) {
            self.spoke = Some(now);
            lines = after_silence(view, silence, now);
        }
        let said = |((at, _), text): ((SystemTime, bool), String)| format!("{:>11}  {text}", human(view.elapsed(at)));
        lines.into_iter().map(said).collect()
    }

    fn stack(&mut self, view: &View, lines: &mut Lines) {
        let (Some(status), Some(since)) = (&view.status, view.status_since) else {
            return;
        };
        if self.status.as_ref() != Some(status) {
            self.status = Some(status.clone());
            let ends = !status.ends_with("_IN_PROGRESS");
            lines.push((
                (since, ends),
                format!("{}: {} ({status})", view.stack, stack_status(status)),
            ));
        }
    }

    /// That a resource is being worked on is said of services, which take their time; of all, how it ended.
    fn steps(&mut self, view: &View, now: SystemTime, lines: &mut Lines) {
        for step in &view.resources {
            let going_on = step.state == State::GoingOn;
            if going_on && !step.is_service() {
                continue;
            }
            if self.steps.insert(key(step)) {
                let text = if going_on {
                    of_step(step, step.began)
                } else {
                    of_step(step, now)
                };
                let text = text.strip_suffix(", 0.0 s").map(ToOwned::to_owned).unwrap_or(text);
                let at = if going_on { step.began } else { step.since };
                lines.push(((at, false), text));
            }
        }
    }

    fn service(&mut self, view: &ServiceView, now: SystemTime, lines: &mut Lines) {
        let name = &view.service.name;
        let text = tables::deployments_in_a_line(&view.service);
        let essence = essence(view);
        let said = self.services.get(name);
        let news = said.is_none_or(|said| {
            let waited = now.duration_since(said.at).is_ok_and(|waited| waited >= PACE);
            said.essence != essence || said.text != text && waited
        });
        if news {
            lines.push(((now, false), format!("  {name}: {text}")));
            let said = Said { text, essence, at: now };
            self.services.insert(name.clone(), said);
        }
        self.stopped(view, now, lines);
        for alarm in &view.alarms {
            if self.alarms.insert(alarm.name.clone(), alarm.state.clone()).as_ref() != Some(&alarm.state) {
                lines.push(((now, false), format!("  {}", tables::alarm_in_a_line(alarm))));
            }
        }
    }

    /// Each reason is said once, again when its tasks have become twice as many, and what one wrote as soon as it is known.
    fn stopped(&mut self, view: &ServiceView, now: SystemTime, lines: &mut Lines) {
        // That old tasks stop is what a deployment is for.
        for group in view.stopped.iter().filter(|group| group.failed) {
            let said = self
                .stopped
                .entry((view.service.name.clone(), group.reason.clone()))
                .or_default();
            let (count, words) = *said;
            if group.tasks.len() >= (2 * count).max(1) {
                lines.push((
                    (now, false),
                    format!("  {}: {}", view.service.name, tables::stopped_in_a_line(group)),
                ));
                said.0 = group.tasks.len();
            }
            if !words && !group.words.is_empty() {
                let all = tables::stopped(std::slice::from_ref(group), true);
                lines.extend(
                    all.into_iter()
                        .skip(1)
                        .map(|line| ((now, false), format!("  {}", line.text))),
                );
                said.1 = true;
            }
        }
    }

    fn sides(&mut self, view: &View, now: SystemTime, lines: &mut Lines) {
        if view.sides.is_empty() {
            return;
        }
        let essence: Vec<_> = view
            .sides
            .iter()
            .map(|side| (side.weight, discriminant(&side.bake)))
            .collect();
        let essence = format!("{essence:?}");
        if self.sides.as_ref() != Some(&essence) {
            self.sides = Some(essence);
            lines.push(((now, false), format!("  {}", tables::sides_in_a_line(&view.sides, now))));
        }
    }
}

fn key(step: &Step) -> String {
    format!("{} {:?} {:?} {:?}", step.logical_id, step.doing, step.turn, step.state)
}

/// What of a service is news at once: which revisions there are, how their rollouts stand, and that tasks fail.
fn essence(view: &ServiceView) -> String {
    let deployments = view.service.deployments.iter();
    let one = |deployment: &crate::services::Deployment| {
        format!(
            "{} {:?} {}",
            deployment.task_definition,
            deployment.rollout_state,
            deployment.failed > 0
        )
    };
    deployments.map(one).collect::<Vec<_>>().join(";")
}

fn after_silence(view: &View, silence: Duration, now: SystemTime) -> Lines {
    let mut lines = vec![((now, false), pending(view, silence, now))];
    let going_on = |service: &&ServiceView| view.going_on().any(|step| step.logical_id == service.logical_id);
    for service in view.services.iter().filter(going_on) {
        let text = tables::deployments_in_a_line(&service.service);
        lines.push(((now, false), format!("  {}: {text}", service.service.name)));
    }
    if !view.sides.is_empty() {
        lines.push(((now, false), format!("  {}", tables::sides_in_a_line(&view.sides, now))));
    }
    lines
}
