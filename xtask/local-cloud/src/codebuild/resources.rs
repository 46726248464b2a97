//! Projects as CloudFormation makes them, and what their properties say.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use provisioner::ResourceRequest;
use serde_json::{Value, json};

use super::reports::ReportGroups;
use super::{Build, Project};
use crate::cloud::Cloud;
use crate::elb::only;
use crate::kind::{Handler, Kind, already_exists, cut, not_found};
use crate::properties::{list, number, text};
use crate::values;

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        type_name: "AWS::CodeBuild::Project",
        create_only: &["Name"],
        attributes: &["Arn", "Id"],
        timeout: None,
        handler: &Projects,
    },
    Kind {
        type_name: "AWS::CodeBuild::ReportGroup",
        create_only: &["Name", "Type"],
        attributes: &["Arn"],
        timeout: None,
        handler: &ReportGroups,
    },
];

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codebuild-project.html>
const TIMEOUT_MINUTES: u64 = 60;

/// The same page; a build never queues here.
pub(super) const QUEUED_TIMEOUT_MINUTES: u64 = 480;

struct Projects;

impl Handler for Projects {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = values::name(properties, "Name", 150, "_-");
        faults.extend(values::range(properties, "TimeoutInMinutes", 5..=2160));
        faults.extend(values::range(properties, "QueuedTimeoutInMinutes", 5..=480));
        faults.extend(values::below(
            "Source",
            only(&properties["Source"], "Type", &["CODEPIPELINE"]),
        ));
        faults.extend(values::below(
            "Artifacts",
            only(&properties["Artifacts"], "Type", &["CODEPIPELINE"]),
        ));
        faults.extend(values::below(
            "Cache",
            only(&properties["Cache"], "Type", &["NO_CACHE", "LOCAL"]),
        ));
        let environment = &properties["Environment"];
        let variables = values::each(environment, "EnvironmentVariables", |variable| {
            only(variable, "Type", &["PLAINTEXT"])
        });
        faults.extend(values::below("Environment", variables));
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "Name").unwrap_or_else(|| cut(request.generated_name, 150));
        if cloud.code.projects.contains_key(&name) {
            return Err(already_exists(request.type_name, &name));
        }
        let project = Project {
            properties: request.properties.clone(),
            created_at: now,
            modified_at: now,
        };
        cloud.code.projects.insert(name.clone(), project);
        Ok(name)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let project = cloud.code.projects.get_mut(physical_id);
        let project = project.ok_or_else(|| not_found(request.type_name, physical_id))?;
        project.properties = request.properties.clone();
        project.modified_at = now;
        Ok(())
    }

    /// Its builds go on and stay, as on AWS.
    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        cloud.code.projects.remove(physical_id);
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud.code.projects.get(physical_id).map(|project| &project.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.code.projects.get(physical_id)?;
        match attribute {
            "Arn" => Some(json!(cloud.place.arn("codebuild", &format!("project/{physical_id}")))),
            "Id" => Some(json!(physical_id)),
            _ => None,
        }
    }
}

/// How long a build may take. What it does isn't sped up, so neither is this.
pub(super) fn timeout(properties: &Value) -> Duration {
    let minutes = number(properties, "TimeoutInMinutes").ok().flatten();
    Duration::from_mins(minutes.unwrap_or(TIMEOUT_MINUTES))
}

/// The path of the buildspec, or one itself.
pub(super) fn buildspec(properties: &Value) -> String {
    text(&properties["Source"], "BuildSpec").unwrap_or_else(|| "buildspec.yml".to_owned())
}

/// The project's variables.
pub(super) fn variables(properties: &Value) -> BTreeMap<String, String> {
    let variables = list(&properties["Environment"], "EnvironmentVariables").iter();
    variables
        .filter_map(|variable| Some((text(variable, "Name")?, text(variable, "Value")?)))
        .collect()
}

/// The image, which is shown and not used.
pub(super) fn image(properties: &Value) -> String {
    text(&properties["Environment"], "Image").unwrap_or_default()
}

/// Where a build's log goes: the group of the project's own, or that of its name; the stream of the build's.
/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CloudWatchLogsConfig.html>
pub(crate) fn log_of(id: &str, build: &Build) -> (String, String) {
    let config = &build.properties["LogsConfig"]["CloudWatchLogs"];
    let group = text(config, "GroupName").unwrap_or_else(|| format!("/aws/codebuild/{}", build.project));
    let uuid = id.split_once(':').map_or(id, |(_, uuid)| uuid);
    let stream = match text(config, "StreamName") {
        Some(prefix) => format!("{prefix}/{uuid}"),
        None => uuid.to_owned(),
    };
    (group, stream)
}
