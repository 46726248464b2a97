//! The local cloud dies and comes back at every moment of a deployment.

use serde_json::{Value, json};

use super::rig::{Rig, template};
use crate::cloud::Effect;
use crate::speed::Speed;
use crate::wire::Service;
use crate::world::Happening;

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

/// What the load balancer says of itself.
fn balancer_state(rig: &mut Rig) -> Value {
    let answer = rig.call(Service::ElasticLoadBalancing, "DescribeLoadBalancers", json!({}));
    answer.unwrap()["LoadBalancers"][0]["State"].clone()
}

#[test]
fn a_load_balancer_whose_port_was_taken_meanwhile_says_so_and_tries_again() {
    let mut rig = Rig::new();
    assert_eq!(rig.create("stack", &template("a", 1)), "CREATE_COMPLETE");
    assert_eq!(balancer_state(&mut rig), json!({"Code": "active"}));
    rig.ports_are_taken = true;
    rig.restart(false);
    rig.round();
    let failed = json!({"Code": "failed", "Reason": "cannot listen on 127.0.0.1:8080"});
    assert_eq!(balancer_state(&mut rig), failed);

    let listener_arn = rig.world.cloud.elb.listeners.keys().next().unwrap().clone();
    let again = |rig: &mut Rig| {
        let listener_arn = listener_arn.clone();
        rig.world.happen(rig.now, Happening::ListenAgain { listener_arn });
        (0..2).for_each(|_| rig.round());
    };
    again(&mut rig);
    assert_eq!(balancer_state(&mut rig), failed);
    rig.ports_are_taken = false;
    again(&mut rig);
    assert_eq!(balancer_state(&mut rig), json!({"Code": "active"}));
    assert_eq!(rig.open.len(), 1);

    // One that listens, or is gone, isn't asked for again.
    rig.done.clear();
    again(&mut rig);
    rig.delete("stack");
    again(&mut rig);
    assert!(
        !rig.done.iter().any(|effect| matches!(effect, Effect::Listen { .. })),
        "{:?}",
        rig.done
    );
}

#[test]
fn waits_pass_as_fast_after_a_restart_as_before_unless_somebody_says_otherwise() {
    let mut rig = Rig::new();
    assert!(rig.world.set_speed(Some(1001.0)).is_err());
    assert_eq!(rig.world.set_speed(None).unwrap().to_string(), "12");
    assert_eq!(rig.world.set_speed(Some(60.0)).unwrap().to_string(), "60");
    rig.restart(false);
    assert_eq!(rig.world.set_speed(None).unwrap().to_string(), "60");
    assert_eq!(rig.world.cloud.speed, Speed::new(60.0).unwrap());
    assert_eq!(rig.world.set_speed(Some(30.0)).unwrap().to_string(), "30");
}
