//! That the validator can fail: faults planted in a real template, one by one and everywhere.

use serde_json::{Value, json};

use super::check;
use super::document::Documents;
use crate::tests::service_templates;

/// A fault: where it is planted, what is planted (nothing: what is there goes away), and what is said of it.
const PLANTED: &[(&str, &str, &str)] = &[
    ("/Listener/Properties/LoadBalancerArn", "", "required"),
    ("/Vpc/Properties/CidrBlock", "", "requiredXor"),
    ("/PrivateSubnet1/Properties/CidrBlock", "", "requiredOr"),
    (
        "/PrivateSubnet1/Properties/AvailabilityZoneId",
        "\"use1-az1\"",
        "dependentExcluded",
    ),
    ("/Listener/Properties/Colour", "1", "additionalProperties"),
    ("/Listener/Colour", "1", "has no attribute Colour"),
    ("/Listener/Type", "\"AWS::EC2::Spaceship\"", "no schema"),
    ("/Listener/Properties/ListenerArn", "\"arn\"", "readOnlyProperties"),
    ("/FleetService/Properties/Name", "\"fleet\"", "readOnlyProperties"),
    ("/FleetService/Properties/LaunchType", "\"CLOUD\"", "is not in enum"),
    ("/FleetLogGroup/Properties/RetentionInDays", "8", "is not in enum"),
    ("/FleetLogGroup/Properties/LogGroupName", "\"a b\"", "pattern"),
    (
        "/FleetTargetGroup/Properties/HealthCheckIntervalSeconds",
        "4",
        "minimum",
    ),
    ("/FleetTargetGroup/Properties/Port", "65536", "maximum"),
    ("/FleetTargetGroup/Properties/Port", "\"8080\"", "type"),
    ("/FleetTargetGroup/Properties/Port", "80.5", "type"),
    (
        "/FleetService/Properties/DeploymentConfiguration/BakeTimeInMinutes",
        "1441",
        "maximum",
    ),
    (
        "/FleetService/Properties/LoadBalancers/0/ContainerPort",
        "{ \"Fn::If\": [\"Is\", 1, 0] }",
        "minimum",
    ),
    (
        "/Listener/Properties/DefaultActions/0/ForwardConfig/TargetGroups/0/Weight",
        "1000",
        "maximum",
    ),
    (
        "/FleetTaskDefinition/Properties/ContainerDefinitions/0/Name",
        "",
        "required",
    ),
    (
        "/FleetTaskDefinition/Properties/ContainerDefinitions/0/StopTimeout",
        "121",
        "maximum",
    ),
    (
        "/FleetResponseTimeAlarm/Properties/AlarmDescription",
        "LONG",
        "maxLength",
    ),
    (
        "/FleetScalingPolicy/Properties/ResourceId",
        "\"service/a/b\"",
        "requiredXor",
    ),
    ("/OneboxExecutionRole/Properties/RoleId", "\"id\"", "readOnlyProperties"),
    ("/OneboxExecutionRole/Properties/Policies/0/PolicyName", "3", "type"),
];

fn plant(template: &mut Value, pointer: &str, what: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = template["Resources"]
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    match what {
        "" => parent.remove(name),
        "LONG" => parent.insert(name.to_owned(), "x".repeat(1025).into()),
        json => parent.insert(name.to_owned(), serde_json::from_str(json).unwrap()),
    };
}

#[test]
fn planted_faults_are_found() {
    let documents = Documents::read();
    let template = service_templates().swap_remove(0);
    for (pointer, what, expected) in PLANTED {
        let mut template = template.clone();
        plant(&mut template, pointer, what);
        let errors = check(&template, &documents);
        let resource = pointer.split('/').nth(1).unwrap();
        let found = |error: &String| error.starts_with(resource) && error.contains(expected);
        assert!(errors.iter().any(found), "{pointer} {what}: {errors:?}");
    }
}

/// Objects whose members are anybody's: policies, options of a log driver, filters.
const FREE: &[&str] = &["AssumeRolePolicyDocument", "PolicyDocument", "Options"];

/// The pointers of every value that a schema says something of, from a resource's properties down.
fn pointers(at: &str, value: &Value, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(&format!("{at}/{index}"), item, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                if !FREE.contains(&name.as_str()) && name != "Ref" && !name.starts_with("Fn::") {
                    pointers(&format!("{at}/{name}"), member, found);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn a_fault_is_found_wherever_it_is() {
    let documents = Documents::read();
    let template = service_templates().swap_remove(0);
    let mut places = Vec::new();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        if let Some(properties) = resource.get("Properties") {
            pointers(&format!("/Resources/{id}/Properties"), properties, &mut places);
        }
    }
    assert!(places.len() > 500, "{}", places.len());
    for pointer in places {
        let mut template = template.clone();
        let value = template.pointer_mut(&pointer).unwrap();
        // Neither a member nor a type that any schema has.
        *value = json!({ "Planted": null, "Fault": null });
        // One resource is enough to look at.
        let id = pointer.split('/').nth(2).unwrap();
        let alone = json!({ "Resources": { id: template["Resources"][id] } });
        assert!(!check(&alone, &documents).is_empty(), "{pointer}");
    }
}
