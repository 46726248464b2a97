//! What a step asks for.

use crate::{Action, DeploymentId, Task, TaskId};

/// What a step asks for, and what its service events will sum up.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) actions: Vec<Action>,
    pub(crate) started: Vec<TaskId>,
    pub(crate) stopped: Vec<TaskId>,
    pub(crate) registered: usize,
    pub(crate) deregistered: usize,
    pub(crate) draining: Vec<(DeploymentId, usize)>,
}

impl Outbox {
    pub(crate) fn register(&mut self, task: TaskId) {
        self.actions.push(Action::RegisterTarget { task });
        self.registered += 1;
    }

    pub(crate) fn deregister(&mut self, task: &Task) {
        self.actions.push(Action::DeregisterTarget { task: task.id });
        self.deregistered += 1;
    }

    pub(crate) fn count_draining(&mut self, deployment: DeploymentId) {
        match self.draining.iter_mut().find(|(id, _)| *id == deployment) {
            Some((_, tasks)) => *tasks += 1,
            None => self.draining.push((deployment, 1)),
        }
    }
}
