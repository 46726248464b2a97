//! A template's text, read and checked as far as that needs no parameter values.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html>

mod functions;
mod json;
mod parameters;
mod references;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ApiError;

pub(crate) use functions::intrinsic;
pub(crate) use parameters::ParameterDeclaration;
pub(crate) use references::{Piece, Reference, references, substitutions};

/// Limits of a template: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.
const MAX_BODY_BYTES: usize = 51_200;
const MAX_PARAMETERS: usize = 200;
const MAX_RESOURCES: usize = 500;
const MAX_OUTPUTS: usize = 200;

const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
];
const RESOURCE_KEYS: &[&str] = &[
    "Condition",
    "DeletionPolicy",
    "DependsOn",
    "Description",
    "Metadata",
    "Properties",
    "Type",
    "UpdateReplacePolicy",
];

/// What becomes of the thing itself when its stack lets go of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Policy {
    #[default]
    Delete,
    Retain,
    RetainExceptOnCreate,
}

/// One template, its expressions unresolved.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Option<Value>,
    pub(crate) parameters: BTreeMap<String, ParameterDeclaration>,
    pub(crate) mappings: Map<String, Value>,
    pub(crate) conditions: BTreeMap<String, Value>,
    pub(crate) resources: BTreeMap<String, ResourceDeclaration>,
    pub(crate) outputs: BTreeMap<String, OutputDeclaration>,
}

/// One entry of the section `Resources`.
#[derive(Clone, Debug)]
pub(crate) struct ResourceDeclaration {
    pub(crate) type_name: String,
    pub(crate) properties: Map<String, Value>,
    pub(crate) depends_on: BTreeSet<String>,
    pub(crate) condition: Option<String>,
    pub(crate) deletion_policy: Policy,
    pub(crate) update_replace_policy: Policy,
    pub(crate) metadata: Option<Value>,
}

/// One entry of the section `Outputs`.
#[derive(Clone, Debug)]
pub(crate) struct OutputDeclaration {
    pub(crate) value: Value,
    pub(crate) description: Option<String>,
    pub(crate) export_name: Option<Value>,
    pub(crate) condition: Option<String>,
}

impl Template {
    /// Reads a template and checks every function and reference in it.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        if text.len() > MAX_BODY_BYTES {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: \
                 Member must have length less than or equal to {MAX_BODY_BYTES}"
            )));
        }
        let document = json::parse(text)?;
        let members = object(&document, "")?;
        refuse_sections(members)?;
        let template = Self {
            version: version(members)?,
            description: description(members)?,
            metadata: members.get("Metadata").cloned(),
            parameters: section(members, "Parameters", ParameterDeclaration::parse)?,
            mappings: mappings(members)?,
            conditions: section(members, "Conditions", |_, value| Ok(value.clone()))?,
            resources: section(members, "Resources", ResourceDeclaration::parse)?,
            outputs: section(members, "Outputs", OutputDeclaration::parse)?,
        };
        template.check_counts()?;
        functions::check(&template)?;
        Ok(template)
    }

    fn check_counts(&self) -> Result<(), ApiError> {
        if self.resources.is_empty() {
            return Err(ApiError::validation(
                "Template format error: At least one Resources member must be defined.",
            ));
        }
        for (section, count, limit) in [
            ("parameters", self.parameters.len(), MAX_PARAMETERS),
            ("resources", self.resources.len(), MAX_RESOURCES),
            ("outputs", self.outputs.len(), MAX_OUTPUTS),
        ] {
            if count > limit {
                return Err(ApiError::validation(format!(
                    "Template format error: Number of {section}, {count}, is greater than maximum allowed, {limit}"
                )));
            }
        }
        Ok(())
    }
}

impl ResourceDeclaration {
    fn parse(name: &str, value: &Value) -> Result<Self, ApiError> {
        let path = format!("/Resources/{name}");
        if !name.chars().all(|letter| letter.is_ascii_alphanumeric()) {
            return Err(ApiError::validation(format!(
                "Template format error: Resource name {name} is non alphanumeric."
            )));
        }
        let members = object(value, &path)?;
        if let Some(key) = members.keys().find(|key| !RESOURCE_KEYS.contains(&key.as_str())) {
            return Err(ApiError::validation(match key.as_str() {
                "CreationPolicy" | "UpdatePolicy" => format!(
                    "Template format error: the local cloud doesn't support the attribute {key} of resource {name}; remove it"
                ),
                _ => format!("Invalid template resource property '{key}' of resource {name}"),
            }));
        }
        let type_name = members.get("Type").and_then(Value::as_str).ok_or_else(|| {
            ApiError::validation(format!(
                "Template format error: [{path}] Every Resources object must contain a Type member."
            ))
        })?;
        Ok(Self {
            type_name: type_name.to_owned(),
            properties: match members.get("Properties") {
                Some(properties) => object(properties, &format!("{path}/Properties"))?.clone(),
                None => Map::new(),
            },
            depends_on: depends_on(members.get("DependsOn"), &path)?,
            condition: condition_name(members, &path)?,
            deletion_policy: policy(members, "DeletionPolicy", &path)?,
            update_replace_policy: policy(members, "UpdateReplacePolicy", &path)?,
            metadata: members.get("Metadata").cloned(),
        })
    }
}

