//! Plans every step before the first one starts.

use std::collections::{BTreeMap, BTreeSet};

use crate::stage::Stage;
use crate::staging::changes::planned;
use crate::staging::checks::{Update, check};
use crate::staging::compose::{Composed, compose};
use crate::staging::effect::{Comparison, World};
use crate::staging::inputs::{Inputs, invalid, masked};
use crate::staging::refusal::distinct;
use crate::staging::{Code, Deployed, Desired, Plan, RELEASE_PARAMETERS, Refusal, Step, TEMPLATE_LIMIT_BYTES};

/// Plans the updates from what the stack has to what a release wants, or refuses with every reason.
///
/// # Errors
///
/// Every [`Refusal`]; nothing may be changed then.
pub fn plan(deployed: &Deployed, desired: &Desired) -> Result<Plan, Vec<Refusal>> {
    let inputs = Inputs::new(deployed, desired)?;
    let hidden = inputs.changed_hidden_values();
    if !hidden.is_empty() {
        return Err(hidden);
    }
    let mut planner = Planner {
        inputs: &inputs,
        desired,
        imported_exports: &deployed.imported_exports,
        world: inputs.deployed.clone(),
        releases: inputs.deployed_releases(),
        steps: Vec::new(),
        refusals: Vec::new(),
    };
    for stage in Stage::ALL {
        if planner.step(stage) {
            break;
        }
    }
    if planner.refusals.is_empty() {
        return Ok(Plan { steps: planner.steps });
    }
    Err(distinct(planner.refusals))
}

/// A composed template as text, without notes if it would be too large with them.
fn intermediate_text(world: &mut World) -> String {
    let text = world.template.to_text();
    if text.len() <= TEMPLATE_LIMIT_BYTES {
        return text;
    }
    world.template.drop_notes();
    world.template.to_text()
}

struct Planner<'a> {
    inputs: &'a Inputs,
    desired: &'a Desired,
    imported_exports: &'a BTreeSet<String>,
    /// What the stack has after the steps so far.
    world: World,
    /// The values of the release parameters after the steps so far.
    releases: BTreeMap<String, String>,
    steps: Vec<Step>,
    refusals: Vec<Refusal>,
}

impl Planner<'_> {
    /// Plans a step. Returns whether nothing is left to do.
    fn step(&mut self, stage: Stage) -> bool {
        let mut composed = match compose(self.inputs, stage, &self.releases) {
            Ok(composed) => composed,
            Err(refusals) => {
                self.refusals.extend(refusals);
                return true;
            }
        };
        let effect = Comparison::new(&self.world, &composed.world, &masked());
        if effect.is_empty() {
            return false;
        }
        if self.take_release(stage, &effect) {
            match compose(self.inputs, stage, &self.releases) {
                Ok(again) => composed = again,
                Err(refusals) => self.refusals.extend(refusals),
            }
        }
        let target = self.inputs.final_world(&self.releases);
        let last = Comparison::new(&composed.world, &target, &masked()).is_empty();
        if last {
            self.take("Release");
            composed.world = self.inputs.final_world(&self.releases);
        }
        self.push(stage, composed, last);
        last
    }

    /// Gives a stage's release parameter the release's value if the step changes the stage.
    fn take_release(&mut self, stage: Stage, effect: &Comparison) -> bool {
        if !effect.changes.keys().any(|name| self.inputs.stage(name) == stage) {
            return false;
        }
        let own = RELEASE_PARAMETERS
            .iter()
            .find(|(name, owner)| *owner == stage && *name != "Release");
        own.is_some_and(|(name, _)| self.take(name))
    }

    fn take(&mut self, name: &str) -> bool {
        match (self.inputs.releases.get(name), self.releases.get_mut(name)) {
            (Some(value), Some(current)) if current != value => {
                current.clone_from(value);
                true
            }
            _ => false,
        }
    }

    fn push(&mut self, stage: Stage, mut composed: Composed, last: bool) {
        let text = if last {
            self.desired.template.clone()
        } else {
            let problems = composed.world.template.problems();
            self.refusals
                .extend(invalid(problems, "the template between two steps"));
            intermediate_text(&mut composed.world)
        };
        if text.len() > TEMPLATE_LIMIT_BYTES {
            let reason = format!(
                "the template of step {stage} has {} bytes (limit {TEMPLATE_LIMIT_BYTES})",
                text.len()
            );
            self.refusals.push(Refusal::new(Code::Invalid, "", reason));
        }
        let comparison = Comparison::new(&self.world, &composed.world, &[]);
        let reverse = Comparison::new(&composed.world, &self.world, &[]);
        self.refusals.extend(check(&Update {
            stages: &self.inputs.stages,
            stage,
            comparison: &comparison,
            reverse: &reverse,
            waiting: &composed.waiting,
            after: &composed.world.template,
            imported_exports: self.imported_exports,
        }));
        self.steps.push(Step {
            stage,
            template: text,
            parameters: composed.world.values.clone(),
            changes: planned(&comparison, &self.inputs.stages),
            outputs: comparison.outputs.iter().cloned().collect(),
            last,
        });
        self.world = composed.world;
    }
}
