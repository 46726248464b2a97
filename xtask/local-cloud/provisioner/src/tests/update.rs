//! Updates, their rollback, and what is left when that fails too.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::life::service;
use super::{Behaviour, Cloud};

fn chain(name: &str, size: &str) -> Value {
    json!({ "Resources": {
        "A": { "Type": "AWS::X::Y", "Properties": { "Name": name, "Size": size } },
        "B": { "Type": "AWS::X::Y", "Properties": { "Of": { "Ref": "A" }, "Size": size } },
        "C": { "Type": "AWS::X::Y", "Properties": { "Of": { "Fn::GetAtt": ["A", "Arn"] } } },
    }})
}

#[test]
fn the_second_service_waits_for_the_first() {
    let mut cloud = Cloud::new();
    cloud.create("web", &service("v1"));
    cloud.script("First", "update", &[Behaviour::After(9)]);
    cloud.update("web", &service("v2"));
    assert_snapshot!(
        cloud
            .events("web")
            .split_once("CREATE_COMPLETE\nweb ")
            .map_or_else(|| cloud.events("web"), |(_, rest)| rest.to_owned())
    );
    assert_eq!(cloud.status("web"), "UPDATE_COMPLETE");
}

#[test]
fn a_failing_first_service_leaves_the_second_alone() {
    let mut cloud = Cloud::new();
    cloud.create("web", &service("v1"));
    let before = cloud.world.things.clone();
    cloud.world.log.clear();
    cloud.script(
        "First",
        "update",
        &[Behaviour::FailsAfter(2, "ECS Deployment Circuit Breaker was triggered")],
    );
    cloud.update("web", &service("v2"));
    assert_eq!(cloud.world.log, ["update First first-3", "update First first-3"]);
    assert_eq!(cloud.world.things, before);
    assert_snapshot!(cloud.events("web"));
}

#[test]
fn replaces_then_updates_dependents_then_deletes_the_old() {
    let mut cloud = Cloud::new();
    cloud.create("s", &chain("one", "1"));
    cloud.world.log.clear();
    cloud.update("s", &chain("two", "1"));
    assert_eq!(
        cloud.world.log,
        ["create A a-4", "update B b-2", "update C c-3", "delete A a-1"]
    );
    assert_snapshot!(cloud.events("s"));
}

#[test]
fn a_failed_replacement_goes_back_to_the_old_one() {
    let mut cloud = Cloud::new();
    cloud.create("s", &chain("one", "1"));
    let before = cloud.world.things.clone();
    cloud.world.log.clear();
    cloud.script("C", "update", &[Behaviour::FailsAfter(3, "no")]);
    cloud.script("B", "update", &[Behaviour::After(1)]);
    cloud.update("s", &chain("two", "2"));
    assert_eq!(cloud.world.things, before);
    assert_eq!(
        cloud.world.log,
        [
            "create A a-4",
            "update B b-2",
            "update C c-3",
            "update B b-2",
            "update C c-3",
            "delete A a-4"
        ]
    );
    assert_snapshot!(cloud.events("s"));
}

#[test]
fn unchanged_after_resolution_means_no_call() {
    let template = |size: &str| {
        json!({ "Resources": {
            "A": { "Type": "AWS::X::Y", "Properties": { "Size": size } },
            "B": { "Type": "AWS::X::Y", "Properties": { "Of": { "Fn::GetAtt": "A.Arn" } } },
        }})
    };
    let mut cloud = Cloud::new();
    cloud.create("s", &template("1"));
    cloud.world.log.clear();
    cloud.update("s", &template("2"));
    assert_eq!(cloud.world.log, ["update A a-1"]);
}

