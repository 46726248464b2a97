//! Change sets, from making to executing.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::Cloud;
use super::cloud::pretty;
use super::life::service;

fn template(name: &str) -> Value {
    json!({
        "Parameters": {
            "Size": { "Type": "Number", "Default": 1 },
            "Secret": { "Type": "String", "NoEcho": true, "Default": "s3cret" },
        },
        "Resources": {
            "A": { "Type": "AWS::X::Y", "Properties": { "Name": name, "Size": { "Ref": "Size" }, "Password": { "Ref": "Secret" } } },
            "ByRef": { "Type": "AWS::X::Y", "Properties": { "Of": { "Ref": "A" } } },
            "ByAttribute": { "Type": "AWS::X::Y", "Properties": { "Name": { "Fn::Sub": "${A.Arn}-x" } } },
            "ByAttributeOfThat": { "Type": "AWS::X::Y", "Properties": { "Of": { "Fn::GetAtt": ["ByAttribute", "Arn"] } } },
            "Other": { "Type": "AWS::X::Y", "DependsOn": "A" },
        },
    })
}

fn create_set(cloud: &mut Cloud, name: &str, template: &Value, parameters: &Value) -> Value {
    cloud.ok(
        "CreateChangeSet",
        &json!({
            "StackName": "s", "ChangeSetName": name, "TemplateBody": template.to_string(), "Parameters": parameters,
        }),
    )
}

fn describe(cloud: &mut Cloud, name: &str, values: bool) -> Value {
    let input = json!({ "StackName": "s", "ChangeSetName": name, "IncludePropertyValues": values.to_string() });
    cloud.ok("DescribeChangeSet", &input)
}

#[test]
fn tells_a_parameter_from_a_reference() {
    let mut cloud = Cloud::new();
    cloud.create("s", &template("one"));
    create_set(
        &mut cloud,
        "c",
        &template("one"),
        &json!([{ "ParameterKey": "Size", "ParameterValue": "2" }]),
    );
    assert_snapshot!(pretty(&describe(&mut cloud, "c", false)["Changes"]));
}

#[test]
fn shows_replacement_additions_and_removals_with_values() {
    let mut cloud = Cloud::new();
    cloud.create("s", &template("one"));
    let mut after = template("two");
    after["Resources"].as_object_mut().unwrap().remove("Other");
    after["Resources"]["New"] =
        json!({ "Type": "AWS::X::Y", "Properties": { "Of": { "Ref": "A" } }, "DeletionPolicy": "Retain" });
    after["Resources"]["A"]["UpdateReplacePolicy"] = json!("Retain");
    create_set(
        &mut cloud,
        "c",
        &after,
        &json!([{ "ParameterKey": "Secret", "ParameterValue": "0ther" }]),
    );
    let described = describe(&mut cloud, "c", true);
    assert!(
        !described.to_string().contains("s3cret") && !described.to_string().contains("0ther"),
        "{described}"
    );
    assert_snapshot!(pretty(&described));
}

#[test]
fn a_call_that_is_made_once_more_makes_no_other_change_set() {
    let mut cloud = Cloud::new();
    let input = |token: &str| {
        json!({
            "StackName": "s", "ChangeSetName": "first", "ChangeSetType": "CREATE", "ClientToken": token,
            "TemplateBody": service("v1").to_string(),
        })
    };
    let first = cloud.ok("CreateChangeSet", &input("once"));
    assert_eq!(cloud.ok("CreateChangeSet", &input("once")), first);
    let error = cloud.call("CreateChangeSet", &input("another")).unwrap_err();
    assert!(error.to_string().contains("already exists"), "{error}");
}

