//! Why a resource changes, property by property.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::changes::{Comparison, HIDDEN, Kind, Listing, text};
use crate::evaluate::same;
use crate::plan::{PlannedResource, members};
use crate::provider::ResourceType;
use crate::replacement::property_needs_replacement;
use crate::resource::{Resource, ResourceStatus};
use crate::template::{Reference, Template, references};

const STATIC: &str = "Static";
const DYNAMIC: &str = "Dynamic";

/// A reference whose value changes, or may.
struct Moving {
    source: &'static str,
    entity: String,
    evaluation: &'static str,
}

impl Moving {
    fn detail(&self, target: &Value) -> Value {
        json!({
            "Target": target,
            "Evaluation": self.evaluation,
            "ChangeSource": self.source,
            "CausingEntity": self.entity,
        })
    }
}

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
            details.extend(self.own_details(property.logical_id, property.name, &target));
        }
        // How it will differ isn't known, so it counts as create-only if any part of it is.
        let always = create_only
            .iter()
            .any(|path| path.split('/').next() == Some(property.name));
        let target = self.target(property, always, seen);
        let moving = self.moving(property.after, seen);
        let with_values = self.listing == Listing::WithValues;
        let is_direct = |detail: &Value| detail["ChangeSource"] == "DirectModification";
        if with_values && !details.iter().any(is_direct) && moving.iter().any(|moving| moving.evaluation == STATIC) {
            details.push(direct(&target, DYNAMIC));
        }
        details.extend(moving.iter().map(|moving| moving.detail(&target)));
        if with_values {
            details.sort_by_key(|detail| !(is_direct(detail) && detail["Evaluation"] == DYNAMIC));
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
    fn own_details(&self, logical_id: &str, property: &str, target: &Value) -> Vec<Value> {
        let before = raw(self.before_template.as_ref(), logical_id, property);
        let after = raw(self.after_template.as_ref(), logical_id, property);
        let parameters = after
            .map(references)
            .unwrap_or_default()
            .into_iter()
            .map(|reference| reference.name().to_owned())
            .filter(|name| {
                self.after.parameters.contains_key(name)
                    && self.after.parameters.get(name) != self.before.parameters.get(name)
            });
        let mut details: Vec<Value> = parameters
            .map(|parameter| {
                json!({
                    "Target": target,
                    "Evaluation": STATIC,
                    "ChangeSource": "ParameterReference",
                    "CausingEntity": parameter,
                })
            })
            .collect();
        let by_template = details.is_empty() || before != after;
        details.push(direct(target, if by_template { STATIC } else { DYNAMIC }));
        details
    }

    /// The references in a value that come to give something else, or may.
    fn moving(&self, value: Option<&Value>, seen: &BTreeMap<String, Kind>) -> Vec<Moving> {
        let references = value.map(references).unwrap_or_default().into_iter();
        let moving = references.filter_map(|reference| {
            let kind = *seen.get(reference.name())?;
            let (source, entity) = match reference {
                Reference::Ref(_) if kind == Kind::Modified => return None,
                Reference::Ref(id) => ("ResourceReference", id),
                Reference::Attribute(id, attribute) => ("ResourceAttribute", format!("{id}.{attribute}")),
            };
            // The values of what stays are known, and AWS compares them as they are before the update.
            if kind == Kind::Modified && self.listing == Listing::WithValues {
                return None;
            }
            let evaluation = if kind == Kind::Replaced { STATIC } else { DYNAMIC };
            Some(Moving {
                source,
                entity,
                evaluation,
            })
        });
        moving.collect()
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

fn direct(target: &Value, evaluation: &str) -> Value {
    json!({ "Target": target, "Evaluation": evaluation, "ChangeSource": "DirectModification" })
}

fn raw<'a>(template: Option<&'a Template>, logical_id: &str, property: &str) -> Option<&'a Value> {
    template?.resources.get(logical_id)?.properties.get(property)
}
