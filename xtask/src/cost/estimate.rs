//! From a template to what it costs a month: pure.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::prices::Prices;
use super::rules::{RULES, Rule};
use super::scene::{Line, Resource, Scene, Usage};

/// What an environment costs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Estimate {
    /// What costs something, in the order of the rules.
    pub(crate) lines: Vec<Line>,
    /// The types that cost nothing by themselves: how many there are of each, and why.
    pub(crate) free: BTreeMap<String, (usize, &'static str)>,
}

impl Estimate {
    /// With the fewest tasks.
    pub(crate) fn least(&self) -> f64 {
        self.lines.iter().map(|line| line.least).sum()
    }

    /// With the most tasks.
    pub(crate) fn most(&self) -> f64 {
        self.lines.iter().map(|line| line.most).sum()
    }
}

/// What the stacks of an environment cost a month.
///
/// # Errors
/// A template that is none, a type that no rule knows, or a property that a rule needs and doesn't find.
pub(crate) fn estimate(templates: &[&str], usage: &Usage, prices: &Prices) -> anyhow::Result<Estimate> {
    let parsed: Vec<Value> = templates
        .iter()
        .map(|text| serde_json::from_str(text).context("the template is no JSON"))
        .collect::<anyhow::Result<_>>()?;
    let mut resources = Vec::new();
    for template in &parsed {
        let all = template["Resources"]
            .as_object()
            .context("the template has no resources")?;
        resources.extend(all.iter().map(|(id, entry)| Resource {
            id,
            kind: entry["Type"].as_str().unwrap_or_default(),
            properties: &entry["Properties"],
        }));
    }
    // In an order that no way of reading JSON changes.
    resources.sort_by_key(|resource| resource.id);
    let scene = Scene {
        resources: &resources,
        usage,
        prices,
    };
    by_rules(scene)
}

fn by_rules(scene: Scene<'_>) -> anyhow::Result<Estimate> {
    if let Some(unknown) = scene
        .resources
        .iter()
        .find(|resource| !RULES.iter().any(|(kind, _)| *kind == resource.kind))
    {
        bail!(
            "nothing is known of what {} costs, which {} is",
            unknown.kind,
            unknown.id
        );
    }
    let (mut lines, mut free) = (Vec::new(), BTreeMap::new());
    for (kind, rule) in RULES {
        match (scene.count(kind), rule) {
            (0, _) => {}
            (number, Rule::Free(why)) => {
                free.insert((*kind).to_owned(), (number, *why));
            }
            (_, Rule::Costs(cost)) => {
                let costs = cost(scene).with_context(|| format!("cannot tell what {kind} costs"))?;
                lines.extend(costs);
            }
        }
    }
    Ok(Estimate { lines, free })
}
