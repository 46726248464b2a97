//! A template with its parameters: which resources there are to be, with which properties, in which order.

mod lookup;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::evaluate::{Lookup, evaluate, has_unresolved, object};
use crate::provider::Provider;
use lookup::{ImportLookup, PlanLookup};

use crate::template::{Policy, Reference, Template, references, scalar_text};

/// What the template's functions can see besides the template.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(crate) account_id: String,
    pub(crate) region: String,
    pub(crate) stack_name: String,
    pub(crate) stack_id: String,
    /// Of all other stacks.
    pub(crate) exports: BTreeMap<String, String>,
}

/// What a stack is to become.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) resources: BTreeMap<String, PlannedResource>,
    pub(crate) outputs: BTreeMap<String, PlannedOutput>,
    /// Names of the exports of other stacks that it uses.
    pub(crate) imports: BTreeSet<String>,
}

/// One resource, with only references to other resources left to resolve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedResource {
    pub(crate) type_name: String,
    pub(crate) properties: Value,
    /// Logical ids of what must be there first.
    pub(crate) dependencies: BTreeSet<String>,
    pub(crate) deletion_policy: Policy,
    pub(crate) update_replace_policy: Policy,
    pub(crate) metadata: Option<Value>,
}

/// One output, with only references to resources left to resolve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedOutput {
    pub(crate) value: Value,
    pub(crate) description: Option<String>,
    pub(crate) export_name: Option<String>,
}

impl Plan {
    /// Resolves all that the parameters decide.
    pub(crate) fn new(
        template: &Template,
        parameters: &BTreeMap<String, String>,
        environment: &Environment,
        provider: &dyn Provider,
    ) -> Result<Self, ApiError> {
        check_types(template, provider)?;
        let lookup = PlanLookup {
            template,
            parameters,
            environment,
            imports: RefCell::default(),
            depth: Cell::new(0),
        };
        let active = active_resources(template, &lookup)?;
        let mut plan = Self::default();
        for logical_id in &active {
            let resource = planned(template, logical_id, &active, &lookup)?;
            plan.resources.insert((*logical_id).to_owned(), resource);
        }
        plan.outputs = outputs(template, &active, &lookup)?;
        plan.imports = lookup.imports.into_inner();
        plan.check_attributes(provider)?;
        plan.check_cycles()?;
        Ok(plan)
    }

    /// Every property that the types refuse: logical id, type, path and why.
    pub(crate) fn faults(&self, provider: &dyn Provider) -> Vec<String> {
        let mut faults = Vec::new();
        for (logical_id, resource) in &self.resources {
            let type_name = &resource.type_name;
            let Some(resource_type) = provider.resource_type(type_name) else {
                continue;
            };
            if let Err(errors) = resource_type.check(&resource.properties) {
                faults.extend(
                    errors
                        .into_iter()
                        .map(|error| format!("{logical_id} ({type_name}): {error}")),
                );
            }
        }
        faults
    }

    /// An export that it imports and that doesn't exist.
    pub(crate) fn missing_import(&self, exports: &BTreeMap<String, String>) -> Option<&String> {
        self.imports.iter().find(|name| !exports.contains_key(*name))
    }

    /// Resolves what was left open for want of an export that exists now.
    pub(crate) fn resolve_imports(&mut self, exports: &BTreeMap<String, String>) -> Result<(), String> {
        let lookup = ImportLookup { exports };
        let resources = self.resources.values_mut().map(|resource| &mut resource.properties);
        let outputs = self.outputs.values_mut().map(|output| &mut output.value);
        for value in resources.chain(outputs) {
            if let Some(resolved) = evaluate(value, &lookup)? {
                *value = resolved;
            }
        }
        Ok(())
    }

    /// Logical ids, each after all that it depends on.
    pub(crate) fn order(&self) -> Vec<String> {
        let mut order: Vec<String> = Vec::with_capacity(self.resources.len());
        while order.len() < self.resources.len() {
            let next = self.resources.iter().find(|(id, resource)| {
                !order.contains(id) && resource.dependencies.iter().all(|other| order.contains(other))
            });
            match next {
                Some((id, _)) => order.push(id.clone()),
                None => break,
            }
        }
        order
    }

    fn check_attributes(&self, provider: &dyn Provider) -> Result<(), ApiError> {
        let values = self
            .resources
            .values()
            .map(|resource| &resource.properties)
            .chain(self.outputs.values().map(|output| &output.value));
        for reference in values.flat_map(references) {
            let Reference::Attribute(logical_id, attribute) = reference else {
                continue;
            };
            let known = self
                .resources
                .get(&logical_id)
                .and_then(|resource| provider.resource_type(&resource.type_name))
                .is_some_and(|facts| facts.attributes().contains(&attribute.as_str()));
            if !known {
                return Err(ApiError::validation(format!(
                    "Template error: resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt"
                )));
            }
        }
        Ok(())
    }