#[test]
fn creates_a_stack_by_change_set() {
    let mut cloud = Cloud::new();
    let input = json!({
        "StackName": "s", "ChangeSetName": "first", "ChangeSetType": "CREATE", "TemplateBody": service("v1").to_string(),
        "Description": "by hand", "Tags": [{ "Key": "team", "Value": "x" }],
    });
    cloud.ok("CreateChangeSet", &input);
    assert_eq!(cloud.status("s"), "REVIEW_IN_PROGRESS");
    cloud.advance_all();
    assert!(cloud.world.log.is_empty());
    assert_snapshot!(pretty(&describe(&mut cloud, "first", false)));
    cloud.ok(
        "ExecuteChangeSet",
        &json!({ "StackName": "s", "ChangeSetName": "first", "ClientRequestToken": "token-1" }),
    );
    let described = describe(&mut cloud, "first", false);
    assert_eq!(described["ExecutionStatus"], "EXECUTE_IN_PROGRESS");
    cloud.settle();
    assert_eq!(
        describe(&mut cloud, "first", false)["ExecutionStatus"],
        "EXECUTE_COMPLETE"
    );
    assert_eq!(cloud.status("s"), "CREATE_COMPLETE");
    let again = json!({ "StackName": "s", "ChangeSetName": "first", "ClientRequestToken": "token-1" });
    assert_eq!(
        cloud.ok("ExecuteChangeSet", &again),
        json!({}),
        "it was this call's already"
    );
    let events = cloud.events("s");
    let stack_events: Vec<&str> = events
        .lines()
        .filter(|line| line.starts_with("s "))
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(
        stack_events,
        ["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    );
    let error = cloud.call("CreateChangeSet", &input).unwrap_err();
    assert_eq!(
        error.message,
        "Stack [s] already exists and cannot be created again with the changeSet [first]."
    );
}

#[test]
fn an_empty_change_set_fails_and_cannot_be_executed() {
    let mut cloud = Cloud::new();
    cloud.create("s", &template("one"));
    let id = create_set(&mut cloud, "c", &template("one"), &json!([]))["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let described = describe(&mut cloud, "c", false);
    assert_eq!(
        (&described["Status"], &described["ExecutionStatus"]),
        (&json!("FAILED"), &json!("UNAVAILABLE"))
    );
    assert_eq!(
        described["StatusReason"],
        "The submitted information didn't contain changes. Submit different information to create a change set."
    );
    let error = cloud
        .call("ExecuteChangeSet", &json!({ "ChangeSetName": id }))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("InvalidChangeSetStatus: ChangeSet [{id}] cannot be executed in its current status of [FAILED]")
    );
}

#[test]
fn a_refused_property_fails_the_change_set_before_anything_is_made() {
    let mut cloud = Cloud::new();
    let template = json!({ "Resources": {
        "A": { "Type": "AWS::X::Y" },
        "B": { "Type": "AWS::X::Y", "Properties": { "Unsupported": 1, "Size": { "Ref": "A" } } },
    }});
    let input = json!({ "StackName": "s", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": template.to_string() });
    cloud.ok("CreateChangeSet", &input);
    let described = describe(&mut cloud, "c", false);
    assert_eq!(described["Status"], "FAILED");
    assert_eq!(
        described["StatusReason"],
        "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. B (AWS::X::Y): Unsupported: not supported"
    );
    let error = cloud
        .call(
            "CreateStack",
            &json!({ "StackName": "t", "TemplateBody": template.to_string() }),
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "ValidationError: B (AWS::X::Y): Unsupported: not supported"
    );
    assert!(cloud.world.log.is_empty());
}

#[test]
fn executing_one_deletes_the_others() {
    let mut cloud = Cloud::new();
    cloud.create("s", &template("one"));
    for name in ["a", "b"] {
        create_set(&mut cloud, name, &template("two"), &json!([]));
    }
    let again = cloud.call(
        "CreateChangeSet",
        &json!({ "StackName": "s", "ChangeSetName": "a", "TemplateBody": template("two").to_string() }),
    );
    assert_eq!(
        again.unwrap_err().to_string(),
        "AlreadyExistsException: ChangeSet [a] already exists"
    );
    let listed = cloud.ok("ListChangeSets", &json!({ "StackName": "s" }));
    assert_eq!(listed["Summaries"].as_array().unwrap().len(), 2);
    cloud.ok("ExecuteChangeSet", &json!({ "StackName": "s", "ChangeSetName": "a" }));
    cloud.settle();
    let error = cloud
        .call("DescribeChangeSet", &json!({ "StackName": "s", "ChangeSetName": "b" }))
        .unwrap_err();
    assert_eq!(error.to_string(), "ChangeSetNotFound: ChangeSet [b] does not exist");
    assert_eq!(error.http_status, 404);
    // An executed one is no longer listed, and its name is free again.
    assert_eq!(
        cloud.ok("ListChangeSets", &json!({ "StackName": "s" }))["Summaries"],
        json!([])
    );
    create_set(&mut cloud, "a", &template("three"), &json!([]));
    cloud.ok("DeleteChangeSet", &json!({ "StackName": "s", "ChangeSetName": "a" }));
    cloud.ok(
        "DeleteChangeSet",
        &json!({ "StackName": "s", "ChangeSetName": "nothing" }),
    );
}

#[test]
fn a_direct_update_makes_change_sets_obsolete() {
    let mut cloud = Cloud::new();
    cloud.create("s", &template("one"));
    create_set(&mut cloud, "c", &template("two"), &json!([]));
    cloud.update("s", &template("three"));
    assert_eq!(describe(&mut cloud, "c", false)["ExecutionStatus"], "OBSOLETE");
    let error = cloud
        .call("ExecuteChangeSet", &json!({ "StackName": "s", "ChangeSetName": "c" }))
        .unwrap_err();
    assert_eq!(error.code, "InvalidChangeSetStatus");
}

#[test]
fn only_the_image_changes_when_the_rest_keeps_its_previous_value() {
    let template = json!({
        "Parameters": { "OneImage": { "Type": "String" }, "TwoImage": { "Type": "String" } },
        "Resources": {
            "One": { "Type": "AWS::ECS::Service", "Properties": { "Size": { "Ref": "OneImage" } } },
            "Two": { "Type": "AWS::ECS::Service", "DependsOn": "One", "Properties": { "Size": { "Ref": "TwoImage" } } },
        },
    });
    let mut cloud = Cloud::new();
    let parameters = json!([{ "ParameterKey": "OneImage", "ParameterValue": "a" }, { "ParameterKey": "TwoImage", "ParameterValue": "a" }]);
    cloud.ok(
        "CreateStack",
        &json!({ "StackName": "s", "TemplateBody": template.to_string(), "Parameters": parameters }),
    );
    cloud.settle();
    cloud.world.log.clear();
    cloud.ok("CreateChangeSet", &json!({
        "StackName": "s", "ChangeSetName": "c", "UsePreviousTemplate": true,
        "Parameters": [{ "ParameterKey": "OneImage", "ParameterValue": "b" }, { "ParameterKey": "TwoImage", "UsePreviousValue": "true" }],
    }));
    cloud.ok("ExecuteChangeSet", &json!({ "StackName": "s", "ChangeSetName": "c" }));
    cloud.settle();
    assert_eq!(cloud.world.log, ["update One one-1"]);
}
