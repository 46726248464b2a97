//! Load balancers, listeners, rules and target groups as CloudFormation makes them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use provisioner::{Operation, Progress, ResourceRequest};
use serde_json::{Value, json};

use super::{Listener, ListenerState, LoadBalancer, Rule, TargetGroup, api, full_name, plan};
use crate::cloud::{Cloud, Effect};
use crate::kind::{Handler, Kind, already_exists, cut, not_found};
use crate::properties::{number, required, text, texts};
use crate::values::{self, Attribute, attributes};

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        type_name: "AWS::ElasticLoadBalancingV2::LoadBalancer",
        create_only: &["Name", "Type", "Scheme"],
        attributes: &[
            "LoadBalancerArn",
            "LoadBalancerName",
            "LoadBalancerFullName",
            "DNSName",
            "CanonicalHostedZoneID",
            "SecurityGroups",
        ],
        timeout: None,
        handler: &LoadBalancers,
    },
    Kind {
        type_name: "AWS::ElasticLoadBalancingV2::TargetGroup",
        create_only: &[
            "Name",
            "Port",
            "Protocol",
            "ProtocolVersion",
            "TargetType",
            "VpcId",
            "IpAddressType",
        ],
        attributes: &[
            "TargetGroupArn",
            "TargetGroupName",
            "TargetGroupFullName",
            "LoadBalancerArns",
        ],
        timeout: None,
        handler: &TargetGroups,
    },
    Kind {
        type_name: "AWS::ElasticLoadBalancingV2::Listener",
        create_only: &["LoadBalancerArn"],
        attributes: &["ListenerArn"],
        timeout: None,
        handler: &Listeners,
    },
    Kind {
        type_name: "AWS::ElasticLoadBalancingV2::ListenerRule",
        create_only: &["ListenerArn"],
        attributes: &["RuleArn", "IsDefault"],
        timeout: None,
        handler: &Rules,
    },
];

struct LoadBalancers;
struct TargetGroups;
struct Listeners;
struct Rules;

impl Handler for LoadBalancers {
    fn check(&self, properties: &Value) -> Vec<String> {
        let flag = || Attribute::Words(&["true", "false"]);
        let mut faults = only(properties, "Type", &["application"]);
        faults.extend(values::name(properties, "Name", 32, "-"));
        // <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html>
        faults.extend(attributes(
            properties,
            "LoadBalancerAttributes",
            &[
                ("client_keep_alive.seconds", Attribute::Range(60..=604_800)),
                ("deletion_protection.enabled", flag()),
                ("idle_timeout.timeout_seconds", Attribute::Range(1..=4000)),
                ("routing.http.drop_invalid_header_fields.enabled", flag()),
                (
                    "routing.http.xff_header_processing.mode",
                    Attribute::Words(&["append", "preserve", "remove"]),
                ),
            ],
        ));
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "Name").unwrap_or_else(|| cut(request.generated_name, 32));
        if cloud.elb.load_balancers.values().any(|existing| existing.name == name) {
            return Err(already_exists(request.type_name, &name));
        }
        let subnets = texts(request.properties, "Subnets");
        let vpc_id = subnets
            .first()
            .and_then(|subnet| cloud.vpc_of(subnet))
            .unwrap_or_default();
        let arn = cloud.place.arn(
            "elasticloadbalancing",
            &format!("loadbalancer/app/{name}/{}", cloud.ids.hex(16)),
        );
        let load_balancer = LoadBalancer {
            name,
            properties: request.properties.clone(),
            vpc_id,
            created_at: now,
            port: None,
            failure: None,
        };
        cloud.elb.load_balancers.insert(arn.clone(), load_balancer);
        cloud.effects.push(Effect::FindPort {
            load_balancer_arn: arn.clone(),
        });
        Ok(arn)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let load_balancer = cloud.elb.load_balancers.get_mut(physical_id);
        load_balancer
            .ok_or_else(|| not_found(request.type_name, physical_id))?
            .properties = request.properties.clone();
        cloud.effects.push(Effect::ApplyPlan);
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        cloud.elb.load_balancers.remove(physical_id);
        let listeners = cloud
            .elb
            .listeners
            .iter()
            .filter(|(_, listener)| listener.load_balancer_arn == physical_id);
        for arn in listeners.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
            remove_listener(cloud, &arn);
        }
        Ok(())
    }

    fn progress(&self, cloud: &Cloud, physical_id: &str, operation: Operation) -> Progress {
        match (operation, cloud.elb.load_balancers.get(physical_id)) {
            (Operation::Delete, _) => Progress::Done,
            (_, None) => Progress::Failed(not_found("AWS::ElasticLoadBalancingV2::LoadBalancer", physical_id)),
            (
                _,
                Some(LoadBalancer {
                    failure: Some(reason), ..
                }),
            ) => Progress::Failed(reason.clone()),
            (_, Some(LoadBalancer { port: None, .. })) => Progress::InProgress,
            (_, Some(_)) => Progress::Done,
        }
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud
            .elb
            .load_balancers
            .get(physical_id)
            .map(|load_balancer| &load_balancer.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        let load_balancer = cloud.elb.load_balancers.get(physical_id)?;
        match attribute {
            "LoadBalancerArn" => Some(json!(physical_id)),
            "LoadBalancerName" => Some(json!(load_balancer.name)),
            "LoadBalancerFullName" => Some(json!(full_name(physical_id))),
            "DNSName" => load_balancer.dns_name().map(Value::from),
            "CanonicalHostedZoneID" => Some(json!(api::CANONICAL_HOSTED_ZONE_ID)),
            "SecurityGroups" => Some(json!(texts(&load_balancer.properties, "SecurityGroups"))),
            _ => None,
        }
    }
}

