//! The live block: the facts of a moment, as much of them as a screen of some size holds.

use std::time::SystemTime;

use super::sentence::{fitting, of_stack, of_stack_within, of_step, of_step_within, summary};
use super::tables;
use super::view::{ServiceView, State, Step, View};
use crate::alarms::Alarm;
use crate::progress::{Line, Size, Tone, human};

/// What sets a line apart from the one that it belongs to.
const INDENT: &str = "  ";

/// How much is folded so that the rest fits, each including those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fold {
    /// All there is.
    Nothing,
    /// What is done is only counted.
    Done,
    /// So are alarms that are quiet, and what tasks wrote is left away.
    Quiet,
    /// Of a service, only the new deployment stays.
    Old,
    /// Of what goes on, only services have a line of their own; the rest is counted.
    GoingOn,
}

const FOLDS: [Fold; 5] = [Fold::Nothing, Fold::Done, Fold::Quiet, Fold::Old, Fold::GoingOn];

/// The block for a screen: whatever must be folded so that one screen holds it, is, and on a narrow one tables lose their
/// least columns and sentences what can be left unsaid.
///
/// A screen that is too small for even that shows what fits, and how much doesn't.
pub(crate) fn render(view: &View, now: SystemTime, size: Size) -> Vec<Line> {
    // One row is for the cursor.
    let rows = size.rows.saturating_sub(1);
    // Nor is the last column used.
    let columns = size.columns.saturating_sub(1);
    let mut lines = Vec::new();
    for fold in FOLDS {
        lines = folded(view, now, fold, columns);
        if lines.len() <= rows {
            break;
        }
    }
    lines
}

/// What stays on a terminal once the operation has ended: each resource where there are few, and otherwise each that
/// failed and how many were done.
pub(crate) fn last(view: &View, now: SystemTime) -> Vec<Line> {
    const FEW: usize = 8;
    let mut lines = vec![Line::new(tone(view), of_stack(view, now))];
    let few = view.resources.len() <= FEW;
    let said = |step: &&Step| few || matches!(step.state, State::Failed | State::GoingOn);
    lines.extend(
        view.resources
            .iter()
            .filter(said)
            .map(|step| indented(1, &Line::new(tone_of(step), of_step(step, now)))),
    );
    if !few {
        lines.push(Line::new(
            Tone::Quiet,
            format!("  {}", summary(&view.resources.iter().collect::<Vec<_>>())),
        ));
        lines.extend(longest(view, now));
    }
    lines
}

/// What took the longest, where anything took a while.
fn longest(view: &View, now: SystemTime) -> Option<Line> {
    let step = view.resources.iter().max_by_key(|step| step.took(now))?;
    let took = step.took(now);
    (took.as_secs() >= 1).then(|| {
        let text = format!("  the longest: {}, {}", step.logical_id, human(took));
        Line::new(Tone::Quiet, text)
    })
}

fn folded(view: &View, now: SystemTime, fold: Fold, columns: usize) -> Vec<Line> {
    let mut lines = vec![Line::new(tone(view), of_stack_within(view, now, columns))];
    let within = |level: usize| columns.saturating_sub(INDENT.len() * level);
    if let Some(since) = view.silent_since {
        let silence = human(now.duration_since(since).unwrap_or_default());
        let texts = [
            format!("AWS gives no answer for {silence}; asking again"),
            format!("no answer for {silence}"),
        ];
        lines.push(indented(1, &Line::new(Tone::Bad, fitting(texts, within(1)))));
    }
    let is_done = |step: &&Step| matches!(step.state, State::Done | State::Kept);
    if fold >= Fold::Done && view.resources.iter().any(|step| is_done(&step)) {
        let counted = summary(&view.resources.iter().filter(is_done).collect::<Vec<_>>());
        lines.push(Line::new(Tone::Quiet, format!("  {counted}")));
    }
    let mut counted = 0;
    for step in &view.resources {
        let service = service_of(view, step);
        let going_on = step.state == State::GoingOn;
        if fold >= Fold::Done && is_done(&step) {
            continue;
        }
        if fold >= Fold::GoingOn && going_on && service.is_none()
            || fold >= Fold::Quiet && step.state == State::Cancelled
        {
            counted += 1;
            continue;
        }
        let text = of_step_within(step, now, within(1));
        lines.push(indented(1, &Line::new(tone_of(step), text)));
        if let Some(service) = service.filter(|_| going_on || step.state == State::Failed) {
            lines.extend(under(service, fold, within(2)).iter().map(|line| indented(2, line)));
        }
    }
    if counted > 0 {
        lines.push(Line::plain(format!("  and {counted} more")));
    }
    let sides = tables::sides(&view.sides, now, within(1));
    lines.extend(sides.iter().map(|line| indented(1, line)));
    lines
}

fn tone(view: &View) -> Tone {
    let status = view.status.as_deref().unwrap_or_default();
    if status.contains("ROLLBACK") || status.ends_with("_FAILED") {
        Tone::Bad
    } else if status.ends_with("_COMPLETE") {
        Tone::Good
    } else {
        Tone::Plain
    }
}

fn tone_of(step: &Step) -> Tone {
    match step.state {
        State::Failed => Tone::Bad,
        State::Done | State::Kept | State::Cancelled => Tone::Quiet,
        State::GoingOn => Tone::Plain,
    }
}

/// The service that a step is about, if it is the newest step of it.
fn service_of<'a>(view: &'a View, step: &Step) -> Option<&'a ServiceView> {
    let newest = view
        .resources
        .iter()
        .rfind(|other| other.logical_id == step.logical_id)?;
    let services = || view.services.iter();
    (newest == step).then(|| services().find(|service| service.logical_id == step.logical_id))?
}

fn under(service: &ServiceView, fold: Fold, width: usize) -> Vec<Line> {
    let mut lines = tables::deployments(&service.service, width);
    if fold >= Fold::Old {
        lines.truncate(2);
    }
    // That old tasks stop is what a deployment is for.
    let failed: Vec<_> = service.stopped.iter().filter(|group| group.failed).cloned().collect();
    lines.extend(tables::stopped(&failed, fold < Fold::Quiet));
    let all_quiet = !service.alarms.iter().any(Alarm::is_red);
    lines.extend(tables::alarms(&service.alarms, all_quiet || fold >= Fold::Quiet, width));
    lines
}

fn indented(level: usize, line: &Line) -> Line {
    Line::new(line.tone, format!("{}{}", INDENT.repeat(level), line.text))
}
