//! Manifests and tags.

use super::error::ApiError;
use super::{Known, answer};
use crate::manifest::OCI_INDEX;
use crate::name::Reference;
use crate::{Digest, Referrer};
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a client may take over a manifest.
const BODY_TIME: Duration = Duration::from_mins(1);

pub(super) async fn get(known: &Known, reference: &str) -> Result<Response, ApiError> {
    let reference = parse(reference)?;
    known
        .blocking(move |known| {
            let digest = known
                .registry
                .digest(&known.name, &reference)?
                .ok_or_else(manifest_unknown)?;
            let store = &known.registry.shared.store;
            let record = store.record(&known.name, &digest)?.ok_or_else(manifest_unknown)?;
            // A HEAD's body is dropped by the server, its length stays.
            Ok(answer(StatusCode::OK)
                .header("docker-content-digest", &digest)
                .header("etag", format!("\"{digest}\""))
                .json(store.manifest_bytes(&digest)?, &record.media_type))
        })
        .await
}

pub(super) async fn put(known: &Known, reference: &str, request: Request) -> Result<Response, ApiError> {
    parse(reference)?;
    let reference = reference.to_owned();
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bytes = receive(request.into_body(), known.registry.shared.limits.manifest_bytes).await?;
    known
        .blocking(move |known| {
            let registry = &known.registry;
            let pushed = registry
                .push_manifest(&known.name, known.policy, &reference, content_type.as_deref(), &bytes)
                .map_err(|error| ApiError::of_push(error, &known.name))?;
            let mut answer = answer(StatusCode::CREATED)
                .header("location", format!("/v2/{}/manifests/{}", known.name, pushed.digest))
                .header("docker-content-digest", &pushed.digest);
            if let Some(subject) = &pushed.subject {
                answer = answer.header("oci-subject", subject);
            }
            Ok(answer.empty())
        })
        .await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    artifact_type: Option<String>,
}

/// Lists what refers to a manifest, as an index; empty if nothing does, whether the manifest exists or not
/// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>).
///
/// A named choice: a repository that doesn't exist is `NAME_UNKNOWN` here as in all other calls, although the protocol
/// has no 404 for this one; in ECR a repository is a resource of its own.
pub(super) async fn referrers(known: &Known, subject: &str, uri: &Uri) -> Result<Response, ApiError> {
    let subject: Digest = subject
        .parse()
        .map_err(|error| ApiError::bad_request("DIGEST_INVALID", format!("{subject:?}: {error}")))?;
    let Query(filter) = Query::<Filter>::try_from_uri(uri)
        .map_err(|error| ApiError::bad_request("UNSUPPORTED", format!("the query is malformed: {error}")))?;
    known
        .blocking(move |known| {
            let wanted = filter.artifact_type.as_deref();
            let referrers = known.registry.referrers(&known.name, &subject)?;
            let manifests: Vec<_> = referrers
                .iter()
                .filter(|referrer| wanted.is_none_or(|wanted| referrer.artifact_type.as_deref() == Some(wanted)))
                .map(descriptor)
                .collect();
            let mut answer = answer(StatusCode::OK);
            if wanted.is_some() {
                answer = answer.header("oci-filters-applied", "artifactType");
            }
            let body = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
            Ok(answer.json(body.to_string().into_bytes(), OCI_INDEX))
        })
        .await
}

fn descriptor(referrer: &Referrer) -> Value {
    let mut descriptor = json!({
        "mediaType": referrer.media_type,
        "digest": referrer.digest.to_string(),
        "size": referrer.size_bytes,
    });
    if let Some(artifact_type) = &referrer.artifact_type {
        descriptor["artifactType"] = json!(artifact_type);
    }
    if !referrer.annotations.is_empty() {
        descriptor["annotations"] = json!(referrer.annotations);
    }
    descriptor
}

#[derive(Deserialize)]
struct Page {
    n: Option<usize>,
    last: Option<String>,
}

pub(super) async fn tags(known: &Known, uri: &Uri) -> Result<Response, ApiError> {
    let Query(page) = Query::<Page>::try_from_uri(uri)
        .map_err(|error| ApiError::bad_request("UNSUPPORTED", format!("the query is malformed: {error}")))?;
    known
        .blocking(move |known| {
            let mut tags = known.registry.shared.store.tags(&known.name)?;
            tags.retain(|tag| page.last.as_ref().is_none_or(|last| tag > last));
            let total = tags.len();
            tags.truncate(page.n.unwrap_or(total));
            let mut answer = answer(StatusCode::OK);
            if let (true, Some(last)) = (tags.len() < total, tags.last()) {
                let next = format!(
                    "</v2/{}/tags/list?n={}&last={last}>; rel=\"next\"",
                    known.name,
                    tags.len()
                );
                answer = answer.header("link", next);
            }
            let body = json!({"name": known.name, "tags": tags});
            Ok(answer.json(body.to_string().into_bytes(), "application/json"))
        })
        .await
}

async fn receive(body: Body, limit_bytes: usize) -> Result<Vec<u8>, ApiError> {
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, limit_bytes).collect()).await;
    let collected = collected.map_err(|_elapsed| {
        ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "MANIFEST_INVALID",
            "the manifest stopped coming",
        )
    })?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::too_large("manifest", limit_bytes as u64)),
        Err(error) => Err(ApiError::bad_request(
            "MANIFEST_INVALID",
            format!("the manifest broke off: {error}"),
        )),
    }
}

fn parse(reference: &str) -> Result<Reference, ApiError> {
    Reference::parse(reference).ok_or_else(|| {
        ApiError::bad_request(
            "MANIFEST_INVALID",
            format!("{reference:?} is neither a tag nor a digest"),
        )
    })
}

fn manifest_unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "Requested image not found")
}
