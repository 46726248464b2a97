//! Which properties replace a resource when they change.
//!
//! `replacement.json` has the create-only properties of the resource types' schemas (a test compares them with those that `stacks` uses).
//! `CompositeAlarm`, `Dashboard`, `SecurityGroupIngress`, `VPCEndpoint` and `Parameter` follow the pages of
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/> ("Update requires: Replacement").

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::staging::Replacement;

static RULES: LazyLock<BTreeMap<String, Rules>> =
    LazyLock::new(|| serde_json::from_str(include_str!("replacement.json")).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[serde(rename = "createOnly")]
    create_only: Vec<String>,
    #[serde(default)]
    conditional: Vec<String>,
}

/// Whether anything is known about the type. A change of an unknown type may replace the resource.
pub(super) fn is_known(resource_type: &str) -> bool {
    RULES.contains_key(resource_type)
}

/// Whether the difference between two sets of properties replaces the resource.
pub(super) fn replacement(resource_type: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> Replacement {
    let Some(rules) = RULES.get(resource_type) else {
        return Replacement::Conditional;
    };
    let differs = |paths: &[String]| {
        paths.iter().any(|path| {
            let mut segments = path.split('/');
            let first = segments.next().unwrap_or_default();
            let rest: Vec<&str> = segments.collect();
            !same_at(&rest, before.get(first), after.get(first))
        })
    };
    if differs(&rules.create_only) {
        Replacement::Yes
    } else if differs(&rules.conditional) {
        Replacement::Conditional
    } else {
        Replacement::No
    }
}

/// `*` in a path stands for every item of a list, as in the schemas.
fn same_at(path: &[&str], before: Option<&Value>, after: Option<&Value>) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return before == after;
    };
    if *first == "*" {
        let items = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, Vec::len);
        return (0..items(before).max(items(after))).all(|index| {
            same_at(
                rest,
                before.and_then(|list| list.get(index)),
                after.and_then(|list| list.get(index)),
            )
        });
    }
    same_at(
        rest,
        before.and_then(|value| value.get(*first)),
        after.and_then(|value| value.get(*first)),
    )
}

/// The create-only properties of a type.
#[cfg(test)]
pub(super) fn create_only(resource_type: &str) -> impl Iterator<Item = &'static str> {
    let rules = RULES.get(resource_type);
    rules
        .into_iter()
        .flat_map(|rules| &rules.create_only)
        .map(String::as_str)
}

/// The types with rules.
#[cfg(test)]
pub(super) fn known_types() -> impl Iterator<Item = &'static str> {
    RULES.keys().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::RULES;

    /// The paths in a schema, without `/properties/`.
    fn paths(schema: &Value, key: &str) -> Vec<String> {
        let mut paths: Vec<String> = schema[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|path| Some(path.as_str()?.replace("/properties/", "")))
            .collect();
        paths.sort();
        paths
    }

    #[test]
    fn the_table_agrees_with_the_schemas_that_the_templates_are_built_from() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stacks/cloudformation/schemas");
        let mut compared = 0;
        for entry in std::fs::read_dir(folder).expect("the schemas") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a schema");
            let schema: Value = serde_json::from_str(&text).expect("JSON");
            let name = schema["typeName"].as_str().expect("a type");
            let rules = RULES
                .get(name)
                .unwrap_or_else(|| panic!("replacement.json lacks {name}"));
            assert_eq!(rules.create_only, paths(&schema, "createOnlyProperties"), "{name}");
            assert_eq!(
                rules.conditional,
                paths(&schema, "conditionalCreateOnlyProperties"),
                "{name}"
            );
            compared += 1;
        }
        assert!(compared > 20, "{compared} schemas");
    }
}
