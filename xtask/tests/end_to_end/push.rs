//! From a push to its end: a small pipeline of its own, with real git, real builds, and a local cloud that is killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloud::{Cloud, until};

const PIPELINE: &str = "trial";
const STACK: &str = "trial-pipeline";

/// What every commit has; `build.sh` is what differs.
const BUILDSPEC: &str = "
version: 0.2
env:
  variables: {COLOUR: blue}
  exported-variables: [ANSWER]
phases:
  install:
    commands: ['GREETING=hello', 'cd work']
  build:
    commands:
      - test \"$GREETING\" = hello
      - . ./build.sh
artifacts:
  base-directory: work/out
  files: ['**/*']
cache:
  paths: ['kept/**/*']
";

const DEPLOYSPEC: &str = "
version: 0.2
phases:
  build:
    commands: ['test -x program', './program > \"$RESULT\"']
";

/// A build that makes the program which the next stage runs.
const GOOD: &str = "
mkdir -p out
export ANSWER=42
echo \"#!/bin/sh
echo deployed $COLOUR $CODEBUILD_RESOLVED_SOURCE_VERSION\" > out/program
chmod +x out/program
cp ../deploy.yml out
env > \"$RESULT.environment\"
echo once >> ../kept/times
cp ../kept/times \"$RESULT.times\"
";

struct Trial {
    cloud: Cloud,
    folder: TempDir,
}

