//! What runs the pipeline's actions: a CodeBuild project for each kind of work.

use cloudformation::formats::RoleArn;
use cloudformation::generated::code_build_project::{
    Artifacts, ArtifactsType, CloudWatchLogsConfig, CloudWatchLogsConfigStatus, Environment, EnvironmentComputeType,
    EnvironmentImagePullCredentialsType, EnvironmentRequired, EnvironmentType, EnvironmentVariable,
    EnvironmentVariableRequired, LogsConfig, Project, ProjectCache, ProjectCacheModes, ProjectCacheType,
    ProjectRequired, Source, SourceType,
};
use cloudformation::generated::code_build_report_group::{
    ReportExportConfig, ReportExportConfigExportConfigType, ReportGroup, ReportGroupRequired, Type,
};
use cloudformation::generated::logs_log_group::{LogGroup, RetentionInDays};
use cloudformation::{DeletionPolicy, Handle, Integer, Options, Template, Value, list};
use constants::APPLICATION_NAME;
use constants::pipeline::{
    BUILD_IMAGE, BUILD_IMAGE_FLAVOUR, BUILD_MINUTES, DEPLOYMENT_MINUTES, DEPLOYMENT_ROLE_VARIABLE, LOG_RETENTION_DAYS,
    QUEUED_MINUTES, RUST_VERSION, TEST_REPORTS, UPDATE_MINUTES,
};

const BUILD_TIMEOUT: Integer<5, 2160> = Integer::constant(BUILD_MINUTES);
const UPDATE_TIMEOUT: Integer<5, 2160> = Integer::constant(UPDATE_MINUTES);
const DEPLOYMENT_TIMEOUT: Integer<5, 2160> = Integer::constant(DEPLOYMENT_MINUTES);
const QUEUED: Integer<5, 480> = Integer::constant(QUEUED_MINUTES);
const RETENTION: RetentionInDays = RetentionInDays::of::<LOG_RETENTION_DAYS>();

/// A kind of work, with a project, a role and a log of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Compiles, tests, pushes the image.
    Build,
    /// Deploys the toolchain stack.
    UpdatePipeline,
    /// Deploys a stage of production.
    Deploy,
}

/// What a project needs besides what it is for.
pub(crate) struct Surroundings {
    /// The role that its builds run in.
    pub(crate) role: Value<RoleArn>,
    /// The role that CloudFormation acts in at its builds' request.
    pub(crate) deployment_role: Option<Value<String>>,
    /// Where its builds log to.
    pub(crate) log_group: Handle<LogGroup>,
}

