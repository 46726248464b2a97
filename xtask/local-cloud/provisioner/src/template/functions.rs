//! Checks every function in a template: that it exists, that its arguments have the right shape, and that what it names is there.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::template::{Piece, Reference, Template, references, substitutions};

const SUPPORTED: &[&str] = &[
    "Ref",
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Not",
    "Fn::Or",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
];
const NEEDS_LANGUAGE_EXTENSIONS: &[&str] = &["Fn::ForEach", "Fn::Length", "Fn::ToJsonString"];
const PSEUDO_PARAMETERS: &[&str] = &[
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// The name and argument of an intrinsic function.
pub(crate) fn intrinsic(value: &Value) -> Option<(&str, &Value)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (name, argument) = members.iter().next()?;
    is_function(name).then_some((name.as_str(), argument))
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

/// Checks the whole template.
pub(super) fn check(template: &Template) -> Result<(), ApiError> {
    Checker {
        template,
        block: Block::Conditions,
    }
    .check_conditions()?;
    Checker {
        template,
        block: Block::Resources,
    }
    .check_resources()?;
    Checker {
        template,
        block: Block::Outputs,
    }
    .check_outputs()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Conditions,
    Resources,
    Outputs,
}

impl Block {
    fn name(self) -> &'static str {
        match self {
            Self::Conditions => "Conditions",
            Self::Resources => "Resources",
            Self::Outputs => "Outputs",
        }
    }
}

struct Checker<'a> {
    template: &'a Template,
    block: Block,
}

