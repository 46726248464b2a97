//! Every call of AWS's that this command line makes: what it needs to be allowed, on what, and which commands make it.
//!
//! There is no other way to call. A JSON or query call takes an [`Operation`], which only this file makes; the SDK's own
//! clients are private to this file, and lend one method an operation. An operation that is listed and that nobody asks
//! for is dead code, which the compiler finds.
//!
//! `docs/permissions.md` shows the list, and `cargo xtask permissions` makes policies of it.

mod macros;
#[cfg(test)]
mod tests;

use self::By::{
    Build, Deploy, DeployToolchain, Destroy, Diff, Doctor, Drift, ImagePush, Load, Local, Logs, Outputs, Pipeline,
    PipelineRetry, PipelineStatus, PipelineStop, Releases, Resume, Rollback, Status,
};
use self::On::{
    AnyStack, BuildStreams, DeploymentRole, Executions, InCluster, LocalCloud, Metrics, Nothing, ProductionStack,
    Projects, Quotas, Registry, Repository, Source, Stack, TaskList, TaskLogs, TaskStreams,
};
use self::macros::{calls, sdk_calls};
use super::service::Service;

/// A call, as the list has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    /// The service, as IAM's actions name it: `cloudwatch`, which requests are signed for as `monitoring`.
    pub(crate) prefix: &'static str,
    /// The operation, `DescribeStacks`. IAM's action has the same name.
    pub(crate) operation: &'static str,
    /// What it is made on, and by which commands.
    pub(crate) grants: Grants,
}

/// What a right is needed on, by which commands.
pub(crate) type Grants = &'static [(On, &'static [By])];

/// What is called, where no SDK crate knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    service: Service,
    name: &'static str,
}

/// A right that is needed though no call has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Besides {
    /// IAM's action.
    pub(crate) action: &'static str,
    /// What it is needed on, and by which commands.
    pub(crate) grants: Grants,
    /// What needs it.
    pub(crate) why: &'static str,
}

/// What a right is given on, as narrow as IAM knows it.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum On {
    /// The stacks, by their names.
    Stack,
    /// What is asked of CloudFormation without naming a stack.
    AnyStack,
    /// Production's stacks, where others than those that deploy it look at them.
    ProductionStack,
    /// The repositories of images.
    Repository,
    /// The cluster's services and tasks.
    InCluster,
    /// The cluster, for a list of its tasks: of these IAM knows no resource, so the cluster is a condition.
    TaskList,
    /// The log groups of the service's tasks.
    TaskLogs,
    /// The streams in those.
    TaskStreams,
    /// The streams of the pipeline's builds.
    BuildStreams,
    /// The pipeline, its stages, and so its executions.
    Executions,
    /// The pipeline's projects.
    Projects,
    /// The repository of the source.
    Source,
    /// The role that is handed to CloudFormation.
    DeploymentRole,
    /// Alarms, metrics, load balancers and task definitions, of which IAM knows nothing narrower than all.
    Metrics,
    /// The registry of images, all of it: a login is for all.
    Registry,
    /// The account's quotas, all of them.
    Quotas,
    /// What local clouds alone are asked for.
    LocalCloud,
    /// Nothing: everyone may.
    Nothing,
}

/// A command that calls AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    /// `deploy sandbox`, `deploy prod`.
    Deploy,
    /// `deploy --resume` besides what `deploy` calls, and Ctrl-C twice: what no build does.
    Resume,
    /// `deploy toolchain`.
    DeployToolchain,
    /// `diff`.
    Diff,
    /// `diff --drift`.
    Drift,
    /// `status`.
    Status,
    /// `outputs`.
    Outputs,
    /// `logs`.
    Logs,
    /// `load`.
    Load,
    /// `rollback`.
    Rollback,
    /// `releases`.
    Releases,
    /// `destroy`.
    Destroy,
    /// `doctor`.
    Doctor,
    /// `image push`.
    ImagePush,
    /// `build`.
    Build,
    /// `pipeline`.
    Pipeline,
    /// `pipeline status`.
    PipelineStatus,
    /// `pipeline stop`.
    PipelineStop,
    /// `pipeline retry`.
    PipelineRetry,
    /// `rehearse`, `bench` and what else asks local clouds alone.
    Local,
}

