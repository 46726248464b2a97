//! Evaluates intrinsic functions as far as that is possible without AWS.
//!
//! Literals become strings, as CloudFormation compares them. What only AWS knows becomes a symbol: an object with one key that begins with `$`.
//! Two expressions with the same symbols have the same value.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::template::references::{Piece, pieces};
use crate::template::{Parameter, Template, intrinsic, scalar_text};

/// What `DescribeStacks` returns instead of a hidden value.
pub(crate) const HIDDEN: &str = "****";

/// Gives the value of a resource's `Ref` (no attribute) or `Fn::GetAtt`.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str, Option<&str>) -> Value;

/// A condition's result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Truth {
    True,
    False,
    /// Depends on something that only AWS knows; the value identifies the expression.
    Unknown(Value),
}

/// A template with the values of its parameters.
#[derive(Debug)]
pub(crate) struct Evaluation<'a> {
    pub(crate) template: &'a Template,
    values: BTreeMap<String, Value>,
    truths: BTreeMap<String, Truth>,
}

impl<'a> Evaluation<'a> {
    /// Evaluates parameters and conditions. The values of `masked` parameters count as equal everywhere.
    pub(crate) fn new(template: &'a Template, given: &BTreeMap<String, String>, masked: &[&str]) -> Self {
        let values = template
            .parameters
            .iter()
            .map(|(name, parameter)| {
                let value = if masked.contains(&name.as_str()) {
                    symbol("$masked", json!(name))
                } else {
                    parameter_value(name, parameter, given.get(name))
                };
                (name.clone(), value)
            })
            .collect();
        let mut evaluation = Self {
            template,
            values,
            truths: BTreeMap::new(),
        };
        for name in template.conditions.keys() {
            let truth = evaluation.truth(name, template.conditions.len());
            evaluation.truths.insert(name.clone(), truth);
        }
        evaluation
    }

    /// The value of a parameter. `None` if there is no such parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The result of a condition. `None` if there is no such condition.
    pub(crate) fn condition(&self, name: &str) -> Option<&Truth> {
        self.truths.get(name)
    }

    /// Whether a resource or output with this condition exists. Unknown counts as existing.
    pub(crate) fn exists(&self, condition: Option<&str>) -> bool {
        condition.is_none_or(|name| self.condition(name) != Some(&Truth::False))
    }

    /// Evaluates an expression. `None` stands for `AWS::NoValue`.
    pub(crate) fn value(&self, value: &Value, lookup: Lookup<'_>) -> Option<Value> {
        match (intrinsic(value), value) {
            (Some((function, argument)), _) => self.function(function, argument, lookup),
            (None, Value::Array(items)) => Some(items.iter().filter_map(|item| self.value(item, lookup)).collect()),
            (None, Value::Object(members)) => Some(Value::Object(self.members(members, lookup))),
            (None, scalar) => Some(scalar_text(scalar).map_or(Value::Null, Value::String)),
        }
    }

