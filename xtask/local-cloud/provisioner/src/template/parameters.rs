//! Parameters: what a template declares, and whether a value may be given.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::template::{known_keys, object, scalar_text};

const KEYS: &[&str] = &[
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
];

/// What a parameter's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterType {
    String,
    Number,
    CommaDelimitedList,
    NumberList,
}

/// One entry of the section `Parameters`.
#[derive(Clone, Debug)]
pub(crate) struct ParameterDeclaration {
    pub(crate) name: String,
    pub(crate) parameter_type: ParameterType,
    pub(crate) default: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) no_echo: bool,
    pub(crate) allowed_values: Vec<String>,
    allowed_pattern: Option<(String, Regex)>,
    constraint_description: Option<String>,
    length: (Option<usize>, Option<usize>),
    value: (Option<f64>, Option<f64>),
}

impl ParameterType {
    /// As templates spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Number => "Number",
            Self::CommaDelimitedList => "CommaDelimitedList",
            Self::NumberList => "List<Number>",
        }
    }

    fn parse(parameter: &str, name: &str) -> Result<Self, ApiError> {
        match name {
            "String" => Ok(Self::String),
            "Number" => Ok(Self::Number),
            "CommaDelimitedList" => Ok(Self::CommaDelimitedList),
            "List<Number>" => Ok(Self::NumberList),
            _ => Err(ApiError::validation(format!(
                "Template format error: parameter {parameter} has the type {name}, which the local cloud doesn't support; \
                 use String, Number, CommaDelimitedList or List<Number>"
            ))),
        }
    }
}

impl ParameterDeclaration {
    pub(super) fn parse(name: &str, value: &Value) -> Result<Self, ApiError> {
        let path = format!("/Parameters/{name}");
        let members = object(value, &path)?;
        known_keys(members, KEYS, &path)?;
        let type_name = members.get("Type").and_then(Value::as_str).ok_or_else(|| {
            ApiError::validation(format!(
                "Template format error: [{path}] Every Parameters object must contain a Type member."
            ))
        })?;
        Ok(Self {
            name: name.to_owned(),
            parameter_type: ParameterType::parse(name, type_name)?,
            default: text(members, "Default"),
            description: text(members, "Description"),
            no_echo: text(members, "NoEcho").is_some_and(|text| text.eq_ignore_ascii_case("true")),
            allowed_values: allowed_values(members, &path)?,
            allowed_pattern: allowed_pattern(members, name)?,
            constraint_description: text(members, "ConstraintDescription"),
            length: (
                number(members, "MinLength", &path)?,
                number(members, "MaxLength", &path)?,
            ),
            value: (number(members, "MinValue", &path)?, number(members, "MaxValue", &path)?),
        })
    }

    /// What `Ref` gives for this text.
    pub(crate) fn value(&self, text: &str) -> Value {
        match self.parameter_type {
            ParameterType::String | ParameterType::Number => Value::from(text),
            ParameterType::CommaDelimitedList | ParameterType::NumberList => {
                text.split(',').map(|item| Value::from(item.trim())).collect()
            }
        }
    }

    /// Refuses a value that the declaration doesn't allow.
    pub(crate) fn check(&self, text: &str) -> Result<(), ApiError> {
        match self.parameter_type {
            ParameterType::String => self.check_string(text),
            ParameterType::Number => self.check_number(text),
            ParameterType::CommaDelimitedList => text.split(',').try_for_each(|item| self.check_string(item.trim())),
            ParameterType::NumberList => text.split(',').try_for_each(|item| self.check_number(item.trim())),
        }
    }

    fn check_string(&self, text: &str) -> Result<(), ApiError> {
        let name = &self.name;
        let length = text.chars().count();
        if self.length.0.is_some_and(|minimum| length < minimum) {
            let minimum = self.length.0.unwrap_or_default();
            return Err(self.refuse(format!("Parameter '{name}' must contain at least {minimum} characters")));
        }
        if self.length.1.is_some_and(|maximum| length > maximum) {
            let maximum = self.length.1.unwrap_or_default();
            return Err(self.refuse(format!("Parameter '{name}' must contain at most {maximum} characters")));
        }
        self.check_allowed(text)
    }

    fn check_number(&self, text: &str) -> Result<(), ApiError> {
        let name = &self.name;
        let number: f64 = text
            .parse()
            .map_err(|_| ApiError::validation(format!("Parameter '{name}' must be a number")))?;
        if let Some(minimum) = self.value.0.filter(|minimum| number < *minimum) {
            return Err(self.refuse(format!("Parameter '{name}' must be a number not less than {minimum}")));
        }
        if let Some(maximum) = self.value.1.filter(|maximum| number > *maximum) {
            return Err(self.refuse(format!(
                "Parameter '{name}' must be a number not greater than {maximum}"
            )));
        }
        self.check_allowed(text)
    }

    fn check_allowed(&self, text: &str) -> Result<(), ApiError> {
        let name = &self.name;
        if let Some((pattern, regex)) = &self.allowed_pattern
            && !regex.is_match(text)
        {
            return Err(self.refuse(format!("Parameter '{name}' must match pattern {pattern}")));
        }
        if !self.allowed_values.is_empty() && !self.allowed_values.iter().any(|allowed| allowed == text) {
            return Err(self.refuse(format!(
                "Parameter '{name}' must be one of AllowedValues [{}]",
                self.allowed_values.join(", ")
            )));
        }
        Ok(())
    }

    /// The constraint's own words take the place of the rule, as in AWS.
    fn refuse(&self, rule: String) -> ApiError {
        ApiError::validation(match &self.constraint_description {
            Some(description) => format!("Parameter {} failed to satisfy constraint: {description}", self.name),
            None => rule,
        })
    }
}

fn text(members: &Map<String, Value>, key: &str) -> Option<String> {
    members.get(key).and_then(scalar_text)
}

fn number<N: std::str::FromStr>(members: &Map<String, Value>, key: &str, path: &str) -> Result<Option<N>, ApiError> {
    text(members, key)
        .map(|text| {
            text.parse().map_err(|_| {
                ApiError::validation(format!(
                    "Template format error: [{path}/{key}] must be a number, not `{text}`"
                ))
            })
        })
        .transpose()
}

fn allowed_values(members: &Map<String, Value>, path: &str) -> Result<Vec<String>, ApiError> {
    let Some(value) = members.get("AllowedValues") else {
        return Ok(Vec::new());
    };
    value
        .as_array()
        .and_then(|values| values.iter().map(scalar_text).collect())
        .ok_or_else(|| {
            ApiError::validation(format!(
                "Template format error: [{path}/AllowedValues] must be a list of strings"
            ))
        })
}

/// The whole value must match, as in Java's `matches`, which AWS's documentation follows.
fn allowed_pattern(members: &Map<String, Value>, name: &str) -> Result<Option<(String, Regex)>, ApiError> {
    let Some(pattern) = text(members, "AllowedPattern") else {
        return Ok(None);
    };
    let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
        ApiError::validation(format!(
            "Template format error: the local cloud can't read the AllowedPattern of parameter {name}: {error}"
        ))
    })?;
    Ok(Some((pattern, regex)))
}