impl Work {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Build, Self::UpdatePipeline, Self::Deploy];

    /// The kind's name in names of resources.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "Build",
            Self::UpdatePipeline => "UpdatePipeline",
            Self::Deploy => "Deploy",
        }
    }

    /// The buildspec, within the source or the artifact that the work begins with.
    pub const fn buildspec(self) -> &'static str {
        match self {
            Self::Build => "ci/build.yml",
            Self::UpdatePipeline => "ci/update-pipeline.yml",
            Self::Deploy => "ci/deploy.yml",
        }
    }

    /// The project's name.
    pub(crate) fn project_name(self) -> String {
        format!("{APPLICATION_NAME}-{}", self.name())
    }

    /// A resource of the kind within a template.
    pub(crate) fn logical_id(self, resource: &str) -> String {
        format!("{}{resource}", self.name())
    }

    /// Adds the log group, so that it has a retention: one that CodeBuild makes keeps all for ever.
    pub(crate) fn add_log_group(self, template: &mut Template) -> Handle<LogGroup> {
        let group = LogGroup::new()
            .log_group_name(format!("/aws/codebuild/{}", self.project_name()))
            .retention_in_days(RETENTION);
        let options = Options::new()
            .deletion_policy(DeletionPolicy::Delete)
            .update_replace_policy(DeletionPolicy::Delete);
        template.add_with(self.logical_id("LogGroup"), "What its builds say.", group, options)
    }

    /// Adds the project.
    pub(crate) fn add(self, template: &mut Template, surroundings: &Surroundings) -> Handle<Project> {
        let logs = CloudWatchLogsConfig::new(CloudWatchLogsConfigStatus::Enabled)
            .group_name(surroundings.log_group.reference());
        let project = Project::new(ProjectRequired {
            artifacts: Artifacts::new(ArtifactsType::Codepipeline),
            environment: self.environment(surroundings),
            service_role: surroundings.role.clone(),
            source: Source::new(SourceType::Codepipeline).build_spec(self.buildspec()),
        });
        let project = project
            .description(self.description())
            .logs_config(LogsConfig::new().cloud_watch_logs(logs))
            .name(self.project_name())
            .queued_timeout_in_minutes(QUEUED)
            .timeout_in_minutes(self.timeout());
        template.add(self.logical_id("Project"), self.description(), self.cached(project))
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Build => "Compiles and tests; pushes the image.",
            Self::UpdatePipeline => "Updates the pipeline itself.",
            Self::Deploy => "Deploys a stage of production.",
        }
    }

    const fn timeout(self) -> Integer<5, 2160> {
        match self {
            Self::Build => BUILD_TIMEOUT,
            Self::UpdatePipeline => UPDATE_TIMEOUT,
            Self::Deploy => DEPLOYMENT_TIMEOUT,
        }
    }

    /// Cargo's folders stay on the machine that built last, if CodeBuild gives the next build the same one. They take some
    /// gigabytes: to upload and fetch them at every build, as a cache in S3 does, costs more than it saves.
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/caching-local.html>
    fn cached(self, project: Project) -> Project {
        match self {
            Self::Build => project
                .cache(ProjectCache::new(ProjectCacheType::Local).modes(list([ProjectCacheModes::LocalCustomCache]))),
            Self::UpdatePipeline | Self::Deploy => project,
        }
    }

    /// Without privileges: images are made and pushed without Docker.
    fn environment(self, surroundings: &Surroundings) -> Environment {
        let environment = Environment::new(EnvironmentRequired {
            compute_type: self.compute_type().into(),
            image: format!("{BUILD_IMAGE}:{RUST_VERSION}-{BUILD_IMAGE_FLAVOUR}").into(),
            r#type: EnvironmentType::LinuxContainer.into(),
        });
        // What isn't an image of CodeBuild's own is fetched in the project's role, which needs no right for a public one.
        let environment = environment
            .image_pull_credentials_type(EnvironmentImagePullCredentialsType::ServiceRole)
            .privileged_mode(false);
        let role = surroundings.deployment_role.clone().map(|role| {
            EnvironmentVariable::new(EnvironmentVariableRequired {
                name: DEPLOYMENT_ROLE_VARIABLE.into(),
                value: role,
            })
        });
        match role {
            Some(role) => environment.environment_variables([role]),
            None => environment,
        }
    }

    /// Compiling takes what it is given; deploying mostly waits.
    const fn compute_type(self) -> EnvironmentComputeType {
        match self {
            Self::Build => EnvironmentComputeType::BuildGeneral1Large,
            Self::UpdatePipeline | Self::Deploy => EnvironmentComputeType::BuildGeneral1Small,
        }
    }
}

/// Adds the group that test reports go to. Without it CodeBuild would make one of this very name, which the stack's
/// deletion would leave behind.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/test-report-group-naming.html>
pub(crate) fn add_test_reports(template: &mut Template) -> Handle<ReportGroup> {
    let group = ReportGroup::new(ReportGroupRequired {
        export_config: ReportExportConfig::new(ReportExportConfigExportConfigType::NoExport),
        r#type: Type::Test.into(),
    });
    let group = group
        .delete_reports(true)
        .name(format!("{}-{TEST_REPORTS}", Work::Build.project_name()));
    template.add("TestReports", "Which tests passed, in each build.", group)
}
