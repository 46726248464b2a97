//! The real AWS CLI through what a user of these resources asks, and what it shows: commands in, a transcript out.
//!
//! The commands are those that documents and the command line's own advice mention, and the ordinary reads of each service.
//! `name = command` keeps what a command prints, for `{name}` in those after it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use optional_programs::Program;
use regex_lite::Regex;

use super::{pinned, pointed_at};
use crate::cloud::{CLUSTER, Cloud, SERVICE_STACK, until};
use crate::update::{begin_update, push_image, stack_is};

/// What differs from run to run, and what stands for it. The first that fits is taken.
const REDACTED: [(&str, &str); 13] = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "[time]"),
    (r"sha256:[0-9a-f]{64}", "sha256:[digest]"),
    (
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[uuid]",
    ),
    (r"\b[0-9a-f]{40}\b", "[commit]"),
    (r"\b[0-9a-f]{32}\b", "[id]"),
    (r"/[0-9a-f]{16}\b", "/[id]"),
    (r"-[0-9A-Z]{12}\b", "-[made up]"),
    (r"(-(Onebox|Fleet)/)[0-9A-Za-z_-]{21}", "${1}[id]"),
    (r"127\.0\.0\.1:\d+", "[address]"),
    (r"\b1\d{12}\b", "[time]"),
    (r"\b1\d{9}\.\d+\b", "[time]"),
    (r"\d+ (ms|s)\b", "[duration]"),
    (r"\.\d{3,}", ".[fraction]"),
];

