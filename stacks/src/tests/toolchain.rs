//! The pipeline's template.

use constants::pipeline::{RUST_VERSION, SOURCE, Source};
use serde_json::{Value, json};

use super::schemas::{check, document::Documents};
use super::{parse, resources};
use crate::{Environment, Stage, foundation, toolchain};

const ELSEWHERE: Source = Source::Connection {
    repository: "owner/name",
};

fn stages(template: &Value) -> &Vec<Value> {
    template["Resources"]["Pipeline"]["Properties"]["Stages"]
        .as_array()
        .unwrap()
}

/// The pipeline's actions in the order in which they run.
fn actions(template: &Value) -> Vec<(&str, &Value)> {
    let mut all = Vec::new();
    for stage in stages(template) {
        let mut actions: Vec<&Value> = stage["Actions"].as_array().unwrap().iter().collect();
        actions.sort_by_key(|action| action["RunOrder"].as_i64());
        all.extend(
            actions
                .into_iter()
                .map(|action| (action["Name"].as_str().unwrap(), action)),
        );
    }
    all
}

fn with_source(source: Source) -> [Value; 2] {
    [foundation::of_source(source), toolchain::template(source)]
        .map(|template| serde_json::from_str(&template.render().unwrap()).unwrap())
}

#[test]
fn actions_are_in_the_order_of_the_strategy() {
    let template = parse(&toolchain::stack());
    let names: Vec<&str> = actions(&template).into_iter().map(|(name, _)| name).collect();
    let expected = ["Source", "Build", "UpdatePipeline", "Shared", "Onebox", "Fleet"];
    assert_eq!(names, expected);
    let deployed = toolchain::DEPLOYMENT_ACTIONS.map(|(value, _)| value);
    assert_eq!(deployed, ["shared", Stage::Onebox.value(), Stage::Fleet.value()]);
}

/// The stage's lock keeps the next execution out between two actions.
#[test]
fn one_stage_deploys_production_an_action_at_a_time() {
    let template = parse(&toolchain::stack());
    let names: Vec<&Value> = stages(&template).iter().map(|stage| &stage["Name"]).collect();
    assert_eq!(names, ["Source", "Build", "UpdatePipeline", toolchain::PRODUCTION]);
    let production = stages(&template).last().unwrap()["Actions"].as_array().unwrap();
    let orders: Vec<&Value> = production.iter().map(|action| &action["RunOrder"]).collect();
    assert_eq!(orders, [1, 2, 3]);
}

#[test]
fn everything_after_the_source_is_a_build() {
    let template = parse(&toolchain::stack());
    let projects = resources(&template, "AWS::CodeBuild::Project");
    let mut used: Vec<&Value> = Vec::new();
    for (name, action) in actions(&template).into_iter().skip(1) {
        assert_eq!(action["ActionTypeId"]["Provider"], "CodeBuild", "{name}");
        let project = &action["Configuration"]["ProjectName"];
        assert!(
            projects
                .iter()
                .any(|(_, resource)| resource["Properties"]["Name"] == *project),
            "{name}"
        );
        let input = if name == "Build" { "Source" } else { "Build" };
        assert_eq!(action["InputArtifacts"], json!([{ "Name": input }]), "{name}");
        used.push(project);
    }
    used.dedup();
    assert_eq!(used.len(), projects.len(), "a project for each kind of work");
}

#[test]
fn builds_are_without_privileges_and_bounded_in_time() {
    let template = parse(&toolchain::stack());
    for (id, project) in resources(&template, "AWS::CodeBuild::Project") {
        let properties = &project["Properties"];
        assert_eq!(properties["Environment"]["PrivilegedMode"], false, "{id}");
        assert!(
            properties["TimeoutInMinutes"].is_i64() && properties["QueuedTimeoutInMinutes"].is_i64(),
            "{id}"
        );
        let group = properties["LogsConfig"]["CloudWatchLogs"]["GroupName"]["Ref"]
            .as_str()
            .unwrap();
        assert!(
            template["Resources"][group]["Properties"]["RetentionInDays"].is_i64(),
            "{id}"
        );
    }
}

#[test]
fn builds_have_the_rust_that_the_workspace_asks_for() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).unwrap();
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap();
    assert!(
        RUST_VERSION.starts_with(version.trim_matches('"')),
        "{RUST_VERSION} and {version}"
    );
}

#[test]
fn source_elsewhere_is_what_the_schemas_say_and_needs_no_rule() {
    let [foundation, toolchain] = with_source(ELSEWHERE);
    let documents = Documents::read();
    for template in [&foundation, &toolchain] {
        assert_eq!(check(template, &documents), Vec::<String>::new());
    }
    let (_, source) = actions(&toolchain)[0];
    assert_eq!(source["ActionTypeId"]["Provider"], "CodeStarSourceConnection");
    assert_eq!(source["Configuration"]["FullRepositoryId"], "owner/name");
    assert!(toolchain["Resources"]["SourceRule"].is_null());
    assert!(foundation["Resources"]["SourceRepository"].is_null());
}

#[test]
fn what_is_imported_is_exported() {
    for source in [SOURCE, ELSEWHERE] {
        let [foundation, toolchain] = with_source(source);
        let outputs = foundation["Outputs"].as_object().unwrap();
        let exported: Vec<&Value> = outputs.values().map(|output| &output["Export"]["Name"]).collect();
        let mut imported = Vec::new();
        imports(&toolchain, &mut imported);
        assert!(!imported.is_empty());
        for name in imported {
            assert!(exported.contains(&name), "{name}");
        }
    }
}

fn imports<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("Fn::ImportValue"));
            members.values().for_each(|member| imports(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| imports(item, found)),
        _ => {}
    }
}

#[test]
fn source_and_artifacts_outlive_their_stacks() {
    let [foundation, toolchain] = with_source(SOURCE);
    for resource in [
        &foundation["Resources"]["SourceRepository"],
        &toolchain["Resources"]["ArtifactBucket"],
    ] {
        assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain");
    }
}

/// Rights on the roles are limited by their path: of names of more than 64 characters CloudFormation shortens the stack's.
#[test]
fn the_roles_of_productions_tasks_are_where_rights_on_them_are() {
    let (stack, foundation) = (
        crate::service(Environment::Production),
        foundation(Environment::Deployments),
    );
    for (role, resource) in resources(&parse(&stack), "AWS::IAM::Role") {
        let path = resource["Properties"]["Path"].as_str().unwrap();
        let arn = format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role{path}*");
        assert!(foundation.template.contains(&arn), "{role}");
    }
}
