//! The roles of the pipeline and of what it runs.

use cloudformation::generated::code_build_project::Project;
use cloudformation::generated::code_build_report_group::ReportGroup;
use cloudformation::generated::iam_role::Role;
use cloudformation::generated::logs_log_group::LogGroup;
use cloudformation::{Action, Handle, PolicyDocument, Principal, Statement, Template, Value, account_id};
use constants::pipeline::Source;

use super::deployment::DeploymentRole;
use super::{CLOUD_FORMATION, EVENTS, SIGN_IN, TAKE_ROLE, WRITE_LOGS, allow, deployments_path, policy, repository_arn};
use crate::toolchain::artifacts::Artifacts;
use crate::toolchain::projects::Work;
use crate::{Environment, Purpose, arn, logs, source};

const FIND_ARTIFACTS: &[Action] = &[Action::new("s3:GetBucketAcl"), Action::new("s3:GetBucketLocation")];
const FIND_VERSIONED_ARTIFACTS: &[Action] = &[
    Action::new("s3:GetBucketAcl"),
    Action::new("s3:GetBucketLocation"),
    Action::new("s3:GetBucketVersioning"),
];
const READ_ARTIFACTS: &[Action] = &[Action::new("s3:GetObject"), Action::new("s3:GetObjectVersion")];
const WRITE_ARTIFACTS: &[Action] = &[Action::new("s3:PutObject")];
/// A buildspec names its group by name, and CodeBuild makes sure that there is one.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/test-permissions.html>
const WRITE_REPORTS: &[Action] = &[
    Action::new("codebuild:BatchPutTestCases"),
    Action::new("codebuild:CreateReport"),
    Action::new("codebuild:CreateReportGroup"),
    Action::new("codebuild:UpdateReport"),
];
const PUSH_IMAGE: &[Action] = &[
    Action::new("ecr:BatchCheckLayerAvailability"),
    Action::new("ecr:BatchGetImage"),
    Action::new("ecr:CompleteLayerUpload"),
    Action::new("ecr:GetDownloadUrlForLayer"),
    Action::new("ecr:InitiateLayerUpload"),
    Action::new("ecr:PutImage"),
    Action::new("ecr:UploadLayerPart"),
];
/// To look up, read and record releases, which are beside the images, and to keep both from expiring.
const USE_RELEASES: &[Action] = &[
    Action::new("ecr:BatchCheckLayerAvailability"),
    Action::new("ecr:BatchDeleteImage"),
    Action::new("ecr:BatchGetImage"),
    Action::new("ecr:CompleteLayerUpload"),
    Action::new("ecr:DescribeImages"),
    Action::new("ecr:GetDownloadUrlForLayer"),
    Action::new("ecr:InitiateLayerUpload"),
    Action::new("ecr:PutImage"),
    Action::new("ecr:UploadLayerPart"),
];
const LOOK_AT_STACK: &[Action] = &[Action::new("cloudformation:DescribeStacks")];
const COMPARE_STACK: &[Action] = &[
    Action::new("cloudformation:DescribeStacks"),
    Action::new("cloudformation:GetTemplate"),
];
const CHANGE_STACK: &[Action] = &[
    Action::new("cloudformation:CreateChangeSet"),
    Action::new("cloudformation:DeleteChangeSet"),
    Action::new("cloudformation:DeleteStack"),
    Action::new("cloudformation:DescribeChangeSet"),
    Action::new("cloudformation:DescribeStackEvents"),
    Action::new("cloudformation:DescribeStacks"),
    Action::new("cloudformation:ExecuteChangeSet"),
    Action::new("cloudformation:ListChangeSets"),
    Action::new("cloudformation:ListStackResources"),
];
/// The same, to read what is deployed, and to get a stack out of an update that must not go on.
const CHANGE_SERVICE_STACK: &[Action] = &[
    Action::new("cloudformation:CancelUpdateStack"),
    Action::new("cloudformation:ContinueUpdateRollback"),
    Action::new("cloudformation:CreateChangeSet"),
    Action::new("cloudformation:DeleteChangeSet"),
    Action::new("cloudformation:DeleteStack"),
    Action::new("cloudformation:DescribeChangeSet"),
    Action::new("cloudformation:DescribeStackEvents"),
    Action::new("cloudformation:DescribeStacks"),
    Action::new("cloudformation:ExecuteChangeSet"),
    Action::new("cloudformation:GetTemplate"),
    Action::new("cloudformation:ListChangeSets"),
    Action::new("cloudformation:ListStackResources"),
];
const PASS_ROLE: &[Action] = &[Action::new("iam:PassRole")];
const LOOK_AT_CLUSTER: &[Action] = &[Action::new("ecs:DescribeServices"), Action::new("ecs:DescribeTasks")];
const LIST_TASKS: &[Action] = &[Action::new("ecs:ListTasks")];
const LOOK_AT_METRICS: &[Action] = &[
    Action::new("cloudwatch:DescribeAlarmHistory"),
    Action::new("cloudwatch:DescribeAlarms"),
    Action::new("cloudwatch:GetMetricData"),
    Action::new("ecs:DescribeTaskDefinition"),
    Action::new("elasticloadbalancing:DescribeLoadBalancers"),
];
/// The last words of a task that failed.
const READ_LOGS: &[Action] = &[Action::new("logs:GetLogEvents")];
const RUN_BUILDS: &[Action] = &[
    Action::new("codebuild:BatchGetBuilds"),
    Action::new("codebuild:StartBuild"),
];
const FETCH_SOURCE: &[Action] = &[
    Action::new("codecommit:CancelUploadArchive"),
    Action::new("codecommit:GetBranch"),
    Action::new("codecommit:GetCommit"),
    Action::new("codecommit:GetUploadArchiveStatus"),
    Action::new("codecommit:UploadArchive"),
];
const USE_CONNECTION: &[Action] = &[
    Action::new("codeconnections:UseConnection"),
    Action::new("codestar-connections:UseConnection"),
];
const START: &[Action] = &[Action::new("codepipeline:StartPipelineExecution")];