impl Trial {
    /// A local cloud with the pipeline, and a clone of its repository.
    fn new() -> Self {
        let trial = Self {
            cloud: Cloud::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        trial.cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
        trial.stack("CreateStack", &trial.template("Deploy"));
        let repository = trial.call("codecommit", "GetRepository", &json!({"repositoryName": "trial"}));
        let url = repository["repositoryMetadata"]["cloneUrlHttp"].as_str().unwrap();
        git(trial.folder.path(), &["clone", "--quiet", url, "checkout"]);
        trial
    }

    /// The pipeline, its last stage of the given name.
    fn template(&self, last: &str) -> Value {
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
            json!({"RepositoryName": "trial", "BranchName": "main"}),
        );
        source["OutputArtifacts"] = json!([{"Name": "Source"}]);
        source["Namespace"] = json!("Source");
        let mut build = action("Build", "Build", "CodeBuild", json!({"ProjectName": "trial-build"}));
        build["InputArtifacts"] = json!([{"Name": "Source"}]);
        build["OutputArtifacts"] = json!([{"Name": "Build"}]);
        build["Namespace"] = json!("Build");
        let variables = r##"[{"name": "ANSWER", "value": "#{Build.ANSWER}", "type": "PLAINTEXT"}]"##;
        let mut deploy = action(
            last,
            "Build",
            "CodeBuild",
            json!({"ProjectName": "trial-deploy", "EnvironmentVariables": variables}),
        );
        deploy["InputArtifacts"] = json!([{"Name": "Build"}]);
        let stage = |name: &str, action: Value| json!({"Name": name, "Actions": [action]});
        let rule = json!({"Type": "AWS::Events::Rule", "Properties": {
            "EventPattern": {
                "source": ["aws.codecommit"], "resources": [{"Fn::GetAtt": ["Repository", "Arn"]}],
                "detail": {"event": ["referenceCreated", "referenceUpdated"], "referenceName": ["main"]},
            },
            "Targets": [{"Id": "pipeline", "Arn": {"Fn::Sub": "arn:aws:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"}}],
        }});
        let may = json!({"Effect": "Allow", "Action": ["codecommit:*", "codebuild:*"], "Resource": "*"});
        let policy = json!({"PolicyName": "deliver", "PolicyDocument": {"Statement": [may]}});
        json!({"Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "RoleName": "trial", "AssumeRolePolicyDocument": {}, "Policies": [policy],
            }},
            "Repository": {"Type": "AWS::CodeCommit::Repository", "Properties": {"RepositoryName": "trial"}},
            "Build": self.project("trial-build", "buildspec.yml"),
            "Deploy": self.project("trial-deploy", "deploy.yml"),
            "Rule": rule,
            "Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "DependsOn": ["Repository", "Build", "Deploy", "Role"], "Properties": {
                "Name": PIPELINE, "PipelineType": "V2", "RestartExecutionOnUpdate": true,
                "RoleArn": "arn:aws:iam::000000000000:role/trial", "ArtifactStore": {"Type": "S3", "Location": "trial"},
                "Stages": [stage("Source", source), stage("Build", build), stage(last, deploy)],
            }},
        }})
    }

    fn project(&self, name: &str, buildspec: &str) -> Value {
        let variables = [("GATE", self.gate()), ("RESULT", self.result())];
        let variables = variables.map(|(name, path)| json!({"Name": name, "Value": path.to_str().unwrap()}));
        json!({"Type": "AWS::CodeBuild::Project", "Properties": {
            "Name": name, "ServiceRole": "arn:aws:iam::000000000000:role/trial", "Cache": {"Type": "LOCAL", "Modes": ["LOCAL_CUSTOM_CACHE"]},
            "Source": {"Type": "CODEPIPELINE", "BuildSpec": buildspec}, "Artifacts": {"Type": "CODEPIPELINE"},
            "Environment": {"Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL", "Image": "none", "EnvironmentVariables": variables},
        }})
    }

    fn stack(&self, operation: &str, template: &Value) {
        let template = template.to_string();
        let fields = [
            ("Action", operation),
            ("StackName", STACK),
            ("TemplateBody", &template),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
            ("Version", "2010-05-15"),
        ];
        let answer = self.cloud.query("cloudformation", &fields);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let describe = [("Action", "DescribeStacks"), ("StackName", STACK)];
        until("the stack is done", || {
            let answer = self.cloud.query("cloudformation", &describe);
            assert!(!answer.body.contains("ROLLBACK"), "{}", answer.body);
            answer.body.contains("_COMPLETE<")
        });
    }

    /// A file that lets a build which waits for it go on.
    fn gate(&self) -> PathBuf {
        self.folder.path().join("gate")
    }

    /// Where builds leave what they found.
    fn result(&self) -> PathBuf {
        self.folder.path().join("result")
    }

    fn found(&self, extension: &str) -> String {
        fs::read_to_string(self.result().with_extension(extension)).unwrap()
    }

    /// A build that says that it runs and waits until the gate is open.
    fn gated(then: &str) -> String {
        format!("echo $$ > \"$RESULT.running\"\nwhile [ ! -e \"$GATE\" ]; do sleep 0.02; done\n{then}")
    }

    fn running(&self) -> Option<i32> {
        let text = fs::read_to_string(self.result().with_extension("running")).ok()?;
        text.trim_end().parse().ok()
    }

    /// Commits a build and pushes it; gives the commit.
    fn push(&self, build: &str) -> String {
        let checkout = self.folder.path().join("checkout");
        fs::create_dir_all(checkout.join("work")).unwrap();
        fs::create_dir_all(checkout.join("kept")).unwrap();
        fs::write(checkout.join("buildspec.yml"), BUILDSPEC).unwrap();
        fs::write(checkout.join("deploy.yml"), DEPLOYSPEC).unwrap();
        fs::write(checkout.join("work/build.sh"), build).unwrap();
        git(&checkout, &["add", "--all"]);
        git(
            &checkout,
            &["commit", "--quiet", "--allow-empty", "--message", "A change"],
        );
        git(&checkout, &["push", "--quiet", "origin", "HEAD:main"]);
        git(&checkout, &["rev-parse", "HEAD"]).trim_end().to_owned()
    }

    fn call(&self, service: &str, operation: &str, input: &Value) -> Value {
        let answer = self.cloud.json(service, operation, input);
        assert_eq!(answer.get("__type"), None, "{operation}: {answer}");
        answer
    }

    fn pipeline(&self, operation: &str, input: Value) -> Value {
        let mut input = input;
        input["pipelineName"] = json!(PIPELINE);
        self.call("codepipeline", operation, &input)
    }

    /// The executions, newest first.
    fn executions(&self) -> Vec<Value> {
        let list = self.pipeline("ListPipelineExecutions", json!({}));
        list["pipelineExecutionSummaries"].as_array().unwrap().clone()
    }

    /// The execution of a commit.
    fn execution(&self, commit: &str) -> Value {
        let executions = self.executions();
        let of_commit = |execution: &&Value| execution["sourceRevisions"][0]["revisionId"] == commit;
        executions.iter().find(of_commit).cloned().unwrap_or_default()
    }

    fn wait_for(&self, commit: &str, status: &str) -> Value {
        until(&format!("the execution of {commit} is {status}"), || {
            let execution = self.execution(commit);
            let actual = execution["status"].as_str().unwrap_or_default();
            assert!(
                matches!(actual, "" | "InProgress" | "Stopping") || actual == status,
                "{execution}: {}",
                self.state()
            );
            actual == status
        });
        self.execution(commit)
    }

    fn state(&self) -> Value {
        self.call("codepipeline", "GetPipelineState", &json!({"name": PIPELINE}))
    }

    fn stage(&self, name: &str) -> Value {
        let state = self.state();
        let stages = state["stageStates"].as_array().unwrap();
        stages
            .iter()
            .find(|stage| stage["stageName"] == name)
            .cloned()
            .unwrap_or_default()
    }

    /// The build that a stage ran last.
    fn build(&self, stage: &str) -> Value {
        let id = self.stage(stage)["actionStates"][0]["latestExecution"]["externalExecutionId"].clone();
        self.call("codebuild", "BatchGetBuilds", &json!({"ids": [id]}))["builds"][0].clone()
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
        command.env_remove(name);
    }
    for variable in [
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
    ] {
        command.env(variable, "trial@example.com");
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn runs(process: i32) -> bool {
    // One that has ended, and that nobody has waited for, is still listed.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn a_push_goes_through_and_a_bad_one_says_why() {
    let trial = Trial::new();
    let first = &trial.executions()[0];
    assert_eq!(
        (&first["trigger"]["triggerType"], &first["status"]),
        (&json!("CreatePipeline"), &json!("Failed"))
    );

    let commit = trial.push(GOOD);
    let execution = trial.wait_for(&commit, "Succeeded");
    assert_eq!(execution["trigger"]["triggerType"], "CloudWatchEvent");
    assert_eq!(trial.found(""), format!("deployed blue {commit}\n"));
    let environment = trial.found("environment");
    let value = |name: &str| {
        environment
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    assert!(value("CODEBUILD_BUILD_ID").unwrap().starts_with("trial-build:"));
    assert_eq!(value("CODEBUILD_INITIATOR"), Some("codepipeline/trial"));
    assert_eq!(
        value("AWS_ENDPOINT_URL"),
        Some(format!("http://{}", trial.cloud.endpoint().address).as_str())
    );
    assert!(value("PATH").is_some() && value("HOME").is_some());
    for leak in ["CARGO_MANIFEST_DIR", "LOCAL_CLOUD_HOME", "NO_COLOR"] {
        assert_eq!(value(leak), None, "{leak} is none of the build's");
    }
    let build = trial.build("Build");
    assert_eq!(
        (&build["buildStatus"], &build["resolvedSourceVersion"]),
        (&json!("SUCCEEDED"), &json!(commit))
    );
    assert_eq!(
        build["exportedEnvironmentVariables"],
        json!([{"name": "ANSWER", "value": "42"}])
    );

    // The checkout is clean each time, what the cache names is there again.
    let again = trial.push(&format!("test ! -e out\n{GOOD}"));
    trial.wait_for(&again, "Succeeded");
    assert_eq!(trial.found("times"), "once\nonce\n");

    let bad = trial.push("echo about to fail\nexit 3");
    trial.wait_for(&bad, "Failed");
    let stage = trial.stage("Build");
    assert_eq!(stage["latestExecution"]["status"], "Failed");
    let error = stage["actionStates"][0]["latestExecution"]["errorDetails"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(error.contains("build.sh") && error.contains("exit status 3"), "{error}");
    assert_eq!(
        trial.found(""),
        format!("deployed blue {again}\n"),
        "nothing was deployed"
    );
    let logs = &trial.build("Build")["logs"];
    let named = json!({"logGroupName": logs["groupName"], "logStreamName": logs["streamName"]});
    let events = trial.call("logs", "GetLogEvents", &named);
    let said = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["message"].as_str().unwrap());
    let said = said.collect::<Vec<_>>();
    assert!(said.contains(&"about to fail"), "{said:?}");
    assert!(
        said.iter()
            .any(|line| line.contains("Phase complete: BUILD State: FAILED")),
        "{said:?}"
    );
}

#[test]
fn who_waits_gives_way_and_who_is_stopped_can_be_retried() {
    let trial = Trial::new();
    let first = trial.push(&Trial::gated(GOOD));
    until("the build runs", || trial.running().is_some());
    let second = trial.push(&format!("# second\n{GOOD}"));
    until("the second waits", || {
        trial.stage("Build")["inboundExecution"].is_object()
    });
    let third = trial.push(&format!("# third\n{GOOD}"));
    trial.wait_for(&second, "Superseded");
    fs::write(trial.gate(), "").unwrap();
    trial.wait_for(&first, "Succeeded");
    trial.wait_for(&third, "Succeeded");
    assert_eq!(trial.found(""), format!("deployed blue {third}\n"));

    fs::remove_file(trial.gate()).unwrap();
    fs::remove_file(trial.result().with_extension("running")).unwrap();
    let fourth = trial.push(&Trial::gated(GOOD));
    until("the build runs", || trial.running().is_some());
    let id = trial.execution(&fourth)["pipelineExecutionId"].clone();
    trial.pipeline(
        "StopPipelineExecution",
        json!({"pipelineExecutionId": id, "reason": "enough"}),
    );
    assert_eq!(trial.execution(&fourth)["status"], "Stopping");
    let process = trial.running().unwrap();
    trial.call("codebuild", "StopBuild", &json!({"id": trial.build("Build")["id"]}));
    let stopped = trial.wait_for(&fourth, "Stopped");
    assert_eq!(stopped["stopTrigger"]["reason"], "enough");
    assert_eq!(trial.build("Build")["buildStatus"], "STOPPED");
    assert!(!runs(process), "the build's processes are gone");

    fs::write(trial.gate(), "").unwrap();
    let retry = json!({"pipelineExecutionId": id, "stageName": "Build", "retryMode": "FAILED_ACTIONS"});
    trial.pipeline("RetryStageExecution", retry);
    trial.wait_for(&fourth, "Succeeded");
    let back = trial.pipeline(
        "RollbackStage",
        json!({"stageName": "Deploy", "targetPipelineExecutionId": trial.execution(&third)["pipelineExecutionId"]}),
    );
    until("the stage is back", || {
        let execution = trial
            .executions()
            .into_iter()
            .find(|it| it["pipelineExecutionId"] == back["pipelineExecutionId"]);
        execution.is_some_and(|it| it["status"] == "Succeeded" && it["executionType"] == "ROLLBACK")
    });
    assert_eq!(trial.found(""), format!("deployed blue {third}\n"));
}

#[test]
fn a_pipeline_that_changes_itself_goes_on_with_its_new_definition() {
    let trial = Trial::new();
    let commit = trial.push(&Trial::gated(GOOD));
    until("the build runs", || trial.running().is_some());
    let old = trial.execution(&commit)["pipelineExecutionId"].clone();
    trial.stack("UpdateStack", &trial.template("Release"));
    fs::write(trial.gate(), "").unwrap();
    until("the new definition has been gone through", || {
        trial.stage("Release")["latestExecution"]["status"] == "Succeeded"
    });
    assert_eq!(trial.found(""), format!("deployed blue {commit}\n"));
    let executions = trial.executions();
    let status = |id: &Value| executions.iter().find(|it| it["pipelineExecutionId"] == *id).unwrap()["status"].clone();
    assert_eq!(status(&old), "Failed", "it was of the old one");
    assert_eq!(executions[0]["status"], "Succeeded");
    assert_eq!(trial.stage("Deploy"), Value::Null);
}

#[test]
fn a_local_cloud_that_is_killed_leaves_no_build_behind() {
    let trial = Trial::new();
    let commit = trial.push(&Trial::gated(GOOD));
    until("the build runs", || trial.running().is_some());
    let process = trial.running().unwrap();
    Cloud::kill(trial.cloud.endpoint().process_id.try_into().unwrap());
    until("it is dead", || {
        !runs(trial.cloud.endpoint().process_id.try_into().unwrap())
    });
    trial.cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
    assert!(!runs(process), "the build's processes are gone");
    let failed = trial.wait_for(&commit, "Failed");
    let build = trial.build("Build");
    assert_eq!(build["buildStatus"], "FAULT");
    let message = trial.stage("Build")["actionStates"][0]["latestExecution"]["errorDetails"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.contains("retry the stage"), "{message}");

    fs::write(trial.gate(), "").unwrap();
    let retry = json!({"pipelineExecutionId": failed["pipelineExecutionId"], "stageName": "Build", "retryMode": "FAILED_ACTIONS"});
    trial.pipeline("RetryStageExecution", retry);
    trial.wait_for(&commit, "Succeeded");
    assert_eq!(trial.found(""), format!("deployed blue {commit}\n"));
    let executions = trial.executions();
    let next = trial.push(&format!("# next\n{GOOD}"));
    trial.wait_for(&next, "Succeeded");
    assert_eq!(trial.executions().len(), executions.len() + 1);
}
