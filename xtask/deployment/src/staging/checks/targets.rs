//! No target group receives requests while it has no targets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::staging::checks::Update;
use crate::staging::effect::{Comparison, Evaluated};
use crate::staging::{ChangeKind, Code, Refusal};
use crate::template::named_resource;

const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
const SERVICE: &str = "AWS::ECS::Service";

const NEW_BALANCER: &str = "use four releases: add a second load balancer with target groups of its own; forward to them and publish it; \
                            redirect the old listener; drop the old load balancer";

type Resources = BTreeMap<String, Evaluated>;

pub(super) fn check(update: &Update<'_>) -> Vec<Refusal> {
    let mut refusals = replaced_groups(update);
    refusals.extend(moved_listeners(update.comparison));
    refusals.extend(two_balancers(update.comparison));
    refusals
}

fn replaced_groups(update: &Update<'_>) -> Vec<Refusal> {
    let comparison = update.comparison;
    comparison
        .changes
        .iter()
        .filter(|(name, kind)| kind.may_replace() && update.stage_of(name) <= update.stage)
        .filter(|(name, _)| {
            let before = comparison.before.get(*name);
            before.is_some_and(|resource| resource.resource_type == TARGET_GROUP)
        })
        .map(|(name, _)| {
            let reason = "the target group is replaced, and the new one receives requests while it is empty";
            Refusal::new(Code::Targets, name, reason)
        })
        .collect()
}

/// A service must use a group before a listener forwards to it, and until none does any more.
///
/// A rule that is new, or goes, in the same step as the service's use of the group is allowed: nothing relies on it yet, or any more.
fn moved_listeners(comparison: &Comparison) -> Vec<Refusal> {
    let (used_before, used_after) = (used_groups(&comparison.before), used_groups(&comparison.after));
    let mut refusals = Vec::new();
    for (name, resource) in forwarding(&comparison.after) {
        let old = comparison.before.get(name).map(forwards_to).unwrap_or_default();
        let added = comparison.changes.get(name) == Some(&ChangeKind::Add);
        let new_rule = added && resource.resource_type == RULE;
        let used = if new_rule { &used_after } else { &used_before };
        for group in forwards_to(resource)
            .difference(&old)
            .filter(|group| !used.contains(*group))
        {
            let reason = format!("it forwards to {group}, which no service uses yet");
            refusals.push(Refusal::new(Code::Targets, name, reason));
        }
    }
    for (name, resource) in forwarding(&comparison.before) {
        if resource.resource_type == RULE && !comparison.after.contains_key(name) {
            continue;
        }
        for group in forwards_to(resource).intersection(&used_before) {
            if !used_after.contains(group) {
                let reason = format!("it forwards to {group}, which its service no longer uses after this step");
                refusals.push(Refusal::new(Code::Targets, name, reason));
            }
        }
    }
    refusals
}

/// `TargetGroupAssociationLimit`: a target group belongs to one load balancer. The old listener exists until the end of the update.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html>
fn two_balancers(comparison: &Comparison) -> Vec<Refusal> {
    let mut balancers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (resources, mark) in [(&comparison.before, ""), (&comparison.after, " (new)")] {
        for (_, resource) in forwarding(resources) {
            let Some(balancer) = balancer_of(resource, resources) else {
                continue;
            };
            let mark = if comparison.replaces(&balancer) { mark } else { "" };
            for group in groups(resource, false) {
                balancers.entry(group).or_default().insert(format!("{balancer}{mark}"));
            }
        }
    }
    balancers
        .into_iter()
        .filter(|(_, balancers)| balancers.len() > 1)
        .map(|(group, balancers)| {
            let names: Vec<String> = balancers.into_iter().collect();
            let reason = format!("it would belong to two load balancers: {}", names.join(", "));
            Refusal::new(Code::Targets, &group, reason).instead(NEW_BALANCER)
        })
        .collect()
}

/// The listeners and the rules.
pub(super) fn forwarding(resources: &Resources) -> impl Iterator<Item = (&String, &Evaluated)> {
    resources
        .iter()
        .filter(|(_, resource)| [LISTENER, RULE].contains(&resource.resource_type.as_str()))
}

/// The load balancer's logical id of a listener or a rule.
pub(super) fn balancer_of(resource: &Evaluated, resources: &Resources) -> Option<String> {
    let named = |resource: &Evaluated, property: &str| {
        let value = resource.properties.get(property)?;
        named_resource(value).map(str::to_owned)
    };
    if resource.resource_type == LISTENER {
        return named(resource, "LoadBalancerArn");
    }
    let listener = resources.get(&named(resource, "ListenerArn")?)?;
    named(listener, "LoadBalancerArn")
}

/// The groups that receive requests.
fn forwards_to(resource: &Evaluated) -> BTreeSet<String> {
    groups(resource, true)
}

/// The groups that a listener or a rule names.
pub(super) fn groups(resource: &Evaluated, weighted_only: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for key in ["DefaultActions", "Actions"] {
        for action in resource
            .properties
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let tuples = action
                .pointer("/ForwardConfig/TargetGroups")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter(|tuple| !weighted_only || tuple.get("Weight").and_then(Value::as_str) != Some("0"));
            for holder in tuples.chain([action]) {
                let group = holder.get("TargetGroupArn").and_then(named_resource);
                found.extend(group.map(str::to_owned));
            }
        }
    }
    found
}

/// The groups that services register their tasks in.
fn used_groups(resources: &Resources) -> BTreeSet<String> {
    resources
        .values()
        .filter(|resource| resource.resource_type == SERVICE)
        .flat_map(service_groups)
        .collect()
}

/// The groups that a service registers its tasks in.
pub(super) fn service_groups(service: &Evaluated) -> BTreeSet<String> {
    let entries = service.properties.get("LoadBalancers").and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(named_resource(entry.get("TargetGroupArn")?)?.to_owned()))
        .collect()
}
