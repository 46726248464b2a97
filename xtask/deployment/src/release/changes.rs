//! What differs between two releases, in short.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::Release;
use crate::stage::Stage;

/// What differs between two releases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Whether the image differs.
    pub image: bool,
    /// How many resources differ, are new or are gone, by the stage that they belong to.
    pub resources: BTreeMap<Stage, usize>,
    /// Whether another part of the template differs, such as its outputs.
    pub other: bool,
    /// The names of the parameters whose values differ. Parameters that name the image aren't among them.
    pub parameters: Vec<String>,
}

/// What differs from `before` to `after`.
pub fn changes(before: &Release, after: &Release) -> Changes {
    let templates = [before, after].map(|release| object(&release.template));
    let empty = Map::new();
    let resources = templates.each_ref().map(|template| {
        let resources = template.get("Resources").and_then(Value::as_object);
        resources.unwrap_or(&empty)
    });
    let mut counts = BTreeMap::new();
    for name in keys(resources) {
        let [before, after] = resources.map(|resources| resources.get(name));
        if before != after {
            *counts.entry(stage(before).max(stage(after))).or_default() += 1;
        }
    }
    let rest = |name: &&String| *name != "Resources" && templates[0].get(*name) != templates[1].get(*name);
    let other = keys([&templates[0], &templates[1]]).iter().any(rest);
    let is_image = |release: &Release, name: &str| release.parameters.get(name) == Some(&release.image);
    let names: BTreeSet<&String> = before.parameters.keys().chain(after.parameters.keys()).collect();
    let differs = |name: &&&String| {
        before.parameters.get(**name) != after.parameters.get(**name)
            && !(is_image(before, name) && is_image(after, name))
    };
    Changes {
        image: before.image_digest() != after.image_digest(),
        resources: counts,
        other,
        parameters: names.iter().filter(differs).map(ToString::to_string).collect(),
    }
}

fn object(template: &str) -> Map<String, Value> {
    serde_json::from_str(template).unwrap_or_default()
}

fn keys(maps: [&Map<String, Value>; 2]) -> BTreeSet<&String> {
    maps.into_iter().flat_map(Map::keys).collect()
}

/// The stage that a resource belongs to: by its metadata, or else both.
fn stage(resource: Option<&Value>) -> Stage {
    let name = resource.and_then(|resource| resource.pointer("/Metadata/Stage"));
    name.and_then(Value::as_str)
        .and_then(Stage::parse)
        .unwrap_or(Stage::Shared)
}

impl Changes {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("nothing");
        }
        let mut parts = Vec::new();
        if self.image {
            parts.push("image".to_owned());
        }
        if !self.resources.is_empty() {
            let counts = self.resources.iter().map(|(stage, count)| format!("{stage} {count}"));
            parts.push(format!("resources ({})", counts.collect::<Vec<_>>().join(", ")));
        }
        if self.other {
            parts.push("template".to_owned());
        }
        if !self.parameters.is_empty() {
            parts.push(format!("parameters ({})", self.parameters.join(", ")));
        }
        formatter.write_str(&parts.join(", "))
    }
}
