//! The calls.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use registry::{Deletion, Image, Registry};
use serde_json::{Value, json};

use super::manifests::{self, NOT_FOUND, failure};
use super::resources::uri;
use super::{Repository, USERNAME, delete_artifacts};
use crate::cloud::Cloud;
use crate::moment;
use crate::properties::{boolean, list, required, text, texts};
use crate::wire::{Fault, Service};

/// A login is good for twelve hours on AWS. Here it doesn't end; clients are told what AWS tells them.
const LOGIN_LASTS: Duration = Duration::from_hours(12);

/// Answers one call.
pub(crate) fn call(
    cloud: &Cloud,
    registry: &Registry,
    now: SystemTime,
    password: &str,
    operation: &str,
    input: &Value,
) -> Result<Value, Fault> {
    match operation {
        "GetAuthorizationToken" => Ok(authorization(cloud, now, password)),
        "DescribeRepositories" => describe_repositories(cloud, input),
        "DescribeImages" => describe_images(cloud, registry, input),
        "ListImages" => list_images(cloud, registry, input),
        "BatchDeleteImage" => batch_delete_image(cloud, registry, input),
        "BatchGetImage" => manifests::batch_get_image(cloud, registry, input),
        "PutImage" => manifests::put_image(cloud, registry, input),
        "ListImageReferrers" => manifests::list_image_referrers(cloud, registry, input),
        "ListTagsForResource" => list_tags(cloud, input),
        _ => Err(Fault::unsupported(Service::Ecr, operation)),
    }
}

fn authorization(cloud: &Cloud, now: SystemTime, password: &str) -> Value {
    let token = STANDARD.encode(format!("{USERNAME}:{password}"));
    json!({"authorizationData": [{
        "authorizationToken": token,
        "expiresAt": moment::epoch_seconds(now + LOGIN_LASTS),
        "proxyEndpoint": format!("http://{}", cloud.registry_host),
    }]})
}

fn describe_repositories(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let names = texts(input, "repositoryNames");
    for name in &names {
        repository(cloud, name)?;
    }
    let found = cloud
        .repositories
        .iter()
        .filter(|(name, _)| names.is_empty() || names.contains(name));
    let shown = found.map(|(name, repository)| {
        let encryption = text(&repository.properties["EncryptionConfiguration"], "EncryptionType");
        json!({
            "repositoryArn": cloud.place.arn("ecr", &format!("repository/{name}")),
            "registryId": cloud.place.account_id,
            "repositoryName": name,
            "repositoryUri": uri(cloud, name),
            "createdAt": moment::epoch_seconds(repository.created_at),
            "imageTagMutability": if repository.immutable_tags() { "IMMUTABLE" } else { "MUTABLE" },
            "imageScanningConfiguration": {
                "scanOnPush": boolean(&repository.properties["ImageScanningConfiguration"], "ScanOnPush").unwrap_or(false),
            },
            "encryptionConfiguration": {"encryptionType": encryption.unwrap_or_else(|| "AES256".to_owned())},
        })
    });
    Ok(json!({"repositories": shown.collect::<Vec<_>>()}))
}

fn describe_images(cloud: &Cloud, registry: &Registry, input: &Value) -> Result<Value, Fault> {
    let (name, images) = images(cloud, registry, input)?;
    let wanted = list(input, "imageIds");
    for id in wanted {
        if !images.iter().any(|image| matches(image, id)) {
            let id = text(id, "imageDigest").map_or_else(
                || format!("imageTag:'{}'", text(id, "imageTag").unwrap_or_default()),
                |digest| format!("imageDigest:'{digest}'"),
            );
            let message = format!(
                "The image with imageId {{{id}}} does not exist within the repository with name '{name}' in the registry with id '{}'",
                cloud.place.account_id
            );
            return Err(Fault::client("ImageNotFoundException", message));
        }
    }
    let tag_status = text(&input["filter"], "tagStatus");
    let found = images
        .iter()
        .filter(|image| wanted.is_empty() || wanted.iter().any(|id| matches(image, id)));
    let found = found.filter(|image| has_tag_status(image, tag_status.as_deref()));
    let details = found.map(|image| {
        let mut detail = json!({
            "registryId": cloud.place.account_id,
            "repositoryName": name,
            "imageDigest": image.digest.to_string(),
            "imageTags": if image.tags.is_empty() { Value::Null } else { json!(image.tags) },
            "imageSizeInBytes": image.size_bytes,
            "imagePushedAt": moment::epoch_seconds(image.pushed_at),
            "imageManifestMediaType": image.media_type,
            "artifactMediaType": image.artifact_media_type,
            "subjectManifestDigest": image.subject.as_ref().map(ToString::to_string),
            "imageStatus": "ACTIVE",
        });
        if let Some(members) = detail.as_object_mut() {
            members.retain(|_, member| !member.is_null());
        }
        detail
    });
    Ok(json!({"imageDetails": details.collect::<Vec<_>>()}))
}

