//! The ledger of what lies between a push and a deployment.

use super::Fidelity::{Approximated, Exercised, Inert};
use super::ledger::{Chapter, NAME, OF_RESOURCES, TAG};

const ONE_MACHINE: &str = "a build runs on this machine, with what is installed on it";
const LOCAL_FOLDER: &str = "artifacts lie in a folder that only its owner can read; there is no S3 API";
const NOTHING_SENT: &str = "nobody is subscribed on one machine: what is published is written to the local cloud's log";

const OF_PIPELINES: &str =
    "judged for what the pipeline asks of CodeCommit and CodeBuild; that it moves artifacts is no call here";

pub(super) const LEDGER: &[Chapter] = &[
    (
        "AWS::CodeBuild::Project",
        &[
            ("Artifacts/Type", Inert, only!("CODEPIPELINE")),
            (
                "Cache/Modes/*",
                Approximated,
                "folders within the source that the buildspec's cache names are kept for the project's next build; what lies elsewhere is this machine's own and stays",
            ),
            ("Cache/Type", Exercised, ""),
            ("Description", Inert, NAME),
            ("Environment/ComputeType", Inert, ONE_MACHINE),
            ("Environment/EnvironmentVariables/*/Name", Exercised, ""),
            ("Environment/EnvironmentVariables/*/Type", Inert, only!("PLAINTEXT")),
            ("Environment/EnvironmentVariables/*/Value", Exercised, ""),
            ("Environment/Image", Inert, ONE_MACHINE),
            ("Environment/ImagePullCredentialsType", Inert, ONE_MACHINE),
            ("Environment/PrivilegedMode", Inert, ONE_MACHINE),
            ("Environment/Type", Inert, ONE_MACHINE),
            ("LogsConfig/CloudWatchLogs/GroupName", Exercised, ""),
            ("LogsConfig/CloudWatchLogs/Status", Inert, "the log is always kept"),
            ("LogsConfig/CloudWatchLogs/StreamName", Exercised, ""),
            ("Name", Exercised, ""),
            ("QueuedTimeoutInMinutes", Inert, "a build never queues here"),
            (
                "ServiceRole",
                Approximated,
                "a build's calls are judged by it, and what it pushes to the registry and pulls; what it does over git isn't, nor its log, artifacts and reports, which are no calls here",
            ),
            (
                "Source/BuildSpec",
                Approximated,
                "version 0.2; each command runs in a shell that begins where the last one ended, so that functions and options of the shell don't go on; runtime versions are passed over, reports are read in JUnit's format, and what else isn't understood fails the build by its name",
            ),
            ("Source/Type", Inert, only!("CODEPIPELINE")),
            ("Tags/**", Inert, TAG),
            ("TimeoutInMinutes", Exercised, ""),
        ],
    ),
    (
        "AWS::CodeBuild::ReportGroup",
        &[
            ("DeleteReports", Exercised, ""),
            ("ExportConfig/ExportConfigType", Inert, only!("NO_EXPORT")),
            ("Name", Exercised, ""),
            ("Tags/**", Inert, TAG),
            ("Type", Inert, only!("TEST")),
        ],
    ),
    (
        "AWS::CodeCommit::Repository",
        &[
            ("RepositoryDescription", Inert, NAME),
            (
                "RepositoryName",
                Approximated,
                "another name is another repository; AWS renames the one there is",
            ),
            ("Tags/**", Inert, TAG),
        ],
    ),
    (
        "AWS::CodePipeline::Pipeline",
        &[
            ("ArtifactStore/Location", Approximated, LOCAL_FOLDER),
            ("ArtifactStore/Type", Inert, LOCAL_FOLDER),
            ("ExecutionMode", Exercised, ""),
            ("Name", Exercised, ""),
            ("PipelineType", Inert, "both types behave as V2"),
            ("RestartExecutionOnUpdate", Exercised, ""),
            ("RoleArn", Approximated, OF_PIPELINES),
            ("Stages/*/Actions/*/ActionTypeId/Category", Exercised, ""),
            ("Stages/*/Actions/*/ActionTypeId/Owner", Inert, only!("AWS")),
            (
                "Stages/*/Actions/*/ActionTypeId/Provider",
                Approximated,
                "CodeCommit and CodeBuild; any other is refused",
            ),
            ("Stages/*/Actions/*/ActionTypeId/Version", Inert, only!("1")),
            ("Stages/*/Actions/*/Configuration/BranchName", Exercised, ""),
            ("Stages/*/Actions/*/Configuration/EnvironmentVariables", Exercised, ""),
            (
                "Stages/*/Actions/*/Configuration/OutputArtifactFormat",
                Inert,
                only!("CODE_ZIP"),
            ),
            (
                "Stages/*/Actions/*/Configuration/PollForSourceChanges",
                Inert,
                "nothing polls: a rule of EventBridge starts the pipeline when something is pushed",
            ),
            ("Stages/*/Actions/*/Configuration/PrimarySource", Exercised, ""),
            ("Stages/*/Actions/*/Configuration/ProjectName", Exercised, ""),
            ("Stages/*/Actions/*/Configuration/RepositoryName", Exercised, ""),
            ("Stages/*/Actions/*/InputArtifacts/*/Name", Exercised, ""),
            ("Stages/*/Actions/*/Name", Exercised, ""),
            ("Stages/*/Actions/*/Namespace", Exercised, ""),
            ("Stages/*/Actions/*/OutputArtifacts/*/Name", Exercised, ""),
            ("Stages/*/Actions/*/RoleArn", Approximated, OF_PIPELINES),
            ("Stages/*/Actions/*/RunOrder", Exercised, ""),
            ("Stages/*/Name", Exercised, ""),
            ("Stages/*/OnFailure/Result", Exercised, ""),
            ("Stages/*/OnFailure/RetryConfiguration/RetryMode", Exercised, ""),
            ("Tags/**", Inert, TAG),
            ("Variables/*/DefaultValue", Exercised, ""),
            ("Variables/*/Description", Inert, NAME),
            ("Variables/*/Name", Exercised, ""),
        ],
    ),
    (
        "AWS::Events::Rule",
        &[
            ("Description", Inert, NAME),
            (
                "EventPattern/**",
                Approximated,
                "values, prefix, exists and anything-but; other operators are refused; there are events of CodeCommit's branches and of CodePipeline's states",
            ),
            ("Name", Exercised, ""),
            ("State", Exercised, ""),
            ("Tags/**", Inert, TAG),
            (
                "Targets/*/Arn",
                Approximated,
                "a pipeline is started, a topic is published to; any other target is refused",
            ),
            ("Targets/*/Id", Inert, NAME),
            ("Targets/*/InputTransformer/InputPathsMap/**", Exercised, ""),
            ("Targets/*/InputTransformer/InputTemplate", Exercised, ""),
            ("Targets/*/RoleArn", Exercised, ""),
        ],
    ),
    (
        "AWS::S3::Bucket",
        &[
            ("BucketEncryption/**", Inert, LOCAL_FOLDER),
            ("BucketName", Inert, NAME),
            (
                "LifecycleConfiguration/**",
                Inert,
                "the artifacts of the newest executions are kept, whatever their age",
            ),
            ("OwnershipControls/**", Inert, LOCAL_FOLDER),
            ("PublicAccessBlockConfiguration/**", Inert, LOCAL_FOLDER),
            ("Tags/**", Inert, TAG),
            (
                "VersioningConfiguration/**",
                Inert,
                "every artifact has a key of its own, so that there is never a second version",
            ),
        ],
    ),
    (
        "AWS::S3::BucketPolicy",
        &[("Bucket", Inert, NAME), ("PolicyDocument/**", Inert, OF_RESOURCES)],
    ),
    (
        "AWS::SNS::Topic",
        &[
            ("DisplayName", Inert, NAME),
            ("Tags/**", Inert, TAG),
            ("TopicName", Approximated, NOTHING_SENT),
        ],
    ),
    (
        "AWS::SNS::TopicPolicy",
        &[
            ("PolicyDocument/**", Inert, OF_RESOURCES),
            ("Topics/*", Inert, OF_RESOURCES),
        ],
    ),
];