const SANDBOX: &str = "
aws sts get-caller-identity
aws cloudformation describe-stacks --stack-name {stack} --query 'Stacks[0].[StackName,StackStatus,DriftInformation.StackDriftStatus]'
aws cloudformation wait stack-create-complete --stack-name {stack}
aws cloudformation list-stacks --stack-status-filter CREATE_COMPLETE --query 'sort(StackSummaries[].StackName)'
aws cloudformation describe-stack-events --stack-name {stack} --query 'StackEvents[?ResourceType==`AWS::ECS::Service`].[LogicalResourceId,ResourceStatus]'
aws cloudformation describe-stack-resources --stack-name {stack} --query 'StackResources[?ResourceType==`AWS::ECS::Service`].[LogicalResourceId,PhysicalResourceId,ResourceStatus]'
aws cloudformation list-stack-resources --stack-name {stack} --query 'length(StackResourceSummaries)'
aws cloudformation get-template --stack-name {stack} --query 'TemplateBody.Outputs.WebAPIEndpoint.Description'
aws cloudformation list-change-sets --stack-name {stack}
detection = aws cloudformation detect-stack-drift --stack-name {stack} --query StackDriftDetectionId
aws cloudformation describe-stack-drift-detection-status --stack-drift-detection-id {detection}
aws cloudformation describe-stack-resource-drifts --stack-name {stack} --stack-resource-drift-status-filters MODIFIED DELETED
aws ecs list-clusters
aws ecs list-services --cluster {cluster} --query 'sort(serviceArns)'
aws ecs describe-services --cluster {cluster} --services {onebox} {fleet} --query 'services[].[serviceName,desiredCount,runningCount,pendingCount,deployments[0].rolloutState]'
aws ecs wait services-stable --cluster {cluster} --services {onebox} {fleet}
task = aws ecs list-tasks --cluster {cluster} --service-name {onebox} --query 'taskArns[0]'
aws ecs list-tasks --cluster {cluster} --service-name {fleet} --desired-status RUNNING --query 'length(taskArns)'
aws ecs describe-tasks --cluster {cluster} --tasks {task} --query 'tasks[].[lastStatus,desiredStatus,launchType,containers[0].name,containers[0].lastStatus]'
definition = aws ecs describe-services --cluster {cluster} --services {onebox} --query 'services[0].taskDefinition'
aws ecs describe-task-definition --task-definition {definition} --query 'taskDefinition.[family,revision,status,cpu,memory,containerDefinitions[0].name]'
deployment = aws ecs list-service-deployments --cluster {cluster} --service {onebox} --query 'serviceDeployments[0].serviceDeploymentArn'
aws ecs describe-service-deployments --service-deployment-arns {deployment} --query 'serviceDeployments[].[status,rollback]'
aws elbv2 describe-load-balancers --query 'LoadBalancers[].[State.Code,Type,Scheme,DNSName]'
group = aws elbv2 describe-target-groups --query 'TargetGroups[0].TargetGroupArn'
aws elbv2 describe-target-groups --query 'TargetGroups[].[Protocol,Port,HealthCheckPath,TargetType]'
aws elbv2 describe-target-health --target-group-arn {group} --query 'TargetHealthDescriptions[].TargetHealth.State | [0]'
balancer = aws elbv2 describe-load-balancers --query 'LoadBalancers[0].LoadBalancerArn'
listener = aws elbv2 describe-listeners --load-balancer-arn {balancer} --query 'Listeners[0].ListenerArn'
aws elbv2 describe-listeners --load-balancer-arn {balancer} --query 'Listeners[].[Port,Protocol,DefaultActions[0].ForwardConfig.TargetGroups[].Weight]'
aws elbv2 describe-rules --listener-arn {listener} --query 'Rules[].[Priority,IsDefault]'
aws ecr describe-repositories --query 'repositories[].[repositoryName,imageTagMutability]'
aws ecr describe-images --repository-name {repository} --query 'imageDetails[].imageDigest'
aws ecr list-images --repository-name {repository} --query 'imageIds[].imageDigest'
aws logs describe-log-groups --log-group-name-prefix /OneBoxDeploymentOnECS/ --query 'logGroups[].[logGroupName,retentionInDays]'
stream = aws logs describe-log-streams --log-group-name {logs} --query 'logStreams[0].logStreamName'
aws logs get-log-events --log-group-name {logs} --log-stream-name {stream} --limit 1 --start-from-head --query 'length(events)'
aws logs filter-log-events --log-group-name {logs} --limit 1 --query 'length(events)'
aws logs filter-log-events --log-group-name {logs} --filter-pattern 'never written' --query 'events'
aws cloudwatch describe-alarms --query 'sort_by(MetricAlarms, &AlarmName)[].[AlarmName,ActionsEnabled]'
aws cloudwatch set-alarm-state --alarm-name {alarm} --state-value ALARM --state-reason 'to see it'
aws cloudwatch describe-alarm-history --alarm-name {alarm} --history-item-type StateUpdate --query 'length(AlarmHistoryItems[?contains(HistorySummary, `to ALARM`)])'
aws cloudwatch list-metrics --namespace AWS/ApplicationELB --metric-name HealthyHostCount --query 'length(Metrics)'
aws cloudwatch get-metric-statistics --namespace AWS/ECS --metric-name CPUUtilization --dimensions Name=ClusterName,Value={cluster} Name=ServiceName,Value={fleet} --period 60 --statistics SampleCount --start-time 2020-01-01T00:00:00Z --end-time 2020-01-01T01:00:00Z
aws cloudwatch get-metric-data --metric-data-queries '[{\"Id\":\"m\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/ECS\",\"MetricName\":\"CPUUtilization\"},\"Period\":60,\"Stat\":\"Average\"}}]' --start-time 2020-01-01T00:00:00Z --end-time 2020-01-01T01:00:00Z
aws application-autoscaling describe-scalable-targets --service-namespace ecs --query 'sort_by(ScalableTargets, &ResourceId)[].[ResourceId,MinCapacity,MaxCapacity]'
aws application-autoscaling describe-scaling-policies --service-namespace ecs --query 'ScalingPolicies[].[PolicyType,TargetTrackingScalingPolicyConfiguration.TargetValue]'
";

const PIPELINE: &str = "
aws codecommit get-repository --repository-name oneboxdeploymentonecs --query 'repositoryMetadata.[repositoryName,defaultBranch]'
aws codecommit list-branches --repository-name oneboxdeploymentonecs
aws codecommit get-branch --repository-name oneboxdeploymentonecs --branch-name main
aws codepipeline list-pipelines --query 'pipelines[].[name,pipelineType]'
aws codepipeline get-pipeline --name {pipeline} --query 'pipeline.stages[].name'
aws codepipeline get-pipeline-state --name {pipeline} --query 'stageStates[].[stageName,latestExecution.status]'
execution = aws codepipeline list-pipeline-executions --pipeline-name {pipeline} --query 'pipelineExecutionSummaries[0].pipelineExecutionId'
aws codepipeline list-pipeline-executions --pipeline-name {pipeline} --query 'pipelineExecutionSummaries[].[status,trigger.triggerType,sourceRevisions[0].actionName]'
aws codepipeline get-pipeline-execution --pipeline-name {pipeline} --pipeline-execution-id {execution} --query 'pipelineExecution.[status,executionMode]'
aws codepipeline list-action-executions --pipeline-name {pipeline} --filter pipelineExecutionId={execution} --query 'actionExecutionDetails[].[stageName,actionName,status]'
aws codebuild list-projects --query 'projects'
aws codebuild batch-get-projects --names {project} --query 'projects[].[name,source.type,environment.type]'
build = aws codebuild list-builds-for-project --project-name {project} --query 'ids[0]'
aws codebuild batch-get-builds --ids {build} --query 'builds[].[buildStatus,currentPhase,logs.groupName]'
group = aws codebuild batch-get-builds --ids {build} --query 'builds[0].logs.groupName'
stream = aws codebuild batch-get-builds --ids {build} --query 'builds[0].logs.streamName'
aws logs filter-log-events --log-group-name {group} --log-stream-names {stream} --filter-pattern 'said'  --query 'events[-1].message'
aws logs get-log-events --log-group-name {group} --log-stream-name {stream} --limit 1 --start-from-head --query 'length(events)'
aws codepipeline start-pipeline-execution --name {pipeline} --query 'pipelineExecutionId'
aws codecommit delete-repository --repository-name oneboxdeploymentonecs --query 'repositoryId'
aws codecommit list-repositories
";