fn list_images(cloud: &Cloud, registry: &Registry, input: &Value) -> Result<Value, Fault> {
    let (_, images) = images(cloud, registry, input)?;
    let tag_status = text(&input["filter"], "tagStatus");
    let found = images
        .iter()
        .filter(|image| has_tag_status(image, tag_status.as_deref()));
    let ids = found.flat_map(|image| {
        let digest = image.digest.to_string();
        let tagged = image
            .tags
            .iter()
            .map(|tag| json!({"imageDigest": digest, "imageTag": tag}))
            .collect::<Vec<_>>();
        if tagged.is_empty() {
            vec![json!({"imageDigest": digest})]
        } else {
            tagged
        }
    });
    Ok(json!({"imageIds": ids.collect::<Vec<_>>()}))
}

fn batch_delete_image(cloud: &Cloud, registry: &Registry, input: &Value) -> Result<Value, Fault> {
    let name = repository_name(cloud, input)?;
    if list(input, "imageIds").is_empty() {
        return Err(Fault::client(
            "InvalidParameterException",
            "imageIds names 1 to 100 images",
        ));
    }
    let (mut deleted, mut failures, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for id in list(input, "imageIds") {
        let reference = text(id, "imageDigest")
            .or_else(|| text(id, "imageTag"))
            .unwrap_or_default();
        let deletion = registry
            .delete_image(&name, &reference)
            .map_err(|error| server_fault(&error))?;
        if let Deletion::Deleted {
            digest, image: true, ..
        } = &deletion
        {
            gone.push(digest.to_string());
        }
        match deletion {
            Deletion::Deleted { digest, tags, .. } if tags.is_empty() => {
                deleted.push(json!({"imageDigest": digest.to_string()}));
            }
            Deletion::Deleted { digest, tags, .. } => {
                deleted.extend(
                    tags.into_iter()
                        .map(|tag| json!({"imageDigest": digest.to_string(), "imageTag": tag})),
                );
            }
            Deletion::NotFound => failures.push(failure(id, &NOT_FOUND)),
            Deletion::ReferencedByIndex(parents) => failures.push(json!({
                "imageId": id, "failureCode": "ImageReferencedByManifestList",
                "failureReason": format!("Requested image referenced by manifest list: {parents:?}"),
            })),
        }
    }
    // After the batch, which may name the artifacts itself.
    if repository(cloud, &name)?.lifecycle_policy().is_some() {
        for digest in gone {
            delete_artifacts(registry, &name, &digest).map_err(|error| server_fault(&error))?;
        }
    }
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

fn list_tags(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let arn = text(input, "resourceArn").unwrap_or_default();
    let (_, name) = arn
        .split_once(":repository/")
        .ok_or_else(|| Fault::client("InvalidParameterException", "resourceArn is no repository's ARN"))?;
    let repository = repository(cloud, name)?;
    Ok(json!({"tags": list(&repository.properties, "Tags")}))
}

fn images(cloud: &Cloud, registry: &Registry, input: &Value) -> Result<(String, Vec<Image>), Fault> {
    let name = repository_name(cloud, input)?;
    let images = registry.images(&name).map_err(|error| server_fault(&error))?;
    Ok((name, images))
}

fn has_tag_status(image: &Image, status: Option<&str>) -> bool {
    match status {
        Some("TAGGED") => !image.tags.is_empty(),
        Some("UNTAGGED") => image.tags.is_empty(),
        _ => true,
    }
}

fn matches(image: &Image, id: &Value) -> bool {
    let digest = text(id, "imageDigest").is_none_or(|digest| digest == image.digest.to_string());
    digest && text(id, "imageTag").is_none_or(|tag| image.tags.contains(&tag))
}

/// The name of a repository that exists.
pub(super) fn repository_name(cloud: &Cloud, input: &Value) -> Result<String, Fault> {
    let name =
        required(input, "repositoryName").map_err(|reason| Fault::client("InvalidParameterException", reason))?;
    repository(cloud, &name)?;
    Ok(name)
}

pub(super) fn repository<'a>(cloud: &'a Cloud, name: &str) -> Result<&'a Repository, Fault> {
    cloud.repositories.get(name).ok_or_else(|| {
        let message = format!(
            "The repository with name '{name}' does not exist in the registry with id '{}'",
            cloud.place.account_id
        );
        Fault::client("RepositoryNotFoundException", message)
    })
}

pub(super) fn server_fault(error: &std::io::Error) -> Fault {
    Fault {
        status: http::StatusCode::INTERNAL_SERVER_ERROR,
        code: "ServerException".to_owned(),
        message: error.to_string(),
    }
}
