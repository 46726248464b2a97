//! CloudFormation's roles hold what the handlers of the types in their templates need, and nothing else.
//!
//! A handler's needs are in its type's schema, under `handlers`; `list`, which CloudFormation calls for nobody's
//! deployment, is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::unneeded::{OTHERWISE, UNPUBLISHED, WITHOUT_A_PROPERTY};
use crate::permissions::deployment::DeploymentRole;
use crate::tests::parse;
use crate::tests::schemas::document::Documents;
use crate::{Environment, Stack, foundation, service, toolchain};

/// The operations that a deployment makes CloudFormation call.
const OPERATIONS: [&str; 4] = ["create", "read", "update", "delete"];

/// The most characters, white space aside, that the policies in a role have together.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const POLICY_CHARACTERS: usize = 10_240;

/// The stacks that are deployed in a role.
fn deployed_in(role: DeploymentRole) -> Vec<Stack> {
    match role {
        DeploymentRole::Production => {
            let environment = Environment::Production;
            vec![foundation::stack(environment), service::stack(environment)]
        }
        DeploymentRole::Toolchain => vec![toolchain::stack()],
    }
}

/// The resource types in some templates, with the properties that are used of each.
fn types(templates: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for resource in templates
        .iter()
        .flat_map(|template| template["Resources"].as_object().unwrap().values())
    {
        let properties = resource["Properties"].as_object().into_iter().flatten();
        let used = types.entry(resource["Type"].as_str().unwrap().to_owned()).or_default();
        used.extend(properties.map(|(name, _)| name.clone()));
    }
    types
}

/// What the handlers of the types need.
fn needed(templates: &[Value], documents: &Documents) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for (name, properties) in types(templates) {
        let handlers = &documents.of(&name).unwrap()["handlers"];
        let published = OPERATIONS
            .iter()
            .flat_map(|operation| handlers[operation]["permissions"].as_array().into_iter().flatten())
            .map(|permission| permission.as_str().unwrap());
        let unpublished = UNPUBLISHED.iter().filter(|(resource_type, _)| *resource_type == name);
        let all = published.chain(unpublished.flat_map(|(_, permissions)| permissions.iter().copied()));
        let without = |permission: &str| {
            WITHOUT_A_PROPERTY.iter().any(|(unneeded, resource_type, property)| {
                *unneeded == permission && *resource_type == name && !properties.contains(*property)
            })
        };
        needed.extend(all.filter(|permission| !without(permission)).map(str::to_owned));
    }
    needed.retain(|permission| !OTHERWISE.iter().any(|(unneeded, _)| unneeded == permission));
    needed
}

