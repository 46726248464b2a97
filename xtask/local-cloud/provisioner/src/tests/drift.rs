//! Drift: changes that the stack wasn't asked for, detected and shown.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::Cloud;
use super::cloud::pretty;
use crate::Outside;

fn outside(resource: &str, property: Option<&str>, value: Value) -> Outside {
    Outside {
        stack: "s".to_owned(),
        resource: resource.to_owned(),
        property: property.map(str::to_owned),
        value: (!value.is_null()).then_some(value),
    }
}

fn deployed() -> Cloud {
    let mut cloud = Cloud::new();
    let properties = json!({"Size": "3", "Tags": [{"Key": "a", "Value": "b"}]});
    cloud.create(
        "s",
        &json!({ "Resources": {
            "A": { "Type": "AWS::X::Y", "Properties": properties },
            "B": { "Type": "AWS::X::Y" },
            "C": { "Type": "AWS::Not::Checked" },
        }}),
    );
    cloud
}

fn change(cloud: &mut Cloud, outside: &Outside) -> Result<(), String> {
    let now = cloud.now;
    cloud.stacks.change_from_outside(now, &mut cloud.world, outside)
}

fn detect(cloud: &mut Cloud) -> Value {
    let detection = cloud.ok("DetectStackDrift", &json!({ "StackName": "s" }));
    cloud.ok("DescribeStackDriftDetectionStatus", &detection)
}

fn drifts(cloud: &mut Cloud, input: Value) -> Vec<Value> {
    let mut input = input;
    input["StackName"] = json!("s");
    let answer = cloud.ok("DescribeStackResourceDrifts", &input);
    answer["StackResourceDrifts"].as_array().unwrap().clone()
}

#[test]
fn what_nobody_changed_is_in_sync_and_what_is_not_checked_is_left_out() {
    let mut cloud = deployed();
    let before = cloud.ok("DescribeStacks", &json!({ "StackName": "s" }));
    assert_eq!(
        before["Stacks"][0]["DriftInformation"]["StackDriftStatus"],
        "NOT_CHECKED"
    );
    assert_eq!(drifts(&mut cloud, json!({})), Vec::<Value>::new());
    let status = detect(&mut cloud);
    assert_eq!(status["StackDriftStatus"], "IN_SYNC");
    assert_eq!(status["DriftedStackResourceCount"], 0);
    let found = drifts(&mut cloud, json!({}));
    let ids: Vec<&Value> = found.iter().map(|drift| &drift["LogicalResourceId"]).collect();
    assert_eq!(ids, ["A", "B"]);
}

#[test]
fn what_was_changed_is_told_by_property_until_it_is_undone() {
    let mut cloud = deployed();
    for (property, value) in [
        ("/Size", json!(4)),
        ("/Tags/1", json!({"Key": "c", "Value": "d"})),
        ("/Tags/0/Value", json!("e")),
    ] {
        change(&mut cloud, &outside("A", Some(property), value)).unwrap();
    }
    let status = detect(&mut cloud);
    assert_eq!(
        (&status["StackDriftStatus"], &status["DetectionStatus"]),
        (&json!("DRIFTED"), &json!("DETECTION_COMPLETE"))
    );
    let found = drifts(
        &mut cloud,
        json!({ "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"] }),
    );
    assert_snapshot!(pretty(&json!(found)));
    let stack = cloud.ok("DescribeStacks", &json!({ "StackName": "s" }));
    assert_eq!(stack["Stacks"][0]["DriftInformation"]["StackDriftStatus"], "DRIFTED");
    let resource = cloud.ok(
        "DescribeStackResource",
        &json!({ "StackName": "s", "LogicalResourceId": "A" }),
    );
    assert_eq!(
        resource["StackResourceDetail"]["DriftInformation"]["StackResourceDriftStatus"],
        "MODIFIED"
    );
    for (property, value) in [
        ("/Size", json!("3")),
        ("/Tags/1", Value::Null),
        ("/Tags/0/Value", json!("b")),
    ] {
        change(&mut cloud, &outside("A", Some(property), value)).unwrap();
    }
    assert_eq!(detect(&mut cloud)["StackDriftStatus"], "IN_SYNC");
}

#[test]
fn what_was_deleted_is_told() {
    let mut cloud = deployed();
    cloud.world.things.retain(|id, _| !id.starts_with("b-"));
    assert_eq!(detect(&mut cloud)["DriftedStackResourceCount"], 1);
    let found = drifts(&mut cloud, json!({ "StackResourceDriftStatusFilters": ["DELETED"] }));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["LogicalResourceId"], found[0].get("ActualProperties")),
        (&json!("B"), None)
    );
    let error = change(&mut cloud, &outside("B", None, Value::Null)).unwrap_err();
    assert_eq!(error, "B isn't there");
}

#[test]
fn pages_and_a_part_of_the_stack() {
    let mut cloud = deployed();
    detect(&mut cloud);
    let first = cloud.ok(
        "DescribeStackResourceDrifts",
        &json!({ "StackName": "s", "MaxResults": "1" }),
    );
    assert_eq!(first["StackResourceDrifts"][0]["LogicalResourceId"], "A");
    let input = json!({ "StackName": "s", "MaxResults": "1", "NextToken": first["NextToken"] });
    let second = cloud.ok("DescribeStackResourceDrifts", &input);
    assert_eq!(second["StackResourceDrifts"][0]["LogicalResourceId"], "B");
    assert_eq!(second.get("NextToken"), None);
    cloud.ok(
        "DetectStackDrift",
        &json!({ "StackName": "s", "LogicalResourceIds": ["B"] }),
    );
    assert_eq!(drifts(&mut cloud, json!({})).len(), 1);
}

#[test]
fn what_cannot_be_asked() {
    let mut cloud = deployed();
    for (operation, input) in [
        ("DetectStackDrift", json!({ "StackName": "none" })),
        ("DescribeStackResourceDrifts", json!({ "StackName": "none" })),
        (
            "DescribeStackResourceDrifts",
            json!({ "StackName": "s", "MaxResults": "101" }),
        ),
        (
            "DescribeStackDriftDetectionStatus",
            json!({ "StackDriftDetectionId": "none" }),
        ),
    ] {
        assert!(cloud.call(operation, &input).is_err(), "{operation} {input}");
    }
    cloud.ok("DeleteStack", &json!({ "StackName": "s" }));
    let error = cloud
        .call("DetectStackDrift", &json!({ "StackName": "s" }))
        .unwrap_err();
    assert!(error.message.contains("in the status [DELETE_IN_PROGRESS]"), "{error}");
    for outside in [outside("None", None, Value::Null), outside("A", Some("Size"), json!(1))] {
        assert!(change(&mut deployed(), &outside).is_err(), "{outside:?}");
    }
}
