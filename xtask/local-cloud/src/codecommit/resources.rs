//! Repositories as CloudFormation makes them, and what they are called.

use std::time::SystemTime;

use provisioner::{Operation, Progress, ResourceRequest};
use serde_json::{Value, json};

use super::{Branches, CLONE_PATH, Repository, is_repository_name};
use crate::cloud::{Cloud, Effect};
use crate::code::CodeEffect;
use crate::kind::{Handler, Kind, already_exists, not_found};
use crate::properties::required;
use crate::values;

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[Kind {
    type_name: "AWS::CodeCommit::Repository",
    // AWS renames a repository in place; here its name is its folder's, so that another name is another repository.
    create_only: &["RepositoryName"],
    attributes: &["Arn", "CloneUrlHttp", "CloneUrlSsh", "Name", "RepositoryId"],
    timeout: None,
    handler: &Repositories,
}];

struct Repositories;

impl Handler for Repositories {
    fn check(&self, properties: &Value) -> Vec<String> {
        let expected = "1 to 100 letters, digits, points, underscores and dashes, not ending in .git";
        values::passes(properties, "RepositoryName", expected, is_repository_name)
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = required(request.properties, "RepositoryName")?;
        if cloud.code.repositories.contains_key(&name) {
            return Err(already_exists(request.type_name, &name));
        }
        let id = cloud.ids.uuid();
        let repository = Repository {
            id: id.clone(),
            properties: request.properties.clone(),
            created_at: now,
            modified_at: now,
            made: None,
            branches: Branches::default(),
        };
        cloud.code.repositories.insert(name.clone(), repository);
        cloud.effects.push(Effect::Code(CodeEffect::MakeRepository { name }));
        Ok(id)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let mut repositories = cloud.code.repositories.values_mut();
        let repository = repositories.find(|repository| repository.id == physical_id);
        let repository = repository.ok_or_else(|| not_found(request.type_name, physical_id))?;
        repository.properties = request.properties.clone();
        repository.modified_at = now;
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        if let Some((name, _)) = find(cloud, physical_id) {
            let name = name.to_owned();
            cloud.delete_repository(&name);
        }
        Ok(())
    }

    fn progress(&self, cloud: &Cloud, physical_id: &str, operation: Operation) -> Progress {
        match find(cloud, physical_id).map(|(_, repository)| &repository.made) {
            Some(None) if operation == Operation::Create => Progress::InProgress,
            Some(Some(Err(reason))) => Progress::Failed(reason.clone()),
            _ => Progress::Done,
        }
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        find(cloud, physical_id).map(|(_, repository)| &repository.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        let (name, repository) = find(cloud, physical_id)?;
        match attribute {
            "Arn" => Some(json!(arn(cloud, name))),
            // Nothing listens for SSH here: the same address.
            "CloneUrlHttp" | "CloneUrlSsh" => Some(json!(clone_url(cloud, name))),
            "Name" => Some(json!(name)),
            "RepositoryId" => Some(json!(repository.id)),
            _ => None,
        }
    }
}

fn find<'a>(cloud: &'a Cloud, id: &str) -> Option<(&'a str, &'a Repository)> {
    let mut repositories = cloud.code.repositories.iter();
    let found = repositories.find(|(_, repository)| repository.id == id);
    found.map(|(name, repository)| (name.as_str(), repository))
}

/// `arn:aws:codecommit:<region>:<account>:<name>`
pub(super) fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.place.arn("codecommit", name)
}

/// On AWS the host is the service's; here it is where the local cloud listens, with the same path.
pub(super) fn clone_url(cloud: &Cloud, name: &str) -> String {
    format!("http://{}{CLONE_PATH}{name}", cloud.registry_host)
}
