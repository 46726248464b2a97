//! An update's rollback: every change undone, in the reverse of the order in which it was made.

use crate::engine::deploy::running;
use crate::engine::{Engine, Outcome, delete};
use crate::provider::{Operation, Progress};
use crate::resource::{Resource, ResourceStatus as Status};
use crate::run::{Phase, Run, Step};
use crate::stack::{Garbage, Stack, StackStatus};
use crate::template::Policy;

/// The rollback of whatever differs from the stable state.
pub(crate) fn run(stack: &Stack) -> Run {
    let Some(stable) = &stack.stable else {
        return Run::deploy(Phase::UpdateRollback, []);
    };
    let changed = stable.resources.keys().filter(|id| {
        let current = stack.resources.get(*id);
        stable.touched.contains(*id)
            || current.is_some_and(|current| !stack.is_stable(id, current))
            || current.is_some_and(|current| current.status == Status::UpdateFailed)
    });
    Run::deploy(Phase::UpdateRollback, changed.cloned())
}

/// Gives up undoing these: they count as rolled back.
pub(crate) fn skip(stack: &mut Stack, ids: &[String]) {
    for id in ids {
        let Some(old) = stable_resource(stack, id) else {
            continue;
        };
        let restored = Resource {
            status: Status::UpdateComplete,
            status_reason: None,
            ..old
        };
        stack.resources.insert(id.clone(), restored);
        if let Some(stable) = &mut stack.stable {
            stable.touched.remove(id);
        }
    }
}

impl Engine<'_> {
    pub(super) fn roll_back(&mut self, stack: &mut Stack, run: &mut Run) -> Outcome {
        let running = running(run);
        for (id, operation, deadline) in &running {
            match self.poll(&stack.resources[id], *operation, *deadline) {
                Progress::InProgress => {}
                Progress::Done => return self.rolled_back(stack, run, id),
                Progress::Failed(reason) => return self.not_rolled_back(stack, run, id, &reason),
            }
        }
        // After a failure nothing new begins, but what is under way is awaited.
        if run.steps.values().any(|step| *step == Step::Failed) {
            if running.is_empty() {
                return self.rollback_failed(stack, run);
            }
            return Outcome::Waiting;
        }
        if let Some(id) = ready(stack, run) {
            return self.start_rollback(stack, run, &id);
        }
        if running.is_empty() {
            return self.finish_rollback(stack);
        }
        Outcome::Waiting
    }

    fn start_rollback(&mut self, stack: &mut Stack, run: &mut Run, id: &str) -> Outcome {
        let (Some(old), Some(current)) = (stable_resource(stack, id), stack.resources.get(id).cloned()) else {
            run.steps.insert(id.to_owned(), Step::Done);
            return Outcome::Moved;
        };
        let touched = stack.stable.as_ref().is_some_and(|stable| stable.touched.contains(id));
        if !stack.is_stable(id, &current) {
            stack.garbage.push(Garbage {
                logical_id: id.to_owned(),
                resource: current.clone(),
                policy: Policy::Delete,
            });
        }
        stack.resources.insert(id.to_owned(), old.clone());
        self.set(stack, id, Status::UpdateInProgress, None);
        if !touched {
            return self.rolled_back(stack, run, id);
        }
        match self.begin(stack, id, &old, Operation::Update, &current.properties) {
            Ok(_) => {
                let step = self.running(Operation::Update, &old);
                run.steps.insert(id.to_owned(), step);
                Outcome::Moved
            }
            Err(reason) => self.not_rolled_back(stack, run, id, &reason),
        }
    }

    fn rolled_back(&mut self, stack: &mut Stack, run: &mut Run, id: &str) -> Outcome {
        if let Some(stable) = &mut stack.stable {
            stable.touched.remove(id);
        }
        self.set(stack, id, Status::UpdateComplete, None);
        run.steps.insert(id.to_owned(), Step::Done);
        Outcome::Moved
    }

    fn not_rolled_back(&mut self, stack: &mut Stack, run: &mut Run, id: &str, reason: &str) -> Outcome {
        self.set(stack, id, Status::UpdateFailed, Some(reason));
        run.steps.insert(id.to_owned(), Step::Failed);
        Outcome::Moved
    }

    fn rollback_failed(&mut self, stack: &mut Stack, run: &Run) -> Outcome {
        let failed: Vec<&str> = run
            .steps
            .iter()
            .filter(|(_, step)| **step == Step::Failed)
            .map(|(id, _)| id.as_str())
            .collect();
        let reason = format!("The following resource(s) failed to update: [{}].", failed.join(", "));
        stack.set_status(self.now, self.ids, StackStatus::UpdateRollbackFailed, Some(reason));
        Outcome::Next(None)
    }

    fn finish_rollback(&mut self, stack: &mut Stack) -> Outcome {
        let next = delete::after_update_rollback(stack);
        stack.set_status(
            self.now,
            self.ids,
            StackStatus::UpdateRollbackCompleteCleanupInProgress,
            None,
        );
        Outcome::Next(Some(next))
    }
}

fn stable_resource(stack: &Stack, id: &str) -> Option<Resource> {
    stack.stable.as_ref()?.resources.get(id).cloned()
}

/// The first whose dependents, in the deployment that is undone, are done.
fn ready(stack: &Stack, run: &Run) -> Option<String> {
    let blocks = |id: &String, other: &String| {
        stack
            .deployment
            .plan
            .resources
            .get(other)
            .is_some_and(|planned| planned.dependencies.contains(id))
    };
    run.steps
        .iter()
        .filter(|(_, step)| **step == Step::Waiting)
        .map(|(id, _)| id)
        .find(|id| {
            run.steps
                .iter()
                .all(|(other, step)| *step == Step::Done || !blocks(id, other))
        })
        .cloned()
}
