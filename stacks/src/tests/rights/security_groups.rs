//! Whom security groups let in and out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Reasons, check, planted};

const OPEN: &Reasons = &[
    (
        "LoadBalancerSecurityGroup SecurityGroupIngress: tcp 80 to 80, 0.0.0.0/0",
        "the service is public",
    ),
    (
        "OneboxTaskSecurityGroup SecurityGroupEgress: tcp 443 to 443, 0.0.0.0/0",
        "AWS's endpoints have no fixed addresses",
    ),
    (
        "FleetTaskSecurityGroup SecurityGroupEgress: tcp 443 to 443, 0.0.0.0/0",
        "AWS's endpoints have no fixed addresses",
    ),
];

/// A range of addresses with a shorter prefix than this, in bits, is the world in pieces: no organisation has more.
const NARROWEST: u8 = 8;

/// Every rule that is open to the world, in a group or as a resource of its own; and every group that leaves a direction
/// to AWS, which then lets everything out.
fn find(template: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap() {
            "AWS::EC2::SecurityGroup" => {
                for direction in ["SecurityGroupIngress", "SecurityGroupEgress"] {
                    match properties[direction].as_array() {
                        Some(rules) => {
                            let open = rules.iter().filter_map(open);
                            found.extend(open.map(|rule| format!("{id} {direction}: {rule}")));
                        }
                        None if direction == "SecurityGroupEgress" => {
                            found.insert(format!("{id} {direction}: AWS's own, to everywhere"));
                        }
                        None => {}
                    }
                }
            }
            "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress" => {
                found.extend(open(properties).map(|rule| format!("{id}: {rule}")));
            }
            _ => {}
        }
    }
    found
}

/// A rule in words, when it is open to the world, or when that can't be seen.
fn open(rule: &Value) -> Option<String> {
    let addresses = ["CidrIp", "CidrIpv6"].iter().map(|name| &rule[name]);
    let range = addresses
        .filter(|addresses| !addresses.is_null())
        .find(|addresses| is_wide(addresses))?;
    let (protocol, from, to) = (&rule["IpProtocol"], &rule["FromPort"], &rule["ToPort"]);
    let range = range.as_str().map_or_else(|| range.to_string(), str::to_owned);
    Some(format!("{} {from} to {to}, {range}", protocol.as_str().unwrap_or("?")))
}

fn is_wide(addresses: &Value) -> bool {
    let prefix = addresses
        .as_str()
        .and_then(|range| range.rsplit_once('/'))
        .and_then(|(_, bits)| bits.parse().ok());
    prefix.is_none_or(|bits: u8| bits < NARROWEST)
}

#[test]
fn only_listed_rules_are_open_to_the_world() {
    check(find, OPEN);
}

#[test]
fn planted_open_rules_are_found() {
    let rule =
        |name: &str, addresses: Value| json!({ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, name: addresses });
    let cases = [
        (rule("CidrIp", json!("0.0.0.0/0")), "tcp 22 to 22, 0.0.0.0/0"),
        (rule("CidrIpv6", json!("::/0")), "tcp 22 to 22, ::/0"),
        (rule("CidrIp", json!("128.0.0.0/1")), "tcp 22 to 22, 128.0.0.0/1"),
        (
            rule("CidrIp", json!({ "Ref": "Range" })),
            "tcp 22 to 22, {\"Ref\":\"Range\"}",
        ),
        (
            json!({ "IpProtocol": "-1", "CidrIp": "0.0.0.0/0" }),
            "-1 null to null, 0.0.0.0/0",
        ),
    ];
    for (what, expected) in cases {
        for direction in ["SecurityGroupIngress", "SecurityGroupEgress"] {
            assert_eq!(
                planted(
                    find,
                    &format!("/FleetTaskSecurityGroup/Properties/{direction}/-"),
                    what.clone()
                ),
                [format!("FleetTaskSecurityGroup {direction}: {expected}")]
            );
        }
        let alone = json!({ "Type": "AWS::EC2::SecurityGroupIngress", "Properties": what });
        assert_eq!(planted(find, "/Door", alone), [format!("Door: {expected}")]);
    }
    assert_eq!(
        planted(
            find,
            "/LoadBalancerSecurityGroup/Properties/SecurityGroupEgress",
            Value::Null
        ),
        ["LoadBalancerSecurityGroup SecurityGroupEgress: AWS's own, to everywhere"]
    );
    let inside = planted(
        find,
        "/FleetTaskSecurityGroup/Properties/SecurityGroupIngress/-",
        rule("CidrIp", json!("10.0.0.0/16")),
    );
    assert!(inside.is_empty());
}
