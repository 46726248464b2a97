//! Why a resource changes, property by property.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::changes::{Comparison, HIDDEN, Kind, text};
use crate::evaluate::same;
use crate::plan::{PlannedResource, members};
use crate::provider::ResourceType;
use crate::replacement::property_needs_replacement;
use crate::resource::{Resource, ResourceStatus};
use crate::template::{Reference, Template, references};

/// One top-level property, before and after.
struct Property<'a> {
    logical_id: &'a str,
    existing: &'a Resource,
    name: &'a str,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

impl Property<'_> {
    fn is_changed(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => !same(before, after),
            _ => true,
        }
    }
}

impl Comparison<'_> {
    pub(super) fn details(
        &self,
        logical_id: &str,
        existing: &Resource,
        planned: &PlannedResource,
        seen: &BTreeMap<String, Kind>,
    ) -> Vec<Value> {
        let before = members(&existing.declared);
        let after = members(&planned.properties);
        let properties: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let mut details = Vec::new();
        for name in properties {
            let property = Property {
                logical_id,
                existing,
                name,
                before: before.get(name),
                after: after.get(name),
            };
            details.extend(self.property_details(&property, seen));
        }
        details.extend(self.attribute_details(existing, planned, details.is_empty()));
        details
    }

    /// Of all that is no property.
    fn attribute_details(
        &self,
        existing: &Resource,
        planned: &PlannedResource,
        otherwise_unchanged: bool,
    ) -> Vec<Value> {
        let taggable = self
            .provider
            .resource_type(&planned.type_name)
            .is_some_and(ResourceType::taggable);
        let failed = matches!(
            existing.status,
            ResourceStatus::CreateFailed | ResourceStatus::UpdateFailed
        );
        let attributes = [
            (
                "Tags",
                taggable && existing.tags != self.after.tags,
                "DirectModification",
            ),
            ("Metadata", existing.metadata != planned.metadata, "DirectModification"),
            (
                "DeletionPolicy",
                existing.deletion_policy != planned.deletion_policy,
                "DirectModification",
            ),
            (
                "UpdateReplacePolicy",
                existing.update_replace_policy != planned.update_replace_policy,
                "DirectModification",
            ),
            // What a failed update left is brought into line whatever the templates say.
            ("Properties", failed && otherwise_unchanged, "Automatic"),
        ];
        attributes
            .into_iter()
            .filter(|(_, changed, _)| *changed)
            .map(|(attribute, _, source)| {
                json!({
                    "Target": { "Attribute": attribute, "RequiresRecreation": "Never" },
                    "Evaluation": "Static",
                    "ChangeSource": source,
                })
            })
            .collect()
    }

    fn property_details(&self, property: &Property<'_>, seen: &BTreeMap<String, Kind>) -> Vec<Value> {
        let create_only = self
            .provider
            .resource_type(&property.existing.type_name)
            .map_or(&[][..], |facts| facts.create_only());
        let mut details = Vec::new();
        if property.is_changed() {
            let always = property_needs_replacement(create_only, property.name, property.before, property.after);
            let target = self.target(property, always, seen);
            details.extend(self.static_details(property.logical_id, property.name, &target));
        }
        // Whether it will differ isn't known, so it counts as create-only if any part of it is.
        let always = create_only
            .iter()
            .any(|path| path.split('/').next() == Some(property.name));
        for (source, entity) in moving(property.after, seen) {
            details.push(json!({
                "Target": self.target(property, always, seen),
                "Evaluation": "Dynamic",
                "ChangeSource": source,
                "CausingEntity": entity,
            }));
        }
        details
    }

    fn target(&self, property: &Property<'_>, always: bool, seen: &BTreeMap<String, Kind>) -> Value {
        let name = property.name;
        let mut target = json!({
            "Attribute": if name == "Tags" { "Tags" } else { "Properties" },
            "RequiresRecreation": if always { "Always" } else { "Never" },
            "Path": format!("/Properties/{name}"),
            "AttributeChangeType": match (property.before, property.after) {
                (None, _) => "Add",
                (_, None) => "Remove",
                _ => "Modify",
            },
        });
        if name != "Tags" {
            target["Name"] = name.into();
        }
        let hidden = self.is_hidden(property.logical_id, name);
        let shown = |value: &Value| if hidden { HIDDEN.to_owned() } else { text(value) };
        if let Some(value) = property.existing.properties.get(name) {
            target["BeforeValue"] = shown(value).into();
        }
        if let Some(value) = property.after {
            target["AfterValue"] = shown(&self.known(value, seen)).into();
        }
        target
    }

    /// By parameters whose value changed, or by the template itself.
    fn static_details(&self, logical_id: &str, property: &str, target: &Value) -> Vec<Value> {
        let before = raw(self.before_template.as_ref(), logical_id, property);
        let after = raw(self.after_template.as_ref(), logical_id, property);
        let parameters: Vec<String> = after
            .map(references)
            .unwrap_or_default()
            .into_iter()
            .map(|reference| reference.name().to_owned())
            .filter(|name| {
                self.after.parameters.contains_key(name)
                    && self.after.parameters.get(name) != self.before.parameters.get(name)
            })
            .collect();
        let mut details: Vec<Value> = parameters
            .iter()
            .map(|parameter| {
                json!({
                    "Target": target,
                    "Evaluation": "Static",
                    "ChangeSource": "ParameterReference",
                    "CausingEntity": parameter,
                })
            })
            .collect();
        if details.is_empty() || before != after {
            details.push(json!({
                "Target": target,
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }));
        }
        details
    }

    /// Whether the value holds a parameter with `NoEcho`.
    pub(super) fn is_hidden(&self, logical_id: &str, property: &str) -> bool {
        [
            (&self.before_template, &self.before.no_echo),
            (&self.after_template, &self.after.no_echo),
        ]
        .into_iter()
        .any(|(template, no_echo)| {
            raw(template.as_ref(), logical_id, property)
                .map(references)
                .unwrap_or_default()
                .iter()
                .any(|reference| no_echo.contains(reference.name()))
        })
    }
}

/// The references in a value that may come to give something else, each with its source and entity.
fn moving(value: Option<&Value>, seen: &BTreeMap<String, Kind>) -> Vec<(&'static str, String)> {
    value
        .map(references)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|reference| match reference {
            Reference::Ref(id) => {
                matches!(seen.get(&id), Some(Kind::Replaced | Kind::MayBeReplaced)).then_some(("ResourceReference", id))
            }
            Reference::Attribute(id, attribute) => seen
                .contains_key(&id)
                .then(|| ("ResourceAttribute", format!("{id}.{attribute}"))),
        })
        .collect()
}

fn raw<'a>(template: Option<&'a Template>, logical_id: &str, property: &str) -> Option<&'a Value> {
    template?.resources.get(logical_id)?.properties.get(property)
}
