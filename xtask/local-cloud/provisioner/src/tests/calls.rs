//! What the calls that only look answer, and exports between stacks.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::Cloud;
use super::cloud::pretty;
use super::life::service;

#[test]
fn describes_a_stack_in_full() {
    let mut cloud = Cloud::new();
    let template = json!({
        "Description": "A stack",
        "Parameters": { "P": { "Type": "String", "NoEcho": "true" }, "Q": { "Type": "Number", "Default": 3 } },
        "Resources": { "A": { "Type": "AWS::IAM::Role", "Metadata": { "why": { "Ref": "Q" } } } },
        "Outputs": { "Arn": { "Value": { "Fn::GetAtt": ["A", "Arn"] }, "Export": { "Name": { "Fn::Sub": "${AWS::StackName}-Arn" } } } },
    });
    cloud.ok("CreateStack", &json!({
        "StackName": "full", "TemplateBody": template.to_string(), "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [{ "ParameterKey": "P", "ParameterValue": "hidden" }], "Tags": [{ "Key": "k", "Value": "v" }],
        "RoleARN": "arn:aws:iam::123456789012:role/x", "TimeoutInMinutes": "10", "EnableTerminationProtection": "true",
    }));
    cloud.settle();
    let state = serde_json::to_string(&cloud.ok("DescribeStacks", &json!({}))).unwrap();
    assert!(!state.contains("hidden"));
    assert_snapshot!(
        "describe_stacks",
        pretty(&cloud.ok("DescribeStacks", &json!({ "StackName": "full" })))
    );
    assert_snapshot!(
        "resource",
        pretty(&cloud.ok(
            "DescribeStackResource",
            &json!({ "StackName": "full", "LogicalResourceId": "A" })
        ))
    );
    assert_snapshot!(
        "summary",
        pretty(&cloud.ok("GetTemplateSummary", &json!({ "StackName": "full" })))
    );
    assert_snapshot!(
        "list_stacks",
        pretty(&cloud.ok("ListStacks", &json!({ "StackStatusFilter": ["CREATE_COMPLETE"] })))
    );
    assert_eq!(
        cloud.ok("ListStacks", &json!({ "StackStatusFilter": ["DELETE_COMPLETE"] }))["StackSummaries"],
        json!([])
    );
    assert_eq!(
        cloud.ok("GetTemplate", &json!({ "StackName": "full" }))["TemplateBody"],
        template.to_string()
    );
    let events = cloud.ok("DescribeStackEvents", &json!({ "StackName": "full" }));
    assert_snapshot!("newest_event", pretty(&events["StackEvents"][0]));
    let resources = cloud.ok("DescribeStackResources", &json!({ "PhysicalResourceId": "a-1" }));
    assert_eq!(resources["StackResources"][0]["StackName"], "full");
}

#[test]
fn events_come_in_pages_newest_first_while_new_ones_arrive() {
    let mut cloud = Cloud::new();
    let mut resources = json!({});
    for index in 0..50 {
        resources[format!("R{index}")] = json!({ "Type": "AWS::X::Y" });
    }
    cloud.create("s", &json!({ "Resources": resources }));
    let all: Vec<String> = cloud.events_ids("s");
    assert_eq!(all.len(), 152);
    let first = cloud.ok("DescribeStackEvents", &json!({ "StackName": "s" }));
    cloud.ok("DeleteStack", &json!({ "StackName": "s" }));
    let input = json!({ "StackName": first["StackEvents"][0]["StackId"], "NextToken": first["NextToken"] });
    let second = cloud.ok("DescribeStackEvents", &input);
    assert_eq!(second.get("NextToken"), None);
    let paged: Vec<&Value> = [&first, &second]
        .iter()
        .flat_map(|page| page["StackEvents"].as_array().unwrap())
        .map(|event| &event["EventId"])
        .collect();
    assert_eq!(paged, all.iter().collect::<Vec<_>>());
    let error = cloud
        .call("DescribeStackEvents", &json!({ "StackName": "s", "NextToken": "x" }))
        .unwrap_err();
    assert_eq!(error.message, "NextToken is not valid; begin again without it");
}

