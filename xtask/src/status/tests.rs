//! What is told of an environment, on terminals of several widths.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
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
        found: [Some(stack(&names[0], &[])), Some(stack(&names[1], &outputs))],
        names,
        stages: Some(stages::tests::stages()),
        services: vec![service("Fleet", 10), service("Onebox", 3)],
        images: vec![image("1", "b585cff0abcd"), image("2", "b8ccdc90abcd")],
        deploys: "cargo xtask deploy sandbox".to_owned(),
    }
}

#[test]
fn a_report_keeps_to_its_terminal() {
    for columns in [40, 60, 80, 120] {
        let told = report().render(now(), Some(columns));
        let whole = |line: &&str| line.chars().count() > columns && line.trim().contains(' ');
        assert_eq!(told.lines().filter(whole).collect::<Vec<_>>(), [""; 0], "{columns}");
        insta::assert_snapshot!(format!("report_{columns}"), told);
    }
    insta::assert_snapshot!("report", report().render(now(), None));
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
    insta::assert_snapshot!(nothing.render(now(), Some(80)), @"
    STACK                                     STATUS        REASON
    OneBoxDeploymentOnECS-Foundation-Sandbox  not deployed
    OneBoxDeploymentOnECS-Service-Sandbox     not deployed

    next: deploy it: `cargo xtask deploy sandbox`
    ");
}
