//! Plans executed in the local cloud's provisioner: it changes what the plan says and nothing else.

use proptest::prelude::*;

use crate::staging::tests::cloud::Cloud;
use crate::staging::tests::kinds::kinds;
use crate::staging::tests::random::combined;
use crate::staging::tests::{Case, plan_of};
use crate::staging::{Desired, plan, rollback, undo};

fn run(before: &Case, after: &Case) -> Result<(), String> {
    let (deployed, desired) = (before.deployed(), after.desired());
    let Ok(planned) = plan(&deployed, &desired) else {
        return Ok(());
    };
    let mut cloud = Cloud::new(&deployed);
    for step in &planned.steps {
        // As after an interruption: the rest is planned from what the stack has.
        let rest = plan(&cloud.deployed(), &desired).map_err(|refusals| format!("resumed: {refusals:#?}"))?;
        let again = rest.steps.first().ok_or("resumed: nothing to do")?;
        if again.changes != step.changes {
            return Err(format!("resumed: {again:#?}, not {step:#?}"));
        }
        cloud
            .execute(again)
            .map_err(|fault| format!("step {}: {fault}", step.stage))?;
    }
    if !planned.steps.is_empty() && cloud.deployed().template != desired.template {
        return Err("the stack has another template than the release".to_owned());
    }
    Ok(())
}

#[test]
fn every_kind_is_executed_as_planned() {
    let mut wrong = Vec::new();
    for kind in kinds() {
        let mut before = Case::base();
        (kind.before)(&mut before);
        let mut after = before.clone();
        (kind.edit)(&mut after);
        if let Err(fault) = run(&before, &after) {
            wrong.push(format!("{}: {fault}", kind.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_stack_without_stages_is_adopted_as_planned() {
    assert_eq!(run(&Case::main(), &Case::plain()), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn combinations_are_executed_as_planned(chosen in prop::collection::vec(0_usize..1000, 2..4)) {
        let Some((before, after)) = combined(&Case::base(), &chosen) else { return Ok(()) };
        prop_assert_eq!(run(&before, &after), Ok(()));
    }

    #[test]
    fn undo_and_rollback_are_executed_as_planned(
        chosen in prop::collection::vec(0_usize..1000, 1..3),
        reached in 1_usize..4,
        undoes in any::<bool>(),
    ) {
        let Some((before, after)) = combined(&Case::base(), &chosen) else { return Ok(()) };
        let Ok(planned) = plan_of(&before, &after) else { return Ok(()) };
        let deployed = before.deployed();
        let mut cloud = Cloud::new(&deployed);
        let reached = reached.min(planned.steps.len());
        for step in planned.steps.iter().take(reached) {
            prop_assert_eq!(cloud.execute(step), Ok(()));
        }
        let previous = Desired { template: deployed.template.clone(), parameters: before.values.clone() };
        let back = if undoes { undo(&planned, &deployed, reached) } else {
            let Ok(plan) = rollback(&cloud.deployed(), &previous) else { return Ok(()) };
            plan.steps
        };
        for step in &back {
            prop_assert_eq!(cloud.execute(step), Ok(()));
        }
        if reached > 0 {
            prop_assert_eq!(cloud.deployed().template, deployed.template);
        }
    }

    #[test]
    fn another_release_in_between_is_executed_as_planned(
        first in prop::collection::vec(0_usize..1000, 1..3),
        second in prop::collection::vec(0_usize..1000, 1..3),
        reached in 1_usize..3,
    ) {
        let Some((before, after)) = combined(&Case::base(), &first) else { return Ok(()) };
        let Some((_, other)) = combined(&before, &second) else { return Ok(()) };
        let Ok(planned) = plan_of(&before, &after) else { return Ok(()) };
        let mut cloud = Cloud::new(&before.deployed());
        for step in planned.steps.iter().take(reached) {
            prop_assert_eq!(cloud.execute(step), Ok(()));
        }
        let desired = other.desired();
        let Ok(again) = plan(&cloud.deployed(), &desired) else { return Ok(()) };
        for step in &again.steps {
            prop_assert_eq!(cloud.execute(step), Ok(()));
        }
        if !again.steps.is_empty() {
            prop_assert_eq!(cloud.deployed().template, desired.template);
        }
    }
}