/// Adds the role of the builds, which change nothing but artifacts, reports and images.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html>
pub(crate) fn add_build_role(
    template: &mut Template,
    artifacts: &Artifacts,
    log_group: &Handle<LogGroup>,
    reports: &Handle<ReportGroup>,
) -> Handle<Role> {
    let production = Environment::Production;
    let mut statements = of_every_build(artifacts, log_group);
    statements.extend([
        allow("WriteArtifacts", WRITE_ARTIFACTS, [artifacts.objects_arn()]),
        allow("WriteReports", WRITE_REPORTS, [reports.arn()]),
        // The token is for the whole registry: AWS knows no narrower resource.
        // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        allow("SignIn", SIGN_IN, [Value::from("*")]),
        allow("PushImage", PUSH_IMAGE, [repository_arn(production)]),
        allow(
            "FindRepository",
            LOOK_AT_STACK,
            [stack_arn(production, Purpose::Foundation)],
        ),
    ]);
    let role = role(CODE_BUILD).policies([policy("Build", statements)]);
    template.add("BuildRole", "Lets builds push images.", role)
}

/// Adds the role of what deploys: it asks CloudFormation, and CloudFormation acts in a role of its own.
pub(crate) fn add_deploying_role(
    template: &mut Template,
    work: Work,
    artifacts: &Artifacts,
    log_group: &Handle<LogGroup>,
) -> Handle<Role> {
    let mut statements = of_every_build(artifacts, log_group);
    match work {
        Work::Build => {}
        Work::UpdatePipeline => {
            let environment = Environment::Deployments;
            statements.extend([
                allow(
                    "CompareFoundations",
                    COMPARE_STACK,
                    [stack_arn(environment, Purpose::Foundation)],
                ),
                allow(
                    "ChangeStack",
                    CHANGE_STACK,
                    [stack_arn(environment, Purpose::Toolchain)],
                ),
            ]);
        }
        Work::Deploy => statements.extend(deploying_production()),
    }
    if let Some(role) = DeploymentRole::of(work) {
        let pass = allow("PassDeploymentRole", PASS_ROLE, [role.imported_arn()]);
        statements.push(pass.condition("StringEquals", "iam:PassedToService", CLOUD_FORMATION));
    }
    let role = role(CODE_BUILD).policies([policy("Deploy", statements)]);
    template.add(
        work.logical_id("Role"),
        "Lets builds ask CloudFormation for changes.",
        role,
    )
}

