//! The pipeline: a push to the repository builds, updates the pipeline, and deploys production, Onebox before Fleet.

pub(crate) mod artifacts;
mod notification;
mod pipeline;
pub(crate) mod projects;

use cloudformation::generated::code_build_project::Project;
use cloudformation::generated::code_pipeline_pipeline::Pipeline;
use cloudformation::generated::sns_topic::Topic;
use cloudformation::{Handle, Output, Template};
use constants::pipeline::{SOURCE, Source};

pub use self::pipeline::{DEPLOYMENT_ACTIONS, PRODUCTION};
pub use self::projects::Work;

use self::artifacts::Artifacts;
use self::projects::Surroundings;
use crate::permissions::deployment::DeploymentRole;
use crate::permissions::toolchain as permissions;
use crate::{Environment, Purpose, Stack};

/// Output: the pipeline's name.
pub const PIPELINE_NAME: &str = "PipelineName";

/// Output: the bucket of the artifacts.
pub const ARTIFACT_BUCKET_NAME: &str = "ArtifactBucketName";

/// Output: the topic that failures go to.
pub const FAILURE_TOPIC_ARN: &str = "FailureTopicArn";

/// The stack, which belongs to the deployments.
pub fn stack() -> Stack {
    let environment = Environment::Deployments;
    Stack::new(
        environment.stack_name(Purpose::Toolchain),
        environment,
        template(SOURCE),
        &[],
    )
}

/// The template, for a source.
pub(crate) fn template(source: Source) -> Template {
    let mut template = Template::new("The pipeline that builds what is pushed and deploys it.");
    template.architecture(
        "Each stage of the pipeline is a CodeBuild action that runs the command line; CloudFormation changes what runs, \
         in roles of its own, which the foundation holds.",
    );
    let artifacts = Artifacts::add(&mut template);
    let projects = add_projects(&mut template, &artifacts);
    let role = permissions::add_pipeline_role(&mut template, source, &artifacts, &projects);
    let pipeline = template.add(
        "Pipeline",
        "From a push to all of Fleet.",
        pipeline::pipeline(source, &artifacts, role.arn()),
    );
    if source == Source::CodeCommit {
        add_trigger(&mut template, &pipeline);
    }
    let topic = notification::add(&mut template, &pipeline);
    add_outputs(&mut template, &pipeline, &artifacts, &topic);
    template
}

fn add_projects(template: &mut Template, artifacts: &Artifacts) -> [Handle<Project>; 3] {
    let reports = projects::add_test_reports(template);
    Work::ALL.map(|work| {
        let log_group = work.add_log_group(template);
        let role = match work {
            Work::Build => permissions::add_build_role(template, artifacts, &log_group, &reports),
            Work::UpdatePipeline | Work::Deploy => {
                permissions::add_deploying_role(template, work, artifacts, &log_group)
            }
        };
        let surroundings = Surroundings {
            role: role.arn(),
            deployment_role: DeploymentRole::of(work).map(DeploymentRole::imported_arn),
            log_group,
        };
        work.add(template, &surroundings)
    })
}

/// What a push starts the pipeline by.
fn add_trigger(template: &mut Template, pipeline: &Handle<Pipeline>) {
    let arn = pipeline::arn(pipeline);
    let role = permissions::add_trigger_role(template, &arn);
    template.add(
        "SourceRule",
        "Starts the pipeline at a push.",
        pipeline::source_rule(arn, role.arn()),
    );
}

fn add_outputs(template: &mut Template, pipeline: &Handle<Pipeline>, artifacts: &Artifacts, topic: &Handle<Topic>) {
    let outputs = [
        (PIPELINE_NAME, "The pipeline's name.", pipeline.reference().text()),
        (
            ARTIFACT_BUCKET_NAME,
            "The bucket of the artifacts.",
            artifacts.name().text(),
        ),
        (
            FAILURE_TOPIC_ARN,
            "The topic that failures go to.",
            topic.topic_arn().text(),
        ),
    ];
    for (name, description, value) in outputs {
        template.output(name, Output::new(description, value));
    }
}