impl Handler for TargetGroups {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = only(properties, "TargetType", &["ip"]);
        faults.extend(values::name(properties, "Name", 32, "-"));
        faults.extend(only(properties, "Protocol", &["HTTP"]));
        faults.extend(only(properties, "ProtocolVersion", &["HTTP1"]));
        faults.extend(only(properties, "HealthCheckProtocol", &["HTTP"]));
        faults.extend(check_health_check(properties));
        // <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html>
        faults.extend(attributes(
            properties,
            "TargetGroupAttributes",
            &[
                ("deregistration_delay.timeout_seconds", Attribute::Range(0..=3600)),
                (
                    "load_balancing.algorithm.type",
                    Attribute::Words(&["round_robin", "least_outstanding_requests", "weighted_random"]),
                ),
            ],
        ));
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "Name").unwrap_or_else(|| cut(request.generated_name, 32));
        if cloud.elb.target_groups.values().any(|existing| existing.name == name) {
            return Err(already_exists(request.type_name, &name));
        }
        let arn = cloud.place.arn(
            "elasticloadbalancing",
            &format!("targetgroup/{name}/{}", cloud.ids.hex(16)),
        );
        let group = TargetGroup {
            name,
            properties: request.properties.clone(),
            created_at: now,
            targets: BTreeMap::new(),
        };
        cloud.elb.target_groups.insert(arn.clone(), group);
        cloud.effects.push(Effect::ApplyPlan);
        Ok(arn)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let group = cloud.elb.target_groups.get_mut(physical_id);
        group
            .ok_or_else(|| not_found(request.type_name, physical_id))?
            .properties = request.properties.clone();
        cloud.effects.push(Effect::ApplyPlan);
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        if !cloud.elb.load_balancers_of(physical_id).is_empty() {
            return Err(format!(
                "Target group '{physical_id}' is currently in use by a listener or a rule"
            ));
        }
        let group = cloud.elb.target_groups.remove(physical_id);
        cloud.effects.push(Effect::ApplyPlan);
        // Nobody will tell of its targets any more.
        for task in group.into_iter().flat_map(|group| group.targets.into_keys()) {
            cloud.target_gone(now, &task);
        }
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud.elb.target_groups.get(physical_id).map(|group| &group.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        let group = cloud.elb.target_groups.get(physical_id)?;
        match attribute {
            "TargetGroupArn" => Some(json!(physical_id)),
            "TargetGroupName" => Some(json!(group.name)),
            "TargetGroupFullName" => Some(json!(full_name(physical_id))),
            "LoadBalancerArns" => Some(json!(cloud.elb.load_balancers_of(physical_id))),
            _ => None,
        }
    }
}