/// What reaches a cloud: nearly every command.
pub(crate) const ALL: &[By] = &[
    Doctor,
    Deploy,
    DeployToolchain,
    Diff,
    Drift,
    Status,
    Outputs,
    Logs,
    Load,
    Rollback,
    Releases,
    Destroy,
    ImagePush,
    Build,
    Pipeline,
    PipelineStatus,
    PipelineStop,
    PipelineRetry,
    Local,
];

/// The same, but for what looks at the account alone.
const EXCEPT_DOCTOR: &[By] = match ALL {
    [Doctor, others @ ..] => others,
    _ => panic!("the first is the one to leave out"),
};

/// What changes stacks by change sets.
const CHANGES: &[By] = &[Deploy, DeployToolchain, Rollback, Pipeline, Local];
const CHANGES_AND_DIFF: &[By] = &[Deploy, DeployToolchain, Diff, Rollback, Pipeline, Local];

/// What pushes images, or releases and what becomes of them.
const PUSHES: &[By] = &[Deploy, Rollback, ImagePush, Build, Local];

/// What reads images and releases, and what pushes them.
const PUSHES_AND_READS: &[By] = &[Deploy, Rollback, Releases, ImagePush, Build, Local];

/// What looks at the executions of the pipeline.
const LOOKS_AT_EXECUTIONS: &[By] = &[Pipeline, PipelineStatus, PipelineRetry];

sdk_calls! {
    CloudFormation, aws_sdk_cloudformation, "cloudformation", OF_CLOUD_FORMATION {
        describe_stacks DescribeStacks DescribeStacksFluentBuilder, &[
            (Stack, EXCEPT_DOCTOR),
            (ProductionStack, &[Destroy, Pipeline, PipelineRetry]),
        ];
        describe_stack_events DescribeStackEvents DescribeStackEventsFluentBuilder, &[(Stack, &[
            Deploy, DeployToolchain, Diff, Status, Rollback, Destroy, Pipeline, Local,
        ])];
        list_stack_resources ListStackResources ListStackResourcesFluentBuilder, &[(Stack, &[
            Deploy, DeployToolchain, Drift, Status, Rollback, Destroy, Pipeline, Local,
        ])];
        get_template GetTemplate GetTemplateFluentBuilder, &[(Stack, &[
            Deploy, DeployToolchain, Resume, Status, Rollback,
        ])];
        detect_stack_drift DetectStackDrift DetectStackDriftFluentBuilder, &[(Stack, &[Drift])];
        describe_stack_drift_detection_status DescribeStackDriftDetectionStatus
            DescribeStackDriftDetectionStatusFluentBuilder, &[(AnyStack, &[Drift])];
        describe_stack_resource_drifts DescribeStackResourceDrifts
            DescribeStackResourceDriftsFluentBuilder, &[(Stack, &[Drift])];
        create_change_set CreateChangeSet CreateChangeSetFluentBuilder, &[(Stack, CHANGES_AND_DIFF)];
        describe_change_set DescribeChangeSet DescribeChangeSetFluentBuilder, &[(Stack, CHANGES_AND_DIFF)];
        execute_change_set ExecuteChangeSet ExecuteChangeSetFluentBuilder, &[(Stack, CHANGES)];
        delete_change_set DeleteChangeSet DeleteChangeSetFluentBuilder, &[(Stack, CHANGES_AND_DIFF)];
        list_change_sets ListChangeSets ListChangeSetsFluentBuilder, &[(Stack, &[Deploy, DeployToolchain, Pipeline])];
        delete_stack DeleteStack DeleteStackFluentBuilder, &[(Stack, &[Deploy, DeployToolchain, Destroy, Pipeline])];
        cancel_update_stack CancelUpdateStack CancelUpdateStackFluentBuilder, &[(Stack, &[Deploy, Rollback])];
        continue_update_rollback ContinueUpdateRollback
            ContinueUpdateRollbackFluentBuilder, &[(Stack, &[Deploy, Rollback, Local])];
    }
}

sdk_calls! {
    Ecr, aws_sdk_ecr, "ecr", OF_ECR {
        get_authorization_token GetAuthorizationToken GetAuthorizationTokenFluentBuilder, &[(Registry, PUSHES_AND_READS)];
        describe_images DescribeImages DescribeImagesFluentBuilder, &[(Repository, &[
            Deploy, Rollback, Releases, Status, Destroy,
        ])];
        batch_delete_image BatchDeleteImage BatchDeleteImageFluentBuilder, &[(Repository, &[
            Deploy, Rollback, Destroy,
        ])];
    }
}

