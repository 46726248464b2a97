//! Elastic Container Service: clusters, task definitions, services and their tasks.

mod address;
mod api;
mod monitors;
mod resources;
mod settings;
mod show;
mod spec;
mod tasks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use runtime::Identity;
use scheduler::DeploymentId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use api::call;
pub(crate) use resources::{KINDS, TASKS_OF_A_SERVICE};
pub(crate) use spec::task_spec;

/// Everything that ECS holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ecs {
    /// By name.
    pub(crate) clusters: BTreeMap<String, Cluster>,
    /// By ARN.
    pub(crate) task_definitions: BTreeMap<String, TaskDefinition>,
    /// The newest revision's number by family; numbers are never given again.
    pub(crate) revisions: BTreeMap<String, u32>,
    /// By ARN.
    pub(crate) services: BTreeMap<String, Service>,
    /// By id: every task that its service still remembers.
    pub(crate) tasks: BTreeMap<String, Task>,
}

/// A cluster.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) properties: Value,
}

/// A task definition.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TaskDefinition {
    pub(crate) family: String,
    pub(crate) revision: u32,
    pub(crate) properties: Value,
    pub(crate) registered_at: SystemTime,
    /// None while it is ACTIVE.
    pub(crate) deregistered_at: Option<SystemTime>,
}

/// A service.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) cluster: String,
    /// The resolved properties of the template.
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
    /// Who places its tasks.
    pub(crate) scheduler: scheduler::Service,
    /// By ARN: what each deployment deploys. The newest are kept.
    pub(crate) revisions: BTreeMap<String, Revision>,
    /// The deployment that CloudFormation waits for.
    pub(crate) awaited: Option<DeploymentId>,
}

/// A service revision: an immutable record of what a deployment deploys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Revision {
    /// Counts up.
    pub(crate) number: u32,
    pub(crate) task_definition_arn: String,
    /// The other properties whose change starts a deployment.
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
}

/// A task's record; its lifecycle is its scheduler's.
#[expect(clippy::struct_field_names, reason = "ECS's own name for it")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) service_arn: String,
    pub(crate) task_definition_arn: String,
    /// The address that its network interface would have on AWS.
    pub(crate) private_address: String,
    pub(crate) subnet_id: String,
    pub(crate) zone: String,
    pub(crate) network_interface: String,
    /// How to take it back after a restart; none until it runs.
    pub(crate) identity: Option<Identity>,
    /// Where it really listens on this machine.
    pub(crate) local_address: Option<SocketAddr>,
}

impl Ecs {
    /// The ARN of a service, by Application Auto Scaling's name for it: `service/<cluster>/<service>`.
    pub(crate) fn service_by_resource_id(&self, resource_id: &str) -> Option<&str> {
        let (cluster, name) = resource_id.strip_prefix("service/")?.split_once('/')?;
        let mut services = self.services.iter();
        let found = services.find(|(_, service)| {
            service.cluster == cluster && service.name == name && !service.scheduler.is_deleting()
        });
        found.map(|(arn, _)| arn.as_str())
    }

    /// How many tasks a service wants; none when there is no such service.
    pub(crate) fn desired_count(&self, service_arn: &str) -> u32 {
        self.services
            .get(service_arn)
            .map_or(0, |service| service.scheduler.desired_count())
    }
}

impl Service {
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub(crate) fn status(&self) -> &'static str {
        match (self.scheduler.is_gone(), self.scheduler.is_deleting()) {
            (true, _) => "INACTIVE",
            (_, true) => "DRAINING",
            _ => "ACTIVE",
        }
    }
}
