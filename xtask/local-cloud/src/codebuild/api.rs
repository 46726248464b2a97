//! `CodeBuild`'s calls. <https://docs.aws.amazon.com/codebuild/latest/APIReference/Welcome.html>

use std::time::SystemTime;

use serde_json::{Value, json};

use super::request::{ascending, invalid, names, not_found, wanted};
use super::{Build, Status, report_api, show};
use crate::cloud::Cloud;
use crate::properties::text;
use crate::wire::Fault;

/// Answers one call.
pub(crate) fn call(cloud: &mut Cloud, now: SystemTime, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "BatchGetBuilds" => batch_get_builds(cloud, input),
        "BatchGetProjects" => batch_get_projects(cloud, input),
        "ListBuilds" => list_builds(cloud, input, |_| true),
        "ListBuildsForProject" => {
            let project = wanted(input, "projectName")?;
            if !cloud.code.projects.contains_key(&project) {
                return Err(not_found(&format!("Project {project}")));
            }
            list_builds(cloud, input, |build| build.project == project)
        }
        "ListProjects" => list_projects(cloud, input),
        "StartBuild" => {
            let project = wanted(input, "projectName")?;
            if !cloud.code.projects.contains_key(&project) {
                return Err(not_found(&format!("Project {project}")));
            }
            // On AWS as well: a source of this type is there only for a pipeline's action.
            let message = "Project source type CODEPIPELINE can be built only by a pipeline; start the pipeline";
            Err(invalid(message))
        }
        "StopBuild" => stop_build(cloud, input),
        _ => report_api::call(cloud, now, operation, input),
    }
}

fn batch_get_builds(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let ids = names(input, "ids")?;
    let known = ids.iter().filter_map(|id| {
        let id = plain_id(id);
        Some(show::build(cloud, id, cloud.code.builds.get(id)?))
    });
    let unknown = ids.iter().filter(|id| !cloud.code.builds.contains_key(plain_id(id)));
    Ok(json!({"builds": known.collect::<Vec<_>>(), "buildsNotFound": unknown.collect::<Vec<_>>()}))
}

fn batch_get_projects(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let names = names(input, "names")?;
    let known = names
        .iter()
        .filter_map(|name| Some(show::project(cloud, name, cloud.code.projects.get(name)?)));
    let unknown = names.iter().filter(|name| !cloud.code.projects.contains_key(*name));
    Ok(json!({"projects": known.collect::<Vec<_>>(), "projectsNotFound": unknown.collect::<Vec<_>>()}))
}

/// The newest first unless asked for otherwise.
fn list_builds(cloud: &Cloud, input: &Value, fits: impl Fn(&Build) -> bool) -> Result<Value, Fault> {
    let mut builds = cloud
        .code
        .builds
        .iter()
        .filter(|(_, build)| fits(build))
        .collect::<Vec<_>>();
    builds.sort_by_key(|(_, build)| (build.started_at, build.number));
    if !ascending(input, false)? {
        builds.reverse();
    }
    Ok(json!({"ids": builds.into_iter().map(|(id, _)| id).collect::<Vec<_>>()}))
}

fn list_projects(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let mut projects = cloud.code.projects.iter().collect::<Vec<_>>();
    match text(input, "sortBy").as_deref() {
        None | Some("NAME") => {}
        Some("CREATED_TIME") => projects.sort_by_key(|(_, project)| project.created_at),
        Some("LAST_MODIFIED_TIME") => projects.sort_by_key(|(_, project)| project.modified_at),
        Some(other) => return Err(invalid(&format!("sortBy: {other} is no order"))),
    }
    if !ascending(input, true)? {
        projects.reverse();
    }
    Ok(json!({"projects": projects.into_iter().map(|(name, _)| name).collect::<Vec<_>>()}))
}

fn stop_build(cloud: &mut Cloud, input: &Value) -> Result<Value, Fault> {
    let id = wanted(input, "id")?;
    let id = plain_id(&id).to_owned();
    cloud.stop_build(&id, Status::Stopped);
    match cloud.code.builds.get(&id) {
        Some(build) => Ok(json!({"build": show::build(cloud, &id, build)})),
        None => Err(not_found(&format!("Build {id}"))),
    }
}

/// A build may be named by its ARN.
fn plain_id(id: &str) -> &str {
    id.split_once(":build/").map_or(id, |(_, id)| id)
}
