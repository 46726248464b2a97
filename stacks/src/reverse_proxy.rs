//! The load balancer: who may reach it, and how it shares requests out between the stages.

use cloudformation::formats::{SecurityGroupId, TargetGroupArn};
use cloudformation::generated::ec2_security_group::{Egress, Ingress, SecurityGroup};
use cloudformation::generated::elastic_load_balancing_v2_listener::{
    self as listener, ForwardConfig, Listener, ListenerRequired, TargetGroupTuple, TargetGroupTupleRequired,
};
use cloudformation::generated::elastic_load_balancing_v2_listener_rule::{
    self as rule, HttpHeaderConfig, ListenerRule, ListenerRuleRequired, RuleCondition,
};
use cloudformation::generated::elastic_load_balancing_v2_load_balancer::{
    LoadBalancer, LoadBalancerAttribute, LoadBalancerAttributeRequired, Scheme, Type,
};
use cloudformation::generated::elastic_load_balancing_v2_target_group::{
    self as target_group, Matcher, TargetGroup, TargetGroupAttribute, TargetGroupAttributeRequired, TargetType,
};
use cloudformation::{Handle, Integer, Options, Template, Value, list, sub};
use constants::load_balancer::{
    DEREGISTRATION_DELAY_SECONDS, FLEET_WEIGHT, HEALTH_CHECK_INTERVAL_SECONDS, HEALTH_CHECK_TIMEOUT_SECONDS,
    HEALTHY_STATUS, HEALTHY_THRESHOLD, IDLE_TIMEOUT_SECONDS, LISTENER_PORT, ONEBOX_WEIGHT, UNHEALTHY_THRESHOLD,
};
use constants::network::{ANYWHERE, CIDR};
use constants::service::{CONTAINER_PORT, HEALTH_CHECK_PATH};

use crate::Stage;
use crate::network::Network;
use crate::stage::PerStage;

/// What the rest of the template needs of the load balancer.
pub(crate) struct ReverseProxy {
    load_balancer: Handle<LoadBalancer>,
    security_group: Handle<SecurityGroup>,
    target_groups: PerStage<Handle<TargetGroup>>,
    listener: Handle<Listener>,
    rules: PerStage<Handle<ListenerRule>>,
}

impl ReverseProxy {
    /// Adds the load balancer to a template.
    pub(crate) fn add(template: &mut Template, network: &Network) -> Self {
        let security_group = template.add(
            "LoadBalancerSecurityGroup",
            "Clients reach the listener, it reaches tasks.",
            security_group(network),
        );
        let load_balancer = template.add_with(
            "LoadBalancer",
            "Shares requests out between the stages.",
            load_balancer(network, &security_group),
            network.after_public_routing(Options::new()),
        );
        let target_groups = PerStage::each(|stage| {
            template.add(
                stage.logical_id("TargetGroup"),
                "The stage's healthy tasks.",
                target_group(network),
            )
        });
        let listener = template.add(
            "Listener",
            "Splits requests by weight.",
            listener(&load_balancer, &target_groups),
        );
        let rules = PerStage::each(|stage| {
            let rule = rule(stage, &listener, target_groups.of(stage));
            template.add(stage.logical_id("ListenerRule"), "Lets probes choose the stage.", rule)
        });
        Self {
            load_balancer,
            security_group,
            target_groups,
            listener,
            rules,
        }
    }

    /// Where clients find the service.
    pub(crate) fn endpoint(&self) -> Value<String> {
        sub(&[&"http://", &self.load_balancer.dns_name()])
    }

    /// Whom the tasks take connections from.
    pub(crate) fn security_group_id(&self) -> Value<SecurityGroupId> {
        self.security_group.group_id()
    }

    /// The targets of a stage.
    pub(crate) fn target_group_arn(&self, stage: Stage) -> Value<TargetGroupArn> {
        self.target_groups.of(stage).reference()
    }

    /// The targets of a stage, as metrics name them.
    pub(crate) fn target_group_full_name(&self, stage: Stage) -> Value<String> {
        self.target_groups.of(stage).target_group_full_name()
    }

    /// The load balancer, as metrics name it.
    pub(crate) fn full_name(&self) -> Value<String> {
        self.load_balancer.load_balancer_full_name()
    }

    /// Waits until requests reach the stage's target group: ECS refuses a target group without a load balancer.
    pub(crate) fn after_listening(&self, stage: Stage, options: Options) -> Options {
        options.depends_on(&self.listener).depends_on(self.rules.of(stage))
    }
}

