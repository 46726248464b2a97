//! Repositories as CloudFormation makes them.

use std::time::SystemTime;

use provisioner::ResourceRequest;
use serde_json::{Value, json};

use super::{LifecyclePolicy, Repository};
use crate::cloud::{Cloud, Effect};
use crate::elb::only;
use crate::kind::{Handler, Kind, already_exists, not_found};
use crate::properties::{boolean, text};
use crate::values;

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[Kind {
    type_name: "AWS::ECR::Repository",
    create_only: &["RepositoryName", "EncryptionConfiguration"],
    attributes: &["Arn", "RepositoryUri"],
    timeout: None,
    handler: &Repositories,
}];

struct Repositories;

impl Handler for Repositories {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = only(properties, "ImageTagMutability", &["MUTABLE", "IMMUTABLE"]);
        faults.extend(values::flag(properties, "EmptyOnDelete"));
        let text = &properties["LifecyclePolicy"]["LifecyclePolicyText"];
        if let Some(Err(fault)) = text.as_str().map(LifecyclePolicy::parse) {
            faults.push(format!("LifecyclePolicy/LifecyclePolicyText: {fault}"));
        }
        faults.extend(values::passes(
            properties,
            "RepositoryName",
            "2 to 255 lower-case letters, digits and single separators among them",
            is_repository_name,
        ));
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "RepositoryName").unwrap_or_else(|| request.generated_name.to_lowercase());
        if cloud.repositories.contains_key(&name) {
            return Err(already_exists(request.type_name, &name));
        }
        cloud.repositories.insert(
            name.clone(),
            Repository {
                properties: request.properties.clone(),
                created_at: now,
            },
        );
        Ok(name)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let repository = cloud.repositories.get_mut(physical_id);
        repository
            .ok_or_else(|| not_found(request.type_name, physical_id))?
            .properties = request.properties.clone();
        Ok(())
    }

    /// A repository that holds images is deleted only when its `EmptyOnDelete` says so.
    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let Some(repository) = cloud.repositories.get(physical_id) else {
            return Ok(());
        };
        let empty_on_delete = boolean(&repository.properties, "EmptyOnDelete").unwrap_or(false);
        if !empty_on_delete && cloud.images.any(physical_id) {
            return Err(format!(
                "The repository with name '{physical_id}' in registry with id '{}' cannot be deleted because it still contains images",
                cloud.place.account_id
            ));
        }
        cloud.repositories.remove(physical_id);
        cloud.deleted_repositories.insert(physical_id.to_owned());
        cloud.effects.push(Effect::DeleteRepository {
            name: physical_id.to_owned(),
        });
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud
            .repositories
            .get(physical_id)
            .map(|repository| &repository.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.repositories.get(physical_id)?;
        match attribute {
            "Arn" => Some(json!(cloud.place.arn("ecr", &format!("repository/{physical_id}")))),
            "RepositoryUri" => Some(json!(uri(cloud, physical_id))),
            _ => None,
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>
fn is_repository_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let outer = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let part = |part: &str| {
        let bytes = part.as_bytes();
        outer(bytes.first()) && outer(bytes.last()) && bytes.iter().all(|byte| inner(*byte)) && !part.contains("..")
    };
    (2..=255).contains(&name.len()) && name.split('/').all(part)
}

/// On AWS the registry's host is the account's; here it is where the local cloud listens.
pub(super) fn uri(cloud: &Cloud, name: &str) -> String {
    format!("{}/{name}", cloud.registry_host)
}
