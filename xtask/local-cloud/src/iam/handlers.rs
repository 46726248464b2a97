//! What CloudFormation's handlers call, by which a deployment's role is judged: of each type and operation the main call.
//! What else they call is in the types' own schemas.
//!
//! <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers>

mod table;

use provisioner::{Operation, ResourceRequest};
use serde_json::Value;

use self::table::HANDLERS;
use crate::ids::Place;
use crate::kind::cut;
use crate::properties::text;

/// Of a type, what its handler calls to create, update and delete; nothing where it calls nothing of its own.
struct Handler {
    type_name: &'static str,
    calls: [&'static [&'static str]; 3],
    /// The property that names a new one, and the longest that a generated name may be.
    name: (&'static str, usize),
    /// On what: by its properties, and by its name where it is new, or else its physical id. None is judged by the action
    /// alone.
    on: fn(&Place, &Value, &str) -> Option<String>,
}

/// What has no name of its own.
const UNNAMED: (&str, usize) = ("", usize::MAX);

/// Of EC2's resources any of its kind: their ids are AWS's choice.
fn ec2(place: &Place, kind: &str) -> String {
    place.arn("ec2", &format!("{kind}/*"))
}

fn arn(id: &str) -> Option<String> {
    id.starts_with("arn:").then(|| id.to_owned())
}

fn unless_arn(id: &str, make: impl FnOnce(&str) -> String) -> String {
    arn(id).unwrap_or_else(|| make(id))
}

/// The calls that an operation on a resource makes, each with what it is made on.
pub(super) fn calls(
    place: &Place,
    request: &ResourceRequest<'_>,
    operation: Operation,
    physical_id: &str,
) -> Vec<(&'static str, Option<String>)> {
    let Some(handler) = HANDLERS.iter().find(|handler| handler.type_name == request.type_name) else {
        return Vec::new();
    };
    let [create, update, delete] = handler.calls;
    let (actions, name) = match operation {
        Operation::Create => (create, name_of(handler, request)),
        Operation::Update => (update, physical_id.to_owned()),
        Operation::Delete => (delete, physical_id.to_owned()),
    };
    let on = (handler.on)(place, request.properties, &name);
    actions.iter().map(|action| (*action, on.clone())).collect()
}

fn name_of(handler: &Handler, request: &ResourceRequest<'_>) -> String {
    let (property, limit) = handler.name;
    text(request.properties, property).unwrap_or_else(|| cut(request.generated_name, limit))
}

/// Where a type is given roles, and the service that takes them.
const ROLES: &[(&str, &[&str], &str)] = &[
    ("AWS::CodeBuild::Project", &["ServiceRole"], "codebuild.amazonaws.com"),
    (
        "AWS::CodePipeline::Pipeline",
        &["RoleArn"],
        "codepipeline.amazonaws.com",
    ),
    (
        "AWS::ECS::TaskDefinition",
        &["ExecutionRoleArn", "TaskRoleArn"],
        "ecs-tasks.amazonaws.com",
    ),
    ("AWS::Events::Rule", &["Targets", "RoleArn"], "events.amazonaws.com"),
];

/// The roles that a resource is given, each with the service that takes it.
pub(super) fn passed(request: &ResourceRequest<'_>, operation: Operation) -> Vec<(String, &'static str)> {
    if operation == Operation::Delete {
        return Vec::new();
    }
    let of_type = ROLES.iter().filter(|(type_name, ..)| *type_name == request.type_name);
    of_type
        .flat_map(|(_, properties, service)| {
            properties
                .iter()
                .flat_map(|property| match &request.properties[property] {
                    Value::Array(targets) => targets.iter().filter_map(|target| text(target, "RoleArn")).collect(),
                    _ => text(request.properties, property).into_iter().collect::<Vec<_>>(),
                })
                .map(|role| (role, *service))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_local_cloud_is_judged_by_a_call_of_its_own() {
        for kind in crate::provider::kinds() {
            let handler = HANDLERS.iter().find(|handler| handler.type_name == kind.type_name);
            let handler = handler.unwrap_or_else(|| panic!("{} is not judged", kind.type_name));
            assert!(
                !handler.calls[0].is_empty() && !handler.calls[2].is_empty(),
                "{}",
                kind.type_name
            );
        }
        assert_eq!(HANDLERS.len(), crate::provider::kinds().count());
    }
}
