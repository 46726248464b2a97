//! What every template must be.

mod alarms;
mod relations;
mod rights;
mod schemas;
mod sources;
mod stages;
mod toolchain;

use serde_json::Value;

use crate::{Stack, all};

/// What fits into a call to CloudFormation without a detour through S3, in bytes.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const INLINE_LIMIT: usize = 51_200;

/// Room that a template leaves, in bytes: for what the template of a step has besides, such as resources that stay until
/// Fleet is done, before stacks must be split or go through S3.
const RESERVE: usize = 6_000;

fn parse(stack: &Stack) -> Value {
    serde_json::from_str(&stack.template).unwrap()
}

/// The resources of a type: logical id and entry.
fn resources<'a>(template: &'a Value, resource_type: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap();
    resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == resource_type)
        .map(|(id, resource)| (id.as_str(), resource))
        .collect()
}

/// The service stacks, parsed.
fn service_templates() -> Vec<Value> {
    let templates: Vec<Value> = all()
        .iter()
        .filter(|stack| stack.name.contains("-Service-"))
        .map(parse)
        .collect();
    assert!(!templates.is_empty());
    templates
}

#[test]
fn snapshots() {
    for stack in all() {
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots", omit_expression => true }, {
            insta::assert_snapshot!(stack.name.clone(), stack.template);
        });
    }
}

#[test]
fn templates_fit_inline() {
    for stack in all() {
        let length = stack.compact().len();
        assert!(length + RESERVE <= INLINE_LIMIT, "{}: {length} bytes", stack.name);
        assert!(stack.template.ends_with("}\n"));
        assert_eq!(parse(&stack)["AWSTemplateFormatVersion"], "2010-09-09");
    }
}

#[test]
fn a_release_has_the_same_template_in_fewer_bytes() {
    for stack in all() {
        let compact = stack.compact();
        assert_eq!(serde_json::from_str::<Value>(&compact).unwrap(), parse(&stack));
        assert_eq!(cloudformation::compact(&compact), compact);
        assert!(compact.len() < stack.template.len());
    }
}

/// AWS takes other characters in some places, mangles them in others, and refuses them in the rest.
#[test]
fn templates_are_ascii() {
    for stack in all() {
        assert!(stack.template.is_ascii(), "{}", stack.name);
    }
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    assert_eq!(all(), all());
}

#[test]
fn a_stack_names_the_parameters_that_its_template_asks_for() {
    for stack in all() {
        let template = parse(&stack);
        let asked = template["Parameters"].as_object().into_iter().flatten();
        let asked = asked.filter(|(_, parameter)| parameter["Default"].is_null());
        let mut asked: Vec<&str> = asked.map(|(name, _)| name.as_str()).collect();
        let mut named = stack.parameters.to_vec();
        asked.sort_unstable();
        named.sort_unstable();
        assert_eq!(asked, named, "{}", stack.name);
    }
}

mod definitions {
    /// The file and line that define a resource, as a stack tells them.
    fn check(stack: &crate::Stack, logical_id: &str, file: &str) {
        let location = stack.definitions[logical_id];
        assert_eq!(location.file(), file, "{logical_id}");
    }

    #[test]
    fn every_resource_knows_the_file_that_defines_it() {
        let stack = crate::service(crate::Environment::Sandbox);
        check(&stack, "Cluster", "stacks/src/compute.rs");
        check(&stack, "Vpc", "stacks/src/network.rs");
        check(&stack, "FleetTaskRole", "stacks/src/permissions.rs");
        for stack in crate::all() {
            let template: serde_json::Value = serde_json::from_str(&stack.template).unwrap();
            let resources = template["Resources"].as_object().unwrap();
            assert_eq!(resources.len(), stack.definitions.len(), "{}", stack.name);
            for (logical_id, location) in &stack.definitions {
                assert!(location.file().starts_with("stacks/src/"), "{logical_id}: {location}");
            }
        }
    }
}
