//! What a deployment would change, told before it is made.

use serde_json::Value;

use crate::cloud::{Cloud, Outcome, SERVICE_STACK, until};

fn diff(cloud: &Cloud, arguments: &[&str]) -> Outcome {
    let mut command = cloud.command(&["diff", "--local"]);
    command.args(arguments);
    cloud.run(command)
}

/// What is there to be left behind: the stacks, and the change sets of the service stack.
fn stacks_and_change_sets(cloud: &Cloud) -> String {
    let stacks = cloud.query("cloudformation", &[("Action", "DescribeStacks")]);
    let change_sets = cloud.query(
        "cloudformation",
        &[("Action", "ListChangeSets"), ("StackName", SERVICE_STACK)],
    );
    let without_ids = |body: &str| body.split("<ResponseMetadata>").next().unwrap_or_default().to_owned();
    without_ids(&stacks.body) + &without_ids(&change_sets.body)
}

/// Deploys another health check's interval by hand, so that the template says something else.
fn change_what_is_deployed(cloud: &Cloud) {
    let mut template: Value = serde_json::from_str(&stacks::service(stacks::Environment::Sandbox).template).unwrap();
    let group = template["Resources"]
        .as_object_mut()
        .unwrap()
        .values_mut()
        .find(|resource| resource["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup")
        .unwrap();
    group["Properties"]["HealthCheckIntervalSeconds"] = 33.into();
    let template = template.to_string();
    let fields = [
        ("Action", "UpdateStack"),
        ("StackName", SERVICE_STACK),
        ("TemplateBody", template.as_str()),
        ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        ("Parameters.member.1.ParameterKey", "OneboxImage"),
        ("Parameters.member.1.UsePreviousValue", "true"),
        ("Parameters.member.2.ParameterKey", "FleetImage"),
        ("Parameters.member.2.UsePreviousValue", "true"),
    ];
    let answer = cloud.query("cloudformation", &fields);
    assert_eq!(answer.status, 200, "{}", answer.body);
    until("the update is complete", || {
        stacks_and_change_sets(cloud).contains("<StackStatus>UPDATE_COMPLETE</StackStatus>")
    });
}

/// Changes a resource behind its stack's back.
fn change(cloud: &Cloud, arguments: &[&str]) {
    cloud
        .xtask(&[&["local", "drift", SERVICE_STACK], arguments].concat())
        .expect(0);
}

#[test]
fn drift_is_told_by_property_until_it_is_undone() {
    let cloud = Cloud::new();
    cloud.deploy();
    let drift = |code| {
        let outcome = diff(&cloud, &["sandbox", "--drift"]);
        outcome.expect(code);
        outcome.stdout
    };
    assert_eq!(drift(0).matches("no drift").count(), 2);
    change(&cloud, &["FleetScalableTarget", "/MaxCapacity", "11"]);
    change(&cloud, &["OneboxTargetGroup", "/HealthCheckIntervalSeconds", "33"]);
    let found = drift(2);
    // Where a resource is defined, but not in which line.
    let found = regex_lite::Regex::new(r"\.rs:\d+")
        .unwrap()
        .replace_all(&found, ".rs:[line]");
    insta::assert_snapshot!(
        found
            .lines()
            .filter(|line| !line.contains("no drift"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    // What was changed is so for whoever asks its own service.
    let group = cloud.query("elasticloadbalancing", &[("Action", "DescribeTargetGroups")]);
    assert!(group.body.contains("<HealthCheckIntervalSeconds>33<"), "{}", group.body);
    let result = diff(&cloud, &[SERVICE_STACK, "--drift", "--json"]);
    let result: Value = serde_json::from_str(result.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (
            &result["type"],
            &result["exit"],
            &result["drifted"],
            &result["stacks"][0]["drifted"]
        ),
        (&"result".into(), &2.into(), &true.into(), &2.into())
    );
    // The same template is no change to the stack, which knows nothing of it.
    diff(&cloud, &[SERVICE_STACK]).expect(0);
    change(&cloud, &["FleetScalableTarget", "/MaxCapacity", "1000"]);
    change(&cloud, &["OneboxTargetGroup", "/HealthCheckIntervalSeconds", "15"]);
    assert_eq!(drift(0).matches("no drift").count(), 2);
    cloud.xtask(&["local", "drift", SERVICE_STACK, "None"]).expect(3);
    cloud
        .xtask(&["local", "drift", SERVICE_STACK, "FleetService", "/Nonsense", "1"])
        .expect(3);
}

#[test]
fn differences_are_told_by_property_and_nothing_is_left_behind() {
    let cloud = Cloud::new();
    diff(&cloud, &["Nonsense"]).expect(3);
    let before = diff(&cloud, &["sandbox", "--runtime", "process", "--speed", "60"]);
    before.expect(2);
    assert!(before.stdout.contains("there is no such stack"), "{}", before.stdout);
    assert!(
        before.stdout.contains("create FleetService (AWS::ECS::Service)"),
        "{}",
        before.stdout
    );
    assert!(!stacks_and_change_sets(&cloud).contains("<StackName>"));

    cloud.deploy();
    let same = diff(&cloud, &["sandbox"]);
    same.expect(0);
    assert_eq!(same.stdout.matches("no differences").count(), 2, "{}", same.stdout);

    change_what_is_deployed(&cloud);
    let before = stacks_and_change_sets(&cloud);
    let other = diff(&cloud, &[SERVICE_STACK]);
    other.expect(2);
    assert!(
        other.stdout.contains("~ HealthCheckIntervalSeconds: 33 → "),
        "{}",
        other.stdout
    );
    assert!(
        !other.stdout.contains("known after the deployment"),
        "AWS leaves out what refers to a resource that is modified in place: {}",
        other.stdout
    );
    let result = diff(&cloud, &[SERVICE_STACK, "--json"]);
    result.expect(2);
    let result: Value = serde_json::from_str(result.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&result["type"], &result["exit"], &result["differs"]),
        (&"result".into(), &2.into(), &true.into())
    );
    assert_eq!(stacks_and_change_sets(&cloud), before);
}