impl Handler for Listeners {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = only(properties, "Protocol", &["HTTP"]);
        faults.extend(plan::check_actions(properties, "DefaultActions"));
        faults
    }

    fn create(&self, cloud: &mut Cloud, _: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let load_balancer_arn = required(request.properties, "LoadBalancerArn")?;
        let port = number(request.properties, "Port")?.and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or("Model validation failed (#/Port: expected a port number)")?;
        let Some(load_balancer) = cloud.elb.load_balancers.get(&load_balancer_arn) else {
            return Err(not_found(
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
                &load_balancer_arn,
            ));
        };
        let mut siblings = cloud
            .elb
            .listeners
            .values()
            .filter(|listener| listener.load_balancer_arn == load_balancer_arn);
        if siblings.any(|listener| listener.port == port) {
            return Err(format!(
                "A listener already exists on this port for this load balancer '{load_balancer_arn}'"
            ));
        }
        let first = !cloud
            .elb
            .listeners
            .values()
            .any(|listener| listener.load_balancer_arn == load_balancer_arn);
        let wanted_port = if first { load_balancer.port } else { None };
        usable_groups(cloud, &load_balancer_arn, request, "DefaultActions")?;
        let path = full_name(&load_balancer_arn).to_owned();
        let arn = cloud.place.arn(
            "elasticloadbalancing",
            &format!("listener/{path}/{}", cloud.ids.hex(16)),
        );
        let listener = Listener {
            load_balancer_arn,
            port,
            properties: request.properties.clone(),
            state: ListenerState::Binding,
        };
        cloud.elb.listeners.insert(arn.clone(), listener);
        cloud.effects.push(Effect::ApplyPlan);
        cloud.effects.push(Effect::Listen {
            listener_arn: arn.clone(),
            port: wanted_port,
        });
        Ok(arn)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let load_balancer_arn = load_balancer_of(cloud, physical_id)?;
        usable_groups(cloud, &load_balancer_arn, request, "DefaultActions")?;
        let listener = cloud.elb.listeners.get_mut(physical_id);
        let listener = listener.ok_or_else(|| not_found(request.type_name, physical_id))?;
        listener.properties = request.properties.clone();
        if let Some(port) = number(request.properties, "Port")?.and_then(|port| u16::try_from(port).ok()) {
            listener.port = port;
        }
        cloud.effects.push(Effect::ApplyPlan);
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        remove_listener(cloud, physical_id);
        Ok(())
    }

    fn progress(&self, cloud: &Cloud, physical_id: &str, operation: Operation) -> Progress {
        match (
            operation,
            cloud.elb.listeners.get(physical_id).map(|listener| &listener.state),
        ) {
            (Operation::Delete, _) | (_, Some(ListenerState::Listening(_))) => Progress::Done,
            (_, None) => Progress::Failed(not_found("AWS::ElasticLoadBalancingV2::Listener", physical_id)),
            (_, Some(ListenerState::Binding)) => Progress::InProgress,
            (_, Some(ListenerState::Failed(reason))) => Progress::Failed(reason.clone()),
        }
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud
            .elb
            .listeners
            .get(physical_id)
            .map(|listener| &listener.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.elb.listeners.get(physical_id)?;
        (attribute == "ListenerArn").then(|| json!(physical_id))
    }
}

impl Handler for Rules {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = plan::check_actions(properties, "Actions");
        faults.extend(plan::check_conditions(properties));
        faults
    }

    fn create(&self, cloud: &mut Cloud, _: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let listener_arn = required(request.properties, "ListenerArn")?;
        let load_balancer_arn = load_balancer_of(cloud, &listener_arn)?;
        usable_groups(cloud, &load_balancer_arn, request, "Actions")?;
        let priority = free_priority(cloud, &listener_arn, request.properties, None)?;
        let arn = listener_arn.replacen(":listener/", ":listener-rule/", 1) + "/" + &cloud.ids.hex(16);
        cloud.elb.rules.insert(
            arn.clone(),
            Rule {
                listener_arn,
                priority,
                properties: request.properties.clone(),
            },
        );
        cloud.effects.push(Effect::ApplyPlan);
        Ok(arn)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let listener_arn = required(request.properties, "ListenerArn")?;
        let load_balancer_arn = load_balancer_of(cloud, &listener_arn)?;
        usable_groups(cloud, &load_balancer_arn, request, "Actions")?;
        let priority = free_priority(cloud, &listener_arn, request.properties, Some(physical_id))?;
        let rule = cloud
            .elb
            .rules
            .get_mut(physical_id)
            .ok_or_else(|| not_found(request.type_name, physical_id))?;
        rule.properties = request.properties.clone();
        rule.priority = priority;
        cloud.effects.push(Effect::ApplyPlan);
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        cloud.elb.rules.remove(physical_id);
        cloud.effects.push(Effect::ApplyPlan);
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud.elb.rules.get(physical_id).map(|rule| &rule.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.elb.rules.get(physical_id)?;
        match attribute {
            "RuleArn" => Some(json!(physical_id)),
            "IsDefault" => Some(json!(false)),
            _ => None,
        }
    }
}

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
fn check_health_check(properties: &Value) -> Vec<String> {
    let mut faults = values::range(properties, "HealthCheckIntervalSeconds", 5..=300);
    faults.extend(values::range(properties, "HealthCheckTimeoutSeconds", 2..=120));
    faults.extend(values::range(properties, "HealthyThresholdCount", 2..=10));
    faults.extend(values::range(properties, "UnhealthyThresholdCount", 2..=10));
    faults.extend(values::passes(
        properties,
        "HealthCheckPort",
        "traffic-port or a port",
        |port| port == "traffic-port" || port.parse::<u16>().is_ok_and(|port| port > 0),
    ));
    let matcher = values::passes(
        &properties["Matcher"],
        "HttpCode",
        "codes such as 200,202 or 200-299",
        |codes| codes.parse::<balancer::Matcher>().is_ok(),
    );
    faults.extend(values::below("Matcher", matcher));
    faults
}

