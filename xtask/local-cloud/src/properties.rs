//! Reading a resource's resolved properties. CloudFormation takes `"8080"` where a number is meant, and so do we.

use std::collections::BTreeMap;

use serde_json::Value;

/// The text of a property; a number or a boolean is put as text.
pub(crate) fn text(properties: &Value, name: &str) -> Option<String> {
    as_text(properties.get(name)?)
}

/// The text of a property that must be there.
pub(crate) fn required(properties: &Value, name: &str) -> Result<String, String> {
    text(properties, name).ok_or_else(|| format!("Model validation failed (#: required key [{name}] not found)"))
}

/// A whole number.
pub(crate) fn number(properties: &Value, name: &str) -> Result<Option<u64>, String> {
    let Some(value) = properties.get(name) else {
        return Ok(None);
    };
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| format!("Model validation failed (#/{name}: expected type: Integer, found: {value})"))
}

/// True or false.
pub(crate) fn boolean(properties: &Value, name: &str) -> Option<bool> {
    let value = properties.get(name)?;
    value.as_bool().or_else(|| value.as_str()?.parse().ok())
}

/// The elements of a list; none when it isn't there.
pub(crate) fn list<'a>(properties: &'a Value, name: &str) -> &'a [Value] {
    properties
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The texts of a list of texts.
pub(crate) fn texts(properties: &Value, name: &str) -> Vec<String> {
    list(properties, name).iter().filter_map(as_text).collect()
}

/// `[{"Key": …, "Value": …}]` as a map.
pub(crate) fn pairs(properties: &Value, name: &str, key: &str) -> BTreeMap<String, String> {
    list(properties, name)
        .iter()
        .filter_map(|pair| Some((text(pair, key)?, text(pair, "Value")?)))
        .collect()
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}

/// The same value with every key beginning in lower case: CloudFormation's property names are `PascalCase` where the
/// JSON services' are `camelCase`. Keys below `Options`, `DockerLabels` and the like are data and begin as they do.
pub(crate) fn camel_case(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| (lower_first(key), camel_case(member)))
            .collect(),
        Value::Array(items) => items.iter().map(camel_case).collect(),
        other => other.clone(),
    }
}

fn lower_first(key: &str) -> String {
    let mut characters = key.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + characters.as_str()
    })
}