#[test]
fn the_history_is_bounded() {
    let mut cloud = Cloud::new();
    cloud.restarts = false;
    cloud.create("s", &service("v0"));
    for version in 0..200 {
        cloud.update("s", &service(&format!("w{version}")));
    }
    assert_eq!(cloud.events_ids("s").len(), 1000);
    for _ in 0..60 {
        cloud.create("t", &json!({ "Resources": { "A": { "Type": "AWS::X::Y" } } }));
        cloud.ok("DeleteStack", &json!({ "StackName": "t" }));
        cloud.settle();
    }
    assert_eq!(cloud.stacks.list.len(), 51);
}

#[test]
fn an_export_in_use_stays() {
    let exporter = |value: &str, exported: bool| {
        let mut template = json!({
            "Resources": { "A": { "Type": "AWS::X::Y", "Properties": { "Size": value } } },
            "Outputs": { "Out": { "Value": value } },
        });
        if exported {
            template["Outputs"]["Out"]["Export"] = json!({ "Name": "shared" });
        }
        template
    };
    let importer = json!({ "Resources": { "B": { "Type": "AWS::X::Y", "Properties": { "Size": { "Fn::ImportValue": "shared" } } } } });
    let mut cloud = Cloud::new();
    let missing = cloud
        .call(
            "CreateStack",
            &json!({ "StackName": "user", "TemplateBody": importer.to_string() }),
        )
        .unwrap_err();
    assert_eq!(missing.message, "No export named shared found.");
    cloud.create("maker", &exporter("1", true));
    cloud.create("user", &importer);
    assert_eq!(cloud.world.things["b-2"].properties, json!({ "Size": "1" }));
    assert_eq!(
        cloud.ok("ListImports", &json!({ "ExportName": "shared" })),
        json!({ "Imports": ["user"] })
    );
    assert_eq!(cloud.ok("ListExports", &json!({}))["Exports"][0]["Value"], "1");
    let error = cloud.call("DeleteStack", &json!({ "StackName": "maker" })).unwrap_err();
    assert_eq!(
        error.message,
        "Delete canceled. Cannot delete export shared as it is in use by user."
    );
    for (template, reason) in [
        (
            exporter("2", true),
            "Cannot update export shared as it is in use by user.",
        ),
        (
            exporter("1", false),
            "Cannot delete export shared as it is in use by user.",
        ),
    ] {
        cloud.update("maker", &template);
        assert_eq!(cloud.status("maker"), "UPDATE_ROLLBACK_COMPLETE");
        assert!(cloud.events("maker").contains(reason));
        assert_eq!(cloud.world.things["a-1"].properties, json!({ "Size": "1" }));
    }
    cloud.create("second", &exporter("3", true));
    assert_eq!(cloud.status("second"), "ROLLBACK_COMPLETE");
    cloud.ok("DeleteStack", &json!({ "StackName": "user" }));
    cloud.settle();
    let unused = cloud
        .call("ListImports", &json!({ "ExportName": "shared" }))
        .unwrap_err();
    assert_eq!(unused.message, "Export 'shared' is not imported by any stack.");
    cloud.ok("DeleteStack", &json!({ "StackName": "maker" }));
}

#[test]
fn the_same_seed_and_calls_give_the_same_ids() {
    let [one, two] = [(), ()].map(|()| {
        let mut cloud = Cloud::new();
        cloud.create("web", &service("v1"));
        cloud.events_ids("web")
    });
    assert_eq!(one, two);
    let unique: std::collections::BTreeSet<&String> = one.iter().collect();
    assert_eq!(unique.len(), one.len());
}

#[test]
fn a_repeated_request_is_the_same_request() {
    let mut cloud = Cloud::new();
    let input = json!({ "StackName": "web", "TemplateBody": service("v1").to_string(), "ClientRequestToken": "once" });
    let first = cloud.ok("CreateStack", &input);
    assert_eq!(cloud.ok("CreateStack", &input), first);
    cloud.settle();
    assert_eq!(cloud.events("web").matches("User Initiated").count(), 1);
}
