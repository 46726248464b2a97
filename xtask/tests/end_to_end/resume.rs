//! Deployments that are left running, and resumed or refused by the next command.

use crate::cloud::{Cloud, SERVICE_STACK};
use crate::update::push_image;

#[test]
fn a_deployment_that_was_left_is_resumed_to_its_end() {
    let cloud = Cloud::new();
    let settings = ["--local", "--runtime", "process", "--speed", "60"];
    let nothing = cloud.xtask(&[&["deploy", "sandbox", "--resume"][..], &settings].concat());
    nothing.expect(4);
    assert!(
        nothing.stderr.contains("error[E-NOTHING-TO-RESUME]"),
        "{}",
        nothing.stderr
    );

    cloud.deploy();
    cloud.settle();
    let image = push_image(&cloud, "bootstrap");
    let left = cloud.local(&["deploy", "sandbox", "--image", &image, "--yes", "--detach"]);
    let follow = "cargo xtask deploy sandbox --resume --yes --local";
    assert!(left.stderr.contains(follow), "{}", left.stderr);
    assert_eq!(images(&cloud).len(), 2, "only Onebox gets it");

    // Nothing but the local cloud knows of it. Whether it still goes on by now doesn't matter.
    let resumed = cloud.local(&["deploy", "sandbox", "--resume", "--yes", "--accept", "a test"]);
    assert!(resumed.stderr.contains("was started by "), "{}", resumed.stderr);
    assert!(resumed.stderr.contains("probes to Onebox: "), "{}", resumed.stderr);
    assert_eq!(images(&cloud), [image], "both stages run it");

    let over = cloud.xtask(&[&["deploy", "sandbox", "--resume"][..], &settings].concat());
    over.expect(4);
    assert!(over.stderr.contains("nothing to resume"), "{}", over.stderr);
}

/// The images that the service stack's parameters name, each once.
fn images(cloud: &Cloud) -> Vec<String> {
    let fields = [("Action", "DescribeStacks"), ("StackName", SERVICE_STACK)];
    let body = cloud.query("cloudformation", &fields).body;
    let values = body.split("<ParameterValue>").skip(1);
    let mut images: Vec<String> = values
        .filter_map(|rest| rest.split('<').next())
        .filter(|value| value.contains("@sha256:"))
        .map(ToOwned::to_owned)
        .collect();
    images.sort();
    images.dedup();
    images
}
