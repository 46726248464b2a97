//! What an expression refers to, and what is in a `Fn::Sub`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::template::intrinsic;

/// Something that an expression names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reference {
    /// A parameter, a resource or a pseudo parameter.
    Ref(String),
    /// A resource's attribute.
    Attribute(String, String),
}

/// A piece of a `Fn::Sub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Name(String),
}

impl Reference {
    /// From `Name`, or `Resource.Attribute` with any number of further dots.
    pub(crate) fn parse(name: &str) -> Self {
        match name.split_once('.') {
            Some((resource, attribute)) => Self::Attribute(resource.into(), attribute.into()),
            None => Self::Ref(name.into()),
        }
    }

    /// The name of the parameter or resource.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Ref(name) | Self::Attribute(name, _) => name,
        }
    }
}

/// Everything that an expression refers to.
pub(crate) fn references(value: &Value) -> BTreeSet<Reference> {
    let mut found = BTreeSet::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<Reference>) {
    match (intrinsic(value), value) {
        (Some(("Ref", Value::String(name))), _) => {
            found.insert(Reference::Ref(name.clone()));
        }
        (Some(("Fn::GetAtt", argument)), _) => collect_attribute(argument, found),
        (Some(("Fn::Sub", argument)), _) => collect_substitution(argument, found),
        (Some((_, argument)), _) => collect(argument, found),
        (None, Value::Array(items)) => items.iter().for_each(|item| collect(item, found)),
        (None, Value::Object(members)) => members.values().for_each(|item| collect(item, found)),
        (None, _) => {}
    }
}

fn collect_attribute(argument: &Value, found: &mut BTreeSet<Reference>) {
    match argument {
        Value::String(name) => {
            found.insert(Reference::parse(name));
        }
        Value::Array(items) => {
            if let [Value::String(resource), attribute] = items.as_slice() {
                let name = attribute.as_str().unwrap_or_default();
                found.insert(Reference::Attribute(resource.clone(), name.to_owned()));
                collect(attribute, found);
            }
        }
        _ => {}
    }
}

fn collect_substitution(argument: &Value, found: &mut BTreeSet<Reference>) {
    let (text, variables) = match argument {
        Value::String(text) => (text.as_str(), None),
        Value::Array(items) => match items.as_slice() {
            [Value::String(text), Value::Object(variables)] => (text.as_str(), Some(variables)),
            _ => return,
        },
        _ => return,
    };
    for piece in substitutions(text).unwrap_or_default() {
        if let Piece::Name(name) = piece
            && !variables.is_some_and(|variables| variables.contains_key(&name))
        {
            found.insert(Reference::parse(&name));
        }
    }
    for value in variables.into_iter().flat_map(serde_json::Map::values) {
        collect(value, found);
    }
}

/// Takes a `Fn::Sub` apart: `${Name}`, `${Resource.Attribute}` and `${!Literal}`.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html>
pub(crate) fn substitutions(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        literal.push_str(before);
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| format!("Template error: Fn::Sub `{text}` has a `${{` without a `}}`"))?;
        if let Some(escaped) = name.strip_prefix('!') {
            literal.push_str("${");
            literal.push_str(escaped);
            literal.push('}');
        } else {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
            pieces.push(Piece::Name(name.trim().to_owned()));
        }
        rest = after;
    }
    literal.push_str(rest);
    pieces.push(Piece::Text(literal));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Ok(pieces)
}
