//! The local cloud itself dies, or is started twice.

use crate::client::get;
use std::time::Duration;

use crate::cloud::{Cloud, Outcome, until};
use crate::update::{begin_update, push_image, stack_is};

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

/// Whoever loses the race for the folder waits for the winner's local cloud.
#[test]
fn commands_that_start_it_at_once_share_one() {
    let cloud = Cloud::new();
    let start = || cloud.command(&["local", "start", "--runtime", "process"]);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let commands: Vec<_> = (0..6).map(|_| start()).collect();
        let racing: Vec<_> = commands
            .into_iter()
            .map(|command| scope.spawn(|| Outcome::of(command)))
            .collect();
        racing.into_iter().map(|outcome| outcome.join().unwrap()).collect()
    });
    let process = cloud.endpoint().process_id.to_string();
    for outcome in outcomes {
        outcome.expect(0);
        assert!(
            outcome.stdout.contains(&format!("process {process}")),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn a_hundred_kills_under_deployments_lose_nothing() {
    const KILLS: usize = 100;
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    let mut images = [push_image(&cloud, "bootstrap"), push_image(&cloud, "service")]
        .into_iter()
        .cycle();
    let mut moments = moments();
    for _ in 0..KILLS {
        if stack_is(&cloud, "CREATE_COMPLETE") || stack_is(&cloud, "UPDATE_COMPLETE") {
            begin_update(&cloud, &images.next().unwrap());
        }
        // The random moment is what is tested; nothing is waited for here.
        std::thread::park_timeout(moments.next().unwrap());
        Cloud::kill(cloud.endpoint().process_id.try_into().unwrap());
        until("nobody holds the folder", || {
            cloud.xtask(&["local", "status"]).stdout.starts_with("not running")
        });
        cloud
            .xtask(&["local", "start", "--runtime", "process", "--speed", "60"])
            .expect(0);
    }
    until("the last update is complete", || stack_is(&cloud, "UPDATE_COMPLETE"));
    cloud.settle();
    assert_eq!(cloud.tasks().len(), 13);
    until("no process is left but the thirteen", || {
        cloud.task_processes().len() == 13
    });
    until("requests are answered", || get(&endpoint, &[]).status == 200);
    cloud.local(&["destroy", "sandbox", "--yes"]);
    assert_eq!(cloud.task_processes().len(), 0);
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let cloud = Cloud::new();
    let start = ["local", "start", "--runtime", "process"];
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = cloud.xtask(&[&start[..], &["--port", &port]].concat());
    refused.expect(1);
    assert!(refused.stderr.contains("error[E-LOCAL-CLOUD]: "), "{}", refused.stderr);
    assert!(
        refused.stderr.contains(&port) && refused.stderr.contains("--port"),
        "{}",
        refused.stderr
    );

    cloud.write_state(r#"{"version": 99}"#);
    let refused = cloud.xtask(&start);
    refused.expect(1);
    assert!(refused.stderr.contains("newer version"), "{}", refused.stderr);
    assert_eq!(cloud.state(), r#"{"version": 99}"#, "it is left as it was");

    cloud.write_state("{}");
    let refused = cloud.xtask(&start);
    refused.expect(1);
    assert!(
        refused.stderr.contains("not what a local cloud writes"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_dead_docker_daemon_is_said_before_anything_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    // Bound and left: nobody listens there any more.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let cloud = Cloud::with_docker_at(&format!("unix://{}", socket.display()));
    for (arguments, code) in [
        (&["local", "start"][..], 1),
        (&["deploy", "sandbox", "--local", "--yes"], 4),
        (&["diff", "sandbox", "--local"], 4),
    ] {
        let refused = cloud.xtask(&[arguments, &["--runtime", "docker"]].concat());
        refused.expect(code);
        let said = format!("no Docker engine listens at {}, start it", socket.display());
        assert!(refused.stderr.contains(&said), "{}", refused.stderr);
    }
    assert!(!cloud.home().join("state.json").exists(), "nothing was begun");
    // Where nobody insists on Docker, processes do.
    cloud.xtask(&["local", "start"]).expect(0);
    let status = cloud.xtask(&["local", "status"]);
    assert!(status.stdout.contains("runtime process"), "{}", status.stdout);
}

/// Moments up to half a second from now, from a seed that is printed.
fn moments() -> impl Iterator<Item = Duration> {
    use std::hash::{BuildHasher, RandomState};
    let seed = RandomState::new().hash_one("moments");
    println!("seed {seed}");
    (0_u64..).map(move |step| {
        let mixed = seed.wrapping_add(step).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Duration::from_millis((mixed ^ (mixed >> 31)) % 500)
    })
}