    /// Evaluates every member of an object.
    pub(crate) fn members(&self, members: &Map<String, Value>, lookup: Lookup<'_>) -> Map<String, Value> {
        members
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), self.value(value, lookup)?)))
            .collect()
    }

    fn function(&self, function: &str, argument: &Value, lookup: Lookup<'_>) -> Option<Value> {
        match function {
            "Ref" => self.reference(argument.as_str().unwrap_or_default(), lookup),
            "Fn::GetAtt" => Some(self.attribute(argument, lookup)),
            "Fn::Sub" => Some(self.substitution(argument, lookup)),
            "Fn::If" => self.choice(argument, lookup),
            "Fn::Join" => Some(self.join(argument, lookup)),
            "Fn::Select" => Some(self.select(argument, lookup)),
            "Fn::Split" => Some(self.split(argument, lookup)),
            "Fn::FindInMap" => Some(self.find_in_map(argument, lookup)),
            _ => Some(symbol(
                &format!("${function}"),
                self.value(argument, lookup).unwrap_or_default(),
            )),
        }
    }

    fn reference(&self, name: &str, lookup: Lookup<'_>) -> Option<Value> {
        if name == "AWS::NoValue" {
            return None;
        }
        if name.starts_with("AWS::") {
            return Some(symbol("$pseudo", json!(name)));
        }
        match self.values.get(name) {
            Some(value) => Some(value.clone()),
            None => Some(lookup(name, None)),
        }
    }

    fn attribute(&self, argument: &Value, lookup: Lookup<'_>) -> Value {
        if let Some((resource, attribute)) = argument.as_str().and_then(|dotted| dotted.split_once('.')) {
            return lookup(resource, Some(attribute));
        }
        let resource = argument.get(0).and_then(Value::as_str).unwrap_or_default();
        let attribute = argument.get(1).and_then(|name| self.value(name, lookup));
        match attribute {
            Some(Value::String(attribute)) => lookup(resource, Some(&attribute)),
            other => symbol("$attribute", json!([lookup(resource, None), other])),
        }
    }

    fn substitution(&self, argument: &Value, lookup: Lookup<'_>) -> Value {
        let text = argument.as_str().or_else(|| argument.get(0)?.as_str());
        let variables = argument.get(1).and_then(Value::as_object);
        let parts = pieces(text.unwrap_or_default()).into_iter().map(|piece| match piece {
            Piece::Text(text) => Value::String(text),
            Piece::Escaped(name) => Value::String(format!("${{{name}}}")),
            Piece::Name(name) => match variables.and_then(|variables| variables.get(&name)) {
                Some(value) => self.value(value, lookup).unwrap_or_default(),
                None => match name.split_once('.') {
                    Some((resource, attribute)) => lookup(resource, Some(attribute)),
                    None => self.reference(&name, lookup).unwrap_or_default(),
                },
            },
        });
        concatenation(parts)
    }

    fn choice(&self, argument: &Value, lookup: Lookup<'_>) -> Option<Value> {
        let branch = |index: usize| argument.get(index).and_then(|value| self.value(value, lookup));
        let name = argument.get(0).and_then(Value::as_str).unwrap_or_default();
        match self.truths.get(name) {
            Some(Truth::True) => branch(1),
            Some(Truth::False) | None => branch(2),
            Some(Truth::Unknown(condition)) => Some(symbol("$if", json!([condition, branch(1), branch(2)]))),
        }
    }

    fn join(&self, argument: &Value, lookup: Lookup<'_>) -> Value {
        let delimiter = argument.get(0).and_then(Value::as_str).unwrap_or_default();
        match argument.get(1).and_then(|items| self.value(items, lookup)) {
            Some(Value::Array(items)) => {
                let mut parts = Vec::new();
                for (index, item) in items.into_iter().enumerate() {
                    if index > 0 {
                        parts.push(Value::String(delimiter.to_owned()));
                    }
                    parts.push(item);
                }
                concatenation(parts)
            }
            other => symbol("$join", json!([delimiter, other])),
        }
    }

    fn select(&self, argument: &Value, lookup: Lookup<'_>) -> Value {
        let part = |index: usize| argument.get(index).and_then(|value| self.value(value, lookup));
        let (index, list) = (part(0), part(1));
        let position = index
            .as_ref()
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<usize>().ok());
        let selected = match (position, &list) {
            (Some(position), Some(Value::Array(items))) => items.get(position).cloned(),
            _ => None,
        };
        selected.unwrap_or_else(|| symbol("$select", json!([index, list])))
    }

    fn split(&self, argument: &Value, lookup: Lookup<'_>) -> Value {
        let part = |index: usize| argument.get(index).and_then(|value| self.value(value, lookup));
        match (part(0), part(1)) {
            (Some(Value::String(delimiter)), Some(Value::String(text))) if !delimiter.is_empty() => text
                .split(&delimiter)
                .map(|item| Value::String(item.to_owned()))
                .collect(),
            (delimiter, text) => symbol("$split", json!([delimiter, text])),
        }
    }

    fn find_in_map(&self, argument: &Value, lookup: Lookup<'_>) -> Value {
        let part = |index: usize| argument.get(index).and_then(|value| self.value(value, lookup));
        let keys = [part(0), part(1), part(2)];
        let literal = |index: usize| keys.get(index)?.as_ref()?.as_str();
        let mapping = literal(0).and_then(|name| self.template.mappings.get(name));
        let found = match (mapping, literal(1), literal(2)) {
            (Some(mapping), Some(first), Some(second)) => mapping.get(first).and_then(|inner| inner.get(second)),
            _ => None,
        };
        match (found, mapping) {
            (Some(value), _) => self.value(value, lookup).unwrap_or_default(),
            // The mapping's content, not its name, so that a renamed mapping has the same value.
            (None, Some(mapping)) => symbol("$map", json!([mapping, keys[1], keys[2]])),
            (None, None) => symbol("$map", json!(keys)),
        }
    }

    fn truth(&self, name: &str, depth: usize) -> Truth {
        if let Some(truth) = self.truths.get(name) {
            return truth.clone();
        }
        match self.template.conditions.get(name) {
            Some(expression) if depth > 0 => self.judge(expression, depth - 1),
            _ => Truth::Unknown(json!(name)),
        }
    }

    fn judge(&self, expression: &Value, depth: usize) -> Truth {
        if let Some(name) = expression.get("Condition").and_then(Value::as_str) {
            return self.truth(name, depth);
        }
        let lookup = |name: &str, _: Option<&str>| symbol("$missing", json!(name));
        let Some((function, Value::Array(items))) = intrinsic(expression) else {
            return Truth::Unknown(expression.clone());
        };
        if function == "Fn::Equals" {
            let side = |index: usize| items.get(index).and_then(|item| self.value(item, &lookup));
            return equals(side(0).as_ref(), side(1).as_ref());
        }
        let inner: Vec<Truth> = items.iter().map(|item| self.judge(item, depth)).collect();
        match function {
            "Fn::Not" => negate(inner.into_iter().next()),
            "Fn::And" => combine(inner, &Truth::False, &Truth::True, "$and"),
            "Fn::Or" => combine(inner, &Truth::True, &Truth::False, "$or"),
            _ => Truth::Unknown(expression.clone()),
        }
    }
}

