//! Reads a call's input; what isn't known is refused by name.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::template::scalar_text;

/// The members that are lists; any other that is read is a text, a number or a boolean.
const LISTS: [&str; 8] = [
    "Capabilities",
    "LogicalResourceIds",
    "Parameters",
    "ResourcesToSkip",
    "RetainResources",
    "StackResourceDriftStatusFilters",
    "StackStatusFilter",
    "Tags",
];

/// The members of one call's input.
pub(crate) struct Input<'a> {
    operation: &'a str,
    members: Map<String, Value>,
}

impl<'a> Input<'a> {
    /// Refuses every member that isn't in `known`, unless it says nothing: empty, false, or an empty list.
    pub(crate) fn new(operation: &'a str, input: &Value, known: &[&str]) -> Result<Self, ApiError> {
        let members = input.as_object().cloned().unwrap_or_default();
        for (name, value) in &members {
            if !known.contains(&name.as_str()) && !says_nothing(value) {
                return Err(ApiError::validation(format!(
                    "the local cloud doesn't support the parameter {name} of {operation}; leave it out"
                )));
            }
        }
        let input = Self { operation, members };
        for (name, value) in &input.members {
            let wrong = (value.is_array() || value.is_object()) && !LISTS.contains(&name.as_str());
            if wrong && !says_nothing(value) {
                return Err(input.wrong(name, &value.to_string()));
            }
        }
        Ok(input)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.members
            .get(name)
            .and_then(scalar_text)
            .filter(|text| !text.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<String, ApiError> {
        self.text(name).ok_or_else(|| {
            let mut member = name.to_owned();
            if let Some(first) = member.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            ApiError::validation(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| self.wrong(name, &text)))
            .transpose()
    }

    pub(crate) fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, ApiError> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| self.wrong(name, &text)))
            .transpose()
    }

    /// A value of an enum as the API spells it.
    pub(crate) fn choice<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ApiError> {
        self.text(name)
            .map(|text| serde_json::from_value(Value::from(text.as_str())).map_err(|_| self.wrong(name, &text)))
            .transpose()
    }

    /// A list, or `None` when it isn't given at all.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<Value>>, ApiError> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(Some(Vec::new())),
            Some(Value::Array(items)) => Ok(Some(items.clone())),
            Some(other) => Err(self.wrong(name, &other.to_string())),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, ApiError> {
        self.list(name)?
            .unwrap_or_default()
            .iter()
            .map(|item| scalar_text(item).ok_or_else(|| self.wrong(name, &item.to_string())))
            .collect()
    }

    fn wrong(&self, name: &str, value: &str) -> ApiError {
        ApiError::validation(format!(
            "{value} is not a value for the parameter {name} of {}",
            self.operation
        ))
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::String(text) => text.is_empty() || text.eq_ignore_ascii_case("false"),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(says_nothing),
        Value::Number(_) => false,
    }
}
