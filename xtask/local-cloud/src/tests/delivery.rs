//! From a push to its end, as far as it is decided: pushes and builds are played.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::code::CodeHappening;
use crate::codebuild::{Phase, Report, Status};
use crate::codecommit::{Branches, Commit, Commits, Person};
use crate::wire::Service;
use crate::world::Happening;

/// Every commit that is asked for.
#[derive(Debug)]
struct AnyCommit;

impl Commits for AnyCommit {
    fn commit(&self, _: &str, _: &str) -> Option<Commit> {
        let person = Person {
            name: "A".to_owned(),
            email: "a@b".to_owned(),
            date: "1700000000 +0000".to_owned(),
        };
        Some(Commit {
            tree: "0".repeat(40),
            parents: Vec::new(),
            author: person.clone(),
            committer: person,
            message: "A change".to_owned(),
        })
    }
}

pub(super) fn template(state: &str) -> Value {
    let action = |name: &str, category: &str, provider: &str, configuration: Value| {
        json!({
            "Name": name, "Configuration": configuration,
            "ActionTypeId": {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"},
        })
    };
    let mut source = action(
        "Source",
        "Source",
        "CodeCommit",
        json!({"RepositoryName": "code", "BranchName": "main"}),
    );
    source["OutputArtifacts"] = json!([{"Name": "Source"}]);
    let mut build = action("Build", "Build", "CodeBuild", json!({"ProjectName": "build"}));
    build["InputArtifacts"] = json!([{"Name": "Source"}]);
    let role = "arn:aws:iam::000000000000:role/a";
    let may = json!({"Statement": {"Effect": "Allow", "Action": ["codecommit:*", "codebuild:*"], "Resource": "*"}});
    let project = json!({
        "Name": "build", "ServiceRole": role, "Source": {"Type": "CODEPIPELINE"}, "Artifacts": {"Type": "CODEPIPELINE"},
        "Environment": {"Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL", "Image": "none"}, "TimeoutInMinutes": 5,
    });
    let stages = json!([{"Name": "Source", "Actions": [source]}, {"Name": "Build", "Actions": [build]}]);
    let failed = json!({"source": ["aws.codepipeline"], "detail": {"state": ["FAILED"], "stage": [{"exists": false}]}});
    json!({"Resources": {
        "Code": {"Type": "AWS::CodeCommit::Repository", "Properties": {"RepositoryName": "code"}},
        "Project": {"Type": "AWS::CodeBuild::Project", "Properties": project},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": {}, "Policies": [{"PolicyName": "a", "PolicyDocument": may}],
        }},
        "Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "DependsOn": ["Code", "Project"], "Properties": {
            "Name": "delivery", "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "Stages": stages,
        }},
        "Pushed": {"Type": "AWS::Events::Rule", "Properties": {
            "State": state, "EventPattern": {"source": ["aws.codecommit"]},
            "Targets": [{"Id": "a", "Arn": {"Fn::Sub": "arn:aws:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"}}],
        }},
        "Failed": {"Type": "AWS::Events::Rule", "Properties": {
            "EventPattern": failed,
            "Targets": [{"Id": "a", "Arn": {"Ref": "Topic"}, "InputTransformer": {
                "InputPathsMap": {"name": "$.detail.pipeline"}, "InputTemplate": "<name> failed",
            }}],
        }},
        "Topic": {"Type": "AWS::SNS::Topic"},
    }})
}

pub(super) fn new(state: &str) -> Rig {
    let mut rig = Rig::new();
    rig.world.cloud.code.commits = Arc::new(AnyCommit);
    assert_eq!(
        rig.create("stack", &template(state)),
        "CREATE_COMPLETE",
        "{}",
        rig.reasons("stack")
    );
    rig
}

pub(super) fn push(rig: &mut Rig, commit: char) {
    let branches = Branches {
        heads: BTreeMap::from([("main".to_owned(), commit.to_string().repeat(40))]),
        default: Some("main".to_owned()),
    };
    let name = "code".to_owned();
    let happening = CodeHappening::Branches { name, branches };
    rig.world.happen(rig.now, Happening::Code(happening));
    // No time passes meanwhile, or the build would have had its own.
    rig.act();
    rig.act();
}

