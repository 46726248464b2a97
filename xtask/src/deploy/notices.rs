//! What a deployment reports on its way.

use deployment::evidence::Verdict;
use deployment::machine::{Cause, Notice, UpdateId};
use deployment::stage::Stage;
use deployment::staging::Plan;
use serde_json::json;

use crate::context::Context;
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;

/// What a revert does.
pub(crate) const RESTORING: &str = "restoring what ran before";

/// What of the stack an update changes, for the lines about it.
pub(super) fn part(update: UpdateId, plan: &Plan) -> Option<&'static str> {
    match update {
        UpdateId::Step(step) => plan.steps.get(step).map(|step| step.stage.name()),
        UpdateId::Back { .. } => Some("revert"),
    }
}

/// Reports that an update starts.
pub(super) fn executing(context: &Context, update: UpdateId, plan: &Plan) {
    let UpdateId::Step(index) = update else { return };
    let Some(step) = plan.steps.get(index) else { return };
    let (number, count) = (index + 1, plan.steps.len());
    context.tell(Note {
        code: EventCode::Step,
        fields: json!({"step": number, "steps": count, "stage": step.stage.name()}),
        text: format!("step {number} of {count}: {}", step.stage),
    });
}

/// Reports what the machine says.
pub(super) fn tell(context: &Context, notice: &Notice, plan: &Plan) {
    match notice {
        Notice::Waiting(why) => waiting(context, why),
        Notice::Cancelling(cause) => context.tell(reverting(cause, "cancelling the update")),
        Notice::Reverting(cause) => context.tell(reverting(cause, RESTORING)),
        Notice::Accepted { reason, reasons } => context.tell(Note::unprotected(&format!(
            "continuing without enough evidence, as requested ({reason}): {}",
            reasons.join("; ")
        ))),
        Notice::Judged(step) => {
            let stage = plan.steps.get(*step).map_or(Stage::Shared, |step| step.stage);
            context.tell(Note {
                code: EventCode::StepPassed,
                fields: json!({"step": step + 1, "stage": stage.name()}),
                text: format!("{stage} passed"),
            });
        }
    }
}

/// Reports the verdict that a notice follows from.
pub(super) fn verdict(context: &Context, notice: &Notice, verdict: &Verdict) {
    if matches!(
        notice,
        Notice::Judged(_) | Notice::Accepted { .. } | Notice::Reverting(_)
    ) {
        context.tell(Note::verdict(verdict));
    }
}

/// Reports what is waited for.
pub(super) fn waiting(context: &Context, why: &str) {
    context.progress.block(&[why.to_owned()]);
    if !context.progress.is_live() && context.is_new(why) {
        context.progress.line(why);
    }
    context.output.event(EventCode::Waiting, json!({"for": why}));
}

/// The stack goes back to what ran before.
pub(crate) fn reverting(cause: &Cause, doing: &str) -> Note {
    Note {
        code: EventCode::PuttingBack,
        fields: json!({"because": cause.to_string()}),
        text: format!("{cause}: {doing}"),
    }
}
