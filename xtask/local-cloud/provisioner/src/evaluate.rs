//! Resolves functions, as far as what they refer to is known.
//!
//! A function that refers to something not yet known stays a function, with everything else in it resolved. So a template is
//! evaluated once with its parameters, which leaves only references to resources, and again when those resources exist.

mod cidr;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::is_unresolved;
use crate::template::{Piece, Reference, intrinsic, scalar_text, substitutions};

/// Availability zones of every region of the local cloud.
///
/// A named choice: AWS's regions have two to six (<https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>).
const ZONES: [char; 3] = ['a', 'b', 'c'];

/// What a reference gives.
pub(crate) enum Found {
    Value(Value),
    /// `AWS::NoValue`: the property, or item of a list, is left out.
    NoValue,
    /// Known later.
    Later,
}

/// Where references are looked up.
pub(crate) trait Lookup {
    fn reference(&self, name: &str) -> Result<Found, String>;
    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Found, String>;
    fn condition(&self, name: &str) -> Result<bool, String>;
    fn mapping(&self, name: &str, top_key: &str, second_key: &str) -> Result<Value, String>;
    fn import(&self, export_name: &str) -> Result<Found, String>;
    fn region(&self) -> &str;
}

/// Resolves an expression; `None` is `AWS::NoValue`.
pub(crate) fn evaluate(value: &Value, lookup: &dyn Lookup) -> Result<Option<Value>, String> {
    if let Some((name, argument)) = intrinsic(value) {
        return function(name, argument, lookup);
    }
    match value {
        Value::Array(items) => list(items, lookup).map(|items| Some(Value::Array(items))),
        Value::Object(members) => object(members, lookup).map(|members| Some(Value::Object(members))),
        scalar => Ok(Some(scalar.clone())),
    }
}

/// Resolves the members of an object.
pub(crate) fn object(members: &Map<String, Value>, lookup: &dyn Lookup) -> Result<Map<String, Value>, String> {
    let mut resolved = Map::new();
    for (key, member) in members {
        if let Some(member) = evaluate(member, lookup)? {
            resolved.insert(key.clone(), member);
        }
    }
    Ok(resolved)
}

/// Whether anything in it is not known yet.
pub(crate) fn has_unresolved(value: &Value) -> bool {
    is_unresolved(value)
        || match value {
            Value::Array(items) => items.iter().any(has_unresolved),
            Value::Object(members) => members.values().any(has_unresolved),
            _ => false,
        }
}

/// Whether a condition holds.
pub(crate) fn condition(value: &Value, lookup: &dyn Lookup) -> Result<bool, String> {
    let items = |argument: &Value| argument.as_array().cloned().unwrap_or_default();
    match intrinsic(value) {
        Some(("Fn::Not", argument)) => {
            let inner = items(argument);
            condition(inner.first().unwrap_or(&Value::Null), lookup).map(|holds| !holds)
        }
        Some(("Fn::And", argument)) => items(argument)
            .iter()
            .try_fold(true, |all, item| Ok(condition(item, lookup)? && all)),
        Some(("Fn::Or", argument)) => items(argument)
            .iter()
            .try_fold(false, |any, item| Ok(condition(item, lookup)? || any)),
        Some(("Fn::Equals", argument)) => {
            let sides = list(&items(argument), lookup)?;
            match sides.as_slice() {
                [left, right] => Ok(same(left, right)),
                _ => Err("Template error: Fn::Equals can't compare AWS::NoValue".to_owned()),
            }
        }
        _ => match value.get("Condition").and_then(Value::as_str) {
            Some(name) => lookup.condition(name),
            None => Err(format!("Template error: {value} is not a condition")),
        },
    }
}

/// Whether two values are the same to CloudFormation, to which 80 and "80" are.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => match (scalar_text(left), scalar_text(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
    }
}

fn list(items: &[Value], lookup: &dyn Lookup) -> Result<Vec<Value>, String> {
    let mut resolved = Vec::with_capacity(items.len());
    for item in items {
        resolved.extend(evaluate(item, lookup)?);
    }
    Ok(resolved)
}

fn function(name: &str, argument: &Value, lookup: &dyn Lookup) -> Result<Option<Value>, String> {
    match name {
        "Ref" => {
            let name = argument.as_str().unwrap_or_default();
            Ok(match lookup.reference(name)? {
                Found::Value(value) => Some(value),
                Found::NoValue => None,
                Found::Later => Some(json!({ "Ref": name })),
            })
        }
        "Fn::GetAtt" => get_attribute(argument, lookup).map(Some),
        "Fn::If" => choice(argument, lookup),
        "Fn::Sub" => substitute(argument, lookup).map(Some),
        _ => {
            let argument = evaluate(argument, lookup)?
                .ok_or_else(|| format!("Template error: {name} can't be applied to AWS::NoValue"))?;
            apply(name, &argument, lookup).map(Some)
        }
    }
}

