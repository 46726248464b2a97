//! What a stack has under way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::provider::Operation;
use crate::resource::Resource;
use crate::template::Policy;

/// Which part of an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// The first deployment.
    Create,
    /// A later deployment.
    Update,
    /// What an update replaced or removed is deleted.
    UpdateCleanup,
    /// What an update changed is changed back.
    UpdateRollback,
    /// What a failed update made is deleted.
    UpdateRollbackCleanup,
    /// What a failed creation made is deleted.
    Rollback,
    /// Everything is deleted.
    Delete,
}

/// One phase of an operation under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) phase: Phase,
    /// By logical id, in the phases that deploy or roll back.
    pub(crate) steps: BTreeMap<String, Step>,
    /// In the phases that delete.
    pub(crate) deletions: Vec<Deletion>,
    /// Logical ids of the resources that the change is about.
    pub(crate) changed: BTreeSet<String>,
    /// When the whole creation has taken too long.
    pub(crate) deadline: Option<SystemTime>,
}

/// How far one resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    Waiting,
    Running { operation: Operation, deadline: SystemTime },
    Done,
    Failed,
}

/// Something to delete.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deletion {
    pub(crate) logical_id: String,
    pub(crate) resource: Resource,
    pub(crate) policy: Policy,
    pub(crate) step: Step,
    pub(crate) attempts: u32,
    /// Whether it is what the stack's resource of that name is now, and not something left over.
    pub(crate) current: bool,
}

impl Run {
    pub(crate) fn deploy(phase: Phase, ids: impl IntoIterator<Item = String>) -> Self {
        Self {
            phase,
            steps: ids.into_iter().map(|id| (id, Step::Waiting)).collect(),
            deletions: Vec::new(),
            changed: BTreeSet::new(),
            deadline: None,
        }
    }

    pub(crate) fn delete(phase: Phase, deletions: Vec<Deletion>) -> Self {
        Self {
            deletions,
            ..Self::deploy(phase, [])
        }
    }

    /// The first of all limits.
    pub(crate) fn next_deadline(&self) -> Option<SystemTime> {
        self.steps
            .values()
            .chain(self.deletions.iter().map(|deletion| &deletion.step))
            .filter_map(|step| match step {
                Step::Running { deadline, .. } => Some(*deadline),
                _ => None,
            })
            .chain(self.deadline)
            .min()
    }
}

impl Step {
    pub(crate) fn is_running(self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

impl Deletion {
    pub(crate) fn new(logical_id: &str, resource: &Resource, policy: Policy) -> Self {
        Self {
            logical_id: logical_id.to_owned(),
            resource: resource.clone(),
            policy,
            step: Step::Waiting,
            attempts: 0,
            current: false,
        }
    }

    pub(crate) fn current(mut self) -> Self {
        self.current = true;
        self
    }
}
