//! The local cloud dies and comes back at every moment of a deployment.

use serde_json::json;

use super::rig::{Rig, template};
use crate::cloud::Effect;

/// Dies after so many rounds of creation and of replacement; with its tasks or without.
fn check(rounds: usize, lost: bool) {
    let mut rig = Rig::new();
    let input = json!({"StackName": "stack", "TemplateBody": template("a", 3).to_string()});
    rig.cloudformation("CreateStack", input);
    (0..rounds).for_each(|_| rig.round());
    rig.restart(lost);
    assert_eq!(
        rig.finish("stack"),
        "CREATE_COMPLETE",
        "{rounds} {lost}: {}",
        rig.reasons("stack")
    );

    rig.begin_update("stack", &template("b", 3));
    (0..rounds).for_each(|_| rig.round());
    rig.restart(lost);
    assert_eq!(
        rig.finish("stack"),
        "UPDATE_COMPLETE",
        "{rounds} {lost}: {}",
        rig.reasons("stack")
    );
    rig.run_until(|rig| rig.running.len() == 3 && rig.targets() == 3 && rig.waiting.is_empty());

    rig.cloudformation("DeleteStack", json!({"StackName": "stack"}));
    (0..rounds).for_each(|_| rig.round());
    rig.restart(lost);
    rig.run_until(|rig| rig.world.cloud.ecs.clusters.is_empty() && rig.world.cloud.elb.load_balancers.is_empty());
    assert_eq!(
        (rig.running.len(), rig.targets(), rig.open.len()),
        (0, 0, 0),
        "{rounds} {lost}"
    );
}

#[test]
fn a_restart_at_any_moment_loses_nothing_and_fails_nothing() {
    for rounds in 0..30 {
        check(rounds, false);
        check(rounds, true);
    }
}

#[test]
fn images_of_a_deleted_repository_are_removed_even_if_the_restart_comes_first() {
    let mut rig = Rig::new();
    let template =
        json!({"Resources": {"Images": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "images"}}}});
    rig.create("stack", &template);
    rig.cloudformation("DeleteStack", json!({"StackName": "stack"}));
    // Decided and written, but not done.
    rig.world.settle(rig.now);
    rig.done.clear();
    rig.restart(false);
    let name = "images".to_owned();
    assert!(rig.done.contains(&Effect::DeleteRepository { name }));
    assert!(rig.world.cloud.deleted_repositories.is_empty());
}
