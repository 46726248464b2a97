//! Tasks as containers.

mod daemon;

use std::process::Command;

use optional_programs::{Program, skip_without};

use self::daemon::Daemon;
use crate::client::get;
use crate::cloud::{Cloud, SERVICE_STACK, until};
use crate::update::{begin_update, push_image, stack_is};

/// What these tests need.
pub(crate) const DOCKER: &[Program] = &[Program::Docker, Program::DockerClient];

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The containers that run an image of this local cloud's registry.
fn containers(cloud: &Cloud) -> Vec<String> {
    let address = cloud.endpoint().address;
    let listed = docker(&["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Image}}"]);
    let own = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, image)| image.starts_with(&address));
    own.map(|(id, _)| id.to_owned()).collect()
}

#[test]
fn docker_runs_thirteen_containers_and_none_stays() {
    if skip_without(DOCKER) {
        return;
    }
    let cloud = Cloud::with_runtime("docker");
    let endpoint = cloud.deploy();
    assert_eq!(get(&endpoint, &[]).body, r#"{"status": "OK"}"#);
    let first = containers(&cloud);
    assert_eq!(first.len(), 13);
    docker(&["kill", &first[0]]);
    until("the killed container is replaced", || {
        let now = containers(&cloud);
        now.len() == 13 && !now.contains(&first[0])
    });
    cloud.settle();
    cloud.local(&["destroy", "sandbox", "--yes"]);
    let left = docker(&["ps", "--all", "--no-trunc", "--format", "{{.ID}}"]);
    assert!(!first.iter().any(|id| left.contains(id.as_str())), "{left}");
}

#[test]
fn docker_that_dies_takes_no_task_with_it_and_is_named() {
    if skip_without(DOCKER) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path());
    let cloud = Cloud::with_docker_at(&daemon.address());
    let endpoint = cloud.deploy();
    cloud.settle();
    let (before, tasks) = (containers(&cloud), cloud.tasks());
    daemon.die();
    assert_eq!(get(&endpoint, &[]).status, 200, "containers outlive the daemon");
    begin_update(&cloud, &push_image(&cloud, "bootstrap"));
    until("the update is undone", || stack_is(&cloud, "UPDATE_ROLLBACK_COMPLETE"));
    let events = [("Action", "DescribeStackEvents"), ("StackName", SERVICE_STACK)];
    let events = cloud.query("cloudformation", &events).body;
    assert!(events.contains("the Docker engine doesn"), "{events}");
    assert_eq!(get(&endpoint, &[]).status, 200);

    daemon.revive();
    cloud.settle();
    assert_eq!(cloud.tasks(), tasks, "no task that served was touched");
    assert_eq!(containers(&cloud), before);
    begin_update(&cloud, &push_image(&cloud, "bootstrap"));
    until("the update is complete", || stack_is(&cloud, "UPDATE_COMPLETE"));
    cloud.settle();
    assert_eq!(containers(&cloud).len(), 13);
    cloud.local(&["destroy", "sandbox", "--yes"]);
}
