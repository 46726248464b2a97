//! Deletion, in the reverse of the dependency order: of a whole stack, of what a failed creation made, and of leftovers.

use serde_json::Value;

use crate::engine::{Engine, Outcome};
use crate::provider::{Operation, Progress};
use crate::resource::ResourceStatus as Status;
use crate::run::{Deletion, Phase, Run, Step};
use crate::stack::{Garbage, Stack, StackStatus};
use crate::template::Policy;

/// How often the deletion of a leftover is tried before it is left where it is.
///
/// A named choice after what AWS's events show.
const CLEANUP_ATTEMPTS: u32 = 3;

const NOT_DELETED: &str = "One or more resources could not be deleted.";

/// Deletes everything that a stack has, leftovers included.
pub(crate) fn everything(stack: &mut Stack, phase: Phase) -> Run {
    let mut deletions: Vec<Deletion> = stack
        .resources
        .iter()
        .filter(|(_, resource)| !resource.status.is_gone())
        .map(|(id, resource)| {
            let creating = phase == Phase::Rollback;
            let except = creating && stack.retain_except_on_create;
            let policy = match resource.deletion_policy {
                Policy::Retain if except || resource.status == Status::CreateFailed => Policy::Delete,
                Policy::RetainExceptOnCreate if creating => Policy::Delete,
                policy => policy,
            };
            Deletion::new(id, resource, policy).current()
        })
        .collect();
    if let Some(stable) = stack.stable.take() {
        for (id, old) in stable.resources {
            let current = stack.resources.get(&id);
            if current.is_none_or(|current| current.physical_id != old.physical_id) {
                deletions.push(Deletion::new(&id, &old, old.deletion_policy));
            }
        }
    }
    deletions.extend(leftovers(stack));
    Run::delete(phase, deletions)
}

/// Deletes what a successful update replaced or removed.
pub(super) fn after_update(stack: &mut Stack) -> Run {
    let mut deletions = leftovers(stack);
    let plan = stack.deployment.plan.clone();
    if let Some(stable) = stack.stable.take() {
        for (id, old) in stable.resources {
            let current = stack.resources.get(&id);
            if current.is_some_and(|current| current.physical_id != old.physical_id) {
                let policy = plan
                    .resources
                    .get(&id)
                    .map_or(old.deletion_policy, |planned| planned.update_replace_policy);
                deletions.push(Deletion::new(&id, &old, policy));
            }
        }
    }
    let removed: Vec<String> = stack
        .resources
        .keys()
        .filter(|id| !plan.resources.contains_key(*id))
        .cloned()
        .collect();
    for id in removed {
        if let Some(resource) = stack.resources.remove(&id)
            && !resource.status.is_gone()
        {
            deletions.push(Deletion::new(&id, &resource, resource.deletion_policy));
        }
    }
    Run::delete(Phase::UpdateCleanup, deletions)
}

/// Goes back to the stable state's records, and deletes what the update made.
pub(super) fn after_update_rollback(stack: &mut Stack) -> Run {
    let mut deletions = leftovers(stack);
    let made: Vec<String> = stack
        .resources
        .iter()
        .filter(|(id, resource)| !stack.is_stable(id, resource))
        .map(|(id, _)| id.clone())
        .collect();
    for id in made {
        if let Some(resource) = stack.resources.remove(&id) {
            let kept = resource.deletion_policy == Policy::Retain
                && resource.status == Status::CreateComplete
                && !stack.retain_except_on_create;
            let policy = if kept { Policy::Retain } else { Policy::Delete };
            deletions.push(Deletion::new(&id, &resource, policy));
        }
    }
    if let Some(stable) = stack.stable.take() {
        // What the update didn't reach may still have had its policies or dependencies renewed.
        for (id, old) in stable.resources {
            if let Some(current) = stack.resources.get_mut(&id) {
                current.declared = old.declared;
                current.dependencies = old.dependencies;
                current.deletion_policy = old.deletion_policy;
                current.update_replace_policy = old.update_replace_policy;
                current.metadata = old.metadata;
            }
        }
        stack.deployment = stable.deployment;
        stack.outputs = stable.outputs;
    }
    Run::delete(Phase::UpdateRollbackCleanup, deletions)
}

fn leftovers(stack: &mut Stack) -> Vec<Deletion> {
    stack
        .garbage
        .drain(..)
        .map(|garbage| Deletion::new(&garbage.logical_id, &garbage.resource, garbage.policy))
        .collect()
}

