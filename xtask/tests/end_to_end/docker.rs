//! Tasks as containers.

use std::process::Command;

use crate::client::get;
use crate::cloud::{Cloud, until};

/// False, having said so, where no Docker daemon answers; on CI there must be one.
pub(crate) fn daemon_answers() -> bool {
    let answers = Command::new("docker")
        .arg("info")
        .output()
        .is_ok_and(|output| output.status.success());
    if !answers {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no Docker daemon answers");
        println!("skipped: no Docker daemon answers");
    }
    answers
}

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
    if !daemon_answers() {
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