/// What a deployment of production asks for, before, while and after CloudFormation changes it.
fn deploying_production() -> Vec<Statement> {
    let environment = Environment::Production;
    let stacks = [Purpose::Foundation, Purpose::Service].map(|purpose| stack_arn(environment, purpose));
    let cluster = environment.cluster_name();
    let of_cluster = ["service/", "task/"];
    let of_cluster = of_cluster.map(|kind| arn::of("ecs", &[&kind, &cluster, &"/*"]));
    // Of tasks in a list IAM knows no resource but container instances, which Fargate has none of; so the cluster is a
    // condition.
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    let list_tasks = allow("ListTasks", LIST_TASKS, [Value::from("*")]);
    let list_tasks = list_tasks.condition("ArnEquals", "ecs:cluster", arn::of("ecs", &[&"cluster/", &cluster]));
    vec![
        allow("ChangeStacks", CHANGE_SERVICE_STACK, stacks),
        allow("LookAtCluster", LOOK_AT_CLUSTER, of_cluster),
        list_tasks,
        // These know no resources.
        // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
        allow("LookAtMetrics", LOOK_AT_METRICS, [Value::from("*")]),
        // The token is for the whole registry: AWS knows no narrower resource.
        // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        allow("SignIn", SIGN_IN, [Value::from("*")]),
        allow("UseReleases", USE_RELEASES, [repository_arn(environment)]),
        allow("ReadLogs", READ_LOGS, [logs::streams_arn(environment)]),
    ]
}

/// Adds the pipeline's role.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html>
pub(crate) fn add_pipeline_role(
    template: &mut Template,
    source: Source,
    artifacts: &Artifacts,
    projects: &[Handle<Project>],
) -> Handle<Role> {
    let mut statements = vec![
        in_this_account(allow("FindArtifacts", FIND_VERSIONED_ARTIFACTS, [artifacts.arn()])),
        in_this_account(allow("ReadArtifacts", READ_ARTIFACTS, [artifacts.objects_arn()])),
        in_this_account(allow("WriteArtifacts", WRITE_ARTIFACTS, [artifacts.objects_arn()])),
        allow("RunBuilds", RUN_BUILDS, projects.iter().map(Handle::<Project>::arn)),
    ];
    statements.push(match source {
        Source::CodeCommit => allow("FetchSource", FETCH_SOURCE, [source::repository_arn()]),
        Source::Connection { .. } => allow("UseConnection", USE_CONNECTION, [source::connection_arn()]),
    });
    let role = role("codepipeline.amazonaws.com").policies([policy("RunPipeline", statements)]);
    template.add("PipelineRole", "Lets the pipeline fetch source and run builds.", role)
}

/// Adds the role of what starts the pipeline.
pub(crate) fn add_trigger_role(template: &mut Template, pipeline_arn: &Value<String>) -> Handle<Role> {
    let statements = vec![allow("Start", START, [pipeline_arn.clone()])];
    let role = role(EVENTS).policies([policy("StartPipeline", statements)]);
    template.add("TriggerRole", "Lets a push start the pipeline.", role)
}

const CODE_BUILD: &str = "codebuild.amazonaws.com";

/// Only the service takes the role, and only on behalf of this account.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>
fn role(service: &'static str) -> Role {
    let trust = Statement::trust("Take", Principal::Service(service), TAKE_ROLE);
    Role::new(PolicyDocument::new([trust.condition(
        "StringEquals",
        "aws:SourceAccount",
        account_id(),
    )]))
    .path(deployments_path())
}

fn of_every_build(artifacts: &Artifacts, log_group: &Handle<LogGroup>) -> Vec<Statement> {
    vec![
        allow("WriteLogs", WRITE_LOGS, [log_group.arn()]),
        allow("FindArtifacts", FIND_ARTIFACTS, [artifacts.arn()]),
        allow("ReadArtifacts", READ_ARTIFACTS, [artifacts.objects_arn()]),
    ]
}

/// A bucket of that name in another account is another bucket.
fn in_this_account(statement: Statement) -> Statement {
    statement.condition("StringEquals", "aws:ResourceAccount", account_id())
}

/// A stack by its name: what follows is an id of AWS's choice.
fn stack_arn(environment: Environment, purpose: Purpose) -> Value<String> {
    arn::of("cloudformation", &[&"stack/", &environment.stack_name(purpose), &"/*"])
}
