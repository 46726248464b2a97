//! The pipeline itself: its stages, and what starts it.

use cloudformation::formats::RoleArn;
use cloudformation::generated::code_pipeline_pipeline::{
    ActionDeclaration, ActionDeclarationRequired, ActionTypeId, ActionTypeIdCategory, ActionTypeIdOwner,
    ActionTypeIdRequired, ArtifactStore, ArtifactStoreRequired, ArtifactStoreType, ExecutionMode, InputArtifact,
    OutputArtifact, Pipeline, PipelineRequired, PipelineType, StageDeclaration, StageDeclarationRequired,
    VariableDeclaration,
};
use cloudformation::generated::events_rule::{Rule, State, Target, TargetRequired};
use cloudformation::{Handle, Node, Object, ToNode as _, Value};
use constants::APPLICATION_NAME;
use constants::pipeline::{
    BRANCH, DEPLOYMENT_STAGE_VARIABLE, FAULT, FAULT_VARIABLE, NO_FAULT, SOURCE_REVISION_VARIABLE, Source,
};

use super::artifacts::Artifacts;
use super::projects::Work;
use crate::source;

/// The pipeline's name.
const NAME: &str = APPLICATION_NAME;

/// The version of CodePipeline's own actions.
const VERSION: &str = "1";

/// The source's artifact, and the namespace of its variables.
const SOURCE: &str = "Source";

/// The artifact that the build hands to all that deploys.
const BUILD: &str = "Build";

/// The run orders of [`DEPLOYMENT_ACTIONS`].
const RUN_ORDERS: [i64; DEPLOYMENT_ACTIONS.len()] = [1, 2, 3];

/// The pipeline's stage that deploys production. Its lock covers a whole deployment: the next execution waits before it.
/// With a stage for each action, the next execution would deploy between two of them.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html>
pub const PRODUCTION: &str = "Production";

/// The actions that deploy production, in order: the value of `--stage`, and the action's name.
pub const DEPLOYMENT_ACTIONS: [(&str, &str); 3] = [("shared", "Shared"), ("onebox", "Onebox"), ("fleet", "Fleet")];

/// The pipeline.
///
/// Superseded, not queued: the newest commit has all that those before it have, so the next push overtakes an execution that
/// waits before a stage.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html>
///
/// An update of the pipeline fails the execution that made it, once its action is done; it is run again with the new
/// definition.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-edit.html>
pub(crate) fn pipeline(source: Source, artifacts: &Artifacts, role: Value<RoleArn>) -> Pipeline {
    let update = deploying("UpdatePipeline", Work::UpdatePipeline, &[]);
    let stages = vec![
        stage(SOURCE, vec![source_action(source)]),
        stage("Build", vec![build_action()]),
        stage("UpdatePipeline", vec![update]),
        stage(PRODUCTION, production_actions()),
    ];
    let store = ArtifactStore::new(ArtifactStoreRequired {
        location: artifacts.name(),
        r#type: ArtifactStoreType::S3.into(),
    });
    Pipeline::new(PipelineRequired { role_arn: role, stages })
        .artifact_store(store)
        .execution_mode(ExecutionMode::Superseded)
        .name(NAME)
        .pipeline_type(PipelineType::V2)
        .restart_execution_on_update(true)
        .variables([fault()])
}

/// A push leaves it as it is.
fn fault() -> VariableDeclaration {
    VariableDeclaration::new(FAULT)
        .default_value(NO_FAULT)
        .description("A fault that the image shows on purpose")
}

fn stage(name: &'static str, actions: Vec<ActionDeclaration>) -> StageDeclaration {
    StageDeclaration::new(StageDeclarationRequired {
        actions,
        name: name.into(),
    })
}

fn action(name: &'static str, category: ActionTypeIdCategory, provider: &'static str) -> ActionDeclaration {
    let action_type_id = ActionTypeId::new(ActionTypeIdRequired {
        category: category.into(),
        owner: ActionTypeIdOwner::Aws.into(),
        provider: provider.into(),
        version: VERSION.into(),
    });
    ActionDeclaration::new(ActionDeclarationRequired {
        action_type_id,
        name: name.into(),
    })
}

