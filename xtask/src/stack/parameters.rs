//! What a template's parameters keep.

use anyhow::Context as _;
use serde_json::Value;

use super::Stack;
use crate::code::Code;
use crate::exit::{Coded as _, Failure};

/// The template's parameters, all of which keep the value that the stack has.
///
/// # Errors
/// When the template has a parameter that the stack hasn't, and no default for it.
pub(crate) fn kept(stack: &Stack, template: &str) -> anyhow::Result<Vec<String>> {
    let template = parse(template)?;
    let declared = template["Parameters"].as_object().into_iter().flatten();
    let (kept, new): (Vec<_>, Vec<_>) = declared.partition(|(name, _)| stack.parameters.contains_key(*name));
    if let Some((name, _)) = new.iter().find(|(_, declaration)| declaration["Default"].is_null()) {
        let what = format!(
            "the parameter {name} is new to {}: only a deployment knows its value",
            stack.name
        );
        let next = "deploy it: `cargo xtask deploy` gives its parameters their values";
        return Err(Failure::preflight(what).code(Code::NewParameter).next(next).into());
    }
    Ok(kept.into_iter().map(|(name, _)| name.clone()).collect())
}

/// The parameters that a template declares, with their defaults.
///
/// # Errors
/// When it is no JSON.
pub(crate) fn declared(template: &str) -> anyhow::Result<Vec<(String, Option<String>)>> {
    let template = parse(template)?;
    let declared = template["Parameters"].as_object().into_iter().flatten();
    Ok(declared
        .map(|(name, declaration)| (name.clone(), default(&declaration["Default"])))
        .collect())
}

fn default(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Whether a parameter's value is hidden (`NoEcho`).
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>
pub(crate) fn is_hidden_value(value: &str) -> bool {
    value == "****"
}

/// A template as data.
///
/// # Errors
/// When it is no JSON.
pub(super) fn parse(template: &str) -> anyhow::Result<Value> {
    serde_json::from_str(template)
        .context("the template is no JSON")
        .coded(Code::OtherStack)
}
