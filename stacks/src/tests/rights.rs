//! Least privilege: every wildcard, and every door to the world, is in a list with its reason.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{parse, resources};
use crate::all;

/// Statements that may speak of every resource: role, statement, reason.
const WILDCARDS: &[(&str, &str, &str)] = &[(
    "ExecutionRole",
    "SignIn",
    "ecr:GetAuthorizationToken knows no narrower resource than the whole registry",
)];

/// Rules open to the world: security group, direction, port, reason.
const OPEN_DOORS: &[(&str, &str, u64, &str)] = &[
    (
        "LoadBalancerSecurityGroup",
        "SecurityGroupIngress",
        80,
        "the service is public",
    ),
    (
        "TaskSecurityGroup",
        "SecurityGroupEgress",
        443,
        "AWS's endpoints have no fixed addresses",
    ),
];

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(entries) => entries.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn statements(policy: &Value) -> &Vec<Value> {
    policy["Statement"].as_array().unwrap()
}

#[test]
fn only_listed_statements_have_wildcards() {
    let mut found = BTreeSet::new();
    for template in all().iter().map(parse) {
        for (role, resource) in resources(&template, "AWS::IAM::Role") {
            let policies = resource["Properties"]["Policies"].as_array();
            for statement in policies
                .into_iter()
                .flatten()
                .flat_map(|policy| statements(&policy["PolicyDocument"]))
            {
                let sid = statement["Sid"].as_str().unwrap().to_owned();
                assert_eq!(statement["Effect"], "Allow", "{sid}");
                assert!(
                    statement["NotAction"].is_null() && statement["NotResource"].is_null(),
                    "{sid}"
                );
                assert!(
                    !texts(&statement["Action"]).iter().any(|action| action.contains('*')),
                    "{sid}"
                );
                if texts(&statement["Resource"])
                    .iter()
                    .any(|resource| resource.contains('*'))
                {
                    found.insert((role.to_owned(), sid));
                }
            }
            assert!(resource["Properties"]["ManagedPolicyArns"].is_null(), "{role}");
        }
    }
    let listed = WILDCARDS
        .iter()
        .map(|(role, sid, _)| ((*role).to_owned(), (*sid).to_owned()));
    assert_eq!(found, listed.collect());
}

#[test]
fn roles_are_taken_by_ecs_alone_and_for_this_account() {
    for template in super::service_templates() {
        let roles = resources(&template, "AWS::IAM::Role");
        assert_eq!(roles.len(), 2);
        for (role, resource) in roles {
            for statement in statements(&resource["Properties"]["AssumeRolePolicyDocument"]) {
                assert_eq!(statement["Principal"]["Service"], "ecs-tasks.amazonaws.com", "{role}");
                let account = &statement["Condition"]["StringEquals"]["aws:SourceAccount"];
                assert_eq!(account["Ref"], "AWS::AccountId", "{role}");
            }
        }
    }
}

#[test]
fn only_listed_rules_are_open_to_the_world() {
    for template in super::service_templates() {
        let mut found = BTreeSet::new();
        for (group, resource) in resources(&template, "AWS::EC2::SecurityGroup") {
            for direction in ["SecurityGroupIngress", "SecurityGroupEgress"] {
                let rules = resource["Properties"][direction].as_array();
                for rule in rules.expect("without a rule of ours, AWS allows everything out") {
                    assert_eq!(rule["FromPort"], rule["ToPort"], "{group}");
                    if rule["CidrIp"] == "0.0.0.0/0" || rule["CidrIpv6"] == "::/0" {
                        found.insert((group.to_owned(), direction, rule["FromPort"].as_u64().unwrap()));
                    }
                }
            }
        }
        let listed = OPEN_DOORS
            .iter()
            .map(|(group, direction, port, _)| ((*group).to_owned(), *direction, *port));
        assert_eq!(found, listed.collect());
    }
}
