//! What a step must not do.

mod names;
mod order;
mod ports;
mod targets;

use std::collections::{BTreeMap, BTreeSet};

use crate::stage::Stage;
use crate::staging::effect::Comparison;
use crate::staging::{ChangeKind, Code, Refusal};
use crate::template::Template;

pub(super) use names::{is_named, taken_names};

/// A step to check.
#[derive(Debug)]
pub(super) struct Update<'a> {
    pub(super) stages: &'a BTreeMap<String, Stage>,
    pub(super) stage: Stage,
    pub(super) comparison: &'a Comparison,
    /// The same update backwards, as when it is undone.
    pub(super) reverse: &'a Comparison,
    /// What still waits after this step.
    pub(super) waiting: &'a BTreeSet<String>,
    pub(super) after: &'a Template,
    pub(super) imported_exports: &'a BTreeSet<String>,
}

impl Update<'_> {
    fn stage_of(&self, name: &str) -> Stage {
        self.stages.get(name).copied().unwrap_or(Stage::Shared)
    }
}

/// Every reason not to do this step.
pub(super) fn check(update: &Update<'_>) -> Vec<Refusal> {
    let mut refusals = services(update);
    refusals.extend(targets::check(update));
    let refused: BTreeSet<String> = refusals.iter().map(|refusal| refusal.resource.clone()).collect();
    refusals.extend(order::check(update, &refused));
    refusals.extend(ports::check(update.comparison, update.reverse));
    refusals.extend(names::check(update.comparison));
    refusals.extend(exports(update));
    refusals
}

/// A new ECS service starts with its minimum of tasks, whatever its predecessor had scaled to.
fn services(update: &Update<'_>) -> Vec<Refusal> {
    let comparison = update.comparison;
    comparison
        .changes
        .iter()
        .filter(|(name, _)| update.stage_of(name) <= update.stage)
        .filter(|(name, _)| {
            let before = comparison.before.get(*name);
            before.is_some_and(|resource| resource.resource_type == "AWS::ECS::Service")
        })
        .filter_map(|(name, kind)| match kind {
            ChangeKind::Remove => Some(Refusal::new(Code::Service, name, "the service is removed")),
            kind if kind.may_replace() => {
                let reason = "the service is replaced, and its successor starts with its minimum of tasks";
                Some(Refusal::new(Code::Service, name, reason))
            }
            _ => None,
        })
        .collect()
}

/// CloudFormation refuses to change an export that another stack imports:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html>
fn exports(update: &Update<'_>) -> Vec<Refusal> {
    let [before, after] = &update.comparison.exports;
    update
        .imported_exports
        .iter()
        .filter(|name| before.get(*name).is_some_and(|value| after.get(*name) != Some(value)))
        .map(|name| {
            Refusal::new(
                Code::Export,
                name,
                "another stack imports it, and its value changes or it goes",
            )
        })
        .collect()
}