/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html>,
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html>
fn source_action(source: Source) -> ActionDeclaration {
    let (provider, configuration) = match source {
        Source::CodeCommit => {
            let configuration = Object::new()
                .with("RepositoryName", source::repository_name().to_node())
                .with("BranchName", BRANCH)
                // The rule starts it, at once.
                .with("PollForSourceChanges", "false")
                .with("OutputArtifactFormat", "CODE_ZIP");
            ("CodeCommit", configuration)
        }
        Source::Connection { repository } => {
            let configuration = Object::new()
                .with("ConnectionArn", source::connection_arn().to_node())
                .with("FullRepositoryId", repository)
                .with("BranchName", BRANCH)
                .with("DetectChanges", "true")
                .with("OutputArtifactFormat", "CODE_ZIP");
            ("CodeStarSourceConnection", configuration)
        }
    };
    action(SOURCE, ActionTypeIdCategory::Source, provider)
        .configuration(configuration)
        .namespace(SOURCE)
        .output_artifacts([OutputArtifact::new(SOURCE)])
}

fn build_action() -> ActionDeclaration {
    let variables = [
        (SOURCE_REVISION_VARIABLE, "#{Source.CommitId}".to_owned()),
        (FAULT_VARIABLE, format!("#{{variables.{FAULT}}}")),
    ];
    action("Build", ActionTypeIdCategory::Build, "CodeBuild")
        .configuration(configuration(Work::Build, &variables))
        .input_artifacts([InputArtifact::new(SOURCE)])
        .output_artifacts([OutputArtifact::new(BUILD)])
}

/// One after another: an action runs once those with a lower run order have succeeded.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/action-requirements.html>
fn production_actions() -> Vec<ActionDeclaration> {
    let orders = RUN_ORDERS.into_iter();
    orders
        .zip(DEPLOYMENT_ACTIONS)
        .map(|(order, (value, name))| {
            let variables = [(DEPLOYMENT_STAGE_VARIABLE, value.to_owned())];
            deploying(name, Work::Deploy, &variables).run_order(order)
        })
        .collect()
}

fn deploying(name: &'static str, work: Work, variables: &[(&'static str, String)]) -> ActionDeclaration {
    action(name, ActionTypeIdCategory::Build, "CodeBuild")
        .configuration(configuration(work, variables))
        .input_artifacts([InputArtifact::new(BUILD)])
}

/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html>
fn configuration(work: Work, variables: &[(&'static str, String)]) -> Object {
    let configuration = Object::new().with("ProjectName", work.project_name());
    let variable = |(name, value): &(&'static str, String)| {
        Node::from(
            Object::new()
                .with("name", *name)
                .with("value", value.clone())
                .with("type", "PLAINTEXT"),
        )
    };
    let variables: Vec<Node> = variables.iter().map(variable).collect();
    if variables.is_empty() {
        configuration
    } else {
        configuration.with("EnvironmentVariables", Node::from(variables).to_compact_json())
    }
}

/// Starts the pipeline when something is pushed to the branch. A connection does so by itself.
/// <https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html>
pub(crate) fn source_rule(pipeline_arn: Value<String>, role: Value<RoleArn>) -> Rule {
    let texts = |texts: &[&'static str]| Node::from(texts.iter().map(|text| Node::from(*text)).collect::<Vec<_>>());
    let detail = Object::new()
        .with("event", texts(&["referenceCreated", "referenceUpdated"]))
        .with("referenceType", texts(&["branch"]))
        .with("referenceName", texts(&[BRANCH]));
    let pattern = Object::new()
        .with("source", texts(&["aws.codecommit"]))
        .with("detail-type", texts(&["CodeCommit Repository State Change"]))
        .with("resources", [source::repository_arn().to_node()])
        .with("detail", detail);
    let target = Target::new(TargetRequired {
        arn: pipeline_arn,
        id: "Pipeline".into(),
    });
    Rule::new()
        .description("Something was pushed to the branch that is deployed.")
        .event_pattern(pattern)
        .name(format!("{APPLICATION_NAME}-SourcePushed"))
        .state(State::Enabled)
        .targets([target.role_arn(role)])
}

/// The pipeline itself, for rights on it and for what starts it.
pub(crate) fn arn(pipeline: &Handle<Pipeline>) -> Value<String> {
    crate::arn::of("codepipeline", &[&pipeline.reference()])
}
