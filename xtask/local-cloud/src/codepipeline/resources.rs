//! Pipelines as CloudFormation makes, changes and deletes them.

use std::time::SystemTime;

use pipeline::{ActionDefinition, Definition, Event, Pipeline, Trigger, TriggerKind};
use provisioner::ResourceRequest;
use serde_json::{Value, json};

use super::{Record, start};
use crate::cloud::Cloud;
use crate::codebuild::Status;
use crate::kind::{Handler, Kind, already_exists, cut, not_found};
use crate::properties::{boolean, text};
use crate::values;

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[Kind {
    type_name: "AWS::CodePipeline::Pipeline",
    create_only: &["Name"],
    attributes: &["Arn", "Version"],
    timeout: None,
    handler: &Pipelines,
}];

/// The configuration that is heeded, by category and provider.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/structure-configuration-examples.html>
const PROVIDERS: &[(&str, &str, &[&str])] = &[
    (
        "Source",
        "CodeCommit",
        &[
            "BranchName",
            "OutputArtifactFormat",
            "PollForSourceChanges",
            "RepositoryName",
        ],
    ),
    (
        "Build",
        "CodeBuild",
        &["EnvironmentVariables", "PrimarySource", "ProjectName"],
    ),
    (
        "Test",
        "CodeBuild",
        &["EnvironmentVariables", "PrimarySource", "ProjectName"],
    ),
];

struct Pipelines;

impl Handler for Pipelines {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = values::name(properties, "Name", 100, ".@_-");
        faults.extend(values::flag(properties, "RestartExecutionOnUpdate"));
        if is_resolved(properties) {
            match Definition::read(properties) {
                Ok(definition) => {
                    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
                    faults.extend(actions.filter_map(unsupported));
                }
                Err(reason) => faults.push(reason),
            }
        }
        faults
    }

    /// A new pipeline starts by itself, as on AWS.
    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "Name").unwrap_or_else(|| cut(request.generated_name, 100));
        if cloud.code.pipelines.contains_key(&name) {
            return Err(already_exists(request.type_name, &name));
        }
        let definition = Definition::read(request.properties)?;
        let record = Record {
            pipeline: Pipeline::new(&name, definition, cloud.ids.next()),
            properties: request.properties.clone(),
            created_at: now,
            updated_at: now,
        };
        cloud.code.pipelines.insert(name.clone(), record);
        let trigger = by_user(cloud, TriggerKind::CreatePipeline);
        cloud.pipeline_step(now, &name, start(trigger));
        Ok(name)
    }

    /// What runs finishes and then fails; with `RestartExecutionOnUpdate` an execution of the new definition begins.
    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let definition = Box::new(Definition::read(request.properties)?);
        let record = cloud.code.pipelines.get_mut(physical_id);
        let record = record.ok_or_else(|| not_found(request.type_name, physical_id))?;
        record.properties = request.properties.clone();
        record.updated_at = now;
        let restarts = boolean(request.properties, "RestartExecutionOnUpdate") == Some(true);
        let trigger = by_user(cloud, TriggerKind::StartPipelineExecution);
        let restart = restarts.then_some(trigger);
        cloud.pipeline_step(now, physical_id, Event::Update { definition, restart });
        Ok(())
    }

    /// Its builds end with it: nobody would wait for them any more. AWS lets them run.
    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        if let Some(record) = cloud.code.pipelines.remove(physical_id) {
            let builds = cloud
                .code
                .builds
                .iter()
                .filter(|(_, build)| build.order.pipeline == physical_id);
            for build in builds.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                cloud.stop_build(&build, Status::Stopped);
            }
            cloud.forget_artifacts(record.pipeline.artifact_keys().into_iter().collect());
        }
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud.code.pipelines.get(physical_id).map(|record| &record.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        let record = cloud.code.pipelines.get(physical_id)?;
        match attribute {
            "Arn" => Some(json!(cloud.place.arn("codepipeline", physical_id))),
            "Version" => Some(json!(record.pipeline.version().to_string())),
            _ => None,
        }
    }
}

/// Whoever calls here is the same to it.
pub(super) fn by_user(cloud: &Cloud, kind: TriggerKind) -> Trigger {
    Trigger {
        kind,
        detail: cloud.place.global_arn("iam", "user/local"),
    }
}

fn is_resolved(value: &Value) -> bool {
    !provisioner::is_unresolved(value)
        && match value {
            Value::Object(members) => members.values().all(is_resolved),
            Value::Array(items) => items.iter().all(is_resolved),
            _ => true,
        }
}

/// An action that nothing here can run as it is meant.
fn unsupported(action: &ActionDefinition) -> Option<String> {
    let name = &action.name;
    let known = PROVIDERS
        .iter()
        .find(|(category, provider, _)| *category == action.category && *provider == action.provider);
    let Some((_, _, configuration)) = known.filter(|_| action.owner == "AWS" && action.version == "1") else {
        return Some(format!(
            "action {name}: the local cloud runs actions of CodeCommit and CodeBuild only, not {} of {} (version {})",
            action.provider, action.owner, action.version
        ));
    };
    let mut keys = action.configuration.keys();
    if let Some(unknown) = keys.find(|key| !configuration.contains(&key.as_str())) {
        return Some(format!(
            "action {name}: the local cloud does not support the configuration {unknown}"
        ));
    }
    let format = action.configuration.get("OutputArtifactFormat");
    let other = format.filter(|format| *format != "CODE_ZIP")?;
    Some(format!(
        "action {name}: OutputArtifactFormat must be CODE_ZIP here, not {other}"
    ))
}