/// The logical id in a resource's symbol. `None` if the value isn't the symbol of one resource.
pub(crate) fn named_resource(value: &Value) -> Option<&str> {
    value.get("$resource")?.as_str()
}

fn parameter_value(name: &str, parameter: &Parameter, given: Option<&String>) -> Value {
    let given = given.filter(|value| !(parameter.is_hidden() && *value == HIDDEN));
    if parameter.is_hidden() && given.is_none() {
        return symbol("$hidden", json!(name));
    }
    match given.cloned().or_else(|| parameter.default()) {
        None => symbol("$unset", json!(name)),
        Some(text) if parameter.is_list() => text
            .split(',')
            .map(|item| Value::String(item.trim().to_owned()))
            .collect(),
        Some(text) => Value::String(text),
    }
}

fn symbol(kind: &str, content: Value) -> Value {
    let mut members = Map::new();
    members.insert(kind.to_owned(), content);
    Value::Object(members)
}

/// Joins parts; adjacent texts are merged, so every spelling of the same text is the same value.
fn concatenation(parts: impl IntoIterator<Item = Value>) -> Value {
    let mut merged: Vec<Value> = Vec::new();
    let flat = parts.into_iter().flat_map(|part| match part {
        Value::Object(mut members) if members.contains_key("$text") => match members.remove("$text") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        part => vec![part],
    });
    for part in flat {
        match (merged.last_mut(), part) {
            (_, Value::String(text)) if text.is_empty() => {}
            (Some(Value::String(last)), Value::String(text)) => last.push_str(&text),
            (_, part) => merged.push(part),
        }
    }
    match merged.as_slice() {
        [] => Value::String(String::new()),
        [single] => single.clone(),
        _ => symbol("$text", Value::Array(merged)),
    }
}

fn equals(left: Option<&Value>, right: Option<&Value>) -> Truth {
    let literal = |side: Option<&Value>| side.is_some_and(Value::is_string);
    if left == right {
        Truth::True
    } else if literal(left) && literal(right) {
        Truth::False
    } else {
        Truth::Unknown(json!({ "$equals": [left, right] }))
    }
}

fn negate(truth: Option<Truth>) -> Truth {
    match truth {
        Some(Truth::True) => Truth::False,
        Some(Truth::False) => Truth::True,
        Some(Truth::Unknown(value)) => Truth::Unknown(json!({ "$not": value })),
        None => Truth::Unknown(Value::Null),
    }
}

