//! The calls of Elastic Load Balancing that show what there is. Making and changing goes through CloudFormation.

use serde_json::{Value, json};

use super::{Elb, Listener, LoadBalancer, Rule, TargetGroup, plan};
use crate::moment;
use crate::properties::{list, number, pairs, text, texts};
use crate::wire::{Fault, Service};

/// Answers one call.
pub(crate) fn call(elb: &Elb, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "DescribeLoadBalancers" => describe_load_balancers(elb, input),
        "DescribeLoadBalancerAttributes" => describe_load_balancer_attributes(elb, input),
        "DescribeTargetGroups" => describe_target_groups(elb, input),
        "DescribeTargetGroupAttributes" => describe_target_group_attributes(elb, input),
        "DescribeTargetHealth" => describe_target_health(elb, input),
        "DescribeListeners" => describe_listeners(elb, input),
        "DescribeRules" => describe_rules(elb, input),
        "DescribeTags" => describe_tags(elb, input),
        _ => Err(Fault::unsupported(Service::ElasticLoadBalancing, operation)),
    }
}

fn describe_load_balancers(elb: &Elb, input: &Value) -> Result<Value, Fault> {
    let (arns, names) = (texts(input, "LoadBalancerArns"), texts(input, "Names"));
    for arn in &arns {
        load_balancer(elb, arn)?;
    }
    for name in &names {
        if !elb
            .load_balancers
            .values()
            .any(|load_balancer| load_balancer.name == *name)
        {
            return Err(no_load_balancer(name));
        }
    }
    let wanted = |arn: &String, name: &String| {
        (arns.is_empty() && names.is_empty()) || arns.contains(arn) || names.contains(name)
    };
    let found = elb
        .load_balancers
        .iter()
        .filter(|(arn, load_balancer)| wanted(arn, &load_balancer.name));
    Ok(
        json!({"LoadBalancers": found.map(|(arn, load_balancer)| show_load_balancer(elb, arn, load_balancer)).collect::<Vec<_>>()}),
    )
}

fn show_load_balancer(elb: &Elb, arn: &str, load_balancer: &LoadBalancer) -> Value {
    let failure = load_balancer.failure.as_ref().or_else(|| elb.cannot_listen(arn));
    let state = match (failure, load_balancer.port) {
        (Some(reason), _) => json!({"Code": "failed", "Reason": reason}),
        (None, None) => json!({"Code": "provisioning"}),
        (None, Some(_)) => json!({"Code": "active"}),
    };
    let zones = texts(&load_balancer.properties, "Subnets")
        .into_iter()
        .map(|subnet| json!({"SubnetId": subnet}));
    json!({
        "LoadBalancerArn": arn,
        "DNSName": load_balancer.dns_name(),
        "CanonicalHostedZoneId": CANONICAL_HOSTED_ZONE_ID,
        "CreatedTime": moment::iso8601(load_balancer.created_at),
        "LoadBalancerName": load_balancer.name,
        "Scheme": text(&load_balancer.properties, "Scheme").unwrap_or_else(|| "internet-facing".to_owned()),
        "VpcId": load_balancer.vpc_id,
        "State": state,
        "Type": "application",
        "AvailabilityZones": zones.collect::<Vec<_>>(),
        "SecurityGroups": texts(&load_balancer.properties, "SecurityGroups"),
        "IpAddressType": text(&load_balancer.properties, "IpAddressType").unwrap_or_else(|| "ipv4".to_owned()),
    })
}

/// The hosted zone of Application Load Balancers in us-east-1.
/// <https://docs.aws.amazon.com/general/latest/gr/elb.html>
pub(super) const CANONICAL_HOSTED_ZONE_ID: &str = "Z35SXDOTRQ7X7K";

fn describe_load_balancer_attributes(elb: &Elb, input: &Value) -> Result<Value, Fault> {
    let load_balancer = load_balancer(elb, &text(input, "LoadBalancerArn").unwrap_or_default())?;
    Ok(json!({"Attributes": show_attributes(&load_balancer.properties, "LoadBalancerAttributes")}))
}

