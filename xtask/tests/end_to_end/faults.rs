//! Faults that the local cloud was asked for, and what the command line makes of them.

use crate::cloud::{Cloud, Outcome, SERVICE_STACK, until};
use crate::update::{begin_update, push_image, stack_is};

const DEPLOY_ONEBOX: &[&str] = &["deploy", "sandbox", "--yes", "--local", "--stage", "onebox", "--image"];

impl Cloud {
    pub(crate) fn fault(&self, arguments: &[&str]) -> String {
        let outcome = self.xtask(&[&["local", "fault"], arguments].concat());
        outcome.expect(0);
        outcome.stdout
    }

    fn deploy_onebox(&self, image: &str) -> Outcome {
        self.xtask(&[DEPLOY_ONEBOX, &[image]].concat())
    }

    fn continue_rollback(&self, skipped: &[(&str, &str)]) {
        let fields = [("Action", "ContinueUpdateRollback"), ("StackName", SERVICE_STACK)];
        let answer = self.query("cloudformation", &[&fields[..], skipped].concat());
        assert_eq!(answer.status, 200, "{}", answer.body);
        until("the rollback is complete", || {
            stack_is(self, "UPDATE_ROLLBACK_COMPLETE")
        });
    }
}

#[test]
fn calls_fail_as_asked_for_and_clients_bear_it_or_say_so() {
    let cloud = Cloud::new();
    cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
    let status = || cloud.xtask(&["status", "sandbox", "--local"]);

    for passing in ["throttling", "lost-connection"] {
        cloud.fault(&["add", passing, "--operation", "DescribeStacks", "--times", "2"]);
        status().expect(0);
        let left = cloud.fault(&["list"]);
        assert!(
            left.contains("no fault waits"),
            "the SDK tried until it was over: {left}"
        );
    }
    for (lasting, words) in [
        ("expired-credentials", "expired"),
        ("access-denied", "not authorized to perform"),
    ] {
        cloud.fault(&["add", lasting]);
        let refused = status();
        refused.expect(4);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        cloud.fault(&["clear"]);
        status().expect(0);
    }

    cloud.fault(&["add", "resource", "FleetService", "--reason", "kept"]);
    Cloud::kill(cloud.endpoint().process_id.try_into().unwrap());
    until("nobody holds the folder", || {
        cloud.xtask(&["local", "status"]).stdout.starts_with("not running")
    });
    let nobody = cloud.xtask(&["local", "fault", "list"]);
    nobody.expect(4);
    assert!(nobody.stderr.contains("error[E-NO-LOCAL-CLOUD]: "), "{}", nobody.stderr);
    cloud.xtask(&["local", "start"]).expect(0);
    assert!(cloud.fault(&["list"]).contains("kept"), "it outlives a kill");
    let unknown = cloud.xtask(&["local", "fault", "clear", "77"]);
    unknown.expect(3);
    assert!(unknown.stderr.contains("error[E-LOCAL-FAULT]: "), "{}", unknown.stderr);
}

#[test]
fn a_resource_fails_as_asked_for_and_a_rollback_too_and_both_can_be_mended() {
    let cloud = Cloud::new();
    cloud.deploy();
    cloud.settle();
    let image = push_image(&cloud, "bootstrap");
    let tasks = cloud.tasks();
    let fail = [
        "add",
        "resource",
        "OneboxService",
        "--operation",
        "update",
        "--reason",
        "no room left",
    ];

    cloud.fault(&fail);
    let undone = cloud.deploy_onebox(&image);
    undone.expect(5);
    assert!(undone.stderr.contains("no room left"), "{}", undone.stderr);
    assert!(stack_is(&cloud, "UPDATE_ROLLBACK_COMPLETE"));
    cloud.settle();
    let kept = cloud.tasks().intersection(&tasks).count();
    assert!(kept >= 10, "Fleet's tasks are the same: {kept}");

    for skipped in [&[][..], &[("ResourcesToSkip.member.1", "OneboxService")]] {
        cloud.fault(&fail);
        cloud.fault(&["add", "rollback", "OneboxService", "--reason", "still no room"]);
        let stuck = cloud.deploy_onebox(&image);
        stuck.expect(6);
        assert!(
            stuck.stderr.contains("no room left"),
            "the first cause: {}",
            stuck.stderr
        );
        assert!(
            stuck.stderr.contains("continue-update-rollback"),
            "the fix: {}",
            stuck.stderr
        );
        assert!(stack_is(&cloud, "UPDATE_ROLLBACK_FAILED"));
        cloud.continue_rollback(skipped);
    }
    begin_update(&cloud, &image);
    until("what was fixed can be changed again", || {
        stack_is(&cloud, "UPDATE_COMPLETE")
    });
}
