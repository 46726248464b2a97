//! The load balancer: who may reach it, and how it shares requests out between the stages.

use cloudformation::formats::SecurityGroupId;
use cloudformation::generated::ec2_security_group::{Egress, Ingress, SecurityGroup};
use cloudformation::generated::ec2_security_group_egress::{SecurityGroupEgress, SecurityGroupEgressRequired};
use cloudformation::generated::elastic_load_balancing_v2_listener::Protocol;
use cloudformation::generated::elastic_load_balancing_v2_listener_rule::{
    HttpHeaderConfig, RuleCondition, RuleConditionField,
};
use cloudformation::generated::elastic_load_balancing_v2_load_balancer::{
    LoadBalancer, LoadBalancerAttribute, LoadBalancerAttributeRequired, Scheme, Type,
};
use cloudformation::generated::elastic_load_balancing_v2_target_group::{
    self as target_group, Matcher, TargetGroup, TargetGroupAttribute, TargetGroupAttributeRequired,
};
use cloudformation::relations::{Forwarded, HealthCheck, Route, Targets, TrafficSplit};
use cloudformation::{Handle, Integer, Options, Template, Value, list, sub};
use constants::load_balancer::{
    DEREGISTRATION_DELAY_SECONDS, FLEET_WEIGHT, HEALTH_CHECK_INTERVAL_SECONDS, HEALTH_CHECK_TIMEOUT_SECONDS,
    HEALTHY_STATUS, HEALTHY_THRESHOLD, IDLE_TIMEOUT_SECONDS, LISTENER_PORT, ONEBOX_WEIGHT, TARGET_GROUP_PORT,
    UNHEALTHY_THRESHOLD,
};
use constants::network::{ANYWHERE, CIDR};
use constants::service::{CONTAINER_PORT, HEALTH_CHECK_PATH};

use crate::Stage;
use crate::endpoint::Web;
use crate::network::Network;
use crate::stage::PerStage;

/// Every request goes to a stage by weight: Onebox's share, then Fleet's.
const SPLIT: TrafficSplit<2> = TrafficSplit::new([ONEBOX_WEIGHT, FLEET_WEIGHT]);

const HEALTH_CHECK: HealthCheck = HealthCheck::new(
    HEALTH_CHECK_INTERVAL_SECONDS,
    HEALTH_CHECK_TIMEOUT_SECONDS,
    HEALTHY_THRESHOLD,
    UNHEALTHY_THRESHOLD,
);

/// What the rest of the template needs of the load balancer.
pub(crate) struct ReverseProxy {
    load_balancer: Handle<LoadBalancer>,
    security_group: Handle<SecurityGroup>,
    forwarded: PerStage<Forwarded<Web>>,
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
        let targets = PerStage::add(template, |template, stage| {
            let id = stage.logical_id("TargetGroup");
            Targets::add(
                template,
                id,
                "The stage's healthy tasks.",
                &HEALTH_CHECK,
                target_group(network),
            )
        });
        let [onebox, fleet] = SPLIT.listen(
            template,
            "Listener",
            "Splits requests by weight.",
            load_balancer.reference(),
            [targets.onebox, targets.fleet],
            |listener| {
                const PORT: Integer<1, 65535> = Integer::constant(LISTENER_PORT as i64);
                listener.port(PORT).protocol(Protocol::Http)
            },
        );
        let mut forwarded = PerStage { onebox, fleet };
        add_rule(template, Stage::Onebox, &mut forwarded.onebox);
        add_rule(template, Stage::Fleet, &mut forwarded.fleet);
        Self {
            load_balancer,
            security_group,
            forwarded,
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

    /// Lets the load balancer reach a stage's tasks: the stage's own rule, so that another port opens and closes with the
    /// stage that needs it.
    pub(crate) fn add_egress(
        &self,
        template: &mut Template,
        stage: Stage,
        tasks: &Handle<SecurityGroup>,
    ) -> Handle<SecurityGroupEgress> {
        const CONTAINER: Integer<-1, 65535> = Integer::constant(CONTAINER_PORT as i64);
        let egress = SecurityGroupEgress::new(SecurityGroupEgressRequired {
            group_id: self.security_group.group_id(),
            ip_protocol: "tcp".into(),
        });
        let egress = egress
            .description("HTTP to the stage's tasks")
            .destination_security_group_id(tasks.group_id())
            .from_port(CONTAINER)
            .to_port(CONTAINER);
        template.add(
            stage.logical_id("LoadBalancerEgress"),
            "Lets the load balancer reach the stage's tasks.",
            egress,
        )
    }

    /// The targets of a stage, as metrics name them.
    pub(crate) fn target_group_full_name(&self, stage: Stage) -> Value<String> {
        self.forwarded.of(stage).full_name()
    }

    /// The load balancer, as metrics name it.
    pub(crate) fn full_name(&self) -> Value<String> {
        self.load_balancer.load_balancer_full_name()
    }

    /// The way of requests to a stage's tasks, with what a service behind it waits for.
    pub(crate) fn route(&self, stage: Stage, options: Options) -> Route<Web> {
        self.forwarded.of(stage).route(options)
    }
}

/// Open to the world on the listener's port, and to nothing else; from there to the network only.
///
/// What counts towards the tasks is each stage's own rule (`add_egress`). The group's own stays for two reasons: AWS lets
/// everything out of a group without any, and the tasks of stacks from before there were the stages' rules are reached by
/// it, so its port is a constant, and closing it is a release of its own.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html>
fn security_group(network: &Network) -> SecurityGroup {
    const LISTENER: Integer<-1, 65535> = Integer::constant(LISTENER_PORT as i64);
    const TARGET_GROUP: Integer<-1, 65535> = Integer::constant(TARGET_GROUP_PORT as i64);
    let clients = Ingress::new("tcp")
        .cidr_ip(ANYWHERE)
        .description("HTTP from clients")
        .from_port(LISTENER)
        .to_port(LISTENER);
    let tasks = Egress::new("tcp")
        .cidr_ip(CIDR)
        .description("HTTP to tasks")
        .from_port(TARGET_GROUP)
        .to_port(TARGET_GROUP);
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

/// No name of ours, as it may have to be replaced.
fn target_group(network: &Network) -> TargetGroup {
    const PORT: Integer<1, 65535> = Integer::constant(TARGET_GROUP_PORT as i64);
    let attribute = |key: &'static str, value: String| {
        TargetGroupAttribute::new(TargetGroupAttributeRequired {
            key: key.into(),
            value: value.into(),
        })
    };
    TargetGroup::new()
        .health_check_path(HEALTH_CHECK_PATH)
        .health_check_protocol(target_group::HealthCheckProtocol::Http)
        .matcher(Matcher::new().http_code(HEALTHY_STATUS))
        .port(PORT)
        .protocol(target_group::Protocol::Http)
        .target_group_attributes([attribute(
            "deregistration_delay.timeout_seconds",
            DEREGISTRATION_DELAY_SECONDS.to_string(),
        )])
        .vpc_id(network.vpc_id())
}

/// A request that names a stage goes there, whatever the weights: for checks and probes.
fn add_rule(template: &mut Template, stage: Stage, forwarded: &mut Forwarded<Web>) {
    let header = HttpHeaderConfig::new()
        .http_header_name(constants::stage::HEADER)
        .values(list([stage.value()]));
    let condition = RuleCondition::new()
        .field(RuleConditionField::HttpHeader)
        .http_header_config(header);
    let id = stage.logical_id("ListenerRule");
    stage.within(template, |template| {
        let why = "Lets probes choose the stage.";
        forwarded.add_rule(template, id, why, stage.rule_priority(), condition);
    });
}
