//! Manifests by ECR's own API, and what refers to them.

use registry::{Digest, Policy, PushError, Referrer, Registry, StoredManifest};
use serde_json::{Value, json};

use super::api::{repository, repository_name, server_fault};
use crate::cloud::Cloud;
use crate::properties::{list, text, texts};
use crate::wire::Fault;

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html>
pub(super) fn put_image(cloud: &Cloud, registry: &Registry, input: &Value) -> Result<Value, Fault> {
    let name = repository_name(cloud, input)?;
    let manifest = text(input, "imageManifest").unwrap_or_default();
    let digest = Digest::of(manifest.as_bytes()).to_string();
    if let Some(named) = text(input, "imageDigest").filter(|named| *named != digest) {
        let message = format!("The provided image digest '{named}' does not match the image's own '{digest}'");
        return Err(Fault::client("ImageDigestDoesNotMatchException", message));
    }
    let tag = text(input, "imageTag");
    let reference = tag.clone().unwrap_or_else(|| digest.clone());
    let there = stored(registry, &name, &reference)?;
    if there.is_some_and(|there| there.digest.to_string() == digest) {
        let tagged = tag.map_or_else(String::new, |tag| format!(" and tag '{tag}'"));
        let message = format!(
            "Image with digest '{digest}'{tagged} already exists in the repository with name '{name}' in registry with id '{}'",
            cloud.place.account_id
        );
        return Err(Fault::client("ImageAlreadyExistsException", message));
    }
    let policy = Policy {
        immutable_tags: repository(cloud, &name)?.immutable_tags(),
    };
    let media_type = text(input, "imageManifestMediaType");
    registry
        .push_manifest(&name, policy, &reference, media_type.as_deref(), manifest.as_bytes())
        .map_err(|error| push_fault(error, &name))?;
    let stored = stored(registry, &name, &reference)?;
    let image = stored.map(|stored| image(cloud, &name, &stored, tag.as_deref()));
    Ok(json!({"image": image}))
}

fn push_fault(error: PushError, name: &str) -> Fault {
    let (code, message) = match error {
        PushError::Invalid(message) => ("InvalidParameterException", message),
        PushError::WrongDigest(message) => ("ImageDigestDoesNotMatchException", message),
        PushError::TagImmutable { tag } => (
            "ImageTagAlreadyExistsException",
            format!(
                "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the \
                 repository is immutable."
            ),
        ),
        PushError::BlobMissing(message) => ("LayersNotFoundException", message),
        PushError::ManifestMissing(message) => ("ReferencedImagesNotFoundException", message),
        PushError::Io(error) => return server_fault(&error),
    };
    Fault::client(code, message)
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html>
///
/// A named choice: an image whose media type the caller doesn't accept isn't found. AWS converts some.
pub(super) fn batch_get_image(cloud: &Cloud, registry: &Registry, input: &Value) -> Result<Value, Fault> {
    let name = repository_name(cloud, input)?;
    let accepted = texts(input, "acceptedMediaTypes");
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in list(input, "imageIds") {
        match find(registry, &name, id)? {
            Ok(stored) if accepted.is_empty() || accepted.contains(&stored.media_type) => {
                images.push(image(cloud, &name, &stored, text(id, "imageTag").as_deref()));
            }
            Ok(_) => failures.push(failure(id, &NOT_FOUND)),
            Err(why) => failures.push(failure(id, &why)),
        }
    }
    Ok(json!({"images": images, "failures": failures}))
}

/// A failure's code and reason.
type Why = (&'static str, &'static str);

pub(super) const NOT_FOUND: Why = ("ImageNotFound", "Requested image not found");

pub(super) fn failure(id: &Value, (code, reason): &Why) -> Value {
    json!({"imageId": id, "failureCode": code, "failureReason": reason})
}

fn find(registry: &Registry, name: &str, id: &Value) -> Result<Result<StoredManifest, Why>, Fault> {
    let (digest, tag) = (text(id, "imageDigest"), text(id, "imageTag"));
    let Some(reference) = tag.as_ref().or(digest.as_ref()) else {
        let why = "Invalid request parameters: both tag and digest cannot be null";
        return Ok(Err(("MissingDigestAndTag", why)));
    };
    if digest.as_ref().is_some_and(|digest| digest.parse::<Digest>().is_err()) {
        let why = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
        return Ok(Err(("InvalidImageDigest", why)));
    }
    let Some(stored) = stored(registry, name, reference)? else {
        return Ok(Err(NOT_FOUND));
    };
    let matches = digest.is_none_or(|digest| digest == stored.digest.to_string());
    Ok(if matches {
        Ok(stored)
    } else {
        Err((
            "ImageTagDoesNotMatchDigest",
            "The image tag does not match the image digest",
        ))
    })
}

fn image(cloud: &Cloud, name: &str, stored: &StoredManifest, tag: Option<&str>) -> Value {
    let mut id = json!({"imageDigest": stored.digest.to_string()});
    if let Some(tag) = tag {
        id["imageTag"] = json!(tag);
    }
    json!({
        "registryId": cloud.place.account_id,
        "repositoryName": name,
        "imageId": id,
        "imageManifest": String::from_utf8_lossy(&stored.bytes),
        "imageManifestMediaType": stored.media_type,
    })
}

fn stored(registry: &Registry, name: &str, reference: &str) -> Result<Option<StoredManifest>, Fault> {
    registry
        .stored_manifest(name, reference)
        .map_err(|error| server_fault(&error))
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html>
///
/// Nothing is ever archived here, so every artifact is `ACTIVE`.
pub(super) fn list_image_referrers(cloud: &Cloud, registry: &Registry, input: &Value) -> Result<Value, Fault> {
    let name = repository_name(cloud, input)?;
    let subject = text(&input["subjectId"], "imageDigest").unwrap_or_default();
    let subject: Digest = subject.parse().map_err(|_| {
        let message = "Invalid parameter at 'subjectId.imageDigest' failed to satisfy constraint: 'must be a digest'";
        Fault::client("InvalidParameterException", message)
    })?;
    let filter = &input["filter"];
    let types = texts(filter, "artifactTypes");
    let is_active = text(filter, "artifactStatus").is_none_or(|status| status == "ACTIVE" || status == "ANY");
    let referrers = registry
        .referrers(&name, &subject)
        .map_err(|error| server_fault(&error))?;
    let is_wanted = |referrer: &&Referrer| {
        is_active && (types.is_empty() || referrer.artifact_type.as_ref().is_some_and(|own| types.contains(own)))
    };
    let shown = referrers.iter().filter(is_wanted).map(|referrer| {
        json!({
            "digest": referrer.digest.to_string(),
            "mediaType": referrer.media_type,
            "artifactType": referrer.artifact_type,
            "size": referrer.size_bytes,
            "annotations": referrer.annotations,
            "artifactStatus": "ACTIVE",
        })
    });
    Ok(json!({"referrers": shown.collect::<Vec<_>>()}))
}
