//! The live block: the facts of a moment, as much of them as a screen of some size holds.

use std::time::SystemTime;

use super::sentence::{of_stack, of_step, summary};
use super::tables;
use super::view::{ServiceView, State, Step, View};
use crate::progress::{Line, Size, Tone, human};

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

/// The block for a screen: whatever must be folded so that one screen holds it, is.
///
/// A screen that is too small for even that shows what fits, and how much doesn't.
pub(crate) fn render(view: &View, now: SystemTime, size: Size) -> Vec<Line> {
    // One row is for the cursor.
    let rows = size.rows.saturating_sub(1);
    let mut lines = Vec::new();
    for fold in FOLDS {
        lines = folded(view, now, fold);
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
    let mut lines = vec![head(view, now)];
    let few = view.resources.len() <= FEW;
    let said = |step: &&Step| few || matches!(step.state, State::Failed | State::GoingOn);
    lines.extend(
        view.resources
            .iter()
            .filter(said)
            .map(|step| indented(1, &line(step, now))),
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

fn folded(view: &View, now: SystemTime, fold: Fold) -> Vec<Line> {
    let mut lines = vec![head(view, now)];
    if let Some(since) = view.silent_since {
        let silence = human(now.duration_since(since).unwrap_or_default());
        lines.push(Line::new(
            Tone::Bad,
            format!("  AWS gives no answer for {silence}; asking again"),
        ));
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
        lines.push(indented(1, &line(step, now)));
        if let Some(service) = service.filter(|_| going_on || step.state == State::Failed) {
            lines.extend(under(service, fold).iter().map(|line| indented(2, line)));
        }
    }
    if counted > 0 {
        lines.push(Line::plain(format!("  and {counted} more")));
    }
    lines.extend(tables::sides(&view.sides, now).iter().map(|line| indented(1, line)));
    lines
}

fn head(view: &View, now: SystemTime) -> Line {
    let status = view.status.as_deref().unwrap_or_default();
    let tone = if status.contains("ROLLBACK") || status.ends_with("_FAILED") {
        Tone::Bad
    } else if status.ends_with("_COMPLETE") {
        Tone::Good
    } else {
        Tone::Plain
    };
    Line::new(tone, of_stack(view, now))
}

fn line(step: &Step, now: SystemTime) -> Line {
    let tone = match step.state {
        State::Failed => Tone::Bad,
        State::Done | State::Kept | State::Cancelled => Tone::Quiet,
        State::GoingOn => Tone::Plain,
    };
    Line::new(tone, of_step(step, now))
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

fn under(service: &ServiceView, fold: Fold) -> Vec<Line> {
    let mut lines = tables::deployments(&service.service);
    if fold >= Fold::Old {
        lines.truncate(2);
    }
    let failed_only = fold >= Fold::Old;
    let groups: Vec<_> = service
        .stopped
        .iter()
        .filter(|group| group.failed || !failed_only)
        .cloned()
        .collect();
    lines.extend(tables::stopped(&groups, fold < Fold::Quiet));
    lines.extend(tables::alarms(&service.alarms, fold >= Fold::Quiet));
    lines
}

fn indented(level: usize, line: &Line) -> Line {
    Line::new(line.tone, format!("{}{}", "  ".repeat(level), line.text))
}
