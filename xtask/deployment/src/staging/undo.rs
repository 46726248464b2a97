//! Reverts the steps of a deployment that failed.

use std::collections::{BTreeMap, BTreeSet};

use crate::staging::changes::planned;
use crate::staging::effect::{Comparison, World};
use crate::staging::inputs::stages;
use crate::staging::quick::{changed_services, quick};
use crate::staging::{Deployed, Plan, Step};
use crate::template::Template;

/// Reverts the first `reached` steps of a plan: the templates before them, newest first, and at last the deployed one, byte for byte.
///
/// Until the last update, ECS's rollback on alarms is off for each service that goes back: a late alarm of the bad release would restore it.
/// A hidden value of a stage that a step changed can't be restored, because it can't be read back.
pub fn undo(plan: &Plan, deployed: &Deployed, reached: usize) -> Vec<Step> {
    let done = plan.steps.get(..reached).unwrap_or(&plan.steps);
    let mut worlds = vec![world(&deployed.template, &deployed.parameters)];
    worlds.extend(done.iter().map(|step| world(&step.template, &step.parameters)));
    let stages = stages(worlds.iter().map(|world| &world.template));
    let mut services: BTreeSet<String> = BTreeSet::new();
    let mut now = worlds.pop().unwrap_or_default();
    let mut after = now.clone();
    let mut steps = Vec::new();
    let mut push = |done: &Step, target: World, text: Option<&String>| {
        let comparison = Comparison::new(&now, &target, &[]);
        steps.push(Step {
            stage: done.stage,
            template: text.cloned().unwrap_or_else(|| target.template.to_text()),
            parameters: visible(&target),
            changes: planned(&comparison, &stages),
            outputs: comparison.outputs.iter().cloned().collect(),
            last: text.is_some(),
        });
        now = target;
    };
    for (index, step) in done.iter().enumerate().rev() {
        let before = worlds.pop().unwrap_or_default();
        let reverted = changed_services(&Comparison::new(&after, &before, &[]));
        services.extend(reverted.iter().cloned());
        if index > 0 || !reverted.is_empty() {
            push(step, quick(&before, &services), None);
        }
        if index == 0 {
            push(step, before.clone(), Some(&deployed.template));
        }
        after = before;
    }
    steps
}

fn world(text: &str, values: &BTreeMap<String, String>) -> World {
    World {
        template: Template::parse(text).unwrap_or_default(),
        values: values.clone(),
    }
}

/// The values of the template's parameters that aren't hidden, defaults included: without a value, the one to be undone would stay.
fn visible(world: &World) -> BTreeMap<String, String> {
    let parameters = world.template.parameters.iter();
    parameters
        .filter(|(_, parameter)| !parameter.is_hidden())
        .filter_map(|(name, parameter)| {
            let value = world.values.get(name).cloned().or_else(|| parameter.default());
            Some((name.clone(), value?))
        })
        .collect()
}