/// `decisive` decides the result alone; `neutral` ones are left out.
fn combine(inner: Vec<Truth>, decisive: &Truth, neutral: &Truth, name: &str) -> Truth {
    if inner.contains(decisive) {
        return decisive.clone();
    }
    let unknown: Vec<Value> = inner
        .into_iter()
        .filter_map(|truth| match truth {
            Truth::Unknown(value) => Some(value),
            Truth::True | Truth::False => None,
        })
        .collect();
    if unknown.is_empty() {
        return neutral.clone();
    }
    Truth::Unknown(symbol(name, Value::Array(unknown)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{Evaluation, Truth};
    use crate::template::Template;

    fn template() -> Template {
        let text = json!({
            "Parameters": {
                "Size": { "Type": "Number", "Default": 2 },
                "Names": { "Type": "CommaDelimitedList", "Default": "a, b" },
                "Secret": { "Type": "String", "NoEcho": true },
                "Release": { "Type": "String", "Default": "r" },
            },
            "Mappings": { "Map": { "us": { "Key": ["x", "y"] } } },
            "Conditions": {
                "Yes": { "Fn::Equals": [{ "Ref": "Size" }, "2"] },
                "No": { "Fn::Not": [{ "Condition": "Yes" }] },
                "Either": { "Fn::Or": [{ "Condition": "Here" }, { "Condition": "Yes" }] },
                "Both": { "Fn::And": [{ "Condition": "Here" }, { "Condition": "Yes" }] },
                "Here": { "Fn::Equals": [{ "Ref": "AWS::Region" }, "us"] },
            },
            "Resources": { "Topic": { "Type": "AWS::SNS::Topic" } },
        });
        Template::parse(&text.to_string()).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn value(expression: &Value) -> Option<Value> {
        let template = template();
        let evaluation = Evaluation::new(&template, &BTreeMap::new(), &["Release"]);
        let lookup = |name: &str, attribute: Option<&str>| json!({ "$resource": name, "$attribute": attribute });
        evaluation.value(expression, &lookup)
    }

    #[test]
    fn functions_give_values() {
        let rows = [
            (json!({ "Ref": "Size" }), json!("2")),
            (json!({ "Ref": "Names" }), json!(["a", "b"])),
            (json!({ "Fn::Join": ["-", { "Ref": "Names" }] }), json!("a-b")),
            (
                json!({ "Fn::Sub": ["${Size} ${!Size} ${A}", { "A": true }] }),
                json!("2 ${Size} true"),
            ),
            (json!({ "Fn::Select": [1, { "Fn::Split": ["/", "a/b"] }] }), json!("b")),
            (json!({ "Fn::FindInMap": ["Map", "us", "Key"] }), json!(["x", "y"])),
            (json!({ "Fn::If": ["Yes", 1, 2] }), json!("1")),
            (json!({ "Fn::If": ["No", 1, 2] }), json!("2")),
            (
                json!([1, { "Fn::If": ["No", 1, { "Ref": "AWS::NoValue" }] }]),
                json!(["1"]),
            ),
        ];
        for (expression, expected) in rows {
            assert_eq!(value(&expression), Some(expected), "{expression}");
        }
        assert_eq!(value(&json!({ "Ref": "AWS::NoValue" })), None);
    }

    #[test]
    fn every_spelling_of_the_same_text_has_the_same_value() {
        let spellings = [
            json!({ "Fn::Sub": "a-${Topic.Arn}-2" }),
            json!({ "Fn::Sub": ["a-${X}-${Size}", { "X": { "Fn::GetAtt": ["Topic", "Arn"] } }] }),
            json!({ "Fn::Join": ["-", ["a", { "Fn::GetAtt": "Topic.Arn" }, { "Ref": "Size" }]] }),
            json!({ "Fn::Join": ["", ["a-", { "Fn::Sub": "${Topic.Arn}-2" }]] }),
        ];
        for spelling in &spellings {
            assert_eq!(value(spelling), value(&spellings[0]), "{spelling}");
        }
        assert_ne!(value(&json!({ "Ref": "Secret" })), value(&json!({ "Ref": "Release" })));
    }

    #[test]
    fn a_condition_on_what_only_aws_knows_is_unknown_unless_the_rest_decides() {
        let template = template();
        let evaluation = Evaluation::new(&template, &BTreeMap::new(), &[]);
        assert_eq!(evaluation.condition("Either"), Some(&Truth::True));
        assert!(matches!(evaluation.condition("Both"), Some(Truth::Unknown(_))));
        assert!(evaluation.exists(Some("Here")) && !evaluation.exists(Some("No")));
    }
}