sdk_calls! {
    // Everyone may ask who they are: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    Sts, aws_sdk_sts, "sts", OF_STS {
        get_caller_identity GetCallerIdentity GetCallerIdentityFluentBuilder, &[(Nothing, ALL)];
    }
}

calls! {
    ecs, crate::aws::service::ECS, "ecs", OF_ECS {
        DESCRIBE_SERVICES "DescribeServices", &[(InCluster, &[Deploy, Status, Rollback, Local])];
        LIST_TASKS "ListTasks", &[(TaskList, &[Deploy, Rollback, Local])];
        DESCRIBE_TASKS "DescribeTasks", &[(InCluster, &[Deploy, Rollback, Local])];
        DESCRIBE_TASK_DEFINITION "DescribeTaskDefinition", &[(Metrics, &[Deploy, Rollback])];
    }
}

calls! {
    cloudwatch, crate::aws::service::CLOUDWATCH, "cloudwatch", OF_CLOUDWATCH {
        DESCRIBE_ALARMS "DescribeAlarms", &[(Metrics, &[Deploy, Status, Rollback, Local])];
        DESCRIBE_ALARM_HISTORY "DescribeAlarmHistory", &[(Metrics, &[Deploy, Rollback])];
        GET_METRIC_DATA "GetMetricData", &[(Metrics, &[Deploy, Status, Rollback])];
        SET_ALARM_STATE "SetAlarmState", &[(LocalCloud, &[Local])];
    }
}

calls! {
    logs, crate::aws::service::LOGS, "logs", OF_LOGS {
        FILTER_LOG_EVENTS "FilterLogEvents", &[(TaskLogs, &[Logs])];
        GET_LOG_EVENTS "GetLogEvents", &[(TaskStreams, &[Deploy, Rollback]), (BuildStreams, LOOKS_AT_EXECUTIONS)];
    }
}

calls! {
    codepipeline, crate::aws::service::CODE_PIPELINE, "codepipeline", OF_CODE_PIPELINE {
        GET_PIPELINE "GetPipeline", &[(Executions, LOOKS_AT_EXECUTIONS)];
        LIST_PIPELINE_EXECUTIONS "ListPipelineExecutions", &[(Executions, &[
            Pipeline, PipelineStatus, PipelineStop, PipelineRetry,
        ])];
        GET_PIPELINE_EXECUTION "GetPipelineExecution", &[(Executions, LOOKS_AT_EXECUTIONS)];
        LIST_ACTION_EXECUTIONS "ListActionExecutions", &[(Executions, LOOKS_AT_EXECUTIONS)];
        START_PIPELINE_EXECUTION "StartPipelineExecution", &[(Executions, &[Pipeline])];
        STOP_PIPELINE_EXECUTION "StopPipelineExecution", &[(Executions, &[PipelineStop])];
        RETRY_STAGE_EXECUTION "RetryStageExecution", &[(Executions, &[PipelineRetry])];
    }
}

calls! {
    codebuild, crate::aws::service::CODE_BUILD, "codebuild", OF_CODE_BUILD {
        BATCH_GET_BUILDS "BatchGetBuilds", &[(Projects, LOOKS_AT_EXECUTIONS)];
    }
}

calls! {
    codecommit, crate::aws::service::CODE_COMMIT, "codecommit", OF_CODE_COMMIT {
        GET_BRANCH "GetBranch", &[(Source, &[Pipeline])];
        GET_REPOSITORY "GetRepository", &[(Source, &[DeployToolchain, Pipeline])];
    }
}

calls! {
    quotas, crate::aws::service::SERVICE_QUOTAS, "servicequotas", OF_SERVICE_QUOTAS {
        GET_SERVICE_QUOTA "GetServiceQuota", &[(Quotas, &[Doctor])];
        GET_AWS_DEFAULT_SERVICE_QUOTA "GetAWSDefaultServiceQuota", &[(Quotas, &[Doctor])];
    }
}

calls! {
    elb, crate::aws::service::ELASTIC_LOAD_BALANCING, "elasticloadbalancing", OF_ELASTIC_LOAD_BALANCING {
        DESCRIBE_LOAD_BALANCERS "DescribeLoadBalancers", &[(Metrics, &[Deploy, Status, Local])];
        DESCRIBE_TARGET_HEALTH "DescribeTargetHealth", &[(Metrics, &[Status, Local])];
    }
}

