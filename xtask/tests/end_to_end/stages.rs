//! A deployment stage by stage: what moves, what stays, and what is refused.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cloud::{APPLICATION, CLUSTER, Cloud, Outcome};
use crate::update::push_image;

impl Cloud {
    /// Deploys with these arguments, and gives whatever comes of it.
    fn deploy_with(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.command(&["deploy", "sandbox", "--yes", "--local"]);
        command.args(arguments);
        self.run(command)
    }

    /// The ids of Fleet's tasks.
    fn fleet_tasks(&self) -> BTreeSet<String> {
        let input = json!({"cluster": CLUSTER, "serviceName": format!("{APPLICATION}-Fleet")});
        let tasks = self.json("ecs", "ListTasks", &input);
        let arns = tasks["taskArns"].as_array().unwrap().iter();
        arns.map(|arn| arn.as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn each_stage_moves_its_own_image_and_no_stage_skips_onebox() {
    let cloud = Cloud::new();
    cloud.deploy();
    cloud.settle();
    let tasks = cloud.tasks();
    cloud.deploy_with(&["--stage", "shared"]).expect(0);
    assert_eq!(cloud.tasks(), tasks, "nothing to do, and no task was touched");

    let image = push_image(&cloud, "bootstrap");
    let skipped = cloud.deploy_with(&["--stage", "fleet", "--image", &image]);
    skipped.expect(4);
    assert!(
        skipped
            .stderr
            .contains("Onebox doesn't have this release yet, so Fleet can't get it"),
        "{}",
        skipped.stderr
    );
    assert_eq!(cloud.tasks(), tasks);

    cloud.deploy_with(&["--stage", "onebox", "--image", &image]).expect(0);
    let after_onebox = cloud.tasks();
    assert_eq!(
        tasks.intersection(&after_onebox).count(),
        10,
        "Fleet's tasks are untouched"
    );
    // The release is deployed halfway: another one has to wait, also if it would change nothing.
    let another = cloud.deploy_with(&["--stage", "shared"]);
    another.expect(4);
    assert!(another.stderr.contains("error[E-UNFINISHED]: "), "{}", another.stderr);
    cloud.deploy_with(&["--stage", "shared", "--image", &image]).expect(0);
    assert_eq!(cloud.tasks(), after_onebox, "the shared stage deploys no image");

    cloud.deploy_with(&["--stage", "fleet"]).expect(0);
    let after_fleet = cloud.tasks();
    assert!(after_fleet.is_disjoint(&tasks), "Fleet follows");
    let kept: BTreeSet<_> = after_fleet.intersection(&after_onebox).collect();
    assert_eq!(kept.len(), 3, "Onebox's tasks are untouched");
    cloud.deploy_with(&["--image", &image]).expect(0);
    assert_eq!(cloud.tasks(), after_fleet, "nothing to do");
}

#[test]
fn onebox_is_judged_by_fleet_before_fleet_follows() {
    let cloud = Cloud::new();
    cloud.deploy();
    cloud.settle();
    let fleet = cloud.fleet_tasks();

    // Slower than Fleet, and below every alarm's threshold.
    let slower = cloud.deploy_with(&["--fault", "delay=400ms"]);
    slower.expect(5);
    for words in [
        "error[E-WORSE]: rolled back: ",
        "now Onebox and Fleet run",
        "probes to Onebox: ",
    ] {
        assert!(slower.stderr.contains(words), "{words}: {}", slower.stderr);
    }
    assert_eq!(cloud.fleet_tasks(), fleet);

    let unseen = cloud.deploy_with(&["--fault", "hang@0.0001%", "--no-probe"]);
    unseen.expect(7);
    for words in ["reverted: there is too little evidence", "now Onebox and Fleet run"] {
        assert!(unseen.stderr.contains(words), "{words}: {}", unseen.stderr);
    }
    assert_eq!(cloud.fleet_tasks(), fleet);

    // Neither was deployed completely, so neither is a release to go back to or from.
    let nothing = cloud.xtask(&["rollback", "sandbox", "--yes", "--local"]);
    nothing.expect(4);
    assert!(
        nothing.stderr.contains("error[E-NO-EARLIER-RELEASE]: "),
        "{}",
        nothing.stderr
    );

    let bad = cloud.deploy_with(&["--fault", "exit-at-start"]);
    bad.expect(5);
    for words in [
        "Onebox was rolled back: its tasks didn't come up, or didn't stay up; Fleet was not touched",
        "now Onebox and Fleet run",
    ] {
        assert!(bad.stderr.contains(words), "{words}: {}", bad.stderr);
    }
    assert_eq!(cloud.fleet_tasks(), fleet);
}

#[test]
fn a_fault_in_the_image_shows_in_the_tasks_of_its_stage() {
    let cloud = Cloud::new();
    cloud.local(&["deploy", "sandbox", "--yes", "--fault", "error=503:onebox"]);
    cloud.settle();
    let endpoint = cloud.local(&["outputs", "sandbox", "WebAPIEndpoint"]).stdout;
    let status = |stage: &str| crate::client::get(endpoint.trim_end(), &[("x-deployment-stage", stage)]).status;
    assert_eq!((status("onebox"), status("fleet")), (503, 200));
}

#[test]
fn a_first_stage_that_finds_nothing_says_what_comes_first() {
    let cloud = Cloud::new();
    for stage in ["onebox", "fleet"] {
        let outcome = cloud.deploy_with(&["--stage", stage]);
        outcome.expect(4);
        assert!(
            outcome.stderr.contains("next: deploy it first: `--stage shared`"),
            "{}",
            outcome.stderr
        );
    }
}
