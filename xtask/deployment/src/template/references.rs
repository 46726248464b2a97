//! What an expression refers to.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::template::intrinsic;

/// Stands for a mapping whose name is computed.
pub(crate) const ANY_MAPPING: &str = "*";

/// The names in an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// Parameters, pseudo parameters and resources, by `Ref`, `Fn::GetAtt` or `Fn::Sub`.
    pub(crate) names: BTreeSet<String>,
    /// The subset that is referenced by attribute, so must be a resource.
    pub(crate) attributes: BTreeSet<String>,
    /// Conditions in `Fn::If`.
    pub(crate) conditions: BTreeSet<String>,
    /// Mappings in `Fn::FindInMap`.
    pub(crate) mappings: BTreeSet<String>,
    /// Functions that the evaluator doesn't support.
    pub(crate) unknown: BTreeSet<String>,
}

impl References {
    pub(crate) fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        self.attributes.extend(other.attributes);
        self.conditions.extend(other.conditions);
        self.mappings.extend(other.mappings);
        self.unknown.extend(other.unknown);
    }

    fn name(&mut self, dotted: &str) {
        match dotted.split_once('.') {
            Some((resource, _)) => self.attribute(resource),
            None => {
                self.names.insert(dotted.to_owned());
            }
        }
    }

    fn attribute(&mut self, resource: &str) {
        self.names.insert(resource.to_owned());
        self.attributes.insert(resource.to_owned());
    }
}

/// A piece of the text of a `Fn::Sub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it is.
    Text(String),
    /// `${Name}` or `${Name.Attribute}`.
    Name(String),
    /// `${!Name}`, which stands for `${Name}`.
    Escaped(String),
}

/// Collects everything that an expression refers to.
pub(crate) fn references(value: &Value) -> References {
    let mut found = References::default();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut References) {
    match (intrinsic(value), value) {
        (Some((function, argument)), _) => collect_function(function, argument, found),
        (None, Value::Array(items)) => items.iter().for_each(|item| collect(item, found)),
        (None, Value::Object(members)) => members.values().for_each(|item| collect(item, found)),
        (None, _) => {}
    }
}

fn collect_function(function: &str, argument: &Value, found: &mut References) {
    match function {
        "Ref" => found.names.extend(argument.as_str().map(str::to_owned)),
        "Fn::GetAtt" => match (argument.as_str(), argument.get(0).and_then(Value::as_str)) {
            (Some(dotted), _) => found.name(dotted),
            (None, Some(resource)) => found.attribute(resource),
            (None, None) => {}
        },
        "Fn::Sub" => collect_substitution(argument, found),
        "Fn::If" => {
            let condition = argument.get(0).and_then(Value::as_str);
            found.conditions.extend(condition.map(str::to_owned));
            collect(argument, found);
        }
        "Fn::FindInMap" => {
            let mapping = argument.get(0).and_then(Value::as_str);
            found.mappings.insert(mapping.unwrap_or(ANY_MAPPING).to_owned());
            collect(argument, found);
        }
        "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals" | "Fn::Join" | "Fn::Select" | "Fn::Split" | "Fn::GetAZs"
        | "Fn::ImportValue" | "Fn::Cidr" | "Fn::Base64" => collect(argument, found),
        _ => {
            found.unknown.insert(function.to_owned());
        }
    }
}

fn collect_substitution(argument: &Value, found: &mut References) {
    let text = argument.as_str().or_else(|| argument.get(0)?.as_str());
    let variables = argument.get(1).and_then(Value::as_object);
    for piece in pieces(text.unwrap_or_default()) {
        if let Piece::Name(name) = piece
            && !variables.is_some_and(|variables| variables.contains_key(&name))
        {
            found.name(&name);
        }
    }
    for value in variables.into_iter().flat_map(serde_json::Map::values) {
        collect(value, found);
    }
}

/// Takes the text of a `Fn::Sub` apart. An unclosed `${` is text.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html>
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(match name.strip_prefix('!') {
            Some(escaped) => Piece::Escaped(escaped.to_owned()),
            None => Piece::Name(name.trim().to_owned()),
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    pieces
}