pub(super) fn statuses(rig: &mut Rig) -> Vec<String> {
    let input = json!({"pipelineName": "delivery"});
    let listed = rig
        .call(Service::CodePipeline, "ListPipelineExecutions", input)
        .unwrap();
    let listed = listed["pipelineExecutionSummaries"].as_array().unwrap().iter().rev();
    listed
        .map(|execution| execution["status"].as_str().unwrap().to_owned())
        .collect()
}

pub(super) fn build_began(rig: &mut Rig) -> String {
    let build = rig.builds.last().cloned().unwrap();
    let happening = CodeHappening::Build {
        build: build.clone(),
        report: Report::Began(Phase::Provisioning),
    };
    rig.world.happen(rig.now, Happening::Code(happening));
    build
}

#[test]
fn a_push_starts_the_pipeline_once_and_a_closed_rule_does_not() {
    let mut rig = new("ENABLED");
    assert_eq!(statuses(&mut rig), ["Failed"], "there was nothing to build yet");
    push(&mut rig, 'a');
    assert_eq!(statuses(&mut rig), ["Failed", "InProgress"]);
    push(&mut rig, 'a');
    assert_eq!(statuses(&mut rig).len(), 2, "the same again is no change");
    let build = rig.builds.first().cloned().unwrap();
    rig.end_build(&build, Status::Succeeded);
    rig.run_until(|rig| statuses(rig) == ["Failed", "Succeeded"]);

    let mut rig = new("DISABLED");
    push(&mut rig, 'a');
    assert_eq!(statuses(&mut rig), ["Failed"]);
}

#[test]
fn a_failure_is_published_by_its_rule_in_the_words_of_its_template() {
    let mut rig = new("ENABLED");
    push(&mut rig, 'a');
    let build = rig.builds.first().cloned().unwrap();
    rig.done.clear();
    rig.end_build(&build, Status::Failed);
    let published = |rig: &mut Rig| {
        rig.done
            .iter()
            .any(|effect| format!("{effect:?}").contains("delivery failed"))
    };
    rig.run_until(published);
}

#[test]
fn after_a_restart_a_build_that_had_begun_is_over_and_one_that_had_not_begins() {
    let mut rig = new("ENABLED");
    push(&mut rig, 'a');
    rig.restart(false);
    rig.world.cloud.code.commits = Arc::new(AnyCommit);
    assert_eq!(
        (statuses(&mut rig).pop().unwrap().as_str(), rig.builds.len()),
        ("InProgress", 1)
    );
    let build = build_began(&mut rig);
    rig.restart(false);
    assert_eq!(
        (statuses(&mut rig).pop().unwrap().as_str(), rig.builds.len()),
        ("Failed", 0)
    );
    let shown = rig
        .call(Service::CodeBuild, "BatchGetBuilds", json!({"ids": [build]}))
        .unwrap();
    assert_eq!(shown["builds"][0]["buildStatus"], "FAULT");
}

#[test]
fn a_build_has_its_time_and_a_deleted_pipeline_leaves_none_behind() {
    let mut rig = new("ENABLED");
    push(&mut rig, 'a');
    let build = rig.builds.first().cloned().unwrap();
    rig.now += Duration::from_mins(5);
    rig.run_until(|rig| statuses(rig) == ["Failed", "Failed"]);
    let shown = rig
        .call(Service::CodeBuild, "BatchGetBuilds", json!({"ids": [build]}))
        .unwrap();
    assert_eq!(shown["builds"][0]["buildStatus"], "TIMED_OUT");

    push(&mut rig, 'b');
    assert_eq!(rig.builds.len(), 1);
    rig.delete("stack");
    assert!(rig.builds.is_empty());
    assert!(rig.world.cloud.code.repositories.is_empty() && rig.world.cloud.code.rules.is_empty());
}
