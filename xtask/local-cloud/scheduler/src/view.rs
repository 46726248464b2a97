//! What `DescribeServices` and its kin tell of a service.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{
    DeploymentId, DeploymentOutcome, RevisionId, RolloutState, Service, ServiceDeployment, ServiceEvent, Settings,
    Task, TaskId, TaskStatus,
    deployment::{AlarmWatch, Deployment},
};

/// A deployment's `status`.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentStatus {
    /// The newest, or the one that a rollback has brought back.
    Primary,
    /// Being replaced; it still has tasks.
    Active,
    /// It has been replaced, or its service is gone.
    Inactive,
}

impl DeploymentStatus {
    /// ECS's word, such as `PRIMARY`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// A deployment as `DescribeServices` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentDescription {
    /// Its id.
    pub id: DeploymentId,
    /// Its status.
    pub status: DeploymentStatus,
    /// What it runs.
    pub revision: RevisionId,
    /// Its rollout state.
    pub rollout_state: RolloutState,
    /// Why it is in that state, in ECS's words.
    pub rollout_state_reason: String,
    /// How many tasks it should have: the service's desired count for the primary one, for others what they have.
    pub desired_count: u32,
    /// How many of its tasks are RUNNING.
    pub running_count: u32,
    /// How many of its tasks are before RUNNING.
    pub pending_count: u32,
    /// How many of its tasks have failed, as the circuit breaker counts.
    pub failed_tasks: u32,
    /// When it was created.
    pub created_at: SystemTime,
    /// When its rollout state last changed.
    pub updated_at: SystemTime,
}

impl Service {
    /// The service's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many tasks are wanted.
    pub fn desired_count(&self) -> u32 {
        self.desired_count
    }

    /// How many tasks are RUNNING, of all deployments.
    pub fn running_count(&self) -> u32 {
        self.count_tasks(|task| task.last_status == TaskStatus::Running)
    }

    /// How many tasks are PROVISIONING or PENDING, of all deployments.
    pub fn pending_count(&self) -> u32 {
        self.count_tasks(|task| task.last_status < TaskStatus::Running)
    }

    /// The primary deployment, then those that still have tasks, newest first. Empty before the first [`Event::Deploy`](crate::Event::Deploy).
    pub fn deployments(&self) -> Vec<DeploymentDescription> {
        let primary = self
            .deployments
            .iter()
            .filter(|deployment| Some(deployment.id) == self.primary);
        let others = self.deployments.iter().filter(|deployment| {
            Some(deployment.id) != self.primary && self.tasks.iter().any(|task| task.deployment == deployment.id)
        });
        primary
            .chain(others)
            .map(|deployment| self.describe(deployment))
            .collect()
    }

    /// The primary deployment's id.
    pub fn primary_deployment(&self) -> Option<DeploymentId> {
        self.primary
    }

    /// What became of a deployment that an [`Event::Deploy`](crate::Event::Deploy) began; `None` if it is unknown or long ago.
    pub fn outcome(&self, deployment: DeploymentId) -> Option<DeploymentOutcome> {
        let mut records = self.service_deployments();
        records
            .find(|record| record.deployment == deployment)
            .map(ServiceDeployment::outcome)
    }

    /// The newest [`SERVICE_DEPLOYMENTS_KEPT`](crate::SERVICE_DEPLOYMENTS_KEPT) service deployments, newest first.
    pub fn service_deployments(&self) -> impl Iterator<Item = &ServiceDeployment> {
        self.records.0.iter()
    }

    /// The tasks that aren't stopped, in order of their ids, then the newest [`STOPPED_TASKS_KEPT`](crate::STOPPED_TASKS_KEPT) stopped ones, newest first.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().chain(&self.stopped_tasks)
    }

    /// One task, stopped or not.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        match self.find_task(id) {
            Some(index) => self.tasks.get(index),
            None => self.stopped_tasks.iter().find(|task| task.id == id),
        }
    }

    /// The newest [`SERVICE_EVENTS_KEPT`](crate::SERVICE_EVENTS_KEPT) service events, newest first.
    pub fn events(&self) -> impl Iterator<Item = &ServiceEvent> {
        self.events.iter()
    }

    /// What the AWS SDK's `ServicesStable` waiter waits for: one deployment, and as many running tasks as desired.
    ///
    /// It is true after a rollback too; ask for the [outcome](Service::outcome) to know.
    /// <https://github.com/boto/botocore/blob/develop/botocore/data/ecs/2014-11-13/waiters-2.json>
    pub fn is_stable(&self) -> bool {
        self.deployments().len() == 1 && self.running_count() == self.desired_count
    }

    /// Whether every desired task is healthy, the deployment is completed, and nothing else runs: ECS's steady state.
    pub fn is_steady(&self) -> bool {
        self.steady
    }

    /// Whether a deployment is under way: rolled out, baking, or rolled back to.
    pub fn is_deploying(&self) -> bool {
        self.primary_index()
            .is_some_and(|index| self.deployments[index].is_in_progress())
    }

    /// The names of the alarms that watch the deployment under way; none while no deployment is, or none watches it.
    pub fn deployment_alarms(&self) -> Option<&[String]> {
        let alarms = self.settings.alarms.as_ref().filter(|_| !self.deleting)?;
        let primary = &self.deployments[self.primary_index()?];
        let watched = primary.is_in_progress() && primary.alarm_watch != AlarmWatch::Ignored;
        watched.then_some(alarms.names.as_slice())
    }

    /// Whether the service is being deleted (`DRAINING`).
    pub fn is_deleting(&self) -> bool {
        self.deleting
    }

    /// Whether the service was deleted and its last task has stopped (`INACTIVE`).
    pub fn is_gone(&self) -> bool {
        self.deleting && self.tasks.is_empty()
    }

    fn describe(&self, deployment: &Deployment) -> DeploymentDescription {
        let of_it = |task: &Task| task.deployment == deployment.id;
        let live = self.count_tasks(|task| of_it(task) && task.is_live());
        let running_count = self.count_tasks(|task| of_it(task) && task.last_status == TaskStatus::Running);
        let is_primary = Some(deployment.id) == self.primary;
        DeploymentDescription {
            id: deployment.id,
            status: match (is_primary, self.is_gone()) {
                (_, true) => DeploymentStatus::Inactive,
                (true, false) => DeploymentStatus::Primary,
                (false, false) => DeploymentStatus::Active,
            },
            revision: deployment.revision.clone(),
            rollout_state: deployment.rollout,
            rollout_state_reason: deployment.rollout_reason.clone(),
            desired_count: if is_primary { self.desired_count } else { live },
            running_count,
            pending_count: live - running_count,
            failed_tasks: deployment.failed_tasks,
            created_at: deployment.created_at,
            updated_at: deployment.updated_at,
        }
    }

    fn count_tasks(&self, condition: impl Fn(&Task) -> bool) -> u32 {
        let count = self.tasks.iter().filter(|task| condition(task)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}
