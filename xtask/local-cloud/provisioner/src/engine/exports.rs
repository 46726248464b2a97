//! Outputs, and the exports that other stacks hold on to.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html>

use std::collections::BTreeMap;

use crate::engine::ResourceLookup;
use crate::evaluate::{evaluate, has_unresolved};
use crate::provider::Provider;
use crate::stack::{Output, Stack, StackStatus};
use crate::template::scalar_text;

/// Resolves a stack's outputs.
pub(super) fn outputs(stack: &Stack, provider: &dyn Provider) -> Result<Vec<Output>, String> {
    let lookup = ResourceLookup { stack, provider };
    let mut outputs = Vec::new();
    for (key, planned) in &stack.deployment.plan.outputs {
        let value = evaluate(&planned.value, &lookup)?
            .filter(|value| !has_unresolved(value))
            .as_ref()
            .and_then(scalar_text)
            .ok_or_else(|| {
                format!(
                    "Template format error: Output {key} is malformed. The Value field of every Outputs member must evaluate to a String."
                )
            })?;
        outputs.push(Output {
            key: key.clone(),
            value,
            description: planned.description.clone(),
            export_name: planned.export_name.clone(),
        });
    }
    Ok(outputs)
}

/// Refuses new outputs that export a name twice, or change or drop an export that another stack imports.
pub(super) fn check(before: &[Output], after: &[Output], others: &[Stack]) -> Result<(), String> {
    for output in after {
        let Some(name) = &output.export_name else {
            continue;
        };
        if let Some(other) = others.iter().find(|other| {
            other.deleted.is_none()
                && other
                    .outputs
                    .iter()
                    .any(|other| other.export_name.as_ref() == Some(name))
        }) {
            return Err(format!(
                "Export with name {name} is already exported by stack {}.",
                other.name
            ));
        }
        if after
            .iter()
            .filter(|other| other.export_name.as_ref() == Some(name))
            .count()
            > 1
        {
            return Err(format!("Export names must be unique: {name} is exported twice."));
        }
    }
    for output in before {
        let Some(name) = &output.export_name else {
            continue;
        };
        let Some(user) = importers(name, others).into_iter().next() else {
            continue;
        };
        let now = after.iter().find(|other| other.export_name.as_ref() == Some(name));
        match now {
            Some(now) if now.value == output.value => {}
            Some(_) => return Err(format!("Cannot update export {name} as it is in use by {user}.")),
            None => return Err(format!("Cannot delete export {name} as it is in use by {user}.")),
        }
    }
    Ok(())
}

/// What stacks export, by name.
pub(crate) fn exports_of<'a>(stacks: impl Iterator<Item = &'a Stack>) -> BTreeMap<String, String> {
    stacks
        .filter(|stack| stack.deleted.is_none())
        .flat_map(|stack| &stack.outputs)
        .filter_map(|output| Some((output.export_name.clone()?, output.value.clone())))
        .collect()
}

/// Names of the stacks that import an export.
pub(crate) fn importers<'a>(name: &str, stacks: &'a [Stack]) -> Vec<&'a str> {
    stacks
        .iter()
        // One whose creation was rolled back has nothing any more that could use it.
        .filter(|stack| stack.deleted.is_none() && stack.status != StackStatus::RollbackComplete)
        .filter(|stack| {
            stack.deployment.plan.imports.contains(name)
                || stack
                    .stable
                    .as_ref()
                    .is_some_and(|stable| stable.deployment.plan.imports.contains(name))
        })
        .map(|stack| stack.name.as_str())
        .collect()
}
