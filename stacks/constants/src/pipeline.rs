//! The pipeline: where source comes from, what builds it, and how long that may take.

/// Where the pipeline gets its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The account's own CodeCommit repository, which the foundation creates.
    CodeCommit,
    /// A repository elsewhere, reached through a connection that someone must confirm once, in the console.
    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html>
    Connection {
        /// The repository, as `owner/name`.
        repository: &'static str,
    },
}

/// Where the source comes from: a repository of the account's own needs no other company's account.
pub const SOURCE: Source = Source::CodeCommit;

/// The name of the CodeCommit repository, and of the connection where there is one.
pub const REPOSITORY_NAME: &str = "oneboxdeploymentonecs";

/// The branch whose pushes start the pipeline.
pub const BRANCH: &str = "main";

/// The Rust that builds, which is the workspace's own `rust-version`.
pub const RUST_VERSION: &str = "1.95.0";

/// The image that builds run in, without its tag: Rust and a C compiler, which is all that this project needs, from
/// AWS's own public registry. CodeBuild's standard images have no such Rust; installing it in each build takes longer
/// than fetching this, and what runs would depend on the day.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref.html>
pub const BUILD_IMAGE: &str = "public.ecr.aws/docker/library/rust";

/// The tag of the image that builds run in, after the version of Rust: Debian 13 with little else.
pub const BUILD_IMAGE_FLAVOUR: &str = "slim-trixie";

/// Environment variable: the role that CloudFormation acts in, for the builds that deploy.
pub const DEPLOYMENT_ROLE_VARIABLE: &str = "DEPLOYMENT_ROLE";

/// Environment variable: the stage that a build deploys.
pub const DEPLOYMENT_STAGE_VARIABLE: &str = "DEPLOYMENT_STAGE";

/// Environment variable: the commit that a build is of. The source comes without its history.
pub const SOURCE_REVISION_VARIABLE: &str = "SOURCE_REVISION";

/// The pipeline's variable that names a fault for the image to show on purpose, when someone starts an execution to see
/// it stopped.
pub const FAULT: &str = "Fault";

/// What the variable holds for an image without a fault: a variable of a pipeline can't be empty.
/// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineVariableDeclaration.html>
pub const NO_FAULT: &str = "none";

/// Environment variable: the fault that a build bakes into the image, or that there is none.
pub const FAULT_VARIABLE: &str = "IMAGE_FAULT";

/// The name of the test reports in the buildspec.
pub const TEST_REPORTS: &str = "tests";

/// Minutes that a build may take: several times one that starts with nothing cached.
pub const BUILD_MINUTES: i64 = 60;

/// Minutes that the update of the pipeline may take.
pub const UPDATE_MINUTES: i64 = 30;

/// Minutes that the pipeline waits for a deployment that was started elsewhere.
pub const WAIT_MINUTES: i64 = 180;

/// Minutes that the deployment of one stage may take: waiting for another deployment, hundreds of tasks replaced in turns,
/// the bake, and a rollback. `CodePipeline` gives an action of `CodeBuild` 8 hours.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html>
pub const DEPLOYMENT_MINUTES: i64 = WAIT_MINUTES + 240;

/// Minutes that a build may wait for a machine.
pub const QUEUED_MINUTES: i64 = 60;

/// Days that artifacts are kept: what a rollback of a stage takes up again.
pub const ARTIFACT_DAYS: i64 = 30;

/// Days that an upload may lie unfinished.
pub const UNFINISHED_UPLOAD_DAYS: i64 = 1;

/// Days that the logs of builds are kept: as long as their artifacts and test reports.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html>
pub const LOG_RETENTION_DAYS: i64 = 30;

const _: () = assert!(UPDATE_MINUTES <= BUILD_MINUTES && BUILD_MINUTES <= DEPLOYMENT_MINUTES);
const _: () = assert!(crate::deployment::BAKE_MINUTES * 4 < DEPLOYMENT_MINUTES - WAIT_MINUTES);
const _: () = assert!(DEPLOYMENT_MINUTES <= 480);
const _: () = assert!(UNFINISHED_UPLOAD_DAYS < ARTIFACT_DAYS);
