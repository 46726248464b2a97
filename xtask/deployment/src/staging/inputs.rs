//! The deployed template and the release, parsed, with the stage of every resource, parameter and output.

use std::collections::{BTreeMap, BTreeSet};

use crate::stage::Stage;
use crate::staging::effect::World;
use crate::staging::{Code, Deployed, Desired, RELEASE_PARAMETERS, Refusal};
use crate::template::{HIDDEN, Output, Parameter, Problem, References, Template, condition_references, scalar_text};

/// The inputs of a composition.
#[derive(Debug)]
pub(super) struct Inputs {
    /// What the stack has: template and values.
    pub(super) deployed: World,
    /// What the release wants; the values of release parameters are in `releases` instead.
    pub(super) release: World,
    /// The release parameters that the release gives a value.
    pub(super) releases: BTreeMap<String, String>,
    /// The stage of every resource: the later one if the templates disagree.
    pub(super) stages: BTreeMap<String, Stage>,
    /// The stage of every parameter: a stage's if only resources of this stage use it.
    pub(super) parameter_stages: BTreeMap<String, Stage>,
}

/// The names of the release parameters.
pub(super) fn masked() -> [&'static str; 3] {
    RELEASE_PARAMETERS.map(|(name, _)| name)
}

impl Inputs {
    pub(super) fn new(deployed: &Deployed, desired: &Desired) -> Result<Self, Vec<Refusal>> {
        let before = parse(&deployed.template, "the deployed template")?;
        let after = parse(&desired.template, "the release's template")?;
        let (releases, values): (BTreeMap<_, _>, BTreeMap<_, _>) = desired
            .parameters
            .clone()
            .into_iter()
            .partition(|(name, _)| masked().contains(&name.as_str()));
        let stages = stages([&before, &after]);
        let parameter_stages = parameter_stages([&before, &after], &stages);
        let inputs = Self {
            deployed: World {
                template: before,
                values: deployed.parameters.clone(),
            },
            release: World {
                template: after,
                values,
            },
            releases,
            stages,
            parameter_stages,
        };
        let mut refusals = inputs.changed_types();
        refusals.extend(inputs.invalid_values());
        if refusals.is_empty() { Ok(inputs) } else { Err(refusals) }
    }

    /// The release parameters as the stack has them, or their defaults in the release.
    pub(super) fn deployed_releases(&self) -> BTreeMap<String, String> {
        let values = masked().into_iter().filter_map(|name| {
            let after = self.release.template.parameters.get(name);
            let value = match self.deployed.template.parameters.get(name) {
                Some(before) => self.deployed.values.get(name).cloned().or_else(|| before.default()),
                None => after.and_then(Parameter::default),
            };
            Some((name.to_owned(), value.unwrap_or_default())).filter(|_| after.is_some())
        });
        values.collect()
    }

    /// The release's template with its values, and these release parameters.
    pub(super) fn final_world(&self, releases: &BTreeMap<String, String>) -> World {
        let values = self.release.template.parameters.iter().filter_map(|(name, parameter)| {
            let given = releases.get(name).or_else(|| self.release.values.get(name)).cloned();
            let value = match given {
                Some(given) if parameter.is_hidden() && given == HIDDEN => None,
                None if parameter.is_hidden() => None,
                given => given.or_else(|| parameter.default()),
            };
            Some((name.clone(), value?))
        });
        World {
            template: self.release.template.clone(),
            values: values.collect(),
        }
    }

    pub(super) fn stage(&self, resource: &str) -> Stage {
        self.stages.get(resource).copied().unwrap_or(Stage::Shared)
    }

    pub(super) fn parameter_stage(&self, parameter: &str) -> Stage {
        self.parameter_stages.get(parameter).copied().unwrap_or(Stage::Shared)
    }

    /// The latest stage that an output refers to.
    pub(super) fn output_stage(&self, template: &Template, output: &Output) -> Stage {
        let found = closure(template, output.references());
        let resources = found.names.iter().filter_map(|name| self.stages.get(name));
        let parameters = found.names.iter().filter_map(|name| self.parameter_stages.get(name));
        resources.chain(parameters).copied().max().unwrap_or(Stage::Shared)
    }

    /// A logical id can't change its type:
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html>
    fn changed_types(&self) -> Vec<Refusal> {
        let before = &self.deployed.template.resources;
        let after = &self.release.template.resources;
        after
            .iter()
            .filter_map(|(name, resource)| Some((name, before.get(name)?, resource)))
            .filter(|(_, before, after)| before.resource_type != after.resource_type)
            .map(|(name, before, after)| {
                let reason = format!(
                    "its type changes from {} to {}",
                    before.resource_type, after.resource_type
                );
                Refusal::new(Code::Type, name, reason)
            })
            .collect()
    }