fn apply(name: &str, argument: &Value, lookup: &dyn Lookup) -> Result<Value, String> {
    if name == "Fn::Select"
        && let Some(selected) = select(argument)?
    {
        return Ok(selected);
    }
    if has_unresolved(argument) {
        return Ok(Value::Object(Map::from_iter([(name.to_owned(), argument.clone())])));
    }
    match name {
        "Fn::Join" => join(argument),
        "Fn::Split" => split(argument),
        "Fn::Base64" => match scalar_text(argument) {
            Some(text) => Ok(Value::from(STANDARD.encode(text))),
            None => Err("Template error: every Fn::Base64 object must have a String-typed value.".into()),
        },
        "Fn::GetAZs" => zones(argument, lookup),
        "Fn::FindInMap" => match texts(argument).as_deref() {
            Some([map, top, second]) => lookup.mapping(map, top, second),
            _ => Err("Template error: every Fn::FindInMap object requires three strings".into()),
        },
        "Fn::ImportValue" => match scalar_text(argument) {
            Some(name) => Ok(match lookup.import(&name)? {
                Found::Value(value) => value,
                Found::NoValue | Found::Later => json!({ "Fn::ImportValue": name }),
            }),
            None => Err("Template error: the attribute in Fn::ImportValue must be a string".into()),
        },
        "Fn::Cidr" => cidr::blocks(argument),
        other => Err(format!("Template error: {other} can't be used here")),
    }
}

fn get_attribute(argument: &Value, lookup: &dyn Lookup) -> Result<Value, String> {
    let (logical_id, attribute) = attribute_name(argument, lookup)?;
    Ok(match lookup.attribute(&logical_id, &attribute)? {
        Found::Value(value) => value,
        Found::NoValue | Found::Later => json!({ "Fn::GetAtt": [logical_id, attribute] }),
    })
}

fn attribute_name(argument: &Value, lookup: &dyn Lookup) -> Result<(String, String), String> {
    if let Some(Reference::Attribute(logical_id, attribute)) = argument.as_str().map(Reference::parse) {
        return Ok((logical_id, attribute));
    }
    let evaluated = evaluate(argument, lookup)?.unwrap_or_default();
    match texts(&evaluated).as_deref() {
        Some([logical_id, attribute]) => Ok((logical_id.clone(), attribute.clone())),
        _ => Err(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"
                .to_owned(),
        ),
    }
}

fn choice(argument: &Value, lookup: &dyn Lookup) -> Result<Option<Value>, String> {
    match argument.as_array().map(Vec::as_slice) {
        Some([Value::String(name), then, otherwise]) => {
            let branch = if lookup.condition(name)? { then } else { otherwise };
            evaluate(branch, lookup)
        }
        _ => Err("Template error: Fn::If takes a condition's name and two values".into()),
    }
}

/// Becomes a join of its pieces, which stays one as long as a piece is unknown.
fn substitute(argument: &Value, lookup: &dyn Lookup) -> Result<Value, String> {
    let none = Map::new();
    let (text, variables) = match argument {
        Value::Array(items) => (
            items.first().and_then(Value::as_str).unwrap_or_default(),
            items.get(1).and_then(Value::as_object).unwrap_or(&none),
        ),
        _ => (argument.as_str().unwrap_or_default(), &none),
    };
    let mut pieces = Vec::new();
    for piece in substitutions(text)? {
        let expression = match piece {
            Piece::Text(text) => Value::from(text),
            Piece::Name(name) => match (variables.get(&name), Reference::parse(&name)) {
                (Some(value), _) => value.clone(),
                (None, Reference::Ref(name)) => json!({ "Ref": name }),
                (None, Reference::Attribute(logical_id, attribute)) => {
                    json!({ "Fn::GetAtt": [logical_id, attribute] })
                }
            },
        };
        pieces.extend(evaluate(&expression, lookup)?);
    }
    apply("Fn::Join", &json!(["", pieces]), lookup)
}

fn join(argument: &Value) -> Result<Value, String> {
    let parts = argument.as_array().and_then(|arguments| {
        let [delimiter, Value::Array(items)] = arguments.as_slice() else {
            return None;
        };
        let items: Vec<String> = items.iter().map(scalar_text).collect::<Option<_>>()?;
        Some(items.join(delimiter.as_str()?))
    });
    parts.map(Value::from).ok_or_else(|| {
        "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be \
         joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
            .to_owned()
    })
}

fn split(argument: &Value) -> Result<Value, String> {
    match texts(argument).as_deref() {
        Some([delimiter, text]) if !delimiter.is_empty() => {
            Ok(text.split(delimiter.as_str()).map(Value::from).collect())
        }
        _ => Err("Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be \
             split or a function that returns a string to be split."
            .into()),
    }
}

/// The item, or `None` as long as the list or the index is unknown; other items may be unknown.
fn select(argument: &Value) -> Result<Option<Value>, String> {
    let Some([index, list]) = argument.as_array().map(Vec::as_slice) else {
        return Err(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list".into(),
        );
    };
    if is_unresolved(index) || is_unresolved(list) {
        return Ok(None);
    }
    let index = scalar_text(index).and_then(|text| text.parse::<usize>().ok());
    let (Some(index), Some(items)) = (index, list.as_array()) else {
        return Err(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list".into(),
        );
    };
    items
        .get(index)
        .cloned()
        .map(Some)
        .ok_or_else(|| format!("Template error: Fn::Select cannot select nonexistent value at index {index}"))
}

fn zones(argument: &Value, lookup: &dyn Lookup) -> Result<Value, String> {
    let region = match argument.as_str() {
        Some("") => lookup.region(),
        Some(region) if region == lookup.region() => region,
        Some(region) => {
            return Err(format!(
                "Template error: the local cloud is the region {}; Fn::GetAZs can't list those of {region}",
                lookup.region()
            ));
        }
        None => return Err("Template error: Fn::GetAZs takes a region's name".into()),
    };
    Ok(ZONES.iter().map(|zone| format!("{region}{zone}")).collect())
}

fn texts(argument: &Value) -> Option<Vec<String>> {
    argument.as_array()?.iter().map(scalar_text).collect()
}
