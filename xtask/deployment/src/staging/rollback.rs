//! Restores the previous release: customers first, no gates.

use std::collections::{BTreeMap, BTreeSet};

use crate::stage::Stage;
use crate::staging::changes::planned;
use crate::staging::checks::{is_named, taken_names};
use crate::staging::compose::compose;
use crate::staging::effect::{Comparison, World};
use crate::staging::inputs::{Inputs, masked};
use crate::staging::quick::{changed_services, quick};
use crate::staging::refusal::distinct;
use crate::staging::{Code, Deployed, Desired, Plan, RELEASE_PARAMETERS, Refusal, Step};
use crate::template::Parameter;

/// Plans the way back from what the stack has to the previous release.
///
/// One update restores everything, with Fleet not waiting for Onebox and, for the services that change, without ECS's rollback on alarms;
/// a second one installs the release byte for byte. If a name in that update is still taken, the stages are restored one after the other instead, Fleet first.
///
/// # Errors
///
/// Every [`Refusal`]; nothing may be changed then.
pub fn rollback(current: &Deployed, previous: &Desired) -> Result<Plan, Vec<Refusal>> {
    let inputs = Inputs::new(current, previous)?;
    let mut refusals = lost_hidden_values(&inputs, previous);
    let releases = releases(&inputs);
    let target = inputs.final_world(&releases);
    let comparison = Comparison::new(&inputs.deployed, &target, &[]);
    refusals.extend(retained_names(&comparison));
    if !refusals.is_empty() {
        return Err(distinct(refusals));
    }
    if Comparison::new(&inputs.deployed, &target, &masked()).is_empty() {
        return Ok(Plan::default());
    }
    let services = changed_services(&comparison);
    let first = quick(&target, &services);
    let collisions = taken_names(&Comparison::new(&inputs.deployed, &first, &[]));
    let worlds = if !collisions.is_empty() {
        stage_by_stage(&inputs, &target, &releases, &services)?
    } else if !services.is_empty() {
        vec![first, target]
    } else {
        vec![target]
    };
    Ok(steps(&inputs, previous, worlds))
}

/// The release parameters after the rollback: the release's values, except that a stage that doesn't change keeps its own.
fn releases(inputs: &Inputs) -> BTreeMap<String, String> {
    let kept = inputs.deployed_releases();
    let effect = Comparison::new(&inputs.deployed, &inputs.final_world(&kept), &masked());
    let mut releases = kept;
    for (name, stage) in RELEASE_PARAMETERS {
        let changes = name == "Release" || effect.changes.keys().any(|changed| inputs.stage(changed) == stage);
        if let (true, Some(value)) = (changes, inputs.releases.get(name)) {
            releases.insert(name.to_owned(), value.clone());
        }
    }
    releases
}

/// A hidden value of a stage that isn't given can't be read back. A shared one hasn't changed, because no plan changes it.
fn lost_hidden_values(inputs: &Inputs, previous: &Desired) -> Vec<Refusal> {
    let release = &inputs.release.template.parameters;
    release
        .iter()
        .filter(|(name, parameter)| parameter.is_hidden() && !previous.parameters.contains_key(*name))
        .filter(|(name, _)| {
            let kept = inputs.deployed.template.parameters.get(*name);
            inputs.parameter_stage(name) != Stage::Shared || !kept.is_some_and(Parameter::is_hidden)
        })
        .map(|(name, _)| Refusal::new(Code::NoEcho, name, "its hidden value can't be read back"))
        .collect()
}

/// The previous release has a retained resource with a name that the stack dropped, so the name is taken.
fn retained_names(comparison: &Comparison) -> Vec<Refusal> {
    comparison
        .after
        .iter()
        .filter(|(name, _)| !comparison.before.contains_key(*name))
        .filter(|(_, resource)| resource.deletion_policy.starts_with("Retain") && is_named(resource))
        .map(|(name, _)| {
            let reason = "the stack dropped it but it was retained, so its name is taken; import or rename it";
            Refusal::new(Code::Retain, name, reason)
        })
        .collect()
}

/// Fleet's stage first, then Onebox's, then the shared resources: the deployment's steps backwards.
fn stage_by_stage(
    inputs: &Inputs,
    target: &World,
    releases: &BTreeMap<String, String>,
    services: &BTreeSet<String>,
) -> Result<Vec<World>, Vec<Refusal>> {
    let forward = Inputs {
        deployed: target.clone(),
        release: inputs.deployed.clone(),
        releases: releases.clone(),
        stages: inputs.stages.clone(),
        parameter_stages: inputs.parameter_stages.clone(),
    };
    let mut worlds = Vec::new();
    for stage in [Stage::Onebox, Stage::Shared] {
        worlds.push(quick(&compose(&forward, stage, releases)?.world, services));
    }
    worlds.push(quick(target, services));
    worlds.push(target.clone());
    let mut before = &inputs.deployed;
    let mut refusals = Vec::new();
    for world in &worlds {
        refusals.extend(taken_names(&Comparison::new(before, world, &[])));
        before = world;
    }
    if refusals.is_empty() {
        Ok(worlds)
    } else {
        Err(distinct(refusals))
    }
}

fn steps(inputs: &Inputs, previous: &Desired, worlds: Vec<World>) -> Plan {
    let mut steps = Vec::new();
    let mut before = inputs.deployed.clone();
    let count = worlds.len();
    for (index, world) in worlds.into_iter().enumerate() {
        let last = index + 1 == count;
        let comparison = Comparison::new(&before, &world, &[]);
        if comparison.is_empty() && !last {
            continue;
        }
        steps.push(Step {
            stage: Stage::Fleet,
            template: if last {
                previous.template.clone()
            } else {
                world.template.to_text()
            },
            parameters: world.values.clone(),
            changes: planned(&comparison, &inputs.stages),
            outputs: comparison.outputs.iter().cloned().collect(),
            last,
        });
        before = world;
    }
    Plan { steps }
}
