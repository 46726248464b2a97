//! What policies grant.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::wildcards::WILDCARDS;
use super::{check, planted};
use crate::tests::{parse, resources, service_templates};
use crate::{Environment, all};

/// Every wildcard in a policy anywhere in a template: in action, resource or principal, or by saying all but some; and
/// every policy that AWS writes, which changes without a deployment.
fn find(template: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        find_in(template, id, &resource["Properties"], &mut found);
    }
    found
}

fn find_in(template: &Value, id: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| find_in(template, id, item, found)),
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "Statement" => {
                        for statement in items(member) {
                            let sid = statement["Sid"].as_str().unwrap_or("(no Sid)");
                            let findings = in_statement(template, statement);
                            found.extend(findings.into_iter().map(|finding| format!("{id} {sid}: {finding}")));
                        }
                    }
                    "ManagedPolicyArns" => {
                        found.extend(items(member).map(|policy| format!("{id}: ManagedPolicyArns {policy}")));
                    }
                    _ => find_in(template, id, member, found),
                }
            }
        }
        _ => {}
    }
}

/// A list's items, or the one thing that stands for a list of it.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_array();
    list.into_iter().flatten().chain(Some(value).filter(|_| list.is_none()))
}

fn in_statement(template: &Value, statement: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for element in ["NotAction", "NotResource", "NotPrincipal"] {
        if !statement[element].is_null() {
            found.push(element.to_owned());
        }
    }
    if statement["Effect"] != "Allow" {
        return found;
    }
    for element in ["Action", "Resource", "Principal"] {
        let mut wide = Vec::new();
        wildcards(template, &statement[element], &mut wide);
        found.extend(wide.into_iter().map(|text| format!("{element} {text}")));
    }
    found
}

/// The texts with a wildcard, within intrinsic functions too. A log group's `Arn` ends in one.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html>
fn wildcards(template: &Value, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(['*', '?']) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| wildcards(template, item, found)),
        Value::Object(members) => {
            if let Some([id, attribute]) = members.get("Fn::GetAtt").and_then(Value::as_array).map(Vec::as_slice) {
                let (id, attribute) = (id.as_str().unwrap(), attribute.as_str().unwrap());
                if attribute == "Arn" && template["Resources"][id]["Type"] == "AWS::Logs::LogGroup" {
                    found.push(format!("{id}.{attribute}"));
                }
            }
            // A parameter may be anything; a resource's own name is that resource.
            if let Some(name) = members.get("Ref").and_then(Value::as_str)
                && !template["Parameters"][name].is_null()
            {
                found.push(format!("parameter {name}"));
            }
            members.values().for_each(|member| wildcards(template, member, found));
        }
        _ => {}
    }
}

#[test]
fn only_listed_statements_have_wildcards() {
    check(find, WILDCARDS);
}

#[test]
fn planted_wildcards_are_found() {
    let statement = "/OneboxExecutionRole/Properties/Policies/0/PolicyDocument/Statement";
    let allow = |action: Value, resource: Value| json!({ "Sid": "Planted", "Effect": "Allow", "Action": action, "Resource": resource });
    let cases = [
        (allow(json!("*"), json!("arn")), "OneboxExecutionRole Planted: Action *"),
        (
            allow(json!(["a:B", "ecr:*"]), json!("arn")),
            "OneboxExecutionRole Planted: Action ecr:*",
        ),
        (
            allow(json!("ecr:Get*"), json!("arn")),
            "OneboxExecutionRole Planted: Action ecr:Get*",
        ),
        (
            allow(json!("a:B"), json!(["arn", "*"])),
            "OneboxExecutionRole Planted: Resource *",
        ),
        (
            allow(
                json!("a:B"),
                json!({ "Fn::Sub": "arn:${AWS::Partition}:s3:::bucket/*" }),
            ),
            "OneboxExecutionRole Planted: Resource arn:${AWS::Partition}:s3:::bucket/*",
        ),
        (
            allow(json!("a:B"), json!({ "Fn::Join": [":", ["arn", "*"]] })),
            "OneboxExecutionRole Planted: Resource *",
        ),
        (
            allow(json!("a:B"), json!({ "Ref": "FleetImage" })),
            "OneboxExecutionRole Planted: Resource parameter FleetImage",
        ),
        (
            json!({ "Effect": "Allow", "NotAction": "a:B", "Resource": "arn" }),
            "OneboxExecutionRole (no Sid): NotAction",
        ),
        (
            json!({ "Effect": "Allow", "Action": "a:B", "NotResource": "arn" }),
            "OneboxExecutionRole (no Sid): NotResource",
        ),
        (
            json!({ "Effect": "Allow", "Action": "a:B", "Principal": { "AWS": "*" } }),
            "OneboxExecutionRole (no Sid): Principal *",
        ),
    ];
    for (what, expected) in cases {
        assert_eq!(planted(find, &format!("{statement}/-"), what), [expected]);
    }
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    assert_eq!(
        planted(find, "/OneboxTaskRole/Properties/ManagedPolicyArns", json!([arn])),
        [format!("OneboxTaskRole: ManagedPolicyArns \"{arn}\"")]
    );
    // What forbids may be as wide as it likes.
    let deny = json!({ "Effect": "Deny", "Action": "*", "Resource": "*" });
    assert!(planted(find, &format!("{statement}/-"), deny).is_empty());
}

#[test]
fn roles_are_taken_by_ecs_alone_and_for_this_account() {
    for template in service_templates() {
        let roles = resources(&template, "AWS::IAM::Role");
        assert_eq!(roles.len(), 4);
        for (role, resource) in roles {
            for statement in items(&resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]) {
                assert_eq!(statement["Principal"]["Service"], "ecs-tasks.amazonaws.com", "{role}");
                let account = &statement["Condition"]["StringEquals"]["aws:SourceAccount"];
                assert_eq!(account["Ref"], "AWS::AccountId", "{role}");
            }
        }
    }
}

#[test]
fn roles_of_the_deployments_are_taken_by_one_service_each() {
    let takers = [
        ("BuildRole", "codebuild.amazonaws.com"),
        ("UpdatePipelineRole", "codebuild.amazonaws.com"),
        ("DeployRole", "codebuild.amazonaws.com"),
        ("PipelineRole", "codepipeline.amazonaws.com"),
        ("TriggerRole", "events.amazonaws.com"),
        ("ProductionDeploymentRole", "cloudformation.amazonaws.com"),
        ("ToolchainDeploymentRole", "cloudformation.amazonaws.com"),
    ];
    let mut found = Vec::new();
    for stack in all()
        .iter()
        .filter(|stack| stack.environment == Environment::Deployments)
    {
        let template = parse(stack);
        for (role, resource) in resources(&template, "AWS::IAM::Role") {
            let statements = &resource["Properties"]["AssumeRolePolicyDocument"]["Statement"];
            for statement in items(statements) {
                let service = statement["Principal"]["Service"].as_str().unwrap();
                let account = &statement["Condition"]["StringEquals"]["aws:SourceAccount"];
                // CloudFormation acts for whoever may pass it the role.
                assert!(
                    account["Ref"] == "AWS::AccountId" || service == "cloudformation.amazonaws.com",
                    "{role}"
                );
                found.push((role.to_owned(), service.to_owned()));
            }
        }
    }
    found.sort();
    let mut takers = takers.map(|(role, service)| (role.to_owned(), service.to_owned()));
    takers.sort();
    assert_eq!(found, takers);
}