/// The list, by service.
pub(crate) const LIST: [&[Call]; 11] = [
    OF_CLOUD_FORMATION,
    OF_CLOUDWATCH,
    OF_CODE_BUILD,
    OF_CODE_COMMIT,
    OF_CODE_PIPELINE,
    OF_ECR,
    OF_ECS,
    OF_ELASTIC_LOAD_BALANCING,
    OF_LOGS,
    OF_SERVICE_QUOTAS,
    OF_STS,
];

const IN_REPOSITORY: Grants = &[(Repository, PUSHES)];
const FROM_REPOSITORY: Grants = &[(Repository, PUSHES_AND_READS)];
const DETECTION: &str = "CloudFormation looks at each resource with the rights of whoever asks";
const PUSH: &str = "images and releases are read and pushed over the registry's own protocol";

/// The rights that no call is named after.
///
/// Of a push: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html>
pub(crate) const BESIDES: &[Besides] = &[
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
    Besides::new(
        "cloudformation:BatchDescribeTypeConfigurations",
        &[(AnyStack, &[Drift])],
        DETECTION,
    ),
    Besides::new(
        "cloudformation:DetectStackResourceDrift",
        &[(Stack, &[Drift])],
        DETECTION,
    ),
    Besides::new(
        "codecommit:GitPush",
        &[(Source, &[Pipeline])],
        "`git push` to the pipeline's source",
    ),
    Besides::new("ecr:BatchCheckLayerAvailability", IN_REPOSITORY, PUSH),
    // Lists what refers to an image as well:
    // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
    Besides::new("ecr:BatchGetImage", FROM_REPOSITORY, PUSH),
    Besides::new("ecr:CompleteLayerUpload", IN_REPOSITORY, PUSH),
    Besides::new("ecr:GetDownloadUrlForLayer", FROM_REPOSITORY, PUSH),
    Besides::new("ecr:InitiateLayerUpload", IN_REPOSITORY, PUSH),
    Besides::new("ecr:PutImage", IN_REPOSITORY, PUSH),
    Besides::new("ecr:UploadLayerPart", IN_REPOSITORY, PUSH),
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    Besides::new(
        "iam:PassRole",
        &[(DeploymentRole, &[Deploy, DeployToolchain])],
        "`--role` hands CloudFormation a role",
    ),
];

impl Operation {
    /// The service that has it.
    pub(super) fn service(self) -> Service {
        self.service
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        self.name
    }
}

impl Call {
    /// IAM's action.
    pub(crate) fn action(&self) -> String {
        format!("{}:{}", self.prefix, self.operation)
    }
}

/// A right that some commands need on something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Right {
    /// IAM's action.
    pub(crate) action: String,
    /// What it is needed on.
    pub(crate) on: On,
    /// The commands that need it.
    pub(crate) by: &'static [By],
}

/// Every right that any command needs.
pub(crate) fn rights() -> impl Iterator<Item = Right> {
    let called = LIST.into_iter().flatten().map(|call| (call.action(), call.grants));
    let besides = BESIDES
        .iter()
        .map(|besides| (besides.action.to_owned(), besides.grants));
    called.chain(besides).flat_map(|(action, grants)| {
        let right = move |(on, by): &(On, &'static [By])| Right {
            action: action.clone(),
            on: *on,
            by,
        };
        grants.iter().map(right)
    })
}

impl By {
    /// The command, as it is written.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Resume => "deploy --resume",
            Self::DeployToolchain => "deploy toolchain",
            Self::Diff => "diff",
            Self::Drift => "diff --drift",
            Self::Status => "status",
            Self::Outputs => "outputs",
            Self::Logs => "logs",
            Self::Load => "load",
            Self::Rollback => "rollback",
            Self::Releases => "releases",
            Self::Destroy => "destroy",
            Self::Doctor => "doctor",
            Self::ImagePush => "image push",
            Self::Build => "build",
            Self::Pipeline => "pipeline",
            Self::PipelineStatus => "pipeline status",
            Self::PipelineStop => "pipeline stop",
            Self::PipelineRetry => "pipeline retry",
            Self::Local => "rehearse",
        }
    }
}

impl Besides {
    const fn new(action: &'static str, grants: Grants, why: &'static str) -> Self {
        Self { action, grants, why }
    }
}