impl Checker<'_> {
    fn check_conditions(&self) -> Result<(), ApiError> {
        for (name, expression) in &self.template.conditions {
            self.condition(expression, &format!("/Conditions/{name}"))?;
            self.resolved(references(expression))?;
        }
        Ok(())
    }

    fn check_resources(&self) -> Result<(), ApiError> {
        let mut missing = BTreeSet::new();
        for (name, resource) in &self.template.resources {
            self.condition_exists(resource.condition.as_deref())?;
            missing.extend(
                resource
                    .depends_on
                    .iter()
                    .filter(|name| !self.template.resources.contains_key(*name))
                    .cloned(),
            );
            for (property, value) in &resource.properties {
                self.expression(value, &format!("/Resources/{name}/Properties/{property}"))?;
                missing.extend(self.missing(references(value))?);
            }
            if let Some(metadata) = &resource.metadata {
                self.expression(metadata, &format!("/Resources/{name}/Metadata"))?;
                missing.extend(self.missing(references(metadata))?);
            }
        }
        self.none_missing(&missing)
    }

    fn check_outputs(&self) -> Result<(), ApiError> {
        for (name, output) in &self.template.outputs {
            self.condition_exists(output.condition.as_deref())?;
            self.expression(&output.value, &format!("/Outputs/{name}/Value"))?;
            self.resolved(references(&output.value))?;
            if let Some(export) = &output.export_name {
                self.expression(export, &format!("/Outputs/{name}/Export/Name"))?;
                self.resolved(references(export))?;
            }
        }
        Ok(())
    }

    fn resolved(&self, references: BTreeSet<Reference>) -> Result<(), ApiError> {
        let missing = self.missing(references)?;
        self.none_missing(&missing)
    }

    fn none_missing(&self, missing: &BTreeSet<String>) -> Result<(), ApiError> {
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = missing.iter().map(String::as_str).collect();
        Err(format_error(&format!(
            "Unresolved resource dependencies [{}] in the {} block of the template",
            names.join(", "),
            self.block.name()
        )))
    }

    /// The names that are neither parameter nor resource nor pseudo parameter.
    fn missing(&self, references: BTreeSet<Reference>) -> Result<BTreeSet<String>, ApiError> {
        let mut missing = BTreeSet::new();
        for reference in references {
            let resource = self.template.resources.contains_key(reference.name()) && self.block != Block::Conditions;
            match &reference {
                Reference::Ref(name) => {
                    let known = resource
                        || self.template.parameters.contains_key(name)
                        || PSEUDO_PARAMETERS.contains(&name.as_str());
                    if !known {
                        missing.insert(name.clone());
                    }
                }
                Reference::Attribute(name, _) if !resource => {
                    return Err(ApiError::validation(format!(
                        "Template error: instance of Fn::GetAtt references undefined resource {name}"
                    )));
                }
                Reference::Attribute(..) => {}
            }
        }
        Ok(missing)
    }

    fn condition_exists(&self, name: Option<&str>) -> Result<(), ApiError> {
        match name {
            Some(name) if !self.template.conditions.contains_key(name) => Err(format_error(&format!(
                "Unresolved condition dependency {name} in the {} block of the template",
                self.block.name()
            ))),
            _ => Ok(()),
        }
    }

    fn expression(&self, value: &Value, path: &str) -> Result<(), ApiError> {
        match value {
            Value::Null => Err(format_error(&format!(
                "[{path}] 'null' values are not allowed in templates"
            ))),
            Value::String(text) if text.contains("{{resolve:") => Err(format_error(&format!(
                "[{path}] the local cloud doesn't support dynamic references; give the value itself instead of `{text}`"
            ))),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.expression(item, &format!("{path}/{index}"))),
            Value::Object(members) => self.object(value, members, path),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn object(&self, value: &Value, members: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
        if let Some((name, argument)) = intrinsic(value) {
            return self.function(name, argument, path);
        }
        if let Some(name) = members.keys().find(|key| is_function(key)) {
            return Err(format_error(&format!(
                "[{path}] an object with the function {name} must have no other key"
            )));
        }
        members
            .iter()
            .try_for_each(|(key, item)| self.expression(item, &format!("{path}/{key}")))
    }

    fn function(&self, name: &str, argument: &Value, path: &str) -> Result<(), ApiError> {
        if NEEDS_LANGUAGE_EXTENSIONS.contains(&name) || name.starts_with("Fn::ForEach") {
            return Err(format_error(&format!(
                "[{path}] {name} needs the transform AWS::LanguageExtensions, which the local cloud doesn't support"
            )));
        }
        if !SUPPORTED.contains(&name) {
            return Err(ApiError::validation(format!(
                "Template error: Encountered unsupported function: {name} at [{path}]. Supported functions are: [{}]",
                SUPPORTED.join(", ")
            )));
        }
        match name {
            "Ref" => shape(argument.is_string(), name, path, "a name"),
            "Fn::GetAtt" => self.attribute(argument, path),
            "Fn::Sub" => self.substitution(argument, path),
            "Fn::If" => self.choice(argument, path),
            "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals" => self.condition_function(name, argument, path),
            "Fn::Join" | "Fn::Select" | "Fn::Split" => {
                shape(length(argument) == Some(2), name, path, "two arguments")?;
                self.expression(argument, path)
            }
            "Fn::FindInMap" => self.find_in_map(argument, path),
            "Fn::Cidr" => {
                let arguments = length(argument);
                shape(
                    matches!(arguments, Some(2 | 3)),
                    name,
                    path,
                    "block, count and, if need be, bits",
                )?;
                self.expression(argument, path)
            }
            _ => self.expression(argument, path),
        }
    }

    fn attribute(&self, argument: &Value, path: &str) -> Result<(), ApiError> {
        let dotted = argument.as_str().is_some_and(|name| name.contains('.'));
        let listed = argument
            .as_array()
            .is_some_and(|items| items.len() == 2 && items[0].is_string());
        shape(
            dotted || listed,
            "Fn::GetAtt",
            path,
            "a resource's logical id and the name of an attribute",
        )?;
        match argument.as_array() {
            Some(items) => self.expression(&items[1], path),
            None => Ok(()),
        }
    }

    fn substitution(&self, argument: &Value, path: &str) -> Result<(), ApiError> {
        let (text, variables) = match argument {
            Value::String(text) => (Some(text), None),
            Value::Array(items) => match items.as_slice() {
                [Value::String(text), Value::Object(variables)] => (Some(text), Some(variables)),
                _ => (None, None),
            },
            _ => (None, None),
        };
        shape(
            text.is_some(),
            "Fn::Sub",
            path,
            "a string, or a list of a string and an object",
        )?;
        let pieces = substitutions(text.map_or("", String::as_str)).map_err(ApiError::validation)?;
        if pieces.iter().any(|piece| *piece == Piece::Name(String::new())) {
            return Err(format_error(&format!("[{path}] Fn::Sub has an empty name in `${{}}`")));
        }
        variables
            .into_iter()
            .flatten()
            .try_for_each(|(key, value)| self.expression(value, &format!("{path}/{key}")))
    }

    fn choice(&self, argument: &Value, path: &str) -> Result<(), ApiError> {
        let items = argument.as_array().filter(|items| items.len() == 3);
        let condition = items.and_then(|items| items[0].as_str());
        shape(condition.is_some(), "Fn::If", path, "a condition's name and two values")?;
        self.condition_exists(condition)?;
        items
            .into_iter()
            .flat_map(|items| &items[1..])
            .try_for_each(|item| self.expression(item, path))
    }

    fn find_in_map(&self, argument: &Value, path: &str) -> Result<(), ApiError> {
        shape(
            length(argument) == Some(3),
            "Fn::FindInMap",
            path,
            "a mapping's name and two keys",
        )?;
        if let Some(name) = argument.get(0).and_then(Value::as_str)
            && !self.template.mappings.contains_key(name)
        {
            return Err(ApiError::validation(format!(
                "Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
            )));
        }
        self.expression(argument, path)
    }

    /// A condition's definition: a condition function or `{"Condition": "Name"}`.
    fn condition(&self, value: &Value, path: &str) -> Result<(), ApiError> {
        match intrinsic(value) {
            Some((name @ ("Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals"), argument)) => {
                self.condition_function(name, argument, path)
            }
            _ => match value.get("Condition").and_then(Value::as_str) {
                Some(name) => self.condition_exists(Some(name)),
                None => Err(format_error(&format!(
                    "[{path}] Every Conditions member must be one of Fn::And, Fn::Equals, Fn::Not, Fn::Or or Condition"
                ))),
            },
        }
    }

    fn condition_function(&self, name: &str, argument: &Value, path: &str) -> Result<(), ApiError> {
        if self.block != Block::Conditions {
            return Err(format_error(&format!(
                "[{path}] {name} may be used in the section Conditions only; name the condition in Fn::If"
            )));
        }
        let (allowed, expected) = match name {
            "Fn::Equals" => (2..=2, "two values"),
            "Fn::Not" => (1..=1, "a list of one condition"),
            _ => (2..=10, "a list of 2 to 10 conditions"),
        };
        let count = length(argument).filter(|count| allowed.contains(count));
        shape(count.is_some(), name, path, expected)?;
        if name == "Fn::Equals" {
            return self.expression(argument, path);
        }
        argument
            .as_array()
            .into_iter()
            .flatten()
            .try_for_each(|item| self.condition(item, path))
    }
}

fn length(argument: &Value) -> Option<usize> {
    argument.as_array().map(Vec::len)
}

fn shape(right: bool, name: &str, path: &str, expected: &str) -> Result<(), ApiError> {
    if right {
        return Ok(());
    }
    Err(format_error(&format!("[{path}] {name} takes {expected}")))
}

fn format_error(message: &str) -> ApiError {
    ApiError::validation(format!("Template format error: {message}"))
}
