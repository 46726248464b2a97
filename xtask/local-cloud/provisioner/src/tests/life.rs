//! Creation, its failure, and deletion.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{Behaviour, Cloud};

/// A network, a listener and two services, the second of which waits for the first.
pub(super) fn service(image: &str) -> Value {
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Vpc": { "Type": "AWS::EC2::VPC", "Properties": { "Name": "net" } },
            "Listener": { "Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": { "Vpc": { "Ref": "Vpc" } } },
            "First": { "Type": "AWS::ECS::Service", "DependsOn": "Listener", "Properties": { "Size": image } },
            "Second": { "Type": "AWS::ECS::Service", "DependsOn": ["Listener", "First"], "Properties": { "Size": image } },
        },
        "Outputs": {
            "Endpoint": { "Value": { "Fn::Sub": "http://${Listener.Arn}:80/" }, "Description": "Where it listens" },
        },
    })
}

#[test]
fn creates_in_dependency_order() {
    let mut cloud = Cloud::new();
    cloud.script("First", "create", &[Behaviour::After(3)]);
    cloud.create("web", &service("v1"));
    assert_snapshot!(cloud.events("web"));
    let described = cloud.ok("DescribeStacks", &json!({}));
    assert_eq!(
        described["Stacks"][0]["Outputs"][0]["OutputValue"],
        "http://arn:listener-2:80/"
    );
}

#[test]
fn rolls_a_failed_creation_back() {
    let mut cloud = Cloud::new();
    cloud.script(
        "First",
        "create",
        &[Behaviour::FailsAfter(2, "Exceeded attempts to wait")],
    );
    cloud.create("web", &service("v1"));
    assert_snapshot!(cloud.events("web"));
    assert!(cloud.world.things.is_empty());
}

#[test]
fn cancels_what_is_under_way_at_the_first_failure() {
    let mut cloud = Cloud::new();
    let template = json!({ "Resources": {
        "A": { "Type": "AWS::X::Y" }, "B": { "Type": "AWS::X::Y" }, "C": { "Type": "AWS::X::Y" },
    }});
    cloud.script("A", "create", &[Behaviour::After(100)]);
    cloud.script("B", "create", &[Behaviour::FailsAfter(1, "no")]);
    cloud.script("C", "create", &[Behaviour::After(0)]);
    cloud.create("s", &template);
    assert_snapshot!(cloud.events("s"));
    assert!(cloud.world.things.is_empty());
}

#[test]
fn does_what_on_failure_says() {
    for (on_failure, status, left) in [
        ("DO_NOTHING", "CREATE_FAILED", 2),
        ("ROLLBACK", "ROLLBACK_COMPLETE", 0),
        ("DELETE", "DELETE_COMPLETE", 0),
    ] {
        let mut cloud = Cloud::new();
        cloud.script("First", "create", &[Behaviour::Refused("quota")]);
        let input = json!({ "StackName": "web", "TemplateBody": service("v1").to_string(), "OnFailure": on_failure });
        let id = cloud.ok("CreateStack", &input)["StackId"].as_str().unwrap().to_owned();
        cloud.settle();
        assert_eq!(cloud.status(&id), status, "{on_failure}");
        assert_eq!(cloud.world.things.len(), left, "{on_failure}");
        let events = cloud.events(&id);
        assert!(events.contains("quota"), "{events}");
    }
}

#[test]
fn a_rolled_back_stack_can_only_be_deleted() {
    let mut cloud = Cloud::new();
    cloud.script("Vpc", "create", &[Behaviour::Refused("quota")]);
    cloud.create("web", &service("v1"));
    let input = json!({ "StackName": "web", "TemplateBody": service("v2").to_string() });
    let error = cloud.call("UpdateStack", &input).unwrap_err();
    assert!(
        error
            .message
            .ends_with("is in ROLLBACK_COMPLETE state and can not be updated."),
        "{error}"
    );
    let error = cloud.call("CreateStack", &input).unwrap_err();
    assert_eq!(error.to_string(), "AlreadyExistsException: Stack [web] already exists");
    cloud.ok("DeleteStack", &json!({ "StackName": "web" }));
    cloud.settle();
    cloud.create("web", &service("v1"));
    assert_eq!(cloud.status("web"), "CREATE_COMPLETE");
}

#[test]
fn deletes_in_the_reverse_order() {
    let mut cloud = Cloud::new();
    cloud.create("web", &service("v1"));
    let id = cloud.ok("DescribeStacks", &json!({}))["Stacks"][0]["StackId"]
        .as_str()
        .unwrap()
        .to_owned();
    cloud.world.log.clear();
    cloud.script("Second", "delete", &[Behaviour::After(4)]);
    cloud.ok(
        "DeleteStack",
        &json!({ "StackName": "web", "ClientRequestToken": "go-1" }),
    );
    cloud.settle();
    assert_eq!(
        cloud.world.log,
        [
            "delete Second second-4",
            "delete First first-3",
            "delete Listener listener-2",
            "delete Vpc vpc-1"
        ]
    );
    assert_eq!(cloud.status(&id), "DELETE_COMPLETE");
    assert!(cloud.world.things.is_empty());
    let error = cloud
        .call("DescribeStacks", &json!({ "StackName": "web" }))
        .unwrap_err();
    assert_eq!(error.to_string(), "ValidationError: Stack with id web does not exist");
    let last = &cloud.ok("DescribeStackEvents", &json!({ "StackName": id }))["StackEvents"][0];
    assert_eq!(
        (&last["ResourceStatus"], &last["ClientRequestToken"]),
        (&json!("DELETE_COMPLETE"), &json!("go-1"))
    );
}

