//! Composes the template of a step from the deployed template and the release.

mod names;

use std::collections::{BTreeMap, BTreeSet};

use crate::stage::Stage;
use crate::staging::effect::World;
use crate::staging::inputs::Inputs;
use crate::staging::{Code, Refusal};
use crate::template::{Output, Resource, find_cycle};

/// Where a definition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Deployed,
    Release,
}

/// A step's template and values, and the shared resources that wait for a later step.
#[derive(Debug)]
pub(super) struct Composed {
    pub(super) world: World,
    pub(super) waiting: BTreeSet<String>,
}

/// Composes a step. `releases` are the values of the release parameters in this step.
pub(super) fn compose(
    inputs: &Inputs,
    step: Stage,
    releases: &BTreeMap<String, String>,
) -> Result<Composed, Vec<Refusal>> {
    let mut choice = Choice {
        inputs,
        step,
        waiting: BTreeSet::new(),
        returned: BTreeSet::new(),
    };
    let resources = choice.settle()?;
    let outputs = choice.outputs(&resources);
    let world = names::assemble(inputs, step, &resources, &outputs, releases)?;
    Ok(Composed {
        world,
        waiting: choice.waiting,
    })
}

/// Which definition each resource has in a step.
type Origins = BTreeMap<String, Origin>;

struct Choice<'a> {
    inputs: &'a Inputs,
    step: Stage,
    /// Shared definitions of the release that wait.
    waiting: BTreeSet<String>,
    /// Deployed resources that were brought back because something still refers to them.
    returned: BTreeSet<String>,
}

