//! Anything at any time: deployments, crashes of tasks and of the local cloud, answers that come late and out of order.

use proptest::prelude::*;
use serde_json::json;

use super::rig::{Rig, template};
use crate::wire::Service;

#[derive(Debug, Clone)]
enum Step {
    Rounds(usize),
    /// What comes of effects waits, or goes on.
    Hold(bool),
    /// What waits comes in another order, task by task.
    Turn(usize),
    /// A task ends by itself.
    Crash(usize),
    Restart(bool),
    Update(u32),
    Cancel,
    StopTask(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..12).prop_map(Step::Rounds),
        1 => any::<bool>().prop_map(Step::Hold),
        1 => (0_usize..8).prop_map(Step::Turn),
        2 => (0_usize..8).prop_map(Step::Crash),
        1 => any::<bool>().prop_map(Step::Restart),
        2 => (0_u32..5).prop_map(Step::Update),
        1 => Just(Step::Cancel),
        1 => (0_usize..8).prop_map(Step::StopTask),
    ]
}

/// Another target group with every other change, so that targets move too.
fn changed(change: u32) -> serde_json::Value {
    let mut template = template(&format!("image-{change}"), 1 + change % 3);
    template["Resources"]["Group"]["Properties"]["Port"] = json!(80 + change % 2);
    template
}

fn play(rig: &mut Rig, step: &Step) {
    let nth = |rig: &Rig, index: usize| rig.running.iter().nth(index % rig.running.len().max(1)).cloned();
    match *step {
        Step::Rounds(count) => (0..count).for_each(|_| rig.round()),
        Step::Hold(hold) => rig.answers = !hold,
        Step::Turn(by) => {
            let by = by % rig.waiting.len().max(1);
            rig.waiting.rotate_left(by);
        }
        Step::Crash(index) => {
            if let Some(task) = nth(rig, index) {
                rig.exit(&task, Some(1));
            }
        }
        Step::Restart(lost) => rig.restart(lost),
        Step::Update(change) => {
            let input = json!({"StackName": "stack", "TemplateBody": changed(change).to_string()});
            // Refused while another is under way.
            let _ = rig.call(Service::CloudFormation, "UpdateStack", input);
        }
        Step::Cancel => drop(rig.call(
            Service::CloudFormation,
            "CancelUpdateStack",
            json!({"StackName": "stack"}),
        )),
        Step::StopTask(index) => {
            let cluster = rig.ecs("ListClusters", json!({}))["clusterArns"][0].clone();
            if let Some(task) = nth(rig, index) {
                let _ = rig.call(Service::Ecs, "StopTask", json!({"cluster": cluster, "task": task}));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_comes_to_rest_and_goes_without_a_trace(steps in prop::collection::vec(step(), 0..40)) {
        let mut rig = Rig::new();
        rig.cloudformation("CreateStack", json!({"StackName": "stack", "TemplateBody": changed(0).to_string()}));
        for step in &steps {
            play(&mut rig, step);
        }
        rig.answers = true;
        let status = rig.finish("stack");
        prop_assert!(!status.ends_with("_FAILED"), "{status}: {}", rig.reasons("stack"));
        if status != "ROLLBACK_COMPLETE" {
            let arn = rig.world.cloud.ecs.services.keys().next().cloned().unwrap();
            rig.run_until(|rig| {
                let wanted = usize::try_from(rig.world.cloud.ecs.desired_count(&arn)).unwrap();
                rig.waiting.is_empty() && rig.running.len() == wanted && rig.targets() == wanted
            });
            prop_assert_eq!(rig.open.len(), 1);
            let groups = rig.world.cloud.elb.target_groups.values();
            prop_assert_eq!(groups.map(|group| group.targets.len()).sum::<usize>(), rig.targets());
        }
        rig.delete("stack");
        rig.run_until(|rig| rig.waiting.is_empty());
        prop_assert_eq!((rig.running.len(), rig.targets(), rig.open.len()), (0, 0, 0));
    }
}
