//! Parameters, mappings and conditions of a step: the release's, and the deployed ones under a second name where their meaning differs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::stage::Stage;
use crate::staging::compose::{Origin, Origins};
use crate::staging::effect::World;
use crate::staging::inputs::{Inputs, closure};
use crate::staging::{Code, Refusal};
use crate::template::{
    ANY_MAPPING, Evaluation, HIDDEN, Output, Parameter, References, Renames, Resource, Template, rewrite,
    rewrite_condition,
};

/// Puts a step's template and values together.
pub(super) fn assemble(
    inputs: &Inputs,
    step: Stage,
    resources: &Origins,
    outputs: &BTreeMap<String, (Origin, Output)>,
    releases: &BTreeMap<String, String>,
) -> Result<World, Vec<Refusal>> {
    let mut names = Names::new(inputs, step, releases);
    let used = names.used_by_deployed(resources, outputs);
    names.keep_deployed_meanings(&used)?;
    for (name, origin) in resources {
        names.add_resource(name, *origin, resources);
    }
    for (name, (origin, output)) in outputs {
        names.add_output(name, *origin, output);
    }
    names.drop_unused();
    Ok(names.world)
}

struct Names<'a> {
    inputs: &'a Inputs,
    /// The step's template and values so far.
    world: World,
    renames: Renames,
}

impl<'a> Names<'a> {
    /// Starts with every name's own definition in this step, and no resources.
    fn new(inputs: &'a Inputs, step: Stage, releases: &BTreeMap<String, String>) -> Self {
        let (deployed, release) = (&inputs.deployed, &inputs.release);
        let mut world = World::default();
        world.template.head.clone_from(&release.template.head);
        world.template.mappings = merged(&release.template.mappings, &deployed.template.mappings);
        world.template.conditions = merged(&release.template.conditions, &deployed.template.conditions);
        for (name, parameter) in merged(&release.template.parameters, &deployed.template.parameters) {
            let before = deployed.template.parameters.get(&name);
            let later = inputs.parameter_stage(&name) > step || !release.template.parameters.contains_key(&name);
            let (definition, source) = match before {
                Some(before) if later => (before, &deployed.values),
                _ => (&parameter, &release.values),
            };
            let given = releases.get(&name).or_else(|| source.get(&name)).cloned();
            let hidden = definition.is_hidden() && given.as_ref().is_none_or(|value| value == HIDDEN);
            if let Some(value) = given.or_else(|| definition.default())
                && !hidden
            {
                world.values.insert(name.clone(), value);
            }
            world.template.parameters.insert(name, definition.clone());
        }
        Self {
            inputs,
            world,
            renames: Renames::default(),
        }
    }

    fn used_by_deployed(&self, resources: &Origins, outputs: &BTreeMap<String, (Origin, Output)>) -> References {
        let deployed = &self.inputs.deployed.template;
        let mut used = References::default();
        for (name, _) in resources.iter().filter(|(_, origin)| **origin == Origin::Deployed) {
            used.extend(
                deployed
                    .resources
                    .get(name)
                    .map(Resource::references)
                    .unwrap_or_default(),
            );
        }
        for (origin, output) in outputs.values() {
            if *origin == Origin::Deployed {
                used.extend(output.references());
            }
        }
        closure(deployed, used)
    }

    /// Adds the deployed definition of each used name whose meaning or value differs.
    fn keep_deployed_meanings(&mut self, used: &References) -> Result<(), Vec<Refusal>> {
        let deployed = &self.inputs.deployed;
        let before = Evaluation::new(&deployed.template, &deployed.values, &[]);
        let base = self.world.template.clone();
        let after = Evaluation::new(&base, &self.world.values, &[]);
        for name in &used.names {
            if let Some(parameter) = deployed.template.parameters.get(name)
                && (before.parameter(name) != after.parameter(name) || self.is_resource(name))
            {
                self.rename_parameter(name, parameter)?;
            }
        }
        for name in &used.mappings {
            if let Some(mapping) = deployed.template.mappings.get(name)
                && base.mappings.get(name) != Some(mapping)
            {
                let alias = self.alias(name);
                self.world.template.mappings.insert(alias.clone(), mapping.clone());
                self.renames.mappings.insert(name.clone(), alias);
            }
        }
        let conditions: Vec<&String> = used
            .conditions
            .iter()
            .filter(|name| before.condition(name) != after.condition(name))
            .collect();
        for name in &conditions {
            let alias = self.alias(name);
            self.renames.conditions.insert((*name).clone(), alias);
        }
        for name in conditions {
            if let (Some(expression), Some(alias)) = (
                deployed.template.conditions.get(name),
                self.renames.conditions.get(name).cloned(),
            ) {
                let expression = rewrite_condition(expression, &self.renames);
                self.world.template.conditions.insert(alias, expression);
            }
        }
        Ok(())
    }