/// While an update goes on, and when it is over.
const CANCEL: &str = "
aws cloudformation cancel-update-stack --stack-name {stack}
";

/// After a rollback that failed; the second time, what failed is passed over.
const CONTINUE: [&str; 2] = [
    "
aws cloudformation describe-stacks --stack-name {stack} --query 'Stacks[0].StackStatus'
aws cloudformation continue-update-rollback --stack-name {stack}
",
    "
aws cloudformation continue-update-rollback --stack-name {stack} --resources-to-skip OneboxService
",
];

const DELETE: &str = "
aws cloudformation delete-stack --stack-name {stack}
";

const DELETED: &str = "
aws cloudformation wait stack-delete-complete --stack-name {stack}
aws cloudformation list-stacks --stack-status-filter DELETE_COMPLETE --query 'StackSummaries[].StackName'
";

/// Words as a shell would see them, with single quotation marks.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in command.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn redact(text: &str) -> String {
    REDACTED.iter().fold(text.to_owned(), |text, (pattern, stands_for)| {
        Regex::new(pattern)
            .unwrap()
            .replace_all(&text, *stands_for)
            .into_owned()
    })
}

/// Runs each command, and gives what a person would see.
fn transcript(cloud: &Cloud, program: &Path, script: &str, known: &[(&str, &str)]) -> String {
    let environment = pointed_at(cloud, program);
    let mut known: BTreeMap<String, String> = known
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut seen = String::new();
    for line in script.trim().lines() {
        let (keeps, command) = match line.split_once(" = aws ") {
            Some((name, rest)) => (Some(name), format!("aws {rest}")),
            None => (None, line.to_owned()),
        };
        let filled = |word: String| {
            known
                .iter()
                .fold(word, |word, (name, value)| word.replace(&format!("{{{name}}}"), value))
        };
        let words: Vec<String> = words(&command).into_iter().skip(1).map(filled).collect();
        let mut aws = Command::new(program);
        aws.args(&words).env("AWS_PAGER", "");
        for (name, value) in environment.get_envs() {
            match value {
                Some(value) => aws.env(name, value),
                None => aws.env_remove(name),
            };
        }
        aws.args(["--output", if keeps.is_some() { "text" } else { "json" }]);
        let outcome = cloud.run(aws);
        assert_eq!(outcome.code, Some(0), "{command}\n{}{}", outcome.stdout, outcome.stderr);
        let _ = write!(seen, "$ {line}\n{}", redact(&outcome.stdout));
        if let Some(name) = keeps {
            known.insert(name.to_owned(), outcome.stdout.trim().to_owned());
        }
    }
    seen
}

#[test]
fn what_the_aws_cli_shows_of_a_sandbox() {
    let Some(program) = pinned(Program::AwsCli) else { return };
    let cloud = Cloud::new();
    cloud.deploy();
    cloud.settle();
    until("metrics and logs are there", || {
        let fields = [
            ("Action", "ListMetrics"),
            ("Namespace", "AWS/ApplicationELB"),
            ("MetricName", "HealthyHostCount"),
        ];
        let metrics = cloud.query("monitoring", &fields).body.matches("<MetricName>").count();
        let groups = serde_json::json!({"logGroupName": "/OneBoxDeploymentOnECS/Sandbox/onebox"});
        let events = cloud.json("logs", "FilterLogEvents", &groups);
        metrics == 2 && events["events"].as_array().is_some_and(|events| !events.is_empty())
    });
    let known = [
        ("stack", SERVICE_STACK),
        ("cluster", CLUSTER),
        ("onebox", "OneBoxDeploymentOnECS-Onebox"),
        ("fleet", "OneBoxDeploymentOnECS-Fleet"),
        ("repository", "oneboxdeploymentonecs-sandbox"),
        ("logs", "/OneBoxDeploymentOnECS/Sandbox/onebox"),
        ("alarm", "OneBoxDeploymentOnECS-Sandbox-Fleet-ServerErrors"),
    ];
    insta::assert_snapshot!(transcript(&cloud, &program, SANDBOX, &known));
}