impl Choice<'_> {
    /// Applies the rules until nothing changes any more. Both sets only grow, so this ends.
    fn settle(&mut self) -> Result<Origins, Vec<Refusal>> {
        loop {
            let chosen = self.choose();
            if self.bring_back(&chosen) || self.wait(&chosen)? || self.break_cycle(&chosen)? {
                continue;
            }
            return Ok(chosen);
        }
    }

    fn choose(&self) -> Origins {
        let deployed = &self.inputs.deployed.template.resources;
        let release = &self.inputs.release.template.resources;
        let names: BTreeSet<&String> = deployed.keys().chain(release.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| Some((name.clone(), self.origin(name)?)))
            .collect()
    }

    fn origin(&self, name: &str) -> Option<Origin> {
        let stage = self.inputs.stage(name);
        let deployed = self.inputs.deployed.template.resources.contains_key(name);
        if self.inputs.release.template.resources.contains_key(name) {
            if stage <= self.step && !self.waiting.contains(name) {
                return Some(Origin::Release);
            }
            return deployed.then_some(Origin::Deployed);
        }
        let stays = match stage {
            Stage::Shared => self.step < Stage::Fleet,
            stage => stage > self.step,
        };
        (stays || self.returned.contains(name)).then_some(Origin::Deployed)
    }

    fn resource(&self, name: &str, origin: Origin) -> Option<&Resource> {
        let world = match origin {
            Origin::Deployed => &self.inputs.deployed,
            Origin::Release => &self.inputs.release,
        };
        world.template.resources.get(name)
    }

    /// Brings back what deployed definitions and exports still refer to.
    fn bring_back(&mut self, chosen: &Origins) -> bool {
        let deployed = &self.inputs.deployed.template;
        let resources = chosen
            .iter()
            .filter(|(_, origin)| **origin == Origin::Deployed)
            .filter_map(|(name, _)| deployed.resources.get(name))
            .map(Resource::references);
        let exports = deployed
            .outputs
            .iter()
            .filter(|(name, output)| output.export_name().is_some() && !self.output_is_new(name, chosen))
            .map(|(_, output)| output.references());
        let absent: Vec<String> = resources
            .chain(exports)
            .flat_map(|found| found.names)
            .filter(|name| deployed.resources.contains_key(name) && !chosen.contains_key(name))
            .collect();
        let count = self.returned.len();
        if self.step < Stage::Fleet {
            self.returned.extend(absent);
        }
        self.returned.len() > count
    }

    /// Lets shared definitions wait that refer to something absent.
    fn wait(&mut self, chosen: &Origins) -> Result<bool, Vec<Refusal>> {
        let known = &self.inputs.release.template.resources;
        let mut refusals = Vec::new();
        let mut waiting = Vec::new();
        for (name, _) in chosen.iter().filter(|(_, origin)| **origin == Origin::Release) {
            let found = known.get(name).map(Resource::references).unwrap_or_default();
            let absent = found
                .names
                .into_iter()
                .find(|other| known.contains_key(other) && !chosen.contains_key(other));
            match absent {
                None => {}
                Some(_) if self.inputs.stage(name) == Stage::Shared => waiting.push(name.clone()),
                Some(absent) => {
                    let reason = format!("it needs {absent}, which only comes with a later step");
                    refusals.push(Refusal::new(Code::Cycle, name, reason));
                }
            }
        }
        if waiting.is_empty() && !refusals.is_empty() {
            return Err(refusals);
        }
        let count = self.waiting.len();
        self.waiting.extend(waiting);
        Ok(self.waiting.len() > count)
    }

    /// Lets the shared definitions of a cycle wait.
    fn break_cycle(&mut self, chosen: &Origins) -> Result<bool, Vec<Refusal>> {
        let graph = chosen
            .iter()
            .filter_map(|(name, origin)| Some((name.clone(), self.resource(name, *origin)?)))
            .map(|(name, resource)| {
                let references = resource.references().names.into_iter();
                let next = references
                    .chain(resource.depends_on.iter().cloned())
                    .filter(|other| chosen.contains_key(other))
                    .collect();
                (name, next)
            })
            .collect();
        let Some(cycle) = find_cycle(&graph) else {
            return Ok(false);
        };
        let released = |name: &&String| chosen.get(*name) == Some(&Origin::Release);
        let shared: Vec<String> = cycle
            .iter()
            .filter(released)
            .filter(|name| self.inputs.stage(name) == Stage::Shared)
            .cloned()
            .collect();
        if !shared.is_empty() {
            self.waiting.extend(shared);
            return Ok(true);
        }
        let name = cycle.iter().find(released).or(cycle.first());
        let reason = format!("circular dependency in this step: {}", cycle.join(", "));
        Err(vec![Refusal::new(Code::Cycle, name.map_or("", String::as_str), reason)])
    }

    /// Whether the output has the release's definition in this step.
    fn output_is_new(&self, name: &str, chosen: &Origins) -> bool {
        let (deployed, release) = (&self.inputs.deployed.template, &self.inputs.release.template);
        let Some(output) = release.outputs.get(name) else {
            return self.step == Stage::Fleet;
        };
        let before = deployed.outputs.get(name);
        let stage = self
            .inputs
            .output_stage(release, output)
            .max(before.map_or(Stage::Shared, |output| self.inputs.output_stage(deployed, output)));
        stage <= self.step
            && (output.references().names.iter())
                .all(|name| !release.resources.contains_key(name) || chosen.contains_key(name))
    }

    fn outputs(&self, chosen: &Origins) -> BTreeMap<String, (Origin, Output)> {
        let (deployed, release) = (&self.inputs.deployed.template, &self.inputs.release.template);
        let mut outputs = BTreeMap::new();
        for (name, output) in &deployed.outputs {
            let complete = (output.references().names.iter())
                .all(|name| !deployed.resources.contains_key(name) || chosen.contains_key(name));
            if complete && !self.output_is_new(name, chosen) {
                outputs.insert(name.clone(), (Origin::Deployed, output.clone()));
            }
        }
        for (name, output) in &release.outputs {
            if self.output_is_new(name, chosen) {
                outputs.insert(name.clone(), (Origin::Release, output.clone()));
            }
        }
        outputs
    }
}
