//! What is told of the stages.

use super::*;
use crate::services::Deployment;
use crate::stack::Resource;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn stage(stage: Stage, deployments: &[(&str, u64)]) -> StageStatus {
    let deployment = |(state, running): &(&str, u64)| Deployment {
        id: (*state).to_owned(),
        status: "PRIMARY".to_owned(),
        rollout_state: Some((*state).to_owned()),
        reason: None,
        task_definition: "arn".to_owned(),
        desired: 3,
        running: *running,
        pending: 0,
        failed: 0,
    };
    let service = Service {
        name: stage.service_name(),
        desired: 3,
        running: deployments.iter().map(|(_, running)| running).sum(),
        pending: 1,
        deployments: deployments.iter().map(deployment).collect(),
        events: Vec::new(),
    };
    StageStatus {
        release: Some(format!("sha256:{}", "5".repeat(64))),
        weight: Some(1.0),
        service: Some(service),
        is_read: true,
        minimum: 3,
        bake: Some(Duration::from_mins(5)),
        targets: Some(Targets {
            healthy: 3,
            ..Targets::default()
        }),
        requests_per_second: Some(12.34),
        ..StageStatus::new(stage, format!("registry/service@sha256:{}", "0".repeat(64)))
    }
}

/// Both stages as they should be.
pub(in crate::status) fn healthy() -> Stages {
    Stages {
        each: [Stage::Onebox, Stage::Fleet].map(|name| stage(name, &[("COMPLETED", 3)])),
        alarms: Vec::new(),
        load_balancer_failure: None,
        unread: Vec::new(),
    }
}

/// Onebox bakes, Fleet waits, and the alarms of both are quiet but for one.
pub(in crate::status) fn stages() -> Stages {
    let fleet = StageStatus {
        weight: Some(99.0),
        targets: Some(Targets {
            healthy: 9,
            unhealthy: 1,
            others: 0,
            reason: Some("Target.Timeout".to_owned()),
        }),
        ..stage(Stage::Fleet, &[("COMPLETED", 3)])
    };
    let alarms = ["Fleet", "Onebox"].into_iter().flat_map(|stage| {
        ["ConnectionErrors", "ResponseTime", "ServerErrors", "UnhealthyTargets"].map(|what| {
            let state = if (stage, what) == ("Onebox", "ServerErrors") {
                "ALARM"
            } else {
                "OK"
            };
            let name = format!("OneBoxDeploymentOnECS-Sandbox-{stage}-{what}");
            Alarm {
                since: Some(at(60)),
                ..crate::telling::tests::alarm(&name, state)
            }
        })
    });
    Stages {
        each: [stage(Stage::Onebox, &[("IN_PROGRESS", 3)]), fleet],
        alarms: alarms.collect(),
        load_balancer_failure: None,
        unread: Vec::new(),
    }
}

fn check(deployments: &[(&str, u64)], alone_since: Option<u64>, expected: &str) {
    let row = stage(Stage::Onebox, deployments).row(alone_since.map(at), at(400), true);
    assert_eq!(row.join(" | "), expected);
}

#[test]
fn a_stage_in_a_row() {
    let told = |tasks: &str, deployment: &str| {
        format!(
            "Onebox | 1 % | 555555555555 | sha256:000000000000 | {tasks}, 1 starting | 3 healthy | 12.3 | {deployment}"
        )
    };
    check(&[("COMPLETED", 3)], None, &told("3 of 3", "COMPLETED"));
    check(
        &[("IN_PROGRESS", 1), ("COMPLETED", 3)],
        None,
        &told("4 of 3", "IN_PROGRESS, replacing tasks"),
    );
    check(&[("IN_PROGRESS", 3)], None, &told("3 of 3", "IN_PROGRESS, baking"));
    check(
        &[("IN_PROGRESS", 3)],
        Some(200),
        &told("3 of 3", "IN_PROGRESS, baking, 1 min 40 s left"),
    );
    check(
        &[("IN_PROGRESS", 3)],
        Some(1),
        &told("3 of 3", "IN_PROGRESS, baking, 0.0 s left"),
    );
    let mut back = stage(Stage::Onebox, &[("IN_PROGRESS", 3)]);
    let service = back.service.as_mut().unwrap();
    service.deployments[0].reason = Some("ECS deployment circuit breaker: rolling back to deploymentId 1.".to_owned());
    assert_eq!(
        back.row(Some(at(200)), at(400), true).join(" | "),
        told("3 of 3", "IN_PROGRESS, bringing back what ran before")
    );
}

#[test]
fn requests_a_second_of_the_last_whole_minute() {
    let points = |points: &[(u64, f64)]| -> Vec<Point> {
        let point = |(seconds, value): &(u64, f64)| Point {
            at: at(*seconds),
            value: *value,
        };
        points.iter().map(point).collect()
    };
    let requests = points(&[(60, 600.0), (120, 1200.0), (180, 60.0)]);
    let metrics = Metrics::of(std::slice::from_ref(&requests), at(200));
    assert_eq!(metrics.requests_per_second, Some(20.0));
    assert_eq!(metrics.minute, MINUTE);
    let long_ago = Metrics::of(&[requests], at(900));
    assert_eq!(long_ago.requests_per_second, None, "it has been quiet since");
    let nothing = Metrics::of(&[], at(900));
    assert_eq!((nothing.requests_per_second, nothing.minute), (None, MINUTE));
}

#[test]
fn weights_of_the_template_that_is_deployed() {
    let stack = service(stacks::Environment::Sandbox);
    let template: Value = serde_json::from_str(&stack.template).unwrap();
    let resource = |logical_id: &str| Resource {
        logical_id: logical_id.to_owned(),
        physical_id: "arn".to_owned(),
        resource_type: "AWS::ElasticLoadBalancingV2::TargetGroup".to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
    };
    let resources = [resource("OneboxTargetGroup"), resource("FleetTargetGroup")];
    assert_eq!(weight(&template, &resources, Stage::Onebox), Some(1.0));
    assert_eq!(weight(&template, &resources, Stage::Fleet), Some(99.0));
    assert_eq!(weight(&Value::Null, &resources, Stage::Fleet), None);
}