#[test]
fn a_failed_deletion_can_be_tried_again_or_leave_a_resource() {
    let mut cloud = Cloud::new();
    cloud.create("web", &service("v1"));
    let busy = Behaviour::FailsAfter(1, "listener is busy");
    cloud.script("Listener", "delete", &[busy.clone(), busy]);
    cloud.ok("DeleteStack", &json!({ "StackName": "web" }));
    cloud.settle();
    assert_eq!(cloud.status("web"), "DELETE_FAILED");
    let described = cloud.ok("DescribeStacks", &json!({ "StackName": "web" }));
    assert_eq!(
        described["Stacks"][0]["StackStatusReason"],
        "The following resource(s) failed to delete: [Listener]."
    );
    cloud.ok("DeleteStack", &json!({ "StackName": "web" }));
    cloud.settle();
    assert_eq!(cloud.status("web"), "DELETE_FAILED");
    cloud.ok(
        "DeleteStack",
        &json!({ "StackName": "web", "RetainResources": ["Listener"] }),
    );
    let id = described["Stacks"][0]["StackId"].as_str().unwrap();
    cloud.settle();
    assert_eq!(cloud.status(id), "DELETE_COMPLETE");
    assert_eq!(cloud.world.things.keys().collect::<Vec<_>>(), ["listener-2"]);
    assert_snapshot!(cloud.events(id));
}

#[test]
fn keeps_what_its_policy_says() {
    let template = |policy: &str| json!({ "Resources": { "Keep": { "Type": "AWS::X::Y", "DeletionPolicy": policy }, "Bad": { "Type": "AWS::X::Y", "DependsOn": "Keep" } } });
    // (policy, whether the creation fails, what is left)
    for (policy, fails, left) in [
        ("Delete", false, 0),
        ("Retain", false, 1),
        ("RetainExceptOnCreate", false, 1),
        ("Retain", true, 1),
        ("RetainExceptOnCreate", true, 0),
    ] {
        let mut cloud = Cloud::new();
        if fails {
            cloud.script("Bad", "create", &[Behaviour::Refused("no")]);
        }
        cloud.create("s", &template(policy));
        if !fails {
            cloud.ok("DeleteStack", &json!({ "StackName": "s" }));
            cloud.settle();
        }
        assert_eq!(cloud.world.things.len(), left, "{policy} {fails}");
    }
}

#[test]
fn an_operation_that_never_ends_times_out() {
    let mut cloud = Cloud::new();
    cloud.script("Vpc", "create", &[Behaviour::Hangs]);
    cloud.ok(
        "CreateStack",
        &json!({ "StackName": "web", "TemplateBody": service("v1").to_string() }),
    );
    cloud.advance_all();
    assert_eq!(cloud.stacks.next_deadline(), Some(cloud.now + crate::DEFAULT_TIMEOUT));
    cloud.now += crate::DEFAULT_TIMEOUT;
    cloud.settle();
    assert!(
        cloud
            .events("web")
            .contains("Resource timed out waiting for completion")
    );
    assert_eq!(cloud.status("web"), "ROLLBACK_COMPLETE");
}

#[test]
fn a_creation_has_the_time_that_it_was_given() {
    let mut cloud = Cloud::new();
    cloud.script("Vpc", "create", &[Behaviour::Hangs]);
    cloud.ok(
        "CreateStack",
        &json!({ "StackName": "web", "TemplateBody": service("v1").to_string(), "TimeoutInMinutes": "5" }),
    );
    cloud.advance_all();
    cloud.now += Duration::from_mins(5);
    cloud.settle();
    assert!(
        cloud
            .events("web")
            .contains("Stack creation time exceeded the specified timeout. Rollback requested by user.")
    );
}

#[test]
fn a_creation_can_be_deleted_while_it_runs() {
    let mut cloud = Cloud::new();
    cloud.script("Listener", "create", &[Behaviour::After(50)]);
    let input = json!({ "StackName": "web", "TemplateBody": service("v1").to_string() });
    let id = cloud.ok("CreateStack", &input)["StackId"].as_str().unwrap().to_owned();
    cloud.advance_all();
    cloud.ok("DeleteStack", &json!({ "StackName": "web" }));
    cloud.settle();
    assert_eq!(cloud.status(&id), "DELETE_COMPLETE");
    assert!(cloud.world.things.is_empty());
    assert!(cloud.events(&id).contains("Resource creation cancelled"));
}

#[test]
fn a_protected_stack_is_not_deleted() {
    let mut cloud = Cloud::new();
    cloud.create("web", &service("v1"));
    cloud.ok(
        "UpdateTerminationProtection",
        &json!({ "StackName": "web", "EnableTerminationProtection": "true" }),
    );
    let error = cloud.call("DeleteStack", &json!({ "StackName": "web" })).unwrap_err();
    assert_eq!(
        error.message,
        "Stack [web] cannot be deleted while TerminationProtection is enabled"
    );
    cloud.ok(
        "UpdateTerminationProtection",
        &json!({ "StackName": "web", "EnableTerminationProtection": "false" }),
    );
    cloud.ok("DeleteStack", &json!({ "StackName": "web" }));
}
