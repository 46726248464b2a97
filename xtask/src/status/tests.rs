//! What is told of an environment, on terminals of several widths.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Parser as _;

use super::*;
use crate::aws::replay::Replay;
use crate::exit::exit_of;
use crate::flags::{Command, Xtask};
use crate::services::Deployment;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(400)
}

fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

fn stack(name: &str, outputs: &[(&str, &str)]) -> Stack {
    let outputs = outputs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let repository = "000000000000.dkr.ecr.us-east-1.amazonaws.com/oneboxdeploymentonecs-sandbox";
    Stack {
        name: name.to_owned(),
        id: "arn".to_owned(),
        status: "UPDATE_COMPLETE".to_owned(),
        reason: None,
        since: None,
        parameters: BTreeMap::from([("OneboxImage".to_owned(), format!("{repository}@{}", digest("1")))]),
        outputs: outputs.collect(),
    }
}

fn service(name: &str, running: u64) -> (Minimum, Service) {
    let deployment = Deployment {
        id: "ecs-svc/1".to_owned(),
        status: "PRIMARY".to_owned(),
        rollout_state: Some("COMPLETED".to_owned()),
        reason: None,
        task_definition: format!(
            "arn:aws:ecs:us-east-1:000000000000:task-definition/OneBoxDeploymentOnECS-Sandbox-{name}:7"
        ),
        desired: running,
        running,
        pending: 0,
        failed: 0,
    };
    let minimum = Minimum {
        cluster: "OneBoxDeploymentOnECS-Sandbox".to_owned(),
        service: name.to_owned(),
        tasks: running,
    };
    let service = Service {
        name: format!("OneBoxDeploymentOnECS-{name}"),
        desired: running,
        running,
        pending: 0,
        deployments: vec![deployment],
        events: Vec::new(),
    };
    (minimum, service)
}

fn report() -> Report {
    let names = ["Foundation", "Service"].map(|stack| format!("OneBoxDeploymentOnECS-{stack}-Sandbox"));
    let image = format!(
        "000000000000.dkr.ecr.us-east-1.amazonaws.com/oneboxdeploymentonecs-sandbox@{}",
        digest("1")
    );
    let outputs = [
        ("ClusterName", "OneBoxDeploymentOnECS-Sandbox"),
        ("RuntimeContainerImageUrl", &image),
        ("WebAPIEndpoint", "http://onebox-1234567890.us-east-1.elb.amazonaws.com"),
    ];
    let image = |digit: &str, tag: &str| Image {
        digest: digest(digit),
        tags: vec![tag.to_owned()],
        size_bytes: 2_029_951,
        pushed: None,
    };
    Report {
        environment: "sandbox".to_owned(),
        cloud: " --local".to_owned(),
        activity: Activity::Idle,
        unread: Vec::new(),
        found: [Some(stack(&names[0], &[])), Some(stack(&names[1], &outputs))],
        names,
        stages: Some(stages::tests::stages()),
        services: vec![service("Fleet", 10), service("Onebox", 3)],
        images: vec![image("1", "b585cff0abcd"), image("2", "b8ccdc90abcd")],
        deploys: "cargo xtask deploy sandbox".to_owned(),
    }
}

fn told(report: &Report, columns: Option<usize>) -> String {
    let summary = Summary::of(report, now());
    report.render(&summary, &summary.next, now(), columns)
}

#[test]
fn a_report_keeps_to_its_terminal() {
    for columns in [40, 60, 80, 120] {
        let told = told(&report(), Some(columns));
        // A command to copy stays whole.
        let whole = |line: &&str| {
            let text = line.trim();
            line.chars().count() > columns && text.contains(' ') && !text.starts_with('`')
        };
        assert_eq!(told.lines().filter(whole).collect::<Vec<_>>(), [""; 0], "{columns}");
        insta::assert_snapshot!(format!("report_{columns}"), told);
    }
    insta::assert_snapshot!("report", told(&report(), None));
}

