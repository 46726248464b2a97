//! Random combinations of kinds of change.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use crate::staging::tests::kinds::kinds;
use crate::staging::tests::{Case, plan_of};
use crate::staging::{ChangeKind, Deployed, Desired, Plan, Step, TEMPLATE_LIMIT_BYTES, plan, rollback, undo};
use crate::template::Template;

/// Applies kinds one after the other. `None` if one can't follow the others.
pub(super) fn combined(base: &Case, chosen: &[usize]) -> Option<(Case, Case)> {
    let kinds = kinds();
    let chosen = || chosen.iter().filter_map(|index| kinds.get(index % kinds.len()));
    catch_unwind(AssertUnwindSafe(|| {
        let mut before = base.clone();
        chosen().for_each(|kind| (kind.before)(&mut before));
        let mut after = before.clone();
        chosen().for_each(|kind| (kind.edit)(&mut after));
        (before, after)
    }))
    .ok()
}

fn stack_after(step: &Step) -> Deployed {
    Deployed {
        template: step.template.clone(),
        parameters: step.parameters.clone(),
        ..Deployed::default()
    }
}

/// What holds for every accepted plan.
fn check_plan(plan: &Plan, desired: &Desired) -> Result<(), TestCaseError> {
    for step in &plan.steps {
        prop_assert!(step.template.len() <= TEMPLATE_LIMIT_BYTES);
        let parsed = Template::parse(&step.template);
        prop_assert!(parsed.is_ok(), "step {}: {parsed:?}", step.stage);
        for change in &step.changes {
            prop_assert!(change.stage <= step.stage, "step {} changes {change:?}", step.stage);
        }
        prop_assert!(!step.changes.is_empty() || !step.outputs.is_empty());
    }
    if let Some(last) = plan.steps.last() {
        prop_assert_eq!(&last.template, &desired.template);
        prop_assert!(last.last);
        let parsed = Template::parse(&last.template).expect("a template");
        let names: Vec<&String> = parsed.parameters.keys().collect();
        let given: Vec<&String> = last.parameters.keys().collect();
        prop_assert_eq!(names, given);
    }
    prop_assert!(
        plan.steps
            .is_sorted_by(|first, second| first.stage < second.stage && !first.last)
    );
    Ok(())
}

/// Undoing any number of steps ends with what was there; each part of it reaches no later stage, except that ECS reacts to alarms again.
fn check_undo(plan: &Plan, deployed: &Deployed) -> Result<(), TestCaseError> {
    for reached in 1..=plan.steps.len() {
        let back = undo(plan, deployed, reached);
        prop_assert!((reached..=reached + 1).contains(&back.len()));
        let last = back.last().expect("a step");
        prop_assert_eq!(&last.template, &deployed.template);
        for step in &back {
            prop_assert!(Template::parse(&step.template).is_ok());
            prop_assert_eq!(step.last, step == last);
            let later = step.changes.iter().filter(|change| change.stage > step.stage);
            let alarms = ["DeploymentConfiguration".to_owned()].into();
            for change in later {
                let only_alarms =
                    matches!(&change.kind, ChangeKind::Modify { properties, .. } if *properties == alarms);
                prop_assert!(step.last && only_alarms, "undoing {} changes {change:?}", step.stage);
            }
        }
        let start = plan.steps.get(reached - 1).expect("a step");
        let mut ids: Vec<String> = start.changes.iter().map(|change| change.logical_id.clone()).collect();
        let undone = back.iter().flat_map(|step| &step.changes);
        let undone: Vec<&String> = undone.map(|change| &change.logical_id).collect();
        ids.retain(|id| !undone.contains(&id));
        prop_assert!(ids.is_empty(), "not undone: {ids:?}");
    }
    Ok(())
}

/// Planning again after any step gives the remaining steps.
fn check_resume(planned: &Plan, desired: &Desired) -> Result<(), TestCaseError> {
    for (index, step) in planned.steps.iter().enumerate() {
        let again = plan(&stack_after(step), desired);
        let Ok(again) = again else {
            return Err(TestCaseError::fail(format!("after step {}: {again:#?}", step.stage)));
        };
        let rest = planned.steps.get(index + 1..).unwrap_or_default();
        prop_assert_eq!(again.steps.len(), rest.len());
        for (again, step) in again.steps.iter().zip(rest) {
            prop_assert_eq!(&again.changes, &step.changes);
            prop_assert_eq!(again.stage, step.stage);
            if step.last {
                prop_assert_eq!(again, step);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_accepted_plan_keeps_the_order_of_the_stages(chosen in prop::collection::vec(0_usize..1000, 1..4)) {
        let Some((before, after)) = combined(&Case::base(), &chosen) else { return Ok(()) };
        let Ok(planned) = plan_of(&before, &after) else { return Ok(()) };
        let (deployed, desired) = (before.deployed(), after.desired());
        check_plan(&planned, &desired)?;
        check_undo(&planned, &deployed)?;
        check_resume(&planned, &desired)?;
    }

    #[test]
    fn a_release_without_effect_has_no_step(chosen in prop::collection::vec(0_usize..1000, 1..4)) {
        let Some((_, after)) = combined(&Case::base(), &chosen) else { return Ok(()) };
        if let Ok(planned) = plan_of(&after, &after) {
            prop_assert_eq!(planned, Plan::default());
        }
    }

    #[test]
    fn another_release_in_between_is_staged_as_well(
        first in prop::collection::vec(0_usize..1000, 1..3),
        second in prop::collection::vec(0_usize..1000, 1..3),
        reached in 0_usize..3,
    ) {
        let base = Case::base();
        let Some((before, after)) = combined(&base, &first) else { return Ok(()) };
        let Some((_, other)) = combined(&before, &second) else { return Ok(()) };
        let Ok(planned) = plan_of(&before, &after) else { return Ok(()) };
        let Some(step) = planned.steps.get(reached) else { return Ok(()) };
        let desired = other.desired();
        if let Ok(again) = plan(&stack_after(step), &desired) {
            check_plan(&again, &desired)?;
            check_resume(&again, &desired)?;
        }
    }

    #[test]
    fn a_rollback_from_any_step_ends_with_the_previous_release(
        chosen in prop::collection::vec(0_usize..1000, 1..4),
        reached in 0_usize..3,
    ) {
        let Some((before, after)) = combined(&Case::base(), &chosen) else { return Ok(()) };
        let Ok(planned) = plan_of(&before, &after) else { return Ok(()) };
        let Some(step) = planned.steps.get(reached) else { return Ok(()) };
        let previous = Desired { template: before.deployed().template, parameters: before.values.clone() };
        let back = rollback(&stack_after(step), &previous);
        let Ok(back) = back else {
            let hidden = before.template.to_string().contains("NoEcho");
            prop_assert!(hidden, "{back:#?}");
            return Ok(());
        };
        let last = back.steps.last().expect("a step");
        prop_assert_eq!(&last.template, &previous.template);
        prop_assert!(back.steps.len() <= 2 || chosen.len() > 1);
        prop_assert_eq!(plan(&stack_after(last), &previous), Ok(Plan::default()));
    }
}