/// Open to the world on the listener's port, and to nothing else; from there to the tasks only.
fn security_group(network: &Network) -> SecurityGroup {
    const LISTENER: i64 = LISTENER_PORT as i64;
    const CONTAINER: i64 = CONTAINER_PORT as i64;
    let clients = Ingress::new("tcp")
        .cidr_ip(ANYWHERE)
        .description("HTTP from clients")
        .from_port(Integer::of::<LISTENER>())
        .to_port(Integer::of::<LISTENER>());
    let tasks = Egress::new("tcp")
        .cidr_ip(CIDR)
        .description("HTTP to tasks")
        .from_port(Integer::of::<CONTAINER>())
        .to_port(Integer::of::<CONTAINER>());
    SecurityGroup::new("The load balancer: HTTP from clients, HTTP to tasks")
        .security_group_egress([tasks])
        .security_group_ingress([clients])
        .vpc_id(network.vpc_id())
}

/// No name of ours: AWS replaces a load balancer by creating the new one first, and names are unique.
fn load_balancer(network: &Network, security_group: &Handle<SecurityGroup>) -> LoadBalancer {
    let attribute = |key: &'static str, value: String| {
        LoadBalancerAttribute::new(LoadBalancerAttributeRequired {
            key: key.into(),
            value: value.into(),
        })
    };
    LoadBalancer::new()
        .load_balancer_attributes([
            attribute("idle_timeout.timeout_seconds", IDLE_TIMEOUT_SECONDS.to_string()),
            // Headers that a proxy and the service could read differently never get through.
            attribute("routing.http.drop_invalid_header_fields.enabled", true.to_string()),
        ])
        .scheme(Scheme::InternetFacing)
        .security_groups(list([security_group.group_id()]))
        .subnets(network.public_subnets())
        .r#type(Type::Application)
}

fn target_group(network: &Network) -> TargetGroup {
    const PORT: i64 = CONTAINER_PORT as i64;
    let attribute = |key: &'static str, value: String| {
        TargetGroupAttribute::new(TargetGroupAttributeRequired {
            key: key.into(),
            value: value.into(),
        })
    };
    TargetGroup::new()
        .health_check_interval_seconds(Integer::of::<HEALTH_CHECK_INTERVAL_SECONDS>())
        .health_check_path(HEALTH_CHECK_PATH)
        .health_check_protocol(target_group::HealthCheckProtocol::Http)
        .health_check_timeout_seconds(Integer::of::<HEALTH_CHECK_TIMEOUT_SECONDS>())
        .healthy_threshold_count(Integer::of::<HEALTHY_THRESHOLD>())
        .matcher(Matcher::new().http_code(HEALTHY_STATUS))
        .port(Integer::of::<PORT>())
        .protocol(target_group::Protocol::Http)
        .target_group_attributes([attribute(
            "deregistration_delay.timeout_seconds",
            DEREGISTRATION_DELAY_SECONDS.to_string(),
        )])
        // A Fargate task is a network address, not an instance.
        .target_type(TargetType::Ip)
        .unhealthy_threshold_count(Integer::of::<UNHEALTHY_THRESHOLD>())
        .vpc_id(network.vpc_id())
}

/// Every request goes to a stage by weight.
fn listener(load_balancer: &Handle<LoadBalancer>, target_groups: &PerStage<Handle<TargetGroup>>) -> Listener {
    const PORT: i64 = LISTENER_PORT as i64;
    let weighted = |group: &Handle<TargetGroup>, weight| {
        TargetGroupTuple::new(TargetGroupTupleRequired {
            target_group_arn: group.reference(),
            weight,
        })
    };
    let forward = ForwardConfig::new().target_groups([
        weighted(&target_groups.onebox, Integer::of::<ONEBOX_WEIGHT>().into()),
        weighted(&target_groups.fleet, Integer::of::<FLEET_WEIGHT>().into()),
    ]);
    Listener::new(ListenerRequired {
        default_actions: vec![listener::Action::new(listener::ActionType::Forward).forward_config(forward)],
        load_balancer_arn: load_balancer.reference(),
    })
    .port(Integer::of::<PORT>())
    .protocol(listener::Protocol::Http)
}

/// A request that names a stage goes there, whatever the weights: for checks and probes.
fn rule(stage: Stage, listener: &Handle<Listener>, target_group: &Handle<TargetGroup>) -> ListenerRule {
    let header = HttpHeaderConfig::new()
        .http_header_name(constants::stage::HEADER)
        .values(list([stage.value()]));
    let condition = RuleCondition::new()
        .field(rule::RuleConditionField::HttpHeader)
        .http_header_config(header);
    let forward = rule::Action::new(rule::ActionType::Forward).target_group_arn(target_group.reference());
    let priority = Integer::new(stage.rule_priority()).expect("asserted with the constants");
    ListenerRule::new(ListenerRuleRequired {
        actions: vec![forward],
        conditions: vec![condition],
        priority: priority.into(),
    })
    .listener_arn(listener.reference())
}