fn show_attributes(properties: &Value, name: &str) -> Vec<Value> {
    pairs(properties, name, "Key")
        .into_iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

fn describe_target_groups(elb: &Elb, input: &Value) -> Result<Value, Fault> {
    let (arns, names) = (texts(input, "TargetGroupArns"), texts(input, "Names"));
    for arn in &arns {
        target_group(elb, arn)?;
    }
    for name in &names {
        if !elb.target_groups.values().any(|group| group.name == *name) {
            return Err(no_target_group());
        }
    }
    let of_load_balancer = text(input, "LoadBalancerArn");
    if let Some(arn) = &of_load_balancer {
        load_balancer(elb, arn)?;
    }
    let wanted = |arn: &String, group: &TargetGroup| {
        let asked_for = (arns.is_empty() && names.is_empty()) || arns.contains(arn) || names.contains(&group.name);
        asked_for
            && of_load_balancer
                .as_ref()
                .is_none_or(|owner| elb.load_balancers_of(arn).contains(owner))
    };
    let found = elb.target_groups.iter().filter(|(arn, group)| wanted(arn, group));
    Ok(json!({"TargetGroups": found.map(|(arn, group)| show_target_group(elb, arn, group)).collect::<Vec<_>>()}))
}

fn show_target_group(elb: &Elb, arn: &str, group: &TargetGroup) -> Value {
    let check = plan::health_check(&group.properties);
    let property = |name: &str, default: &str| text(&group.properties, name).unwrap_or_else(|| default.to_owned());
    json!({
        "TargetGroupArn": arn,
        "TargetGroupName": group.name,
        "Protocol": property("Protocol", "HTTP"),
        "ProtocolVersion": property("ProtocolVersion", "HTTP1"),
        "Port": number(&group.properties, "Port").ok().flatten(),
        "VpcId": text(&group.properties, "VpcId"),
        "HealthCheckProtocol": property("HealthCheckProtocol", "HTTP"),
        "HealthCheckPort": property("HealthCheckPort", "traffic-port"),
        "HealthCheckEnabled": true,
        "HealthCheckIntervalSeconds": check.interval.as_secs(),
        "HealthCheckTimeoutSeconds": check.timeout.as_secs(),
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "HealthCheckPath": check.path,
        "Matcher": {"HttpCode": check.matcher},
        "LoadBalancerArns": elb.load_balancers_of(arn),
        "TargetType": property("TargetType", "instance"),
        "IpAddressType": property("IpAddressType", "ipv4"),
    })
}

fn describe_target_group_attributes(elb: &Elb, input: &Value) -> Result<Value, Fault> {
    let group = target_group(elb, &text(input, "TargetGroupArn").unwrap_or_default())?;
    Ok(json!({"Attributes": show_attributes(&group.properties, "TargetGroupAttributes")}))
}

fn describe_target_health(elb: &Elb, input: &Value) -> Result<Value, Fault> {
    let group = target_group(elb, &text(input, "TargetGroupArn").unwrap_or_default())?;
    let asked = list(input, "Targets");
    let check_port = plan::health_check(&group.properties).port;
    let wanted = |address: &str| {
        asked.is_empty()
            || asked
                .iter()
                .any(|target| text(target, "Id").as_deref() == Some(address))
    };
    let descriptions = group
        .targets
        .values()
        .filter(|target| wanted(&target.address))
        .map(|target| {
            json!({
                "Target": {"Id": target.address, "Port": target.port},
                "HealthCheckPort": check_port.unwrap_or(target.port).to_string(),
                "TargetHealth": {
                    "State": target.health.state,
                    "Reason": target.health.reason,
                    "Description": target.health.description,
                },
            })
        });
    Ok(json!({"TargetHealthDescriptions": descriptions.collect::<Vec<_>>()}))
}

fn describe_listeners(elb: &Elb, input: &Value) -> Result<Value, Fault> {
    let arns = texts(input, "ListenerArns");
    for arn in &arns {
        if !elb.listeners.contains_key(arn) {
            return Err(no_listener(arn));
        }
    }
    let owner = text(input, "LoadBalancerArn");
    match &owner {
        Some(arn) => drop(load_balancer(elb, arn)?),
        None if arns.is_empty() => {
            return Err(Fault::client(
                "ValidationError",
                "You must specify either listener ARNs or a load balancer ARN",
            ));
        }
        None => {}
    }
    let wanted = |arn: &String, listener: &Listener| {
        arns.contains(arn) || owner.as_ref().is_some_and(|owner| listener.load_balancer_arn == *owner)
    };
    let found = elb
        .listeners
        .iter()
        .filter(|(arn, listener)| wanted(arn, listener))
        .map(|(arn, listener)| {
            json!({
                "ListenerArn": arn,
                "LoadBalancerArn": listener.load_balancer_arn,
                "Port": listener.port,
                "Protocol": text(&listener.properties, "Protocol"),
                "DefaultActions": show_actions(&listener.properties["DefaultActions"]),
            })
        });
    Ok(json!({"Listeners": found.collect::<Vec<_>>()}))
}

fn show_actions(actions: &Value) -> Value {
    let mut actions = actions.clone();
    for action in actions.as_array_mut().into_iter().flatten() {
        // A single target group is shown in both forms, whichever of them it was given in.
        if let [(arn, weight)] = plan::forwarded_groups(&json!([action])).as_slice() {
            action["TargetGroupArn"] = json!(arn);
            action["ForwardConfig"]["TargetGroups"] = json!([{"TargetGroupArn": arn, "Weight": weight}]);
        }
    }
    actions
}

fn describe_rules(elb: &Elb, input: &Value) -> Result<Value, Fault> {
    let (arns, owner) = (texts(input, "RuleArns"), text(input, "ListenerArn"));
    match &owner {
        Some(arn) if !elb.listeners.contains_key(arn) => return Err(no_listener(arn)),
        None if arns.is_empty() => {
            return Err(Fault::client(
                "ValidationError",
                "You must specify either listener rule ARNs or a listener ARN",
            ));
        }
        _ => {}
    }
    let of_owner = |listener: &str| owner.as_deref() == Some(listener);
    let mut written = elb
        .rules
        .iter()
        .filter(|(arn, rule)| arns.contains(arn) || of_owner(&rule.listener_arn))
        .collect::<Vec<_>>();
    written.sort_by_key(|(_, rule)| rule.priority);
    let defaults = elb
        .listeners
        .iter()
        .map(|(arn, listener)| (default_rule_arn(arn), arn, listener))
        .filter(|(rule_arn, arn, _)| arns.contains(rule_arn) || of_owner(arn))
        .collect::<Vec<_>>();
    let known = |asked: &String| {
        written.iter().any(|(arn, _)| *arn == asked) || defaults.iter().any(|(arn, _, _)| arn == asked)
    };
    if let Some(arn) = arns.iter().find(|arn| !known(arn)) {
        return Err(no_rule(arn));
    }
    let written = written.into_iter().map(|(arn, rule)| show_rule(arn, rule));
    let defaults = defaults
        .iter()
        .map(|(rule_arn, _, listener)| show_default_rule(rule_arn, listener));
    Ok(json!({"Rules": written.chain(defaults).collect::<Vec<_>>()}))
}

fn show_rule(arn: &str, rule: &Rule) -> Value {
    json!({
        "RuleArn": arn,
        "Priority": rule.priority.to_string(),
        "Conditions": rule.properties["Conditions"],
        "Actions": show_actions(&rule.properties["Actions"]),
        "IsDefault": false,
    })
}

/// A listener's default actions show as a rule of their own.
fn show_default_rule(arn: &str, listener: &Listener) -> Value {
    json!({
        "RuleArn": arn,
        "Priority": "default",
        "Conditions": [],
        "Actions": show_actions(&listener.properties["DefaultActions"]),
        "IsDefault": true,
    })
}

fn default_rule_arn(listener_arn: &str) -> String {
    listener_arn.replacen(":listener/", ":listener-rule/", 1) + "/default"
}

fn describe_tags(elb: &Elb, input: &Value) -> Result<Value, Fault> {
    let described = texts(input, "ResourceArns")
        .into_iter()
        .map(|arn| Ok(json!({"ResourceArn": arn, "Tags": tags(elb, &arn)?})));
    Ok(json!({"TagDescriptions": described.collect::<Result<Vec<_>, Fault>>()?}))
}

/// The tags of whatever the ARN names; the kind that it names decides what wasn't found.
fn tags(elb: &Elb, arn: &str) -> Result<Vec<Value>, Fault> {
    let kind = arn
        .rsplit_once(':')
        .and_then(|(_, resource)| resource.split('/').next())
        .unwrap_or_default();
    let properties = match kind {
        "targetgroup" => &target_group(elb, arn)?.properties,
        "listener" => &elb.listeners.get(arn).ok_or_else(|| no_listener(arn))?.properties,
        "listener-rule" => match elb.listeners.iter().find(|(owner, _)| default_rule_arn(owner) == arn) {
            Some(_) => &Value::Null,
            None => &elb.rules.get(arn).ok_or_else(|| no_rule(arn))?.properties,
        },
        _ => &load_balancer(elb, arn)?.properties,
    };
    Ok(show_attributes(properties, "Tags"))
}

fn load_balancer<'a>(elb: &'a Elb, arn: &str) -> Result<&'a LoadBalancer, Fault> {
    elb.load_balancers.get(arn).ok_or_else(|| no_load_balancer(arn))
}

fn target_group<'a>(elb: &'a Elb, arn: &str) -> Result<&'a TargetGroup, Fault> {
    elb.target_groups.get(arn).ok_or_else(no_target_group)
}

fn no_load_balancer(name: &str) -> Fault {
    Fault::client("LoadBalancerNotFound", format!("Load balancers '[{name}]' not found"))
}

fn no_target_group() -> Fault {
    Fault::client("TargetGroupNotFound", "One or more target groups not found")
}

fn no_listener(arn: &str) -> Fault {
    Fault::client("ListenerNotFound", format!("One or more listeners not found: {arn}"))
}

fn no_rule(arn: &str) -> Fault {
    Fault::client("RuleNotFound", format!("One or more rules not found: {arn}"))
}
