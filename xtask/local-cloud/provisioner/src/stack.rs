//! One stack: what it is, what it holds, what happened to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::change_set::{ChangeSet, ExecutionStatus};
use crate::deployment::{Deployment, OnFailure};
use crate::drift::Drift;
use crate::resource::{Resource, ResourceStatus};
use crate::run::Run;
use crate::template::Policy;
use crate::wire::name;
use identifiers::Ids;

/// How many events of a stack are kept; the oldest go first. A named choice: AWS keeps 90 days of them.
const MAX_EVENTS: usize = 1000;

/// The type of a stack in its own events.
pub(crate) const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StackStatus {
    CreateInProgress,
    CreateFailed,
    CreateComplete,
    RollbackInProgress,
    RollbackFailed,
    RollbackComplete,
    DeleteInProgress,
    DeleteFailed,
    DeleteComplete,
    UpdateInProgress,
    UpdateCompleteCleanupInProgress,
    UpdateComplete,
    UpdateFailed,
    UpdateRollbackInProgress,
    UpdateRollbackFailed,
    UpdateRollbackCompleteCleanupInProgress,
    UpdateRollbackComplete,
    ReviewInProgress,
}

/// One output of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Output {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) description: Option<String>,
    pub(crate) export_name: Option<String>,
}

/// One event of a stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) logical_id: String,
    pub(crate) physical_id: String,
    pub(crate) type_name: String,
    pub(crate) at: SystemTime,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) token: Option<String>,
}

/// What a failed update goes back to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stable {
    pub(crate) deployment: Deployment,
    pub(crate) resources: BTreeMap<String, Resource>,
    pub(crate) outputs: Vec<Output>,
    /// Logical ids of resources that were changed in place since.
    pub(crate) touched: BTreeSet<String>,
}

/// A thing that the stack no longer counts as its resource, but has yet to delete.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Garbage {
    pub(crate) logical_id: String,
    pub(crate) resource: Resource,
    pub(crate) policy: Policy,
}

/// One stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stack {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: SystemTime,
    pub(crate) updated: Option<SystemTime>,
    pub(crate) deleted: Option<SystemTime>,
    pub(crate) status: StackStatus,
    pub(crate) status_reason: Option<String>,
    pub(crate) deployment: Deployment,
    pub(crate) resources: BTreeMap<String, Resource>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) change_sets: Vec<ChangeSet>,
    /// Of the change set that was executed last.
    pub(crate) change_set_id: Option<String>,
    pub(crate) on_failure: OnFailure,
    pub(crate) disable_rollback: bool,
    pub(crate) retain_except_on_create: bool,
    pub(crate) termination_protection: bool,
    pub(crate) timeout_in_minutes: Option<u64>,
    pub(crate) stable: Option<Stable>,
    pub(crate) garbage: Vec<Garbage>,
    pub(crate) run: Option<Run>,
    /// Of the operation that runs or ran last.
    pub(crate) token: Option<String>,
    /// What the last detection of drift found.
    #[serde(default)]
    pub(crate) drift: Option<Drift>,
}

impl StackStatus {
    pub(crate) fn is_in_progress(self) -> bool {
        self.to_string().ends_with("_IN_PROGRESS") && self != Self::ReviewInProgress
    }
}

impl fmt::Display for StackStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&name(self))
    }
}

impl Stack {
    pub(crate) fn new(id: String, name: String, now: SystemTime, deployment: Deployment) -> Self {
        Self {
            id,
            name,
            created: now,
            updated: None,
            deleted: None,
            status: StackStatus::ReviewInProgress,
            status_reason: None,
            deployment,
            resources: BTreeMap::new(),
            outputs: Vec::new(),
            events: VecDeque::new(),
            change_sets: Vec::new(),
            change_set_id: None,
            on_failure: OnFailure::default(),
            disable_rollback: false,
            retain_except_on_create: false,
            termination_protection: false,
            timeout_in_minutes: None,
            stable: None,
            garbage: Vec::new(),
            run: None,
            token: None,
            drift: None,
        }
    }

    /// Sets the stack's status and writes its event.
    pub(crate) fn set_status(&mut self, now: SystemTime, ids: &mut Ids, status: StackStatus, reason: Option<String>) {
        self.status = status;
        self.status_reason.clone_from(&reason);
        let event = Event {
            id: ids.uuid(),
            logical_id: self.name.clone(),
            physical_id: self.id.clone(),
            type_name: STACK_TYPE.to_owned(),
            at: now,
            status: status.to_string(),
            reason,
            token: self.token.clone(),
        };
        self.push_event(event);
    }

    /// Sets a resource's status and writes its event.
    pub(crate) fn set_resource_status(
        &mut self,
        now: SystemTime,
        ids: &mut Ids,
        logical_id: &str,
        status: ResourceStatus,
        reason: Option<&str>,
    ) {
        let Some(resource) = self.resources.get_mut(logical_id) else {
            return;
        };
        resource.status = status;
        resource.status_reason = reason.map(str::to_owned);
        resource.updated = now;
        let resource = resource.clone();
        self.resource_event(now, ids, logical_id, &resource, status, reason);
    }

    /// Writes an event of something that need not be among the stack's resources.
    pub(crate) fn resource_event(
        &mut self,
        now: SystemTime,
        ids: &mut Ids,
        logical_id: &str,
        resource: &Resource,
        status: ResourceStatus,
        reason: Option<&str>,
    ) {
        let event = Event {
            id: format!("{logical_id}-{}", ids.uuid()),
            logical_id: logical_id.to_owned(),
            physical_id: resource.physical_id.clone().unwrap_or_default(),
            type_name: resource.type_name.clone(),
            at: now,
            status: status.to_string(),
            reason: reason.map(str::to_owned),
            token: self.token.clone(),
        };
        self.push_event(event);
    }

    fn push_event(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Notes how the change set ended that is being executed, if one is.
    pub(crate) fn finish_execution(&mut self, status: ExecutionStatus) {
        for change_set in &mut self.change_sets {
            if change_set.execution_status == ExecutionStatus::ExecuteInProgress {
                change_set.execution_status = status;
            }
        }
    }

    /// Whether this is the very thing that a rollback would go back to.
    pub(crate) fn is_stable(&self, id: &str, resource: &Resource) -> bool {
        self.to_go_back_to(id)
            .is_some_and(|stable| stable.physical_id == resource.physical_id)
    }

    /// Whether a rollback would go back to another thing of this name.
    pub(crate) fn was_replaced(&self, id: &str, resource: &Resource) -> bool {
        self.to_go_back_to(id)
            .is_some_and(|stable| stable.physical_id != resource.physical_id)
    }

    fn to_go_back_to(&self, id: &str) -> Option<&Resource> {
        self.stable.as_ref()?.resources.get(id)
    }
}
