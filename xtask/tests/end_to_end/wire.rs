//! The local cloud as clients that nobody here wrote see it: the AWS CLI, boto3, Docker's client, and those that mean no good.

mod conformance;
mod docker_client;
mod hostile;
mod limits;
mod malformed;
mod requests;
pub(crate) mod transcript;

use std::path::{Path, PathBuf};
use std::process::Command;

use optional_programs::{Program, skip_without};
use serde_json::Value;

use crate::cloud::{APPLICATION, CLUSTER, Cloud, SERVICE_STACK};

/// Finds a program of the pinned virtual environment. `None` if it isn't installed and the test is skipped.
#[track_caller]
pub(crate) fn pinned(program: Program) -> Option<PathBuf> {
    if skip_without(&[program]) {
        return None;
    }
    program.find()
}

/// The program, with this local cloud as its AWS and nothing of the person's own who runs the tests.
fn pointed_at(cloud: &Cloud, program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(name, "/dev/null");
    }
    for line in cloud.xtask(&["local", "env"]).stdout.lines() {
        let (name, value) = line
            .strip_prefix("export ")
            .and_then(|rest| rest.split_once('='))
            .unwrap();
        command.env(name, value.trim_matches('\''));
    }
    command
}

fn aws(cloud: &Cloud, program: &Path, arguments: &[&str]) -> Value {
    let mut command = pointed_at(cloud, program);
    command.args(arguments).args(["--output", "json"]).env("AWS_PAGER", "");
    let outcome = cloud.run(command);
    outcome.expect(0);
    if outcome.stdout.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&outcome.stdout).unwrap_or(Value::String(outcome.stdout))
    }
}

#[test]
fn aws_cli_sees_the_sandbox_as_it_is() {
    let Some(program) = pinned(Program::AwsCli) else { return };
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    cloud.settle();
    let aws = |arguments: &[&str]| aws(&cloud, &program, arguments);

    let stacks = aws(&["cloudformation", "describe-stacks", "--stack-name", SERVICE_STACK]);
    assert_eq!(stacks["Stacks"][0]["StackStatus"], "CREATE_COMPLETE");
    let outputs = stacks["Stacks"][0]["Outputs"].as_array().unwrap();
    let output = outputs
        .iter()
        .find(|output| output["OutputKey"] == "WebAPIEndpoint")
        .unwrap();
    assert_eq!(output["OutputValue"], endpoint.as_str());
    let events = aws(&["cloudformation", "describe-stack-events", "--stack-name", SERVICE_STACK]);
    assert_eq!(events["StackEvents"][0]["ResourceStatus"], "CREATE_COMPLETE");

    let (onebox, fleet) = (format!("{APPLICATION}-Onebox"), format!("{APPLICATION}-Fleet"));
    let services = aws(&[
        "ecs",
        "describe-services",
        "--cluster",
        CLUSTER,
        "--services",
        &onebox,
        &fleet,
    ]);
    let counts = services["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["runningCount"].as_u64().unwrap());
    assert_eq!(counts.collect::<Vec<_>>(), [3, 10]);
    aws(&[
        "ecs",
        "wait",
        "services-stable",
        "--cluster",
        CLUSTER,
        "--services",
        &onebox,
        &fleet,
    ]);

    let groups = aws(&["elbv2", "describe-target-groups"]);
    let healthy = groups["TargetGroups"].as_array().unwrap().iter().map(|group| {
        let health = aws(&[
            "elbv2",
            "describe-target-health",
            "--target-group-arn",
            group["TargetGroupArn"].as_str().unwrap(),
        ]);
        let states = health["TargetHealthDescriptions"].as_array().unwrap().iter();
        states
            .filter(|target| target["TargetHealth"]["State"] == "healthy")
            .count()
    });
    assert_eq!(healthy.sum::<usize>(), 13);
    let images = aws(&[
        "ecr",
        "describe-images",
        "--repository-name",
        "oneboxdeploymentonecs-sandbox",
    ]);
    let digest = images["imageDetails"][0]["imageDigest"].as_str().unwrap();
    assert!(
        services["services"].as_array().is_some() && digest.starts_with("sha256:"),
        "{images}"
    );
}

#[test]
fn aws_cli_deploys_and_deletes_a_stack() {
    let Some(program) = pinned(Program::AwsCli) else { return };
    let cloud = Cloud::new();
    cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.json");
    let cluster = serde_json::json!({"Resources": {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "trial"}}}});
    std::fs::write(&template, cluster.to_string()).unwrap();
    let aws = |arguments: &[&str]| aws(&cloud, &program, arguments);
    let deploy = [
        "cloudformation",
        "deploy",
        "--stack-name",
        "trial",
        "--template-file",
        template.to_str().unwrap(),
        "--no-fail-on-empty-changeset",
    ];
    aws(&deploy);
    aws(&deploy);
    let clusters = aws(&["ecs", "describe-clusters", "--clusters", "trial"]);
    assert_eq!(clusters["clusters"][0]["status"], "ACTIVE");
    aws(&["cloudformation", "delete-stack", "--stack-name", "trial"]);
    aws(&[
        "cloudformation",
        "wait",
        "stack-delete-complete",
        "--stack-name",
        "trial",
    ]);
    assert_eq!(aws(&["ecs", "list-clusters"])["clusterArns"], serde_json::json!([]));
}