impl Engine<'_> {
    pub(super) fn delete(&mut self, stack: &mut Stack, run: &mut Run) -> Outcome {
        for index in 0..run.deletions.len() {
            let deletion = &run.deletions[index];
            let Step::Running { operation, deadline } = deletion.step else {
                continue;
            };
            match self.poll(&deletion.resource, operation, deadline) {
                Progress::InProgress => {}
                Progress::Done => {
                    self.settle(
                        stack,
                        &mut run.deletions[index],
                        Step::Done,
                        Status::DeleteComplete,
                        None,
                    );
                    return Outcome::Moved;
                }
                Progress::Failed(reason) => {
                    self.deletion_failed(stack, run, index, &reason);
                    return Outcome::Moved;
                }
            }
        }
        if let Some(index) = ready(run) {
            self.start_deletion(stack, run, index);
            return Outcome::Moved;
        }
        if run.deletions.iter().any(|deletion| deletion.step.is_running()) {
            return Outcome::Waiting;
        }
        self.finish_deletions(stack, run);
        Outcome::Next(None)
    }

    fn start_deletion(&mut self, stack: &mut Stack, run: &mut Run, index: usize) {
        let deletion = &mut run.deletions[index];
        if deletion.resource.physical_id.is_none() {
            return self.settle(stack, deletion, Step::Done, Status::DeleteComplete, None);
        }
        if deletion.policy != Policy::Delete {
            return self.settle(stack, deletion, Step::Done, Status::DeleteSkipped, None);
        }
        let running = self.running(Operation::Delete, &deletion.resource);
        self.settle(stack, deletion, running, Status::DeleteInProgress, None);
        let (logical_id, resource) = (deletion.logical_id.clone(), deletion.resource.clone());
        if let Err(reason) = self.begin(stack, &logical_id, &resource, Operation::Delete, &Value::Null) {
            self.deletion_failed(stack, run, index, &reason);
        }
    }

    fn deletion_failed(&mut self, stack: &mut Stack, run: &mut Run, index: usize, reason: &str) {
        let again = is_cleanup(run.phase);
        let deletion = &mut run.deletions[index];
        deletion.attempts += 1;
        let step = if again && deletion.attempts < CLEANUP_ATTEMPTS {
            Step::Waiting
        } else {
            Step::Failed
        };
        self.settle(stack, deletion, step, Status::DeleteFailed, Some(reason));
    }

    fn settle(&mut self, stack: &mut Stack, deletion: &mut Deletion, step: Step, status: Status, reason: Option<&str>) {
        deletion.step = step;
        if deletion.current {
            self.set(stack, &deletion.logical_id, status, reason);
        } else {
            stack.resource_event(
                self.now,
                self.ids,
                &deletion.logical_id,
                &deletion.resource,
                status,
                reason,
            );
        }
    }

    fn finish_deletions(&mut self, stack: &mut Stack, run: &Run) {
        let left: Vec<&Deletion> = run
            .deletions
            .iter()
            .filter(|deletion| deletion.step != Step::Done)
            .collect();
        let failed: Vec<&str> = left
            .iter()
            .filter(|deletion| deletion.step == Step::Failed)
            .map(|deletion| deletion.logical_id.as_str())
            .collect();
        let reason = (!failed.is_empty())
            .then(|| format!("The following resource(s) failed to delete: [{}].", failed.join(", ")));
        let (status, reason) = match (run.phase, reason) {
            (Phase::Delete, None) => (StackStatus::DeleteComplete, None),
            (Phase::Delete, reason) => (StackStatus::DeleteFailed, reason),
            (Phase::Rollback, None) => (StackStatus::RollbackComplete, None),
            (Phase::Rollback, reason) => (StackStatus::RollbackFailed, reason),
            (Phase::UpdateRollbackCleanup, reason) => (
                StackStatus::UpdateRollbackComplete,
                reason.map(|_| NOT_DELETED.to_owned()),
            ),
            (_, reason) => (
                StackStatus::UpdateComplete,
                reason.map(|_| format!("Update successful. {NOT_DELETED}")),
            ),
        };
        if !is_cleanup(run.phase) {
            stack.garbage = left
                .iter()
                .filter(|deletion| !deletion.current)
                .map(|deletion| Garbage {
                    logical_id: deletion.logical_id.clone(),
                    resource: deletion.resource.clone(),
                    policy: deletion.policy,
                })
                .collect();
        }
        stack.set_status(self.now, self.ids, status, reason);
        if status == StackStatus::DeleteComplete {
            stack.deleted = Some(self.now);
        }
    }
}

fn is_cleanup(phase: Phase) -> bool {
    matches!(phase, Phase::UpdateCleanup | Phase::UpdateRollbackCleanup)
}

/// The first that nothing left depends on.
fn ready(run: &Run) -> Option<usize> {
    let given_up = |deletion: &Deletion| is_cleanup(run.phase) && deletion.step == Step::Failed;
    let left = |deletion: &Deletion| deletion.step != Step::Done && !given_up(deletion);
    let waiting = |deletion: &Deletion| deletion.step == Step::Waiting;
    let free = run.deletions.iter().enumerate().find(|(index, deletion)| {
        waiting(deletion)
            && !run.deletions.iter().enumerate().any(|(other, dependent)| {
                other != *index && left(dependent) && dependent.resource.dependencies.contains(&deletion.logical_id)
            })
    });
    if let Some((index, _)) = free {
        return Some(index);
    }
    // Leftovers of several updates can depend on each other in a circle by name; then any order is right.
    let stuck = !run
        .deletions
        .iter()
        .any(|deletion| deletion.step.is_running() || deletion.step == Step::Failed);
    run.deletions.iter().position(waiting).filter(|_| stuck)
}
