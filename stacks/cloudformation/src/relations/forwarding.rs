//! From a target group to a service behind it, in the only order that works.
//!
//! ECS refuses a target group that no load balancer forwards to, and CloudFormation doesn't see that a service has to
//! wait for the listener: neither refers to the other.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html>

use std::marker::PhantomData;

use super::container::{Endpoint, Task};
use super::health_check::HealthCheck;
use super::traffic::TrafficSplit;
use crate::formats::LoadBalancerArn;
use crate::generated::ecs_service::{LaunchType, LoadBalancer, Service};
use crate::generated::elastic_load_balancing_v2_listener::{
    self as listener, ForwardConfig, Listener, ListenerRequired, TargetGroupTuple, TargetGroupTupleRequired,
};
use crate::generated::elastic_load_balancing_v2_listener_rule::{
    self as rule, ListenerRule, ListenerRuleRequired, RuleCondition,
};
use crate::generated::elastic_load_balancing_v2_target_group::{TargetGroup, TargetType};
use crate::handle::{Handle, Options};
use crate::template::Template;
use crate::value::{Integer, Value};

/// A target group for an endpoint's tasks.
#[derive(Debug, Clone)]
pub struct Targets<E> {
    target_group: Handle<TargetGroup>,
    of: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Targets<E> {
    /// Adds a target group to a template: the kind is the endpoint's, the rhythm the health check's. ECS registers each
    /// target with its container's port, so the group's own port is a default that nothing uses.
    #[track_caller]
    pub fn add(
        template: &mut Template,
        logical_id: impl Into<String>,
        why: &'static str,
        health_check: &'static HealthCheck,
        target_group: TargetGroup,
    ) -> Self {
        // A Fargate task is a network address, not an instance.
        let target_group = health_check.of(target_group).target_type(TargetType::Ip);
        Self {
            target_group: template.add(logical_id, why, target_group),
            of: PhantomData,
        }
    }
}

impl<const GROUPS: usize> TrafficSplit<GROUPS> {
    /// Adds a listener that forwards to target groups by their shares.
    #[track_caller]
    pub fn listen<E: Endpoint>(
        &'static self,
        template: &mut Template,
        logical_id: impl Into<String>,
        why: &'static str,
        load_balancer: Value<LoadBalancerArn>,
        targets: [Targets<E>; GROUPS],
        set: impl FnOnce(Listener) -> Listener,
    ) -> [Forwarded<E>; GROUPS] {
        let shares = self.percent();
        let groups: Vec<_> = targets
            .iter()
            .zip(shares)
            .map(|(targets, share)| weighted(targets, share))
            .collect();
        let forward = ForwardConfig::new().target_groups(groups);
        let action = listener::Action::new(listener::ActionType::Forward).forward_config(forward);
        let listener = Listener::new(ListenerRequired {
            default_actions: vec![action],
            load_balancer_arn: load_balancer,
        });
        let listener = template.add(logical_id, why, set(listener));
        targets.map(|targets| Forwarded {
            target_group: targets.target_group,
            listener: listener.clone(),
            rules: Vec::new(),
            of: PhantomData,
        })
    }
}

fn weighted<E>(targets: &Targets<E>, share: i64) -> TargetGroupTuple {
    TargetGroupTuple::new(TargetGroupTupleRequired {
        target_group_arn: targets.target_group.reference(),
        weight: Integer::new(share).expect("a share is from 0 to 100").into(),
    })
}

/// A target group that a listener forwards to. Only [`TrafficSplit::listen`] makes one.
#[derive(Debug, Clone)]
pub struct Forwarded<E> {
    target_group: Handle<TargetGroup>,
    listener: Handle<Listener>,
    rules: Vec<Handle<ListenerRule>>,
    of: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Forwarded<E> {
    /// The target group, as metrics name it.
    pub fn full_name(&self) -> Value<String> {
        self.target_group.target_group_full_name()
    }

    /// Adds a rule to the listener: requests of a certain kind go here, whatever the shares.
    #[track_caller]
    pub fn add_rule(
        &mut self,
        template: &mut Template,
        logical_id: impl Into<String>,
        why: &'static str,
        priority: Integer<1, 50000>,
        condition: RuleCondition,
    ) {
        let forward = rule::Action::new(rule::ActionType::Forward).target_group_arn(self.target_group.reference());
        let rule = ListenerRule::new(ListenerRuleRequired {
            actions: vec![forward],
            conditions: vec![condition],
            priority: priority.into(),
        });
        let rule = rule.listener_arn(self.listener.reference());
        self.rules.push(template.add(logical_id, why, rule));
    }

    /// The way to the target group, for a service to stand behind: its options, and listener and rules to wait for.
    pub fn route(&self, options: Options) -> Route<E> {
        let options = options.depends_on(&self.listener);
        let options = self
            .rules
            .iter()
            .fold(options, |options, rule| options.depends_on(rule));
        Route {
            target_group: self.target_group.clone(),
            options,
            of: PhantomData,
        }
    }
}

/// The way from a listener to a target group, with what a service has to wait for.
#[derive(Debug, Clone)]
pub struct Route<E> {
    target_group: Handle<TargetGroup>,
    options: Options,
    of: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Route<E> {
    /// Sets more options.
    #[must_use]
    pub fn with(self, set: impl FnOnce(Options) -> Options) -> Self {
        Self {
            options: set(self.options),
            ..self
        }
    }

    /// Adds a Fargate service whose tasks, of the same endpoint, get the requests.
    #[track_caller]
    pub fn add_service(
        self,
        template: &mut Template,
        logical_id: impl Into<String>,
        why: &'static str,
        task: &Task<E>,
        service: Service,
    ) -> Handle<Service> {
        let load_balancer = LoadBalancer::new()
            .container_name(E::CONTAINER.name())
            .container_port(E::CONTAINER.port())
            .target_group_arn(self.target_group.reference());
        let service = service
            .launch_type(LaunchType::Fargate)
            .load_balancers([load_balancer])
            .task_definition(task.arn());
        template.add_with(logical_id, why, service, self.options)
    }
}
