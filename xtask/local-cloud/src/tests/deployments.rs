//! Deployments that fail or are stopped, as ECS and CloudFormation tell of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rig::{Rig, template};
use crate::wire::Service;
use crate::world::Happening;

/// The newest service deployment.
fn newest(rig: &mut Rig) -> Value {
    let cluster = rig.ecs("ListClusters", json!({}))["clusterArns"][0].clone();
    let listed = rig.ecs(
        "ListServiceDeployments",
        json!({"cluster": cluster, "service": "service"}),
    );
    let arn = listed["serviceDeployments"][0]["serviceDeploymentArn"].clone();
    let described = rig.ecs("DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]}));
    described["serviceDeployments"][0].clone()
}

/// Runs on while every task but those of `good` exits as soon as it runs; gives the stack's status in the end.
fn finish_while_tasks_exit(rig: &mut Rig, good: &BTreeSet<String>) -> String {
    rig.run_until(|rig| {
        let bad = rig.running.difference(good).cloned().collect::<Vec<_>>();
        for task in &bad {
            rig.exit(task, Some(7));
        }
        let told = newest(rig)["status"]
            .as_str()
            .is_some_and(|status| status != "IN_PROGRESS");
        told || !rig.status("stack").ends_with("_IN_PROGRESS")
    });
    rig.finish("stack")
}

#[test]
fn tasks_that_exit_trip_the_breaker_and_the_update_is_undone() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 3));
    let (good, before) = (rig.running.clone(), newest(&mut rig));
    rig.begin_update("stack", &template("b", 3));
    assert_eq!(finish_while_tasks_exit(&mut rig, &good), "UPDATE_ROLLBACK_COMPLETE");
    assert!(
        rig.reasons("stack")
            .contains("ECS deployment circuit breaker: tasks failed to start."),
        "{}",
        rig.reasons("stack")
    );
    assert!(rig.running.is_superset(&good), "what ran before runs on");

    let cluster = rig.ecs("ListClusters", json!({}))["clusterArns"][0].clone();
    let stopped = rig.ecs("ListTasks", json!({"cluster": cluster, "desiredStatus": "STOPPED"}))["taskArns"].clone();
    let tasks = rig.ecs("DescribeTasks", json!({"cluster": cluster, "tasks": stopped}));
    let failed = tasks["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|task| task["containers"][0]["exitCode"] == 7);
    let failed = failed.unwrap();
    assert_eq!(failed["stopCode"], "EssentialContainerExited");
    assert_eq!(failed["stoppedReason"], "Essential container in task exited");

    let listed = rig.ecs(
        "ListServiceDeployments",
        json!({"cluster": cluster, "service": "service", "status": ["ROLLBACK_SUCCESSFUL"]}),
    );
    let arn = listed["serviceDeployments"][0]["serviceDeploymentArn"].clone();
    let told =
        rig.ecs("DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]}))["serviceDeployments"][0].clone();
    assert_eq!(told["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        told["deploymentCircuitBreaker"],
        json!({"status": "TRIGGERED", "failureCount": 3, "threshold": 3})
    );
    assert_eq!(told["alarms"]["status"], "DISABLED");
    assert_eq!(
        told["rollback"]["serviceRevisionArn"],
        before["targetServiceRevision"]["arn"]
    );
}

#[test]
fn a_deployment_can_be_stopped_while_it_runs() {
    for stop_type in ["ROLLBACK", "ABORT"] {
        let mut rig = Rig::new();
        rig.create("stack", &template("a", 3));
        let first = newest(&mut rig)["serviceDeploymentArn"].clone();
        rig.begin_update("stack", &template("b", 3));
        rig.run_until(|rig| newest(rig)["status"] == "IN_PROGRESS");
        let arn = newest(&mut rig)["serviceDeploymentArn"].clone();
        let input = json!({"serviceDeploymentArn": arn, "stopType": stop_type});
        assert_eq!(
            rig.ecs("StopServiceDeployment", input.clone()),
            json!({"serviceDeploymentArn": arn})
        );
        assert_eq!(rig.finish("stack"), "UPDATE_ROLLBACK_COMPLETE", "{stop_type}");
        assert!(
            rig.reasons("stack").contains("stopped by user"),
            "{}",
            rig.reasons("stack")
        );
        rig.run_until(|rig| rig.running.len() == 3 && rig.waiting.is_empty());

        let mut refused = |arn: &Value, expected: &str| {
            let fault = rig.call(
                Service::Ecs,
                "StopServiceDeployment",
                json!({"serviceDeploymentArn": arn}),
            );
            assert_eq!(fault.unwrap_err().code, expected, "{stop_type} {arn}");
        };
        refused(&arn, "ConflictException");
        refused(&first, "ConflictException");
        refused(
            &json!("arn:aws:ecs:eu-west-1:000000000000:service-deployment/a/b/c"),
            "ServiceDeploymentNotFoundException",
        );
    }
}

#[test]
fn a_service_is_changed_by_its_stack_alone() {
    let mut rig = Rig::new();
    let fault = rig
        .call(Service::Ecs, "UpdateService", json!({"service": "service"}))
        .unwrap_err();
    assert_eq!(fault.code, "UnsupportedFeatureException");
    assert!(fault.message.contains("stack"), "{}", fault.message);
}

/// The small service with other values of some of its properties.
fn with(change: impl Fn(&mut Value)) -> Value {
    let mut template = template("a", 3);
    change(&mut template["Resources"]["Service"]["Properties"]);
    template
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>
#[test]
fn settings_change_without_a_deployment() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 3));
    let (before, tasks) = (newest(&mut rig), rig.running.clone());
    let changed = [
        with(|service| service["HealthCheckGracePeriodSeconds"] = json!(30)),
        with(|service| service["DeploymentConfiguration"]["BakeTimeInMinutes"] = json!(5)),
        with(|service| service["DeploymentConfiguration"]["MaximumPercent"] = json!(150)),
        with(|service| {
            service["DeploymentConfiguration"]["Alarms"] =
                json!({"Enable": false, "Rollback": true, "AlarmNames": ["a"]});
        }),
        with(|service| {
            service["DeploymentConfiguration"]["DeploymentCircuitBreaker"] =
                json!({"Enable": false, "Rollback": false});
        }),
    ];
    for template in changed {
        assert_eq!(rig.update("stack", &template), "UPDATE_COMPLETE");
        assert_eq!(newest(&mut rig)["serviceDeploymentArn"], before["serviceDeploymentArn"]);
        assert_eq!(rig.running, tasks);
    }
}

