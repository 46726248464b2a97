//! Checks that a template is valid and can be composed without CloudFormation's help.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::template::{ANY_MAPPING, References, Template, references};

/// Something wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The logical id or name; empty if the template as a whole is wrong.
    pub name: String,
    /// What is wrong.
    pub reason: String,
}

impl Problem {
    pub(crate) fn template(reason: impl Into<String>) -> Self {
        Self::of("", reason)
    }

    pub(crate) fn of(name: &str, reason: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return formatter.write_str(&self.reason);
        }
        write!(formatter, "{}: {}", self.name, self.reason)
    }
}

pub(super) fn check(template: &Template) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, parameter) in &template.parameters {
        if parameter.parameter_type().starts_with("AWS::SSM::Parameter::") {
            problems.push(Problem::of(
                name,
                "CloudFormation reads the value from Systems Manager, so the template can't be staged",
            ));
        }
    }
    for (name, condition) in &template.conditions {
        let found = condition_references(condition);
        missing(template, &found, false, name, &mut problems);
    }
    for (name, resource) in &template.resources {
        missing(template, &resource.references(), true, name, &mut problems);
        for dependency in &resource.depends_on {
            if !template.resources.contains_key(dependency) {
                problems.push(Problem::of(
                    name,
                    format!("DependsOn names {dependency}, which doesn't exist"),
                ));
            }
        }
        if let Some(text) = resource.definition.get("Properties").and_then(unversioned) {
            problems.push(Problem::of(
                name,
                format!("the dynamic reference {text} has no version, so the template can't be staged"),
            ));
        }
    }
    for (name, output) in &template.outputs {
        missing(template, &output.references(), true, name, &mut problems);
    }
    if let Some(cycle) = find_cycle(&graph(template)) {
        let first = cycle.first().map_or("", String::as_str);
        problems.push(Problem::of(first, format!("circular dependency: {}", cycle.join(", "))));
    }
    problems
}

fn graph(template: &Template) -> BTreeMap<String, Vec<String>> {
    template
        .resources
        .iter()
        .map(|(name, resource)| (name.clone(), template.dependencies(resource)))
        .collect()
}

fn missing(template: &Template, found: &References, resources: bool, name: &str, problems: &mut Vec<Problem>) {
    let known = |reference: &String| {
        reference.starts_with("AWS::")
            || template.parameters.contains_key(reference)
            || (resources && template.resources.contains_key(reference))
    };
    for reference in found.names.iter().filter(|reference| !known(reference)) {
        problems.push(Problem::of(name, format!("refers to {reference}, which doesn't exist")));
    }
    for reference in &found.attributes {
        if template.parameters.contains_key(reference) {
            problems.push(Problem::of(
                name,
                format!("takes an attribute of the parameter {reference}"),
            ));
        }
    }
    let conditions = found
        .conditions
        .iter()
        .filter(|name| !template.conditions.contains_key(*name));
    for condition in conditions {
        problems.push(Problem::of(
            name,
            format!("names the condition {condition}, which doesn't exist"),
        ));
    }
    let mapped = |name: &&String| !template.mappings.contains_key(*name) && *name != ANY_MAPPING;
    for mapping in found.mappings.iter().filter(mapped) {
        problems.push(Problem::of(
            name,
            format!("names the mapping {mapping}, which doesn't exist"),
        ));
    }
    for function in &found.unknown {
        problems.push(Problem::of(name, format!("uses {function}, which can't be staged")));
    }
}

/// What a condition refers to, other conditions included.
pub(crate) fn condition_references(expression: &Value) -> References {
    let mut found = references(expression);
    collect_conditions(expression, &mut found);
    found
}

fn collect_conditions(value: &Value, found: &mut References) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value.as_str() {
                    Some(name) if key == "Condition" => {
                        found.conditions.insert(name.to_owned());
                    }
                    _ => collect_conditions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_conditions(item, found)),
        _ => {}
    }
}

/// The first dynamic reference without a version.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>
fn unversioned(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let (_, rest) = text.split_once("{{resolve:")?;
            let (inner, _) = rest.split_once("}}")?;
            let parts: Vec<&str> = inner.split(':').collect();
            // A secret's id may be an ARN, which has six colons of its own.
            let arn = if parts.get(1) == Some(&"arn") { 6 } else { 0 };
            let versioned = match parts.first() {
                Some(&"secretsmanager") => parts.get(5 + arn).is_some_and(|version| !version.is_empty()),
                _ => parts.last().is_some_and(|version| version.parse::<u64>().is_ok()) && parts.len() > 2,
            };
            (!versioned).then(|| format!("{{{{resolve:{inner}}}}}"))
        }
        Value::Array(items) => items.iter().find_map(unversioned),
        Value::Object(members) => members.values().find_map(unversioned),
        _ => None,
    }
}

/// Finds a cycle. `None` if there isn't one.
pub(crate) fn find_cycle(graph: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    // Repeatedly drops what depends on nothing that is left; each node that remains leads to a cycle.
    let mut left: BTreeSet<&String> = graph.keys().collect();
    loop {
        let free: Vec<&String> = left
            .iter()
            .copied()
            .filter(|name| !graph.get(*name).into_iter().flatten().any(|next| left.contains(next)))
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    let mut path: Vec<String> = vec![(*left.first()?).clone()];
    loop {
        let next = graph.get(path.last()?)?.iter().find(|next| left.contains(next))?;
        if let Some(start) = path.iter().position(|name| name == next) {
            return path.get(start..).map(<[String]>::to_vec);
        }
        path.push(next.clone());
    }
}
