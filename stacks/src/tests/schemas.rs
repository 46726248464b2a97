//! Every property of every rendered template, against AWS's own schemas and what the overlay adds to them.
//!
//! The schemas are JSON Schema with words of CloudFormation's own. A general validator was looked at: `jsonschema` brings
//! some sixty crates, knows neither those words nor intrinsic functions, and can't say which of them it passed over.

pub(super) mod document;
mod faults;
mod validator;

use serde_json::Value;

use self::document::Documents;
use super::parse;
use crate::all;

/// What a template says of a resource besides its properties.
const ATTRIBUTES: &[&str] = &[
    "Condition",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdateReplacePolicy",
];

/// Everything wrong with a template's resources: where, and what.
pub(super) fn check(template: &Value, documents: &Documents) -> Vec<String> {
    let resources = template["Resources"].as_object().unwrap();
    let mut errors = Vec::new();
    for (id, resource) in resources {
        for (name, _) in resource.as_object().unwrap() {
            if !ATTRIBUTES.contains(&name.as_str()) {
                errors.push(format!("{id}: has no attribute {name}"));
            }
        }
        let Some(document) = documents.of(resource["Type"].as_str().unwrap_or_default()) else {
            errors.push(format!("{id}: no schema for {}", resource["Type"]));
            continue;
        };
        let empty = Value::Object(serde_json::Map::new());
        let properties = resource.get("Properties").unwrap_or(&empty);
        let found = validator::check(document, properties);
        errors.extend(found.into_iter().map(|error| format!("{id}{error}")));
    }
    errors
}

#[test]
fn templates_are_what_the_schemas_say() {
    let documents = Documents::read();
    for stack in all() {
        let errors = check(&parse(&stack), &documents);
        assert!(errors.is_empty(), "{}:\n{}", stack.name, errors.join("\n"));
    }
}