#[test]
fn events_say_why_no_task_is_placed() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 1));
    let (cluster, good) = (
        rig.ecs("ListClusters", json!({}))["clusterArns"][0].clone(),
        rig.running.clone(),
    );
    rig.begin_update("stack", &template("b", 1));
    let reason = "CannotPullContainerError: 127.0.0.1:4566/service@sha256:0: not found";
    rig.run_until(|rig| {
        for happening in &mut rig.waiting {
            if let Happening::TaskStarted { task, .. } = happening
                && !good.contains(task)
            {
                let (task, reason) = (task.clone(), reason.to_owned());
                *happening = Happening::TaskStartFailed { task, reason };
            }
        }
        newest(rig)["status"] != "IN_PROGRESS"
    });
    let services = rig.ecs("DescribeServices", json!({"cluster": cluster, "services": ["service"]}));
    let events = services["services"][0]["events"].as_array().unwrap().iter();
    let messages = events
        .map(|event| event["message"].as_str().unwrap())
        .collect::<Vec<_>>();
    let unplaced = format!("(service service) was unable to place a task. Reason: {reason}.");
    assert!(messages.contains(&unplaced.as_str()), "{messages:?}");
    let failed = messages.iter().find(|message| message.contains("deployment failed"));
    assert!(
        failed.unwrap().ends_with("deployment failed: tasks failed to start."),
        "{messages:?}"
    );
}
