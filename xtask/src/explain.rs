//! `explain`: a resource's definition, reason, dependents and fidelity; the meaning of a status, an event or a code.

mod properties;
mod references;
mod refusals;
mod status;

use std::fmt::Write as _;

use deployment::staging;
use serde_json::{Value, json};

use self::properties::Property;
use self::references::dependencies;
use crate::code::{CODES, Code};
use crate::context::Context;
use crate::errors;
use crate::exit::Failure;
use crate::flags::Explain;
use crate::table;
use crate::telling::event_code::{Entry, EventCode};

/// The metadata that says why a resource is there, as the templates carry it.
const CONTEXT: &str = "com.aws.cloudformation.Context";

impl Explain {
    /// Explains a resource, or every resource of a type.
    ///
    /// # Errors
    /// When no template has it, naming what it may be: exit status 3.
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<Value> {
        if let Some(code) = errors::find(&self.name) {
            context.output.prose(&errors::render(code));
            return Ok(json!({"code": code.name(), "cause": code.entry().cause, "fix": code.entry().fix}));
        }
        if let Some(code) = refusals::find(&self.name) {
            context.output.prose(&refusals::render(code));
            return Ok(json!({"code": code.name(), "cause": refusals::cause(code), "fix": code.way_out()}));
        }
        if let Some(code) = EventCode::of_name(&self.name) {
            let Entry {
                name,
                kind,
                meaning,
                fields,
            } = code.entry();
            let line = format!(
                "{name}, an event of `--json`: {meaning}\n  fields: type ({kind}), code, time, {}",
                fields.join(", ")
            );
            context.output.prose(&line);
            return Ok(json!({"event": name, "meaning": meaning, "fields": fields}));
        }
        if let Some(meaning) = status::meaning(&self.name.to_uppercase()) {
            let name = self.name.to_uppercase();
            context
                .output
                .prose(&format!("{name}, a status of CloudFormation's: {meaning}"));
            return Ok(json!({"status": name, "meaning": meaning}));
        }
        let stacks = self.stacks()?;
        let mut found = Vec::new();
        for stack in &stacks {
            found.extend(explained(stack, &self.name)?);
        }
        if found.is_empty() {
            return Err(unknown(&self.name, &stacks).into());
        }
        let found = merged(found);
        let texts = (0..found.len()).map(|index| {
            let (before, explained) = (&found[..index], &found[index]);
            explained.render(
                before
                    .iter()
                    .find(|other| other.resource_type == explained.resource_type),
            )
        });
        let texts: Vec<String> = texts.collect();
        context.output.prose(&texts.join("\n\n"));
        for explained in &found {
            context.output.event(EventCode::Resource, explained.record());
        }
        Ok(json!({"resources": found.len()}))
    }

    fn stacks(&self) -> anyhow::Result<Vec<stacks::Stack>> {
        let mut stacks = stacks::all();
        if let Some(name) = &self.stack {
            let known: Vec<String> = stacks.iter().map(|stack| stack.name.clone()).collect();
            stacks.retain(|stack| stack.name == *name);
            if stacks.is_empty() {
                let what = format!("no stack is called {name}; there are: {}", known.join(", "));
                return Err(Failure::refused(what).code(Code::UnknownName).into());
            }
        }
        Ok(stacks)
    }
}

/// Where a resource of a stack is defined: `stacks/src/compute.rs:59`.
pub(crate) fn definition(stack_name: &str, logical_id: &str) -> Option<String> {
    let stack = stacks::all().into_iter().find(|stack| stack.name == stack_name)?;
    defined(&stack, logical_id)
}

fn defined(stack: &stacks::Stack, logical_id: &str) -> Option<String> {
    let location = stack.definitions.get(logical_id)?;
    Some(format!("{}:{}", location.file(), location.line()))
}

/// A resource, and all that there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Explained {
    logical_id: String,
    resource_type: String,
    why: String,
    defined: String,
    stacks: Vec<String>,
    depends_on: Vec<String>,
    needed_by: Vec<String>,
    properties: Vec<Property>,
}

/// The resources of a stack that have this name or this type.
fn explained(stack: &stacks::Stack, name: &str) -> anyhow::Result<Vec<Explained>> {
    let template: Value = serde_json::from_str(&stack.template)?;
    let resources: Vec<(&String, &Value)> = template["Resources"].as_object().into_iter().flatten().collect();
    let wanted = resources
        .iter()
        .filter(|(logical_id, resource)| *logical_id == name || resource["Type"] == name);
    let explain = |&(logical_id, resource): &(&String, &Value)| {
        let resource_type = resource["Type"].as_str().unwrap_or_default();
        let all = |resource| dependencies(resource, &template["Resources"]);
        let needed_by = resources
            .iter()
            .filter(|(_, other)| all(other).contains(logical_id.as_str()));
        Explained {
            logical_id: logical_id.clone(),
            resource_type: resource_type.to_owned(),
            why: resource["Metadata"][CONTEXT]["why"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            defined: defined(stack, logical_id).unwrap_or_default(),
            stacks: vec![stack.name.clone()],
            depends_on: all(resource).into_iter().collect(),
            needed_by: needed_by.map(|(name, _)| (*name).clone()).collect(),
            properties: properties::of(resource_type, &resource["Properties"]),
        }
    };
    Ok(wanted.map(explain).collect())
}

/// The same resource in several stacks, told once.
fn merged(found: Vec<Explained>) -> Vec<Explained> {
    let mut merged: Vec<Explained> = Vec::new();
    for explained in found {
        let same = merged.iter_mut().find(|other| {
            let stacks = other.stacks.clone();
            **other
                == Explained {
                    stacks,
                    ..explained.clone()
                }
        });
        match same {
            Some(same) => same.stacks.extend(explained.stacks),
            None => merged.push(explained),
        }
    }
    merged
}

impl Explained {
    /// For people; of a resource that is like one told before, only the properties that differ.
    fn render(&self, like: Option<&Self>) -> String {
        let none = |names: &[String]| {
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            }
        };
        let mut text = format!(
            "{} ({})\n  why         {}\n  defined in  {}\n  stacks      {}\n  depends on  {}\n  needed by   {}",
            self.logical_id,
            self.resource_type,
            self.why,
            self.defined,
            self.stacks.join(", "),
            none(&self.depends_on),
            none(&self.needed_by),
        );
        let told = |property: &&Property| like.is_none_or(|like| !like.properties.contains(property));
        let rows: Vec<Vec<String>> = self.properties.iter().filter(told).map(Property::row).collect();
        if let Some(like) = like.filter(|_| rows.len() < self.properties.len()) {
            let _ = write!(text, "\n  the other properties are those of {}", like.logical_id);
        }
        if !rows.is_empty() {
            text.push('\n');
            text.push_str(&table::render(&["PROPERTY", "VALUE", "LOCALLY", "REASON"], &rows));
        }
        text
    }

    fn record(&self) -> Value {
        json!({
            "logical_id": self.logical_id,
            "resource_type": self.resource_type,
            "why": self.why,
            "defined": self.defined,
            "stacks": self.stacks,
            "depends_on": self.depends_on,
            "needed_by": self.needed_by,
            "properties": self.properties.iter().map(Property::record).collect::<Vec<_>>(),
        })
    }
}

