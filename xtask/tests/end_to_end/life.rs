//! From nothing to a sandbox, and back to nothing.

use crate::client::{get, send};
use crate::cloud::{Cloud, until};
use crate::load::Load;

#[test]
fn a_sandbox_comes_stays_and_goes() {
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();

    let answer = get(&endpoint, &[]);
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status": "OK"}"#));
    for stage in ["onebox", "fleet"] {
        let answer = get(&endpoint, &[("x-deployment-stage", stage)]);
        assert_eq!(answer.header("x-deployment-stage"), Some(stage));
    }
    let tasks = cloud.tasks();
    assert_eq!((tasks.len(), cloud.task_processes().len()), (13, 13));

    let again = cloud.local(&["deploy", "sandbox", "--yes"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert_eq!(cloud.tasks(), tasks, "a second deployment touches no task");

    let address = cloud.endpoint().address;
    cloud.local(&["destroy", "sandbox", "--yes"]);
    assert_eq!(cloud.task_processes().len(), 0);
    until("the load balancer's port is closed", || {
        send(endpoint.trim_start_matches("http://"), "GET", "/", &[], "").is_err()
    });
    cloud.xtask(&["local", "stop"]).expect(0);
    assert!(
        send(&address, "GET", "/", &[], "").is_err(),
        "the local cloud's port is closed"
    );
}

#[test]
fn one_request_in_a_hundred_is_oneboxes() {
    const REQUESTS: u64 = 20_000;
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    let tally = Load::start(&endpoint, 16, REQUESTS).finish();
    assert!(tally.failures.is_empty(), "{tally:?}");
    // The count of Onebox's is binomial; four standard deviations are left by one run in 16,000.
    let count = |stage: &str| f64::from(u32::try_from(*tally.served.get(stage).unwrap_or(&0)).unwrap());
    let total = count("onebox") + count("fleet");
    let deviation = (total * 0.01 * 0.99).sqrt();
    assert!((count("onebox") - total * 0.01).abs() <= 4.0 * deviation, "{tally:?}");
}

#[test]
fn a_local_cloud_plays_the_region_that_it_was_made_in() {
    let cloud = Cloud::new();
    let start = |region: &[&str]| {
        cloud.xtask(&[&["local", "start", "--runtime", "process", "--speed", "60"][..], region].concat())
    };
    let in_region = |said: &str| said.contains("region eu-central-1");
    let first = start(&["--region", "eu-central-1"]);
    first.expect(0);
    assert!(in_region(&first.stdout), "{}", first.stdout);
    start(&["--region", "us-east-1"]).expect(3);
    cloud.local(&["deploy", "sandbox", "--yes", "--stage", "shared"]);
    for service in cloud.services() {
        let arn = service["serviceArn"].as_str().unwrap();
        assert!(arn.starts_with("arn:aws:ecs:eu-central-1:"), "{arn}");
    }

    cloud.xtask(&["local", "stop"]).expect(0);
    let other = start(&["--region", "us-east-1"]);
    other.expect(1);
    assert!(
        other
            .stderr
            .contains("what is here was made in eu-central-1, not in us-east-1"),
        "{}",
        other.stderr
    );
    let again = start(&[]);
    again.expect(0);
    assert!(in_region(&again.stdout), "{}", again.stdout);
}