/// A fault unless the property is absent, not resolved yet, or one of the values.
pub(crate) fn only(properties: &Value, name: &str, values: &[&str]) -> Vec<String> {
    match properties.get(name) {
        Some(value) if !provisioner::is_unresolved(value) && !values.iter().any(|known| value == known) => {
            vec![format!(
                "{name}: the local cloud supports only {}, not {value}",
                values.join(", ")
            )]
        }
        _ => Vec::new(),
    }
}

/// The target groups of a listener's or a rule's actions must exist, and none may belong to another load balancer:
/// each belongs to one, also while a replaced listener still exists.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html> (Errors)
fn usable_groups(
    cloud: &Cloud,
    load_balancer_arn: &str,
    request: &ResourceRequest<'_>,
    actions: &str,
) -> Result<(), String> {
    let groups = plan::forwarded_groups(&request.properties[actions]);
    if let Some((arn, _)) = groups
        .iter()
        .find(|(arn, _)| !cloud.elb.target_groups.contains_key(arn))
    {
        return Err(format!("One or more target groups not found: {arn}"));
    }
    let is_taken = |arn: &str| {
        let owners = cloud.elb.load_balancers_of(arn);
        owners.iter().any(|owner| owner != load_balancer_arn)
    };
    let taken: Vec<&str> = groups
        .iter()
        .map(|(arn, _)| arn.as_str())
        .filter(|arn| is_taken(arn))
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(format!(
        "Resource handler returned message: \"The following target groups cannot be associated with more than one load \
         balancer: {} (Service: ElasticLoadBalancingV2, Status Code: 400, Error Code: TargetGroupAssociationLimit)\" \
         (RequestToken: {}, HandlerErrorCode: ServiceLimitExceeded)",
        taken.join(", "),
        request.token
    ))
}

fn load_balancer_of(cloud: &Cloud, listener_arn: &str) -> Result<String, String> {
    let listener = cloud.elb.listeners.get(listener_arn);
    let listener = listener.ok_or_else(|| not_found("AWS::ElasticLoadBalancingV2::Listener", listener_arn))?;
    Ok(listener.load_balancer_arn.clone())
}

fn free_priority(cloud: &Cloud, listener_arn: &str, properties: &Value, own: Option<&str>) -> Result<u32, String> {
    let priority = number(properties, "Priority")?.and_then(|priority| u32::try_from(priority).ok());
    let priority = priority.filter(|priority| (1..=50_000).contains(priority));
    let priority = priority.ok_or("Model validation failed (#/Priority: expected 1 to 50000)")?;
    let mut others = cloud
        .elb
        .rules
        .iter()
        .filter(|(arn, rule)| rule.listener_arn == listener_arn && Some(arn.as_str()) != own);
    if others.any(|(_, rule)| rule.priority == priority) {
        return Err(format!("Priority '{priority}' is currently in use"));
    }
    Ok(priority)
}

fn remove_listener(cloud: &mut Cloud, arn: &str) {
    if cloud.elb.listeners.remove(arn).is_some() {
        cloud.elb.rules.retain(|_, rule| rule.listener_arn != arn);
        cloud.effects.push(Effect::CloseListener {
            listener_arn: arn.to_owned(),
        });
        cloud.effects.push(Effect::ApplyPlan);
    }
}