/// How like two names must be, from 0 to 1, for one to be a slip of the other.
const ALIKE: f64 = 0.9;

/// A name that nothing has, with those that it may have been meant for.
fn unknown(name: &str, stacks: &[stacks::Stack]) -> Failure {
    let wanted = name.to_lowercase();
    let is_alike = |known: &&str| {
        let known = known.to_lowercase();
        known.contains(&wanted) || strsim::jaro_winkler(&known, &wanted) >= ALIKE
    };
    let ids = stacks
        .iter()
        .flat_map(|stack| stack.definitions.keys())
        .map(String::as_str);
    let types = local_cloud::fidelity::ledger().map(|entry| entry.resource_type);
    let codes = CODES.iter().map(|code| code.name());
    let refusals = staging::Code::ALL.iter().map(|code| code.name());
    let mut alike: Vec<&str> = ids.chain(types).chain(codes).chain(refusals).filter(is_alike).collect();
    alike.sort_unstable();
    alike.dedup();
    let failure = Failure::refused(format!("there is no resource, type or code called {name}")).code(Code::UnknownName);
    if alike.is_empty() {
        return failure.next("`cargo xtask synth` writes the templates; name a logical id or a type in them");
    }
    failure.next(format!("did you mean: {}", alike.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Vec<Explained> {
        let stacks = [stacks::Environment::Sandbox, stacks::Environment::Production].map(stacks::service);
        merged(
            stacks
                .iter()
                .flat_map(|stack| explained(stack, name).unwrap())
                .collect(),
        )
    }

    #[test]
    fn a_resource_in_both_environments_is_told_once() {
        let found = of("OneboxScalableTarget");
        let [target] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(target.stacks.len(), 2);
        assert_eq!(target.needed_by, ["OneboxScalingPolicy"]);
        let line = target.defined.strip_prefix("stacks/src/compute.rs:").unwrap();
        assert!(line.parse::<u32>().is_ok());
        let text = target.render(None).replace(line, "LINE");
        insta::assert_snapshot!(text, @r#"
        OneboxScalableTarget (AWS::ApplicationAutoScaling::ScalableTarget)
          why         How many tasks there may be.
          defined in  stacks/src/compute.rs:LINE
          stacks      OneBoxDeploymentOnECS-Service-Sandbox, OneBoxDeploymentOnECS-Service-Prod
          depends on  Cluster, OneboxService
          needed by   OneboxScalingPolicy
        PROPERTY           VALUE                                                          LOCALLY    REASON
        MaxCapacity        10                                                             exercised
        MinCapacity        3                                                              exercised
        ResourceId         {"Fn::Sub":"service/${Cluster}/OneBoxDeploymentOnECS-Onebox"…  exercised
        ScalableDimension  ecs:service:DesiredCount                                       exercised
        ServiceNamespace   ecs                                                            exercised
        "#);
    }

    #[test]
    fn a_type_tells_of_each_resource_of_it() {
        let ids: Vec<String> = of("AWS::ECS::Service")
            .into_iter()
            .map(|found| found.logical_id)
            .collect();
        assert_eq!(ids, ["OneboxService", "FleetService"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_alike() {
        let stacks = [stacks::service(stacks::Environment::Sandbox)];
        let failure = unknown("taskdef", &stacks);
        assert_eq!(
            failure.next,
            ["did you mean: AWS::ECS::TaskDefinition, FleetTaskDefinition, OneboxTaskDefinition"]
        );
        for (slip, meant) in [
            ("AWS::ECS::Servise", "AWS::ECS::Service"),
            ("E-ROLLEDBACK", "E-ROLLED-BACK"),
        ] {
            assert!(unknown(slip, &stacks).next[0].contains(meant), "{slip}");
        }
        assert!(unknown("nonsense", &stacks).next[0].contains("synth"));
    }

    #[test]
    fn a_failure_can_name_the_line_that_defines_its_resource() {
        let stack = stacks::service(stacks::Environment::Sandbox);
        let line = definition(&stack.name, "FleetService").unwrap();
        assert!(line.starts_with("stacks/src/compute.rs:"), "{line}");
        assert_eq!(definition(&stack.name, "Nonsense"), None);
        assert_eq!(definition("Nonsense", "FleetService"), None);
    }
}