/// Git in a folder, as a person of its own.
fn git(cloud: &Cloud, folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
        git.env_remove(name);
    }
    let person = ["-c", "user.name=Trial", "-c", "user.email=trial@example.com"];
    git.current_dir(folder).args(person).args(arguments);
    cloud.run(git).expect(0);
}

/// Commits a source in this folder, whose build is one command.
pub(super) fn commit_build(cloud: &Cloud, folder: &Path, command: &str) {
    std::fs::create_dir_all(folder.join("ci")).unwrap();
    let buildspec = format!("version: 0.2\nphases: {{build: {{commands: ['{command}']}}}}\n");
    std::fs::write(folder.join("ci/build.yml"), buildspec).unwrap();
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "A build"],
    ] {
        git(cloud, folder, arguments);
    }
}

/// Pushes what is committed in this folder to the pipeline's source.
pub(super) fn push(cloud: &Cloud, folder: &Path) {
    let url = cloud
        .local(&["outputs", "toolchain", "SourceRepositoryCloneUrl"])
        .stdout;
    git(cloud, folder, &["push", "--quiet", url.trim(), "main"]);
}

/// Pushes a source whose build fails at once, and waits until the execution has.
pub(crate) fn fail_a_build(cloud: &Cloud) {
    let folder = tempfile::tempdir().unwrap();
    commit_build(cloud, folder.path(), "echo the build said no; exit 1");
    push(cloud, folder.path());
    let input = serde_json::json!({"pipelineName": "OneBoxDeploymentOnECS"});
    until("the build has failed", || {
        let listed = cloud.json("codepipeline", "ListPipelineExecutions", &input);
        let executions = listed["pipelineExecutionSummaries"].as_array().unwrap().clone();
        let is_push = |execution: &&serde_json::Value| execution["sourceRevisions"][0]["revisionId"].is_string();
        executions
            .iter()
            .find(is_push)
            .is_some_and(|execution| execution["status"] == "Failed")
    });
}

#[test]
fn what_the_aws_cli_shows_of_a_pipeline() {
    let Some(program) = pinned(Program::AwsCli) else { return };
    let cloud = Cloud::new();
    cloud.local(&["deploy", "toolchain", "--yes"]);
    fail_a_build(&cloud);
    let known = [
        ("pipeline", "OneBoxDeploymentOnECS"),
        ("project", "OneBoxDeploymentOnECS-Build"),
    ];
    insta::assert_snapshot!(transcript(&cloud, &program, PIPELINE, &known));
}

/// What the command line's errors tell people to do with the AWS CLI when a change goes wrong.
#[test]
fn what_the_aws_cli_shows_when_a_change_goes_wrong() {
    let Some(program) = pinned(Program::AwsCli) else { return };
    let cloud = Cloud::new();
    cloud.deploy();
    cloud.settle();
    let image = push_image(&cloud, "bootstrap");
    let mut seen = String::new();
    let mut show = |script: &str| seen.push_str(&transcript(&cloud, &program, script, &[("stack", SERVICE_STACK)]));

    begin_update(&cloud, &image);
    show(CANCEL);
    until("the update is taken back", || {
        stack_is(&cloud, "UPDATE_ROLLBACK_COMPLETE")
    });
    for script in CONTINUE {
        let fail = |kind: &str| cloud.fault(&["add", kind, "OneboxService"]);
        fail("resource");
        fail("rollback");
        begin_update(&cloud, &image);
        until("the rollback has failed", || stack_is(&cloud, "UPDATE_ROLLBACK_FAILED"));
        show(script);
        until("the rollback is complete", || {
            stack_is(&cloud, "UPDATE_ROLLBACK_COMPLETE")
        });
    }
    show(DELETE);
    let stack = [("Action", "DescribeStacks"), ("StackName", SERVICE_STACK)];
    until("the stack is gone", || {
        cloud.query("cloudformation", &stack).status == 400
    });
    show(DELETED);
    insta::assert_snapshot!(seen);
}
