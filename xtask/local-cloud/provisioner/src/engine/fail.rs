//! The first failure of a creation or update: what is under way is cancelled, and what follows is chosen.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html>

use crate::change_set::ExecutionStatus;
use crate::deployment::OnFailure;
use crate::engine::deploy::family;
use crate::engine::{Engine, Outcome, delete, roll_back};
use crate::resource::ResourceStatus as Status;
use crate::run::{Phase, Run, Step};
use crate::stack::{Stack, StackStatus};

impl Engine<'_> {
    pub(super) fn fail(&mut self, stack: &mut Stack, run: &mut Run, id: &str, reason: &str) -> Outcome {
        let status = family(stack, id, Status::CreateFailed, Status::UpdateFailed);
        self.set(stack, id, status, Some(reason));
        run.steps.insert(id.to_owned(), Step::Failed);
        self.abandon(stack, run, None)
    }

    /// Cancels what is under way and goes over to what follows a failure.
    ///
    /// A named choice: with rollback disabled too, resources that don't depend on the failed one are cancelled.
    pub(super) fn abandon(&mut self, stack: &mut Stack, run: &mut Run, reason: Option<&str>) -> Outcome {
        self.cancel(stack, run);
        let mut reasons = failures(stack, run);
        reasons.extend(reason.map(str::to_owned));
        let reason = reasons.join(" ");
        stack.finish_execution(ExecutionStatus::ExecuteFailed);
        Outcome::Next(match run.phase {
            Phase::Create => self.after_failed_creation(stack, &reason),
            _ => self.after_failed_update(stack, &reason),
        })
    }

    /// Stops waiting for what is under way.
    pub(crate) fn cancel(&mut self, stack: &mut Stack, run: &mut Run) {
        let running: Vec<String> = run
            .steps
            .iter()
            .filter(|(_, step)| step.is_running())
            .map(|(id, _)| id.clone())
            .collect();
        for id in running {
            let status = family(stack, &id, Status::CreateFailed, Status::UpdateFailed);
            let reason = match status {
                Status::CreateFailed => "Resource creation cancelled",
                _ => "Resource update cancelled",
            };
            self.set(stack, &id, status, Some(reason));
            run.steps.insert(id, Step::Failed);
        }
    }

    fn after_failed_creation(&mut self, stack: &mut Stack, reason: &str) -> Option<Run> {
        let (status, reason, phase) = match stack.on_failure {
            OnFailure::DoNothing => (StackStatus::CreateFailed, reason.to_owned(), None),
            OnFailure::Rollback => (
                StackStatus::RollbackInProgress,
                format!("{reason} Rollback requested by user."),
                Some(Phase::Rollback),
            ),
            OnFailure::Delete => (
                StackStatus::DeleteInProgress,
                format!("{reason} Delete requested by user."),
                Some(Phase::Delete),
            ),
        };
        stack.set_status(self.now, self.ids, status, Some(reason));
        phase.map(|phase| delete::everything(stack, phase))
    }

    fn after_failed_update(&mut self, stack: &mut Stack, reason: &str) -> Option<Run> {
        // A stack whose creation never completed has no state to go back to.
        let status = if stack.disable_rollback || stack.stable.is_none() {
            StackStatus::UpdateFailed
        } else {
            StackStatus::UpdateRollbackInProgress
        };
        stack.set_status(self.now, self.ids, status, Some(reason.to_owned()));
        (status == StackStatus::UpdateRollbackInProgress).then(|| roll_back::run(stack))
    }
}

fn failures(stack: &Stack, run: &Run) -> Vec<String> {
    let failed = |status: Status| -> Vec<&str> {
        run.steps
            .iter()
            .filter(|(id, step)| {
                **step == Step::Failed
                    && stack
                        .resources
                        .get(*id)
                        .is_some_and(|resource| resource.status == status)
            })
            .map(|(id, _)| id.as_str())
            .collect()
    };
    [(Status::CreateFailed, "create"), (Status::UpdateFailed, "update")]
        .into_iter()
        .map(|(status, verb)| (failed(status), verb))
        .filter(|(ids, _)| !ids.is_empty())
        .map(|(ids, verb)| format!("The following resource(s) failed to {verb}: [{}].", ids.join(", ")))
        .collect()
}
