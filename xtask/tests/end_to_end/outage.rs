//! The local cloud itself dies, or is started twice.

use crate::client::get;
use crate::cloud::{Cloud, until};

#[test]
fn a_killed_local_cloud_takes_its_tasks_back() {
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    cloud.settle();
    let (processes, tasks) = (cloud.task_processes(), cloud.tasks());
    assert_eq!(processes.len(), 13);
    Cloud::kill(cloud.endpoint().process_id.try_into().unwrap());
    until("nobody answers", || {
        cloud.xtask(&["local", "status"]).stdout.starts_with("not running")
    });

    assert_eq!(cloud.task_processes(), processes, "tasks outlive it");
    let again = cloud.local(&["outputs", "sandbox", "WebAPIEndpoint"]);
    assert_eq!(again.stdout.trim_end(), endpoint);
    cloud.settle();
    assert_eq!(cloud.task_processes(), processes, "the same processes");
    assert_eq!(cloud.tasks(), tasks, "the same tasks");
    until("requests are answered", || get(&endpoint, &[]).status == 200);
}

#[test]
fn a_stopped_local_cloud_brings_its_tasks_up_again() {
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    cloud.xtask(&["local", "stop"]).expect(0);
    assert_eq!(cloud.task_processes().len(), 0, "its tasks end with it");
    cloud.local(&["status", "sandbox"]);
    cloud.settle();
    assert_eq!(cloud.task_processes().len(), 13);
    until("requests are answered", || get(&endpoint, &[]).status == 200);
}

#[test]
fn there_is_one_local_cloud_a_folder() {
    let cloud = Cloud::new();
    cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
    let second = cloud.xtask(&["local", "serve", "--runtime", "process"]);
    second.expect(1);
    assert!(second.stderr.contains("already runs"), "{}", second.stderr);
    let address = cloud.endpoint().address;
    cloud.xtask(&["local", "start"]).expect(0);
    assert_eq!(cloud.endpoint().address, address);
}
