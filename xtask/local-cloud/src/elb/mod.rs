//! Elastic Load Balancing: the records behind its API and resources, and the plan that the data plane follows.

mod api;
mod plan;
mod resources;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use api::call;
pub(crate) use plan::plan;
pub(crate) use resources::{KINDS, only};

/// Everything that Elastic Load Balancing holds, by ARN.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Elb {
    pub(crate) load_balancers: BTreeMap<String, LoadBalancer>,
    pub(crate) target_groups: BTreeMap<String, TargetGroup>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    pub(crate) rules: BTreeMap<String, Rule>,
}

/// A load balancer, which listens nowhere until it has a listener.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) name: String,
    /// The resolved properties of the template.
    pub(crate) properties: Value,
    pub(crate) vpc_id: String,
    pub(crate) created_at: SystemTime,
    /// The port on 127.0.0.1 where its first listener listens; none while it is being provisioned.
    pub(crate) port: Option<u16>,
    pub(crate) failure: Option<String>,
}

/// A listener of a load balancer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listener {
    pub(crate) load_balancer_arn: String,
    /// The port that clients would use on AWS.
    pub(crate) port: u16,
    pub(crate) properties: Value,
    pub(crate) state: ListenerState,
}

/// Whether a listener accepts connections yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ListenerState {
    /// Asked for.
    Binding,
    /// Accepts on this address.
    Listening(SocketAddr),
    /// Can't.
    Failed(String),
}

/// A rule of a listener.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) listener_arn: String,
    /// From 1 to 50,000; the lowest that fits is taken.
    pub(crate) priority: u32,
    pub(crate) properties: Value,
}

/// A target group and its targets.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TargetGroup {
    pub(crate) name: String,
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
    /// By the id of the task, which the data plane knows them by.
    pub(crate) targets: BTreeMap<String, Target>,
}

/// A target of a target group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Target {
    /// The address that it has on AWS: the private address of the task's network interface.
    pub(crate) address: String,
    /// The port on that address.
    pub(crate) port: u16,
    /// Where it really listens on this machine.
    pub(crate) local_address: SocketAddr,
    /// False once deregistered: it drains.
    pub(crate) registered: bool,
    /// Whether the data plane has been told of it, so that it will tell when it is drained.
    #[serde(skip)]
    pub(crate) in_plan: bool,
    pub(crate) health: Health,
}

/// What is known of a target's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining` or `unavailable`.
    pub(crate) state: String,
    /// The reason's code, `Target.FailedHealthChecks`.
    pub(crate) reason: Option<String>,
    /// The reason in words.
    pub(crate) description: Option<String>,
}

impl Elb {
    /// The data plane has been told of everything.
    pub(crate) fn plan_applied(&mut self) {
        let targets = self
            .target_groups
            .values_mut()
            .flat_map(|group| group.targets.values_mut());
        targets
            .filter(|target| target.registered)
            .for_each(|target| target.in_plan = true);
    }

    /// Why a listener of a load balancer's accepts no connections, if one can't: after a restart its port may be taken.
    pub(crate) fn cannot_listen(&self, load_balancer_arn: &str) -> Option<&String> {
        let mut listeners = self.listeners.values();
        listeners.find_map(|listener| match &listener.state {
            ListenerState::Failed(reason) if listener.load_balancer_arn == load_balancer_arn => Some(reason),
            _ => None,
        })
    }

    /// The ARNs of the load balancers whose listeners forward to a target group.
    pub(crate) fn load_balancers_of(&self, target_group_arn: &str) -> Vec<String> {
        let forwards = |properties: &Value, actions: &str| {
            plan::forwarded_groups(&properties[actions])
                .iter()
                .any(|(arn, _)| arn == target_group_arn)
        };
        let by_default = self
            .listeners
            .iter()
            .filter(|(_, listener)| forwards(&listener.properties, "DefaultActions"));
        let by_rule = self.rules.values().filter(|rule| forwards(&rule.properties, "Actions"));
        let listeners = by_default
            .map(|(arn, _)| arn)
            .chain(by_rule.map(|rule| &rule.listener_arn));
        let owners = listeners.filter_map(|arn| Some(self.listeners.get(arn)?.load_balancer_arn.clone()));
        owners.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

impl LoadBalancer {
    /// The name that clients connect to; on AWS it has no port, here the port goes with it.
    pub(crate) fn dns_name(&self) -> Option<String> {
        Some(format!("127.0.0.1:{}", self.port?))
    }
}

/// The part of an ARN that CloudWatch's dimensions use: `app/name/id`, `targetgroup/name/id`.
pub(crate) fn full_name(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    resource.strip_prefix("loadbalancer/").unwrap_or(resource)
}
