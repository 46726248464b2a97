//! Renames parameters, mappings and conditions within expressions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::template::intrinsic;
use crate::template::references::{Piece, pieces};

/// New names by old ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Renames {
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) mappings: BTreeMap<String, String>,
    pub(crate) conditions: BTreeMap<String, String>,
}

impl Renames {
    fn parameter(&self, name: &str) -> String {
        self.parameters.get(name).map_or_else(|| name.to_owned(), Clone::clone)
    }
}

/// Rewrites the expression of a resource or an output.
pub(crate) fn rewrite(value: &Value, renames: &Renames) -> Value {
    match (intrinsic(value), value) {
        (Some((function, argument)), _) => {
            let mut members = Map::new();
            members.insert(function.to_owned(), rewrite_argument(function, argument, renames));
            Value::Object(members)
        }
        (None, Value::Array(items)) => items.iter().map(|item| rewrite(item, renames)).collect(),
        (None, Value::Object(members)) => members
            .iter()
            .map(|(key, value)| (key.clone(), rewrite(value, renames)))
            .collect::<Map<String, Value>>()
            .into(),
        (None, other) => other.clone(),
    }
}

/// Rewrites the expression of a condition, where `{"Condition": "Name"}` is a reference too.
pub(crate) fn rewrite_condition(value: &Value, renames: &Renames) -> Value {
    if let Some(name) = value.get("Condition").and_then(Value::as_str) {
        return json!({ "Condition": renamed(&renames.conditions, name) });
    }
    match (intrinsic(value), value) {
        (Some((function @ ("Fn::And" | "Fn::Or" | "Fn::Not"), Value::Array(items))), _) => {
            let items: Vec<Value> = items.iter().map(|item| rewrite_condition(item, renames)).collect();
            let mut members = Map::new();
            members.insert(function.to_owned(), Value::Array(items));
            Value::Object(members)
        }
        _ => rewrite(value, renames),
    }
}

fn rewrite_argument(function: &str, argument: &Value, renames: &Renames) -> Value {
    match (function, argument) {
        ("Ref", Value::String(name)) => Value::String(renames.parameter(name)),
        ("Fn::GetAtt", _) => argument.clone(),
        ("Fn::Sub", Value::String(text)) => Value::String(rewrite_text(text, None, renames)),
        ("Fn::Sub", Value::Array(items)) => {
            let variables = items.get(1).and_then(Value::as_object);
            let text = items.first().and_then(Value::as_str).unwrap_or_default();
            let mut rewritten = vec![Value::String(rewrite_text(text, variables, renames))];
            rewritten.extend(items.iter().skip(1).map(|item| rewrite(item, renames)));
            Value::Array(rewritten)
        }
        ("Fn::If", Value::Array(items)) => with_first(items, &renames.conditions, renames),
        ("Fn::FindInMap", Value::Array(items)) => with_first(items, &renames.mappings, renames),
        _ => rewrite(argument, renames),
    }
}

fn with_first(items: &[Value], names: &BTreeMap<String, String>, renames: &Renames) -> Value {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| match item {
            Value::String(name) if index == 0 => Value::String(renamed(names, name)),
            item => rewrite(item, renames),
        })
        .collect()
}

fn renamed(names: &BTreeMap<String, String>, name: &str) -> String {
    names.get(name).map_or_else(|| name.to_owned(), Clone::clone)
}

fn rewrite_text(text: &str, variables: Option<&Map<String, Value>>, renames: &Renames) -> String {
    if renames.parameters.is_empty() {
        return text.to_owned();
    }
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Escaped(name) => format!("${{!{name}}}"),
            Piece::Name(name) if variables.is_some_and(|variables| variables.contains_key(&name)) => {
                format!("${{{name}}}")
            }
            Piece::Name(name) => format!("${{{}}}", renames.parameter(&name)),
        })
        .collect()
}