    fn invalid_values(&self) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for (name, parameter) in &self.release.template.parameters {
            let value = self.release.values.get(name).cloned().or_else(|| parameter.default());
            let released = masked().contains(&name.as_str()) && self.releases.contains_key(name);
            let previous = parameter.is_hidden() && self.deployed.template.parameters.contains_key(name);
            let Some(value) = value else {
                if !released && !previous {
                    refusals.push(Refusal::new(Code::Invalid, name, "the parameter has no value"));
                }
                continue;
            };
            let allowed = parameter
                .definition
                .get("AllowedValues")
                .and_then(|values| values.as_array());
            let matches = |allowed: &Vec<serde_json::Value>| {
                allowed.iter().any(|item| scalar_text(item).as_ref() == Some(&value))
            };
            if !parameter.is_hidden() && allowed.is_some_and(|allowed| !matches(allowed)) {
                let reason = format!("the value {value} isn't among the allowed values");
                refusals.push(Refusal::new(Code::Invalid, name, reason));
            }
        }
        refusals
    }

    /// A hidden value can't be read back, so the stages can't have different ones of a shared parameter.
    pub(super) fn changed_hidden_values(&self) -> Vec<Refusal> {
        self.release
            .template
            .parameters
            .iter()
            .filter(|(name, parameter)| {
                let before = self.deployed.template.parameters.get(*name);
                parameter.is_hidden()
                    && before.is_some_and(Parameter::is_hidden)
                    && self.parameter_stage(name) == Stage::Shared
                    && self.release.values.get(*name).is_some_and(|value| {
                        let known = self.deployed.values.get(*name) == Some(value);
                        value != HIDDEN && !known
                    })
            })
            .map(|(name, _)| {
                let reason = "the value is hidden (NoEcho) and changes, and both stages or shared resources use it";
                Refusal::new(Code::NoEcho, name, reason)
            })
            .collect()
    }
}

/// Parses a template. The refusals name which one is invalid.
pub(super) fn parse(text: &str, which: &str) -> Result<Template, Vec<Refusal>> {
    Template::parse(text).map_err(|problems| invalid(problems, which))
}

pub(super) fn invalid(problems: Vec<Problem>, which: &str) -> Vec<Refusal> {
    problems
        .into_iter()
        .map(|problem| Refusal::new(Code::Invalid, &problem.name, format!("{which}: {}", problem.reason)))
        .collect()
}

/// The stage of every resource: the latest one in any of the templates.
pub(super) fn stages<'a>(templates: impl IntoIterator<Item = &'a Template>) -> BTreeMap<String, Stage> {
    let mut stages: BTreeMap<String, Stage> = BTreeMap::new();
    for template in templates {
        for (name, resource) in &template.resources {
            let stage = stages.entry(name.clone()).or_insert(resource.stage);
            *stage = resource.stage.max(*stage);
        }
    }
    stages
}

fn parameter_stages(templates: [&Template; 2], stages: &BTreeMap<String, Stage>) -> BTreeMap<String, Stage> {
    let mut users: BTreeMap<String, BTreeSet<Stage>> = BTreeMap::new();
    for template in templates {
        for (name, resource) in &template.resources {
            let stage = stages.get(name).copied().unwrap_or(Stage::Shared);
            for used in closure(template, resource.references()).names {
                users.entry(used).or_default().insert(stage);
            }
        }
    }
    let names = templates.iter().flat_map(|template| template.parameters.keys());
    let mut stages: BTreeMap<String, Stage> = names
        .map(|name| {
            let stages: Vec<Stage> = users.get(name).into_iter().flatten().copied().collect();
            let stage = match stages.as_slice() {
                [stage] => *stage,
                _ => Stage::Shared,
            };
            (name.clone(), stage)
        })
        .collect();
    for (name, stage) in RELEASE_PARAMETERS {
        stages.entry(name.to_owned()).and_modify(|found| *found = stage);
    }
    stages
}

/// Adds what the conditions refer to.
pub(super) fn closure(template: &Template, mut found: References) -> References {
    let mut pending: Vec<String> = found.conditions.iter().cloned().collect();
    while let Some(name) = pending.pop() {
        let Some(expression) = template.conditions.get(&name) else {
            continue;
        };
        let inner = condition_references(expression);
        pending.extend(inner.conditions.difference(&found.conditions).cloned());
        found.extend(inner);
    }
    found
}