    /// A resource of the release took a deployed parameter's name.
    fn is_resource(&self, name: &str) -> bool {
        self.inputs.release.template.resources.contains_key(name)
    }

    fn rename_parameter(&mut self, name: &str, parameter: &Parameter) -> Result<(), Vec<Refusal>> {
        let value = self.inputs.deployed.values.get(name).cloned();
        let Some(value) = value.or_else(|| parameter.default()).filter(|_| !parameter.is_hidden()) else {
            let reason = "its hidden value changes while a deployed resource still uses it";
            return Err(vec![Refusal::new(Code::NoEcho, name, reason)]);
        };
        let alias = self.alias(name);
        let mut definition = parameter.definition.clone();
        definition.insert("Default".to_owned(), Value::String(value.clone()));
        self.world
            .template
            .parameters
            .insert(alias.clone(), Parameter { definition });
        self.world.values.insert(alias.clone(), value);
        if self.is_resource(name) {
            self.world.template.parameters.remove(name);
            self.world.values.remove(name);
        }
        self.renames.parameters.insert(name.to_owned(), alias);
        Ok(())
    }

    /// `Deployed<Name>`, or `Deployed2<Name>` and so on if that is taken.
    fn alias(&self, name: &str) -> String {
        let taken = |alias: &str| {
            [
                &self.inputs.deployed.template,
                &self.inputs.release.template,
                &self.world.template,
            ]
            .into_iter()
            .any(|template| has_name(template, alias))
                || self.renames.conditions.values().any(|other| other == alias)
        };
        let mut alias = format!("Deployed{name}");
        let mut number = 2;
        while taken(&alias) {
            alias = format!("Deployed{number}{name}");
            number += 1;
        }
        alias
    }

    fn add_resource(&mut self, name: &str, origin: Origin, chosen: &Origins) {
        let world = match origin {
            Origin::Deployed => &self.inputs.deployed,
            Origin::Release => &self.inputs.release,
        };
        let Some(resource) = world.template.resources.get(name) else {
            return;
        };
        let mut resource = resource.clone();
        if resource.depends_on.iter().any(|other| !chosen.contains_key(other)) {
            resource.depends_on.retain(|other| chosen.contains_key(other));
            if resource.depends_on.is_empty() {
                resource.definition.remove("DependsOn");
            } else {
                let names = resource.depends_on.iter().cloned().map(Value::String).collect();
                resource.definition.insert("DependsOn".to_owned(), names);
            }
        }
        if origin == Origin::Deployed {
            resource.condition = self.renamed_condition(resource.condition);
            self.rewrite(&mut resource.definition, &["Properties"], resource.condition.as_ref());
        }
        self.world.template.resources.insert(name.to_owned(), resource);
    }

    fn add_output(&mut self, name: &str, origin: Origin, output: &Output) {
        let mut output = output.clone();
        if origin == Origin::Deployed {
            output.condition = self.renamed_condition(output.condition);
            self.rewrite(&mut output.definition, &["Value", "Export"], output.condition.as_ref());
        }
        self.world.template.outputs.insert(name.to_owned(), output);
    }

    fn renamed_condition(&self, condition: Option<String>) -> Option<String> {
        condition.map(|name| self.renames.conditions.get(&name).cloned().unwrap_or(name))
    }

    fn rewrite(&self, definition: &mut Map<String, Value>, keys: &[&str], condition: Option<&String>) {
        for key in keys {
            if let Some(value) = definition.get_mut(*key) {
                *value = rewrite(value, &self.renames);
            }
        }
        if let Some(condition) = condition {
            definition.insert("Condition".to_owned(), Value::String(condition.clone()));
        }
    }

    /// Drops names that nothing in the step uses; their definitions may refer to what isn't there yet.
    fn drop_unused(&mut self) {
        let template = &self.world.template;
        let mut used = References::default();
        for resource in template.resources.values() {
            used.extend(resource.references());
        }
        for output in template.outputs.values() {
            used.extend(output.references());
        }
        let used = closure(template, used);
        let template = &mut self.world.template;
        template.conditions.retain(|name, _| used.conditions.contains(name));
        if !used.mappings.contains(ANY_MAPPING) {
            template.mappings.retain(|name, _| used.mappings.contains(name));
        }
        template.parameters.retain(|name, _| used.names.contains(name));
        let parameters: BTreeSet<String> = template.parameters.keys().cloned().collect();
        self.world.values.retain(|name, _| parameters.contains(name));
    }
}

fn merged<T: Clone>(first: &BTreeMap<String, T>, second: &BTreeMap<String, T>) -> BTreeMap<String, T> {
    let mut all = second.clone();
    all.extend(first.iter().map(|(name, item)| (name.clone(), item.clone())));
    all
}

fn has_name(template: &Template, name: &str) -> bool {
    template.parameters.contains_key(name)
        || template.mappings.contains_key(name)
        || template.conditions.contains_key(name)
        || template.resources.contains_key(name)
}
