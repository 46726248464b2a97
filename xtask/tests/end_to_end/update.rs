//! Changes under load.

use crate::client::Answer;
use crate::cloud::{CLUSTER, Cloud, SERVICE_STACK, until};
use crate::load::Load;

/// Pushes an image with this binary; its reference.
pub(crate) fn push_image(cloud: &Cloud, binary: &str) -> String {
    let pushed = cloud.local(&["image", "push", "sandbox", "--binary", binary]);
    pushed.stdout.trim_end().to_owned()
}

/// Begins a change of the image on both stages.
pub(crate) fn begin_update(cloud: &Cloud, image: &str) {
    let answer = ask_for_update(cloud, image);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Asks for a change of the image on both stages.
pub(crate) fn ask_for_update(cloud: &Cloud, image: &str) -> Answer {
    let fields = [
        ("Action", "UpdateStack"),
        ("StackName", SERVICE_STACK),
        ("UsePreviousTemplate", "true"),
        ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        ("Parameters.member.1.ParameterKey", "OneboxImage"),
        ("Parameters.member.1.ParameterValue", image),
        ("Parameters.member.2.ParameterKey", "FleetImage"),
        ("Parameters.member.2.ParameterValue", image),
    ];
    cloud.query("cloudformation", &fields)
}

pub(crate) fn stack_is(cloud: &Cloud, status: &str) -> bool {
    let stack = cloud
        .query(
            "cloudformation",
            &[("Action", "DescribeStacks"), ("StackName", SERVICE_STACK)],
        )
        .body;
    stack.contains(&format!("<StackStatus>{status}</StackStatus>"))
}

#[test]
fn a_change_of_the_image_reaches_onebox_first_and_loses_no_request() {
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    cloud.settle();
    let before = cloud.tasks();
    let load = Load::start(&endpoint, 32, 5_000_000);
    begin_update(&cloud, &push_image(&cloud, "bootstrap"));
    until("the update is complete", || {
        for service in cloud.services() {
            // The floor is 100 %.
            assert!(
                service["runningCount"].as_u64() >= service["desiredCount"].as_u64(),
                "below its floor: {service}"
            );
        }
        stack_is(&cloud, "UPDATE_COMPLETE")
    });
    let tally = load.end();
    assert!(tally.failures.is_empty(), "{tally:?}");
    assert!(tally.total() > 1000, "there was load: {tally:?}");
    assert!(cloud.tasks().is_disjoint(&before), "all thirteen tasks were replaced");
    assert_eq!(cloud.tasks().len(), 13);
    onebox_was_done_before_fleet_began(&cloud);
}

fn onebox_was_done_before_fleet_began(cloud: &Cloud) {
    let events = cloud
        .query(
            "cloudformation",
            &[("Action", "DescribeStackEvents"), ("StackName", SERVICE_STACK)],
        )
        .body;
    let events = events.split("<member>").collect::<Vec<_>>();
    // Newest first.
    let place = |resource: &str, status: &str| {
        let resource = format!("<LogicalResourceId>{resource}</LogicalResourceId>");
        let status = format!("<ResourceStatus>{status}</ResourceStatus>");
        events
            .iter()
            .position(|event| event.contains(&resource) && event.contains(&status))
            .unwrap()
    };
    assert!(place("OneboxService", "UPDATE_COMPLETE") > place("FleetService", "UPDATE_IN_PROGRESS"));
}

#[test]
fn a_task_that_is_killed_is_replaced() {
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    cloud.settle();
    let load = Load::start(&endpoint, 8, 5_000_000);
    let victim = *cloud.task_processes().first().unwrap();
    Cloud::kill(victim);
    until("thirteen tasks run, the killed one not among them", || {
        let processes = cloud.task_processes();
        processes.len() == 13 && !processes.contains(&victim)
    });
    cloud.settle();
    let answered = load.done();
    until("requests are answered after that", || load.done() > answered + 100);
    let tally = load.end();
    // Those in flight on the task that died, one a connection at the most, and those sent to it until it was noticed.
    let failed = tally.failures.values().sum::<u64>();
    assert!(failed <= tally.total() / 100 + 8, "{tally:?}");
    let stopped = cloud.json(
        "ecs",
        "ListTasks",
        &serde_json::json!({"cluster": CLUSTER, "desiredStatus": "STOPPED"}),
    );
    let tasks = cloud.json(
        "ecs",
        "DescribeTasks",
        &serde_json::json!({"cluster": CLUSTER, "tasks": stopped["taskArns"]}),
    );
    let codes = tasks["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["containers"][0]["exitCode"].as_i64());
    assert!(
        codes.into_iter().any(|code| code == Some(137)),
        "its exit code tells of the signal: {tasks}"
    );
}

#[test]
fn a_change_whose_tasks_do_not_start_is_undone_and_never_reaches_fleet() {
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    cloud.settle();
    let (tasks, processes) = (cloud.tasks(), cloud.task_processes());
    let load = Load::start(&endpoint, 8, 5_000_000);
    let host = cloud.endpoint().address;
    let missing = format!("{host}/oneboxdeploymentonecs-sandbox@sha256:{}", "0".repeat(64));
    begin_update(&cloud, &missing);
    until("the update is undone", || stack_is(&cloud, "UPDATE_ROLLBACK_COMPLETE"));
    let tally = load.end();
    assert!(tally.failures.is_empty(), "{tally:?}");
    cloud.settle();
    assert_eq!(cloud.tasks(), tasks, "no task that served was touched");
    assert_eq!(cloud.task_processes(), processes);
    let events = cloud.query(
        "cloudformation",
        &[("Action", "DescribeStackEvents"), ("StackName", SERVICE_STACK)],
    );
    assert!(events.body.contains("CannotPullContainerError"), "{}", events.body);
    let updates = events.body.split("<member>").filter(|event| {
        event.contains("<LogicalResourceId>FleetService</LogicalResourceId>") && event.contains("UPDATE_")
    });
    assert_eq!(updates.count(), 0, "{}", events.body);
}
