//! From text to a [`Template`].

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::stage::Stage;
use crate::template::{Output, Parameter, Problem, Resource, Template};

const HEAD: [&str; 3] = ["AWSTemplateFormatVersion", "Description", "Metadata"];

pub(super) fn parse(text: &str) -> Result<Template, Vec<Problem>> {
    let root: Value = serde_json::from_str(text).map_err(|error| vec![Problem::template(error.to_string())])?;
    let Value::Object(root) = root else {
        return Err(vec![Problem::template("the template isn't a JSON object")]);
    };
    let mut problems = Vec::new();
    for unsupported in ["Transform", "Hooks"] {
        if root.contains_key(unsupported) {
            problems.push(Problem::template(format!(
                "section {unsupported} is expanded by CloudFormation, so the template can't be staged"
            )));
        }
    }
    let template = Template {
        head: HEAD
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), root.get(*key)?.clone())))
            .collect(),
        parameters: section(&root, "Parameters", &mut problems, |definition| {
            Ok(Parameter { definition })
        }),
        mappings: raw_section(&root, "Mappings"),
        conditions: raw_section(&root, "Conditions"),
        resources: section(&root, "Resources", &mut problems, resource),
        outputs: section(&root, "Outputs", &mut problems, |definition| {
            Ok(Output {
                condition: text_of(&definition, "Condition"),
                definition,
            })
        }),
    };
    if problems.is_empty() {
        Ok(template)
    } else {
        Err(problems)
    }
}

pub(super) fn resource(definition: Map<String, Value>) -> Result<Resource, String> {
    let resource_type = text_of(&definition, "Type").ok_or("the resource has no Type")?;
    let stage = match definition.get("Metadata").and_then(|metadata| metadata.get("Stage")) {
        None => Stage::Shared,
        Some(name) => name
            .as_str()
            .and_then(Stage::parse)
            .ok_or_else(|| format!("Metadata names the unknown stage {name}"))?,
    };
    let depends_on = match definition.get("DependsOn") {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect(),
        _ => Vec::new(),
    };
    Ok(Resource {
        condition: text_of(&definition, "Condition"),
        definition,
        resource_type,
        stage,
        depends_on,
    })
}

fn section<T>(
    root: &Map<String, Value>,
    name: &str,
    problems: &mut Vec<Problem>,
    entry: impl Fn(Map<String, Value>) -> Result<T, String>,
) -> BTreeMap<String, T> {
    let mut items = BTreeMap::new();
    for (key, value) in root.get(name).and_then(Value::as_object).into_iter().flatten() {
        let made = match value {
            Value::Object(definition) => entry(definition.clone()),
            _ => Err(format!("the entry in {name} isn't an object")),
        };
        match made {
            Ok(made) => {
                items.insert(key.clone(), made);
            }
            Err(reason) => problems.push(Problem::of(key, reason)),
        }
    }
    items
}

fn raw_section(root: &Map<String, Value>, name: &str) -> BTreeMap<String, Value> {
    root.get(name)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn text_of(definition: &Map<String, Value>, key: &str) -> Option<String> {
    definition.get(key).and_then(Value::as_str).map(str::to_owned)
}
