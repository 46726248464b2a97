//! Names, rule priorities and address ranges that are still taken, and retained resources that keep them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::Value;

use crate::staging::effect::{Comparison, Evaluated};
use crate::staging::{ChangeKind, Code, Refusal};

/// The properties that must be unique together among resources of a type.
const UNIQUE: [(&str, &[&str]); 22] = [
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        &["ResourceId", "ScalableDimension"],
    ),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        &["PolicyName", "ScalingTargetId"],
    ),
    ("AWS::CloudWatch::Alarm", &["AlarmName"]),
    ("AWS::CloudWatch::CompositeAlarm", &["AlarmName"]),
    ("AWS::CloudWatch::Dashboard", &["DashboardName"]),
    ("AWS::EC2::Route", &["RouteTableId", "DestinationCidrBlock"]),
    ("AWS::EC2::SecurityGroup", &["GroupName", "VpcId"]),
    (
        "AWS::EC2::SecurityGroupEgress",
        &[
            "GroupId",
            "IpProtocol",
            "FromPort",
            "ToPort",
            "DestinationSecurityGroupId",
        ],
    ),
    (
        "AWS::EC2::SecurityGroupEgress",
        &["GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp"],
    ),
    (
        "AWS::EC2::SecurityGroupIngress",
        &["GroupId", "IpProtocol", "FromPort", "ToPort", "SourceSecurityGroupId"],
    ),
    (
        "AWS::EC2::SecurityGroupIngress",
        &["GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp"],
    ),
    ("AWS::EC2::SubnetRouteTableAssociation", &["SubnetId"]),
    ("AWS::ECR::Repository", &["RepositoryName"]),
    ("AWS::ECS::Cluster", &["ClusterName"]),
    ("AWS::ElasticLoadBalancingV2::Listener", &["LoadBalancerArn", "Port"]),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        &["ListenerArn", "Priority"],
    ),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", &["Name"]),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", &["Name"]),
    ("AWS::IAM::Role", &["RoleName"]),
    ("AWS::Logs::LogGroup", &["LogGroupName"]),
    ("AWS::S3::Bucket", &["BucketName"]),
    ("AWS::SSM::Parameter", &["Name"]),
];

/// A collision with something that exists until the end of the update.
pub(in crate::staging) fn taken_names(comparison: &Comparison) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (name, kind) in &comparison.changes {
        let Some(after) = comparison.after.get(name) else {
            continue;
        };
        let before = comparison.before.get(name);
        let another = *kind == ChangeKind::Add || kind.may_replace();
        let own = if another { None } else { before };
        for (other, existing) in &comparison.before {
            if (other == name && !kind.may_replace()) || existing.resource_type != after.resource_type {
                continue;
            }
            if let Some(taken) = collision(after, existing, own) {
                let reason = format!("{taken} is still taken by {other}");
                refusals.push(Refusal::new(Code::Name, name, reason));
            }
        }
    }
    refusals
}

pub(super) fn check(comparison: &Comparison) -> Vec<Refusal> {
    let mut refusals = retained(comparison);
    refusals.extend(taken_names(comparison));
    refusals
}

/// Whether the resource has a name of its own that stays taken if the resource is retained.
pub(in crate::staging) fn is_named(resource: &Evaluated) -> bool {
    UNIQUE
        .iter()
        .filter(|(resource_type, keys)| *resource_type == resource.resource_type && keys.len() == 1)
        .any(|(_, keys)| key(resource, keys).is_some_and(|values| values.iter().all(Value::is_string)))
}

fn retained(comparison: &Comparison) -> Vec<Refusal> {
    let replaced = comparison.changes.iter().filter(|(_, kind)| kind.may_replace());
    replaced
        .filter_map(|(name, _)| Some((name, comparison.before.get(name)?)))
        .filter(|(_, before)| before.update_replace_policy == "Retain" && is_named(before))
        .map(|(name, _)| {
            let reason = "the replaced resource is retained with its name, so undoing the step would collide with it";
            Refusal::new(Code::Retain, name, reason)
        })
        .collect()
}

/// What both would have. `own` is what the changed resource had before, if it stays the same one.
fn collision(after: &Evaluated, existing: &Evaluated, own: Option<&Evaluated>) -> Option<String> {
    let rows = UNIQUE
        .iter()
        .filter(|(resource_type, _)| *resource_type == after.resource_type);
    for (_, keys) in rows {
        let wanted = key(after, keys);
        if wanted.is_some() && wanted == key(existing, keys) && own.and_then(|own| key(own, keys)) != wanted {
            return Some(described(after, keys));
        }
    }
    if after.resource_type == "AWS::EC2::Subnet" && own.is_none() {
        return overlap(after, existing);
    }
    None
}

fn key(resource: &Evaluated, keys: &[&str]) -> Option<Vec<Value>> {
    keys.iter().map(|key| resource.properties.get(*key).cloned()).collect()
}

fn described(resource: &Evaluated, keys: &[&str]) -> String {
    let literals: BTreeMap<&str, &str> = keys
        .iter()
        .filter_map(|key| Some((*key, resource.properties.get(*key)?.as_str()?)))
        .collect();
    let texts: Vec<String> = literals.iter().map(|(key, value)| format!("{key} {value}")).collect();
    if texts.is_empty() {
        keys.join(" and ")
    } else {
        texts.join(", ")
    }
}

fn overlap(after: &Evaluated, existing: &Evaluated) -> Option<String> {
    let range = |resource: &Evaluated| {
        let text = resource.properties.get("CidrBlock")?.as_str()?;
        let (address, prefix) = text.split_once('/')?;
        let address = u64::from(u32::from(address.parse::<Ipv4Addr>().ok()?));
        let size = 1_u64 << 32_u32.checked_sub(prefix.parse().ok()?)?;
        Some((address - address % size, size))
    };
    if after.properties.get("VpcId") != existing.properties.get("VpcId") {
        return None;
    }
    let ((first, first_size), (second, second_size)) = (range(after)?, range(existing)?);
    let overlaps = first < second + second_size && second < first + first_size;
    overlaps.then(|| described(after, &["CidrBlock"]))
}
