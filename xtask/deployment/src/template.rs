//! A CloudFormation template in JSON, parsed once.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html>

mod check;
mod evaluate;
mod parse;
mod references;
mod rewrite;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::stage::Stage;

pub use check::Problem;
pub(crate) use check::{condition_references, find_cycle};
pub(crate) use evaluate::{Evaluation, HIDDEN, Truth, named_resource};
pub(crate) use references::{ANY_MAPPING, References, references};
pub(crate) use rewrite::{Renames, rewrite, rewrite_condition};

/// A template. Definitions are kept as they are in the text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template {
    /// The format version, the description and the metadata.
    pub head: BTreeMap<String, Value>,
    /// The parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// The mappings by name.
    pub mappings: BTreeMap<String, Value>,
    /// The conditions by name.
    pub conditions: BTreeMap<String, Value>,
    /// The resources by logical id.
    pub resources: BTreeMap<String, Resource>,
    /// The outputs by name.
    pub outputs: BTreeMap<String, Output>,
}

/// A parameter's definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The definition in the template.
    pub definition: Map<String, Value>,
}

/// A resource's definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The definition in the template.
    pub definition: Map<String, Value>,
    /// The type, such as `AWS::ECS::Service`.
    pub resource_type: String,
    /// The stage in `Metadata`; shared if there is none.
    pub stage: Stage,
    /// The name of the condition on the resource.
    pub condition: Option<String>,
    /// The logical ids in `DependsOn`.
    pub depends_on: Vec<String>,
}

/// An output's definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The definition in the template.
    pub definition: Map<String, Value>,
    /// The name of the condition on the output.
    pub condition: Option<String>,
}

impl Template {
    /// Parses the JSON text of a template and checks it: every reference resolves, no cycle, nothing that only CloudFormation could expand.
    ///
    /// # Errors
    ///
    /// Everything wrong with the template.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let template = parse::parse(text)?;
        let problems = check::check(&template);
        if problems.is_empty() {
            Ok(template)
        } else {
            Err(problems)
        }
    }

    /// Everything wrong with the template; empty if it is valid.
    pub fn problems(&self) -> Vec<Problem> {
        check::check(self)
    }

    /// The template as compact JSON with sorted keys.
    pub fn to_text(&self) -> String {
        let mut root = Map::new();
        for (key, value) in &self.head {
            root.insert(key.clone(), value.clone());
        }
        let mut section = |name: &str, members: Map<String, Value>| {
            if !members.is_empty() {
                root.insert(name.to_owned(), Value::Object(members));
            }
        };
        section("Parameters", definitions(&self.parameters, |item| &item.definition));
        section("Mappings", values(&self.mappings));
        section("Conditions", values(&self.conditions));
        section("Resources", definitions(&self.resources, |item| &item.definition));
        section("Outputs", definitions(&self.outputs, |item| &item.definition));
        sorted(&Value::Object(root)).to_string()
    }

    /// Drops metadata other than the stages, which changes no resource.
    pub(crate) fn drop_notes(&mut self) {
        self.head.remove("Metadata");
        for resource in self.resources.values_mut() {
            if let Some(Value::Object(metadata)) = resource.definition.get_mut("Metadata") {
                metadata.retain(|key, _| key == "Stage");
            }
        }
    }

    /// The resources that a resource refers to or depends on.
    pub(crate) fn dependencies(&self, resource: &Resource) -> Vec<String> {
        let mut names: Vec<String> = resource
            .references()
            .names
            .into_iter()
            .chain(resource.depends_on.iter().cloned())
            .filter(|name| self.resources.contains_key(name))
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

impl Parameter {
    /// The default value as text. `None` if there isn't one.
    pub fn default(&self) -> Option<String> {
        self.definition.get("Default").and_then(scalar_text)
    }

    /// Whether the value is hidden (`NoEcho`).
    pub fn is_hidden(&self) -> bool {
        self.definition
            .get("NoEcho")
            .and_then(scalar_text)
            .is_some_and(|text| text == "true")
    }

    /// Whether the value is a list.
    pub fn is_list(&self) -> bool {
        let kind = self.parameter_type();
        kind == "CommaDelimitedList" || kind.starts_with("List<")
    }

    pub(crate) fn parameter_type(&self) -> &str {
        self.definition.get("Type").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Resource {
    /// The properties as written in the template.
    pub fn properties(&self) -> Option<&Map<String, Value>> {
        self.definition.get("Properties").and_then(Value::as_object)
    }

    /// What happens to the resource when it leaves the template: `Delete` if the template says nothing.
    pub fn deletion_policy(&self) -> &str {
        self.policy("DeletionPolicy")
    }

    /// What happens to the old resource when it is replaced: `Delete` if the template says nothing.
    pub fn update_replace_policy(&self) -> &str {
        self.policy("UpdateReplacePolicy")
    }

    fn policy(&self, name: &str) -> &str {
        self.definition.get(name).and_then(Value::as_str).unwrap_or("Delete")
    }

    /// What the properties and the condition refer to.
    pub(crate) fn references(&self) -> References {
        let mut found = self.definition.get("Properties").map(references).unwrap_or_default();
        found.conditions.extend(self.condition.clone());
        found
    }
}

impl Output {
    /// What the value, the export's name and the condition refer to.
    pub(crate) fn references(&self) -> References {
        let mut found = References::default();
        for key in ["Value", "Export"] {
            if let Some(value) = self.definition.get(key) {
                found.extend(references(value));
            }
        }
        found.conditions.extend(self.condition.clone());
        found
    }

    /// The name of the export as written in the template. `None` if the output isn't exported.
    pub fn export_name(&self) -> Option<&Value> {
        self.definition.get("Export")?.get("Name")
    }
}

/// A scalar as text, as CloudFormation treats it. `None` for lists, objects and null.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The name and the argument of an intrinsic function.
pub(crate) fn intrinsic(value: &Value) -> Option<(&str, &Value)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (name, argument) = members.iter().next()?;
    (name == "Ref" || name.starts_with("Fn::")).then_some((name.as_str(), argument))
}

fn definitions<T>(items: &BTreeMap<String, T>, definition: impl Fn(&T) -> &Map<String, Value>) -> Map<String, Value> {
    items
        .iter()
        .map(|(name, item)| (name.clone(), Value::Object(definition(item).clone())))
        .collect()
}

fn values(items: &BTreeMap<String, Value>) -> Map<String, Value> {
    items
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Sorts keys whether or not `serde_json` preserves their order.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<&String, &Value> = members.iter().collect();
            Value::Object(
                ordered
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}
