//! No rule of a security group closes a port on which tasks run.
//!
//! A group that is modified in place has its new rules at once; a rule or group that is replaced or removed exists until the update ends.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::staging::checks::targets::{balancer_of, forwarding, groups, service_groups};
use crate::staging::effect::{Comparison, Evaluated};
use crate::staging::{Code, Refusal};
use crate::template::named_resource;

type Resources = BTreeMap<String, Evaluated>;

/// A security group. A replaced group has a second generation with its own rules.
type Group = (String, bool);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

#[derive(Debug, Clone)]
struct Rule {
    group: Group,
    direction: Direction,
    ports: Option<(u32, u32)>,
    peer: Peer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Peer {
    Group(Group),
    Range(String),
    Other,
}

/// Tasks of a service: the port on which they listen, their groups and those of their load balancers.
#[derive(Debug)]
struct Tasks {
    service: String,
    port: u32,
    own: BTreeSet<Group>,
    balancer: BTreeSet<Group>,
}

pub(super) fn check(comparison: &Comparison, reverse: &Comparison) -> Vec<Refusal> {
    let mut refusals = closed(comparison, "");
    refusals.extend(closed(reverse, " when the step is undone"));
    refusals
}

fn closed(comparison: &Comparison, when: &str) -> Vec<Refusal> {
    let before = rules(&comparison.before, |_| true);
    let after = rules(&comparison.after, |_| true);
    let leaving = rules(&comparison.before, |name| {
        !comparison.after.contains_key(name) || comparison.replaces(name)
    });
    let during: Vec<Rule> = after.iter().cloned().chain(leaving).collect();
    let old = tasks(&comparison.before);
    let new = tasks(&comparison.after);
    let mut refusals = Vec::new();
    for tasks in &old {
        let was_open = reachable(tasks, &before, &before);
        let stays = new.iter().any(|other| {
            other.service == tasks.service
                && other.port == tasks.port
                && other.own == tasks.own
                && other.balancer == tasks.balancer
        });
        let closes = !reachable(tasks, &during, &before) || (stays && !reachable(tasks, &after, &before));
        if was_open && closes {
            let reason = format!("the rules close port {} while its tasks still run{when}", tasks.port);
            refusals.push(Refusal::new(Code::Ports, &tasks.service, reason));
        }
    }
    refusals
}

/// Whether the load balancer reaches the tasks. Ranges count only where they counted before, and the whole internet always.
fn reachable(tasks: &Tasks, rules: &[Rule], before: &[Rule]) -> bool {
    let allows = |groups: &BTreeSet<Group>, direction: Direction, peers: &BTreeSet<Group>| {
        let trusted: Vec<&Peer> = before
            .iter()
            .filter(|rule| rule.applies(groups, direction, tasks.port))
            .map(|rule| &rule.peer)
            .collect();
        rules
            .iter()
            .filter(|rule| rule.applies(groups, direction, tasks.port))
            .any(|rule| match &rule.peer {
                Peer::Group(group) => peers.contains(group),
                Peer::Range(range) => range == "0.0.0.0/0" || trusted.contains(&&rule.peer),
                Peer::Other => trusted.contains(&&rule.peer),
            })
    };
    let outward = tasks.balancer.is_empty() || allows(&tasks.balancer, Direction::Out, &tasks.own);
    outward && allows(&tasks.own, Direction::In, &tasks.balancer)
}

impl Rule {
    fn applies(&self, groups: &BTreeSet<Group>, direction: Direction, port: u32) -> bool {
        self.direction == direction
            && groups.contains(&self.group)
            && self.ports.is_none_or(|(from, to)| (from..=to).contains(&port))
    }
}

/// The rules in and beside security groups. A group without rules for outgoing traffic allows all of it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html>
fn rules(resources: &Resources, included: impl Fn(&str) -> bool) -> Vec<Rule> {
    let mut found = Vec::new();
    let mut limited: BTreeSet<Group> = BTreeSet::new();
    for resource in resources.values() {
        if resource.resource_type == "AWS::EC2::SecurityGroupEgress" {
            limited.extend(resource.properties.get("GroupId").and_then(group));
        }
    }
    for (name, resource) in resources.iter().filter(|(name, _)| included(name)) {
        match resource.resource_type.as_str() {
            "AWS::EC2::SecurityGroup" => found.extend(inline_rules(name, resource, resources, &limited)),
            "AWS::EC2::SecurityGroupIngress" => found.extend(separate_rule(resource, Direction::In)),
            "AWS::EC2::SecurityGroupEgress" => found.extend(separate_rule(resource, Direction::Out)),
            _ => {}
        }
    }
    found
}

fn inline_rules(name: &str, resource: &Evaluated, resources: &Resources, limited: &BTreeSet<Group>) -> Vec<Rule> {
    let own = generation(name, resources);
    let list = |key: &str| resource.properties.get(key).and_then(Value::as_array);
    let mut found = Vec::new();
    for (key, direction) in [
        ("SecurityGroupIngress", Direction::In),
        ("SecurityGroupEgress", Direction::Out),
    ] {
        for entry in list(key).into_iter().flatten() {
            found.push(rule(own.clone(), direction, entry));
        }
    }
    if list("SecurityGroupEgress").is_none() && !limited.contains(&own) {
        found.push(Rule {
            group: own,
            direction: Direction::Out,
            ports: None,
            peer: Peer::Range("0.0.0.0/0".to_owned()),
        });
    }
    found
}

fn separate_rule(resource: &Evaluated, direction: Direction) -> Option<Rule> {
    let own = group(resource.properties.get("GroupId")?)?;
    let entry = Value::Object(resource.properties.clone());
    Some(rule(own, direction, &entry))
}

fn rule(own: Group, direction: Direction, entry: &Value) -> Rule {
    let port = |key: &str| entry.get(key).and_then(Value::as_str)?.parse::<u32>().ok();
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let peers = ["SourceSecurityGroupId", "DestinationSecurityGroupId"];
    let peer = match peers.iter().find_map(|key| group(entry.get(*key)?)) {
        Some(peer) => Peer::Group(peer),
        None => text("CidrIp").map_or(Peer::Other, |range| Peer::Range(range.to_owned())),
    };
    let every_protocol = text("IpProtocol") == Some("-1");
    Rule {
        group: own,
        direction,
        ports: port("FromPort").zip(port("ToPort")).filter(|_| !every_protocol),
        peer,
    }
}

/// The services' tasks, by port.
fn tasks(resources: &Resources) -> Vec<Tasks> {
    let mut found = Vec::new();
    for (name, service) in resources {
        if service.resource_type != "AWS::ECS::Service" {
            continue;
        }
        let network = Value::Object(service.properties.clone());
        let own = network.pointer("/NetworkConfiguration/AwsvpcConfiguration/SecurityGroups");
        let own: BTreeSet<Group> = list_of_groups(own);
        let used = service_groups(service);
        let balancer: BTreeSet<Group> = forwarding(resources)
            .filter(|(_, resource)| !groups(resource, false).is_disjoint(&used))
            .filter_map(|(_, resource)| resources.get(&balancer_of(resource, resources)?))
            .flat_map(|balancer| list_of_groups(balancer.properties.get("SecurityGroups")))
            .collect();
        for entry in service
            .properties
            .get("LoadBalancers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let port = entry.get("ContainerPort").and_then(Value::as_str);
            if let Some(port) = port.and_then(|text| text.parse().ok()) {
                found.push(Tasks {
                    service: name.clone(),
                    port,
                    own: own.clone(),
                    balancer: balancer.clone(),
                });
            }
        }
    }
    found
}

fn list_of_groups(value: Option<&Value>) -> BTreeSet<Group> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(group)
        .collect()
}

fn group(value: &Value) -> Option<Group> {
    Some((named_resource(value)?.to_owned(), value.get("$new").is_some()))
}

/// A group's own name as others refer to it.
fn generation(name: &str, resources: &Resources) -> Group {
    let new = resources
        .values()
        .flat_map(|resource| resource.properties.values())
        .any(|value| refers_to_new(value, name));
    (name.to_owned(), new)
}

fn refers_to_new(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| refers_to_new(item, name)),
        Value::Object(members) => {
            (named_resource(value) == Some(name) && members.contains_key("$new"))
                || members.values().any(|item| refers_to_new(item, name))
        }
        _ => false,
    }
}