/// What a role in a template grants.
fn granted(template: &Value, role: &str) -> BTreeSet<String> {
    let policies = template["Resources"][role]["Properties"]["Policies"]
        .as_array()
        .unwrap();
    let statements = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let actions = statements
        .filter(|statement| statement["Effect"] == "Allow")
        .flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// What a role lacks, and what it has too much of.
fn compare(role: DeploymentRole, templates: &[Value], roles: &Value) -> [Vec<String>; 2] {
    let (needed, granted) = (needed(templates, &Documents::read()), granted(roles, role.logical_id()));
    [
        needed.difference(&granted).cloned().collect(),
        granted.difference(&needed).cloned().collect(),
    ]
}

/// The stacks that CloudFormation changes with the rights of who deploys an environment by hand.
fn deployed_by_hand(environment: Environment) -> Vec<Stack> {
    match environment {
        Environment::Sandbox | Environment::Production => {
            vec![foundation::stack(environment), service::stack(environment)]
        }
        Environment::Deployments => vec![
            foundation::stack(environment),
            foundation::stack(Environment::Production),
            toolchain::stack(),
        ],
    }
}

/// What the policies of who deploys an environment by hand grant.
fn granted_by_hand(environment: Environment) -> BTreeSet<String> {
    let documents = crate::rights_by_hand(environment);
    let documents = documents
        .iter()
        .map(|(_, text)| serde_json::from_str::<Value>(text).unwrap());
    let statements = documents.flat_map(|document| document["Statement"].as_array().unwrap().clone());
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap().clone());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

fn templates(role: DeploymentRole) -> Vec<Value> {
    deployed_in(role).iter().map(parse).collect()
}

fn roles() -> Value {
    parse(&foundation::stack(Environment::Deployments))
}

#[test]
fn a_deployment_role_holds_what_the_handlers_need_and_nothing_else() {
    for role in DeploymentRole::ALL {
        let [lacking, superfluous] = compare(role, &templates(role), &roles());
        assert!(lacking.is_empty(), "{role:?} lacks what a handler needs: {lacking:?}");
        assert!(
            superfluous.is_empty(),
            "{role:?} holds what no handler needs: {superfluous:?}"
        );
    }
}

#[test]
fn who_deploys_by_hand_is_given_what_the_handlers_need_and_nothing_else() {
    for environment in [Environment::Sandbox, Environment::Production, Environment::Deployments] {
        let templates: Vec<Value> = deployed_by_hand(environment).iter().map(parse).collect();
        let needed = needed(&templates, &Documents::read());
        assert_eq!(granted_by_hand(environment), needed, "{environment:?}");
    }
}

/// The actions of a role's first statement.
fn first_actions(roles: &mut Value, role: DeploymentRole) -> &mut Vec<Value> {
    let actions = "/Properties/Policies/0/PolicyDocument/Statement/0/Action";
    let role = &mut roles["Resources"][role.logical_id()];
    role.pointer_mut(actions).unwrap().as_array_mut().unwrap()
}

#[test]
fn a_permission_that_is_removed_is_missed() {
    for role in DeploymentRole::ALL {
        let mut roles = roles();
        let removed = first_actions(&mut roles, role).pop().unwrap();
        let expected = [vec![removed.as_str().unwrap().to_owned()], Vec::new()];
        assert_eq!(compare(role, &templates(role), &roles), expected);
    }
}

#[test]
fn a_permission_that_nothing_needs_is_found() {
    for role in DeploymentRole::ALL {
        let mut roles = roles();
        first_actions(&mut roles, role).push("s3:PutBucketWebsite".into());
        let expected = [Vec::new(), vec!["s3:PutBucketWebsite".to_owned()]];
        assert_eq!(compare(role, &templates(role), &roles), expected);
    }
}

#[test]
fn a_resource_or_property_that_is_added_asks_for_its_permissions() {
    let role = DeploymentRole::Toolchain;
    let mut templates = templates(role);
    let properties = serde_json::json!({ "WebsiteConfiguration": {} });
    templates[0]["Resources"]["ArtifactBucket"]["Properties"] = properties;
    let [lacking, _] = compare(role, &templates, &roles());
    assert_eq!(lacking, ["s3:DeleteBucketWebsite", "s3:PutBucketWebsite"]);
    templates[0]["Resources"]["Planted"] = serde_json::json!({ "Type": "AWS::CodeCommit::Repository" });
    let [lacking, _] = compare(role, &templates, &roles());
    assert!(
        lacking.contains(&"codecommit:CreateRepository".to_owned()),
        "{lacking:?}"
    );
}

/// What is left out must be asked for somewhere: otherwise it belongs in no list.
#[test]
fn whatever_is_not_granted_is_some_handlers_wish() {
    let documents = Documents::read();
    let templates: Vec<Value> = crate::all().iter().map(parse).collect();
    let used: BTreeSet<String> = types(&templates).into_keys().collect();
    let wishes = |name: &str| documents.of(name).unwrap()["handlers"].to_string();
    for (permission, resource_type, _) in WITHOUT_A_PROPERTY {
        assert!(used.contains(*resource_type), "{resource_type}");
        assert!(
            wishes(resource_type).contains(&format!("\"{permission}\"")),
            "{permission}"
        );
    }
    for (permission, reason) in OTHERWISE {
        assert!(!reason.is_empty());
        let is_wished = used
            .iter()
            .any(|name| wishes(name).contains(&format!("\"{permission}\"")));
        assert!(is_wished, "{permission}");
    }
    for (name, _) in UNPUBLISHED {
        assert!(
            documents.of(name).unwrap()["handlers"].is_null(),
            "{name} publishes a list now"
        );
    }
}

#[test]
fn the_policies_of_a_role_are_not_too_long() {
    let roles = roles();
    for role in DeploymentRole::ALL {
        let policies = roles["Resources"][role.logical_id()]["Properties"]["Policies"]
            .as_array()
            .unwrap();
        let length: usize = policies
            .iter()
            .map(|policy| policy["PolicyDocument"].to_string().len())
            .sum();
        assert!(length <= POLICY_CHARACTERS, "{role:?}: {length}");
    }
}