    fn check_cycles(&self) -> Result<(), ApiError> {
        let mut left: BTreeMap<&str, BTreeSet<&str>> = self
            .resources
            .iter()
            .map(|(id, resource)| {
                let dependencies = resource.dependencies.iter().map(String::as_str).collect();
                (id.as_str(), dependencies)
            })
            .collect();
        // What depends on nothing left, or on which nothing left depends, is on no cycle.
        loop {
            let needed: BTreeSet<&str> = left.values().flatten().copied().collect();
            let free = left
                .iter()
                .find(|(id, dependencies)| {
                    !needed.contains(*id) || dependencies.iter().all(|other| !left.contains_key(other))
                })
                .map(|(id, _)| *id);
            match free {
                Some(id) => left.remove(id),
                None if left.is_empty() => return Ok(()),
                None => {
                    let names: Vec<&str> = left.keys().copied().collect();
                    return Err(ApiError::validation(format!(
                        "Circular dependency between resources: [{}]",
                        names.join(", ")
                    )));
                }
            };
        }
    }
}

fn check_types(template: &Template, provider: &dyn Provider) -> Result<(), ApiError> {
    let unknown: BTreeSet<&str> = template
        .resources
        .values()
        .map(|resource| resource.type_name.as_str())
        .filter(|type_name| provider.resource_type(type_name).is_none())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let users: Vec<String> = template
        .resources
        .iter()
        .filter(|(_, resource)| unknown.contains(resource.type_name.as_str()))
        .map(|(id, resource)| format!("{id} ({})", resource.type_name))
        .collect();
    let names: Vec<&str> = unknown.into_iter().collect();
    Err(ApiError::validation(format!(
        "Template format error: Unrecognized resource types: [{}]; the local cloud doesn't support them: {}",
        names.join(", "),
        users.join(", ")
    )))
}

fn active_resources<'a>(template: &'a Template, lookup: &PlanLookup<'_>) -> Result<BTreeSet<&'a str>, ApiError> {
    let mut active = BTreeSet::new();
    for (logical_id, resource) in &template.resources {
        if holds(resource.condition.as_deref(), lookup)? {
            active.insert(logical_id.as_str());
        }
    }
    Ok(active)
}

fn holds(name: Option<&str>, lookup: &PlanLookup<'_>) -> Result<bool, ApiError> {
    name.map_or(Ok(true), |name| lookup.condition(name).map_err(ApiError::validation))
}

fn planned(
    template: &Template,
    logical_id: &str,
    active: &BTreeSet<&str>,
    lookup: &PlanLookup<'_>,
) -> Result<PlannedResource, ApiError> {
    let declaration = &template.resources[logical_id];
    let properties = object(&declaration.properties, lookup).map_err(|error| at(logical_id, &error))?;
    let properties = Value::Object(properties);
    let mut dependencies = referred(&properties, active, "Resources")?;
    // A resource whose condition doesn't hold can't be waited for.
    dependencies.extend(
        declaration
            .depends_on
            .iter()
            .filter(|name| active.contains(name.as_str()))
            .cloned(),
    );
    let metadata = declaration
        .metadata
        .as_ref()
        .map(|metadata| evaluate(metadata, lookup))
        .transpose()
        .map_err(|error| at(logical_id, &error))?
        .flatten();
    Ok(PlannedResource {
        type_name: declaration.type_name.clone(),
        properties,
        dependencies,
        deletion_policy: declaration.deletion_policy,
        update_replace_policy: declaration.update_replace_policy,
        metadata,
    })
}

fn outputs(
    template: &Template,
    active: &BTreeSet<&str>,
    lookup: &PlanLookup<'_>,
) -> Result<BTreeMap<String, PlannedOutput>, ApiError> {
    let mut outputs = BTreeMap::new();
    for (key, declaration) in &template.outputs {
        if !holds(declaration.condition.as_deref(), lookup)? {
            continue;
        }
        let Some(value) = evaluate(&declaration.value, lookup).map_err(|error| at(key, &error))? else {
            continue;
        };
        referred(&value, active, "Outputs")?;
        outputs.insert(
            key.clone(),
            PlannedOutput {
                value,
                description: declaration.description.clone(),
                export_name: export_name(key, declaration.export_name.as_ref(), lookup)?,
            },
        );
    }
    Ok(outputs)
}

fn export_name(key: &str, expression: Option<&Value>, lookup: &PlanLookup<'_>) -> Result<Option<String>, ApiError> {
    let Some(expression) = expression else {
        return Ok(None);
    };
    evaluate(expression, lookup)
        .map_err(|error| at(key, &error))?
        .filter(|name| !has_unresolved(name))
        .as_ref()
        .and_then(scalar_text)
        .map(Some)
        .ok_or_else(|| {
            at(
                key,
                "Template error: Output Export Name must be a string that depends on no resource",
            )
        })
}

/// The resources that a value refers to; every one must be there.
fn referred(value: &Value, active: &BTreeSet<&str>, block: &str) -> Result<BTreeSet<String>, ApiError> {
    let names: BTreeSet<String> = references(value)
        .iter()
        .map(|reference| reference.name().to_owned())
        .collect();
    let missing: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !active.contains(name))
        .collect();
    if missing.is_empty() {
        return Ok(names);
    }
    Err(ApiError::validation(format!(
        "Template format error: Unresolved resource dependencies [{}] in the {block} block of the template",
        missing.join(", ")
    )))
}

fn at(name: &str, error: &str) -> ApiError {
    ApiError::validation(format!("{error} (in {name})"))
}

/// The members of an object, or none.
pub(crate) fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