#[test]
fn what_is_removed_goes_last() {
    let mut cloud = Cloud::new();
    cloud.create("s", &chain("one", "1"));
    let mut without = chain("one", "2");
    without["Resources"].as_object_mut().unwrap().remove("C");
    without["Resources"]["D"] = json!({ "Type": "AWS::X::Y" });
    cloud.world.log.clear();
    cloud.update("s", &without);
    assert_eq!(
        cloud.world.log,
        ["update A a-1", "create D d-4", "update B b-2", "delete C c-3"]
    );
    let listed = cloud.ok("ListStackResources", &json!({ "StackName": "s" }));
    let ids: Vec<&Value> = listed["StackResourceSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| &resource["LogicalResourceId"])
        .collect();
    assert_eq!(ids, ["A", "B", "D"]);
}

#[test]
fn tags_reach_the_resources_and_policies_need_no_call() {
    let mut cloud = Cloud::new();
    cloud.create("s", &chain("one", "1"));
    cloud.world.log.clear();
    let input = json!({ "StackName": "s", "UsePreviousTemplate": "true", "Tags": [{ "Key": "team", "Value": "x" }] });
    cloud.ok("UpdateStack", &input);
    cloud.settle();
    assert_eq!(cloud.world.log.len(), 3);
    assert_eq!(cloud.world.things["a-1"].tags["team"], "x");
    assert_eq!(cloud.world.things["a-1"].tags["aws:cloudformation:logical-id"], "A");
    let mut kept = chain("one", "1");
    kept["Resources"]["A"]["DeletionPolicy"] = json!("Retain");
    cloud.world.log.clear();
    cloud.update("s", &kept);
    assert_eq!(cloud.status("s"), "UPDATE_COMPLETE");
    assert!(cloud.world.log.is_empty());
    cloud.ok("DeleteStack", &json!({ "StackName": "s" }));
    cloud.settle();
    assert_eq!(cloud.world.things.keys().collect::<Vec<_>>(), ["a-1"]);
}

#[test]
fn a_failed_rollback_can_be_continued_or_skipped() {
    for skip in [false, true] {
        let mut cloud = Cloud::new();
        cloud.create("web", &service("v1"));
        let before = cloud.world.things.clone();
        cloud.script(
            "First",
            "update",
            &[
                Behaviour::FailsAfter(1, "bad image"),
                Behaviour::FailsAfter(1, "still bad"),
            ],
        );
        cloud.update("web", &service("v2"));
        assert_eq!(cloud.status("web"), "UPDATE_ROLLBACK_FAILED");
        let error = cloud
            .call(
                "UpdateStack",
                &json!({ "StackName": "web", "TemplateBody": service("v3").to_string() }),
            )
            .unwrap_err();
        assert!(
            error
                .message
                .ends_with("is in UPDATE_ROLLBACK_FAILED state and can not be updated.")
        );
        let skipped = if skip { json!(["First"]) } else { json!([]) };
        let error = cloud
            .call(
                "ContinueUpdateRollback",
                &json!({ "StackName": "web", "ResourcesToSkip": ["Second"] }),
            )
            .unwrap_err();
        assert!(
            error
                .message
                .contains("Resource [Second] is not in UPDATE_FAILED state"),
            "{error}"
        );
        cloud.ok(
            "ContinueUpdateRollback",
            &json!({ "StackName": "web", "ResourcesToSkip": skipped }),
        );
        cloud.settle();
        assert_eq!(cloud.status("web"), "UPDATE_ROLLBACK_COMPLETE");
        assert_eq!(cloud.world.things, before);
        // Updated, rolled back in vain, and rolled back again unless that was skipped.
        assert_eq!(
            cloud
                .world
                .log
                .iter()
                .filter(|line| line.starts_with("update First"))
                .count(),
            if skip { 2 } else { 3 }
        );
        assert_snapshot!(format!("continue_skip_{skip}"), cloud.events("web"));
    }
}

#[test]
fn an_update_can_be_cancelled() {
    let mut cloud = Cloud::new();
    cloud.create("web", &service("v1"));
    let before = cloud.world.things.clone();
    cloud.script("First", "update", &[Behaviour::After(60)]);
    cloud.ok(
        "UpdateStack",
        &json!({ "StackName": "web", "TemplateBody": service("v2").to_string() }),
    );
    cloud.advance_all();
    let error = cloud.call("DeleteStack", &json!({ "StackName": "web" })).unwrap_err();
    assert_eq!(
        error.message,
        "Stack [web] cannot be deleted while in status UPDATE_IN_PROGRESS"
    );
    cloud.ok("CancelUpdateStack", &json!({ "StackName": "web" }));
    cloud.settle();
    assert_eq!(cloud.status("web"), "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(cloud.world.things, before);
    assert_eq!(
        cloud
            .call("CancelUpdateStack", &json!({ "StackName": "web" }))
            .unwrap_err()
            .message,
        "CancelUpdateStack cannot be called from current stack status"
    );
}

#[test]
fn without_rollback_the_failed_update_can_be_mended_or_rolled_back() {
    for mend in [true, false] {
        let mut cloud = Cloud::new();
        cloud.create("s", &chain("one", "1"));
        let before = cloud.world.things.clone();
        cloud.script("B", "update", &[Behaviour::FailsAfter(1, "no")]);
        cloud.ok(
            "UpdateStack",
            &json!({ "StackName": "s", "TemplateBody": chain("two", "2").to_string(), "DisableRollback": true }),
        );
        cloud.settle();
        assert_eq!(cloud.status("s"), "UPDATE_FAILED");
        if mend {
            // The same again: what failed is tried again, and what the failed update never came to is brought up to date.
            cloud.world.log.clear();
            cloud.update("s", &chain("two", "2"));
            assert!(
                cloud.world.log.contains(&"update B b-2".to_owned()),
                "{:?}",
                cloud.world.log
            );
            assert_eq!(cloud.status("s"), "UPDATE_COMPLETE");
            assert_eq!(cloud.world.things.keys().collect::<Vec<_>>(), ["a-4", "b-2", "c-3"]);
            assert_eq!(
                cloud.world.things["b-2"].properties,
                json!({ "Of": "a-4", "Size": "2" })
            );
            assert_eq!(cloud.world.things["c-3"].properties, json!({ "Of": "arn:a-4" }));
        } else {
            cloud.ok("RollbackStack", &json!({ "StackName": "s" }));
            cloud.settle();
            assert_eq!(cloud.status("s"), "UPDATE_ROLLBACK_COMPLETE");
            assert_eq!(cloud.world.things, before);
        }
    }
}

#[test]
fn leftovers_that_cannot_be_deleted_do_not_fail_the_update() {
    let mut cloud = Cloud::new();
    cloud.create("s", &chain("one", "1"));
    cloud.script(
        "A",
        "delete",
        &[
            Behaviour::Refused("a"),
            Behaviour::Refused("b"),
            Behaviour::Refused("c"),
        ],
    );
    cloud.update("s", &chain("two", "1"));
    let described = cloud.ok("DescribeStacks", &json!({ "StackName": "s" }));
    assert_eq!(described["Stacks"][0]["StackStatus"], "UPDATE_COMPLETE");
    assert_eq!(
        described["Stacks"][0]["StackStatusReason"],
        "Update successful. One or more resources could not be deleted."
    );
    assert_eq!(cloud.events("s").matches("DELETE_FAILED").count(), 3);
}

#[test]
fn nothing_to_update_is_an_error() {
    let mut cloud = Cloud::new();
    cloud.create("s", &chain("one", "1"));
    let error = cloud
        .call(
            "UpdateStack",
            &json!({ "StackName": "s", "TemplateBody": chain("one", "1").to_string() }),
        )
        .unwrap_err();
    assert_eq!(error.to_string(), "ValidationError: No updates are to be performed.");
}

#[test]
fn after_a_rollback_the_old_template_is_no_change() {
    let template = |of: &Value, size: &str| {
        json!({ "Resources": {
            "A": { "Type": "AWS::X::Y", "Properties": { "Size": "x" } },
            "B": { "Type": "AWS::X::Y", "Properties": { "Of": of } },
            "C": { "Type": "AWS::X::Y", "DependsOn": "B", "Properties": { "Size": size } },
        }})
    };
    let before = template(&json!("x"), "1");
    let mut cloud = Cloud::new();
    cloud.create("s", &before);
    cloud.script("C", "update", &[Behaviour::Refused("no")]);
    // Resolved, B is what it was; it is the expression that differs.
    cloud.update("s", &template(&json!({ "Fn::GetAtt": ["A", "Size"] }), "2"));
    assert_eq!(cloud.status("s"), "UPDATE_ROLLBACK_COMPLETE");
    let input = json!({ "StackName": "s", "TemplateBody": before.to_string() });
    assert_eq!(
        cloud.call("UpdateStack", &input).unwrap_err().message,
        "No updates are to be performed."
    );
}

#[test]
fn a_leftover_whose_deletion_failed_is_deleted_the_next_time() {
    let mut cloud = Cloud::new();
    cloud.create("s", &chain("one", "1"));
    cloud.script("C", "update", &[Behaviour::Refused("no")]);
    let input = json!({ "StackName": "s", "TemplateBody": chain("two", "1").to_string(), "DisableRollback": "true" });
    let id = cloud.ok("UpdateStack", &input)["StackId"].as_str().unwrap().to_owned();
    cloud.settle();
    assert_eq!(cloud.world.things.len(), 4);
    // One of the two things named A is still there after the first deletion.
    cloud.script("A", "delete", &[Behaviour::After(0), Behaviour::Refused("busy")]);
    cloud.ok("DeleteStack", &json!({ "StackName": "s" }));
    cloud.settle();
    assert_eq!(cloud.status(&id), "DELETE_FAILED");
    assert_eq!(cloud.world.things.len(), 1);
    cloud.ok("DeleteStack", &json!({ "StackName": "s" }));
    cloud.settle();
    assert_eq!(cloud.status(&id), "DELETE_COMPLETE");
    assert!(cloud.world.things.is_empty());
}