#[test]
fn what_is_not_deployed_names_the_command_that_deploys_it() {
    let nothing = Report {
        found: [None, None],
        stages: None,
        services: Vec::new(),
        images: Vec::new(),
        ..report()
    };
    insta::assert_snapshot!(told(&nothing, Some(80)), @"
    sandbox isn't deployed.

    STACK                                     STATUS        REASON
    OneBoxDeploymentOnECS-Foundation-Sandbox  not deployed
    OneBoxDeploymentOnECS-Service-Sandbox     not deployed

    next: deploy it: `cargo xtask deploy sandbox`
    ");
}

/// What `status --exit-status` ends with.
fn ends(report: &Report) -> anyhow::Result<Value> {
    let words = ["xtask", "status", "sandbox", "--local", "--exit-status"];
    let Command::Status(status) = Xtask::try_parse_from(words).unwrap().command else {
        panic!("no status");
    };
    status.end(&Context::hidden(), report, now())
}

#[test]
fn an_unhealthy_environment_ends_with_its_problem_if_asked() {
    let healthy = Report {
        stages: Some(stages::tests::healthy()),
        ..report()
    };
    let record = ends(&healthy).unwrap();
    assert_eq!(record["healthy"], true);
    assert_eq!(
        record["verdict"],
        "sandbox is healthy: both stages run release 555555555555."
    );
    let mut lacking = healthy;
    let fleet = &mut lacking.stages.as_mut().unwrap().each[1];
    fleet.service.as_mut().unwrap().running = 0;
    fleet.image_gone = true;
    let error = ends(&lacking).unwrap_err();
    assert_eq!(exit_of(&error), Exit::Failed);
    insta::assert_snapshot!(crate::telling::report::text(&error), @"
    error[E-UNHEALTHY]: sandbox needs attention: Fleet has 0 of 3 tasks
      next: restore the previous release: `cargo xtask rollback sandbox --local`
    ");
    let cause = Failure::of(&error).unwrap().cause.clone().unwrap();
    assert_eq!(cause["problems"][0]["kind"], "tasks-missing");
    assert_eq!(cause["problems"][1]["kind"], "image-gone");
}

#[test]
fn a_deployment_between_two_steps_is_named() {
    let mut stack = stack("Service", &[]);
    let release = |digit: &str| format!("sha256:{}", digit.repeat(64));
    stack.parameters.insert("Release".to_owned(), release("1"));
    let token = |release: &str| {
        format!(
            "xtask-deploy-{}-from-{}-2-by-alice-at-laptop-18b2c0ffee",
            release.repeat(12),
            "1".repeat(12)
        )
    };
    assert_eq!(
        Activity::of(&stack, now(), &token("1")),
        Activity::Idle,
        "its last step is done"
    );
    assert_eq!(Activity::of(&stack, now(), "Console-UpdateStack-7"), Activity::Idle);
    let unfinished = Report {
        stages: Some(stages::tests::healthy()),
        activity: Activity::of(&stack, now(), &token("2")),
        ..report()
    };
    let summary = Summary::of(&unfinished, now());
    insta::assert_snapshot!([summary.line, summary.next.join("\n")].join("\n"), @"
    sandbox is healthy, but the deployment of release 222222222222 isn't finished: its step 2 began at 1970-01-01T00:06:40Z, started by alice at laptop (deploy).
    continue the deployment: `cargo xtask deploy sandbox --resume --local`
    ");
}

#[tokio::test]
async fn what_may_not_be_read_is_reported() {
    let denied =
        json!({"__type": "AccessDeniedException", "message": "not authorized to perform ecs:DescribeServices"});
    let aws = Replay::new([(400, denied.to_string())]).aws();
    let mut unread = Vec::new();
    let services = aws.services("cluster", &["Fleet"]).await;
    assert_eq!(readable(&mut unread, "Fleet's ECS service", services).unwrap(), None);
    insta::assert_snapshot!(unread.join("\n"), @"could not read Fleet's ECS service: cannot call ECS DescribeServices: AccessDeniedException: not authorized to perform ecs:DescribeServices");
}