impl OutputDeclaration {
    fn parse(name: &str, value: &Value) -> Result<Self, ApiError> {
        let path = format!("/Outputs/{name}");
        let members = object(value, &path)?;
        known_keys(members, &["Condition", "Description", "Export", "Value"], &path)?;
        let export_name = match members.get("Export") {
            Some(export) => {
                let export_path = format!("{path}/Export");
                let export = object(export, &export_path)?;
                known_keys(export, &["Name"], &export_path)?;
                Some(required(export, "Name", &export_path)?.clone())
            }
            None => None,
        };
        Ok(Self {
            value: required(members, "Value", &path)?.clone(),
            description: members.get("Description").and_then(scalar_text),
            export_name,
            condition: condition_name(members, &path)?,
        })
    }
}

/// The text of a scalar: in CloudFormation a number or boolean is as good as its text.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn refuse_sections(members: &Map<String, Value>) -> Result<(), ApiError> {
    for name in ["Rules", "Transform", "Hooks"] {
        if members.contains_key(name) {
            return Err(ApiError::validation(format!(
                "Template format error: the local cloud doesn't support the section {name}; remove it from the template"
            )));
        }
    }
    let unknown: Vec<&str> = members
        .keys()
        .map(String::as_str)
        .filter(|key| !SECTIONS.contains(key))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "Invalid template property or properties [{}]",
        unknown.join(", ")
    )))
}

fn version(members: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    match members.get("AWSTemplateFormatVersion") {
        None => Ok(None),
        Some(Value::String(version)) if version == "2010-09-09" => Ok(Some(version.clone())),
        Some(other) => Err(ApiError::validation(format!(
            "Template format error: AWSTemplateFormatVersion must be \"2010-09-09\", not {other}"
        ))),
    }
}

fn description(members: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    match members.get("Description") {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= 1024 => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::validation(
            "Template format error: Description must be a string of at most 1024 bytes",
        )),
    }
}

fn section<T>(
    members: &Map<String, Value>,
    name: &str,
    parse: impl Fn(&str, &Value) -> Result<T, ApiError>,
) -> Result<BTreeMap<String, T>, ApiError> {
    let Some(value) = members.get(name) else {
        return Ok(BTreeMap::new());
    };
    object(value, &format!("/{name}"))?
        .iter()
        .map(|(key, value)| Ok((key.clone(), parse(key, value)?)))
        .collect()
}

fn mappings(members: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let Some(value) = members.get("Mappings") else {
        return Ok(Map::new());
    };
    let mappings = object(value, "/Mappings")?;
    for (name, tops) in mappings {
        let path = format!("/Mappings/{name}");
        for (top, seconds) in object(tops, &path)? {
            let path = format!("{path}/{top}");
            for (second, value) in object(seconds, &path)? {
                if value.is_object() || value.is_null() {
                    return Err(ApiError::validation(format!(
                        "Template format error: [{path}/{second}] Every Mappings attribute must be a String or a List."
                    )));
                }
            }
        }
    }
    Ok(mappings.clone())
}

fn depends_on(value: Option<&Value>, path: &str) -> Result<BTreeSet<String>, ApiError> {
    let names = match value {
        None => Some(BTreeSet::new()),
        Some(Value::String(name)) => Some(BTreeSet::from([name.clone()])),
        Some(Value::Array(names)) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    names.ok_or_else(|| {
        ApiError::validation(format!(
            "Template format error: [{path}/DependsOn] must be a string or a list of strings"
        ))
    })
}

fn condition_name(members: &Map<String, Value>, path: &str) -> Result<Option<String>, ApiError> {
    match members.get("Condition") {
        None => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(_) => Err(ApiError::validation(format!(
            "Template format error: [{path}/Condition] must be the name of a condition"
        ))),
    }
}

fn policy(members: &Map<String, Value>, key: &str, path: &str) -> Result<Policy, ApiError> {
    match members.get(key).map(Value::as_str) {
        None | Some(Some("Delete")) => Ok(Policy::Delete),
        Some(Some("Retain")) => Ok(Policy::Retain),
        Some(Some("RetainExceptOnCreate")) if key == "DeletionPolicy" => Ok(Policy::RetainExceptOnCreate),
        Some(Some("Snapshot")) => Err(ApiError::validation(format!(
            "Template format error: [{path}/{key}] the local cloud makes no snapshots; use Delete or Retain"
        ))),
        Some(_) => Err(ApiError::validation(format!(
            "Template format error: Unrecognized {key} for resource {path}; use Delete or Retain"
        ))),
    }
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, ApiError> {
    value.as_object().ok_or_else(|| {
        ApiError::validation(format!(
            "Template format error: [{}] must be an object",
            if path.is_empty() { "/" } else { path }
        ))
    })
}

fn required<'a>(members: &'a Map<String, Value>, key: &str, path: &str) -> Result<&'a Value, ApiError> {
    members
        .get(key)
        .ok_or_else(|| ApiError::validation(format!("Template format error: [{path}] must contain a {key} member.")))
}

fn known_keys(members: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), ApiError> {
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(ApiError::validation(format!(
            "Template format error: [{path}] Invalid template property or properties [{key}]"
        ))),
    }
}
