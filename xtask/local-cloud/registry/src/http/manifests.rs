//! Manifests and tags.

use super::error::ApiError;
use super::{Known, answer};
use crate::Digest;
use crate::manifest::Manifest;
use crate::name::Reference;
use crate::store::{Index, ManifestRecord};
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    let reference = parse(reference)?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bytes = receive(request.into_body(), known.registry.shared.limits.manifest_bytes).await?;
    known
        .blocking(move |known| {
            let digest = Digest::of(&bytes);
            let manifest = Manifest::parse(&bytes, content_type.as_deref())
                .map_err(|message| ApiError::bad_request("MANIFEST_INVALID", message))?;
            store(known, &reference, &digest, &manifest, &bytes)?;
            Ok(answer(StatusCode::CREATED)
                .header("location", format!("/v2/{}/manifests/{digest}", known.name))
                .header("docker-content-digest", &digest)
                .empty())
        })
        .await
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

fn store(
    known: &Known,
    reference: &Reference,
    digest: &Digest,
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<(), ApiError> {
    let index = known.registry.shared.store.index();
    match reference {
        Reference::Digest(named) if named != digest => {
            let message = format!("the manifest was sent as {named}, but is {digest}");
            return Err(ApiError::bad_request("DIGEST_INVALID", message));
        }
        Reference::Tag(tag) => check_tag(known, tag, digest)?,
        Reference::Digest(_) => {}
    }
    check_whole(known, manifest)?;
    put_record(known, &index, digest, manifest, bytes)?;
    if let Reference::Tag(tag) = reference {
        index.put_tag(&known.name, tag, digest)?;
    }
    Ok(())
}

/// An immutable tag stays with its image. Pushing the very image again is no change, and passes.
fn check_tag(known: &Known, tag: &str, digest: &Digest) -> Result<(), ApiError> {
    if !known.policy.immutable_tags {
        return Ok(());
    }
    match known.registry.shared.store.tagged(&known.name, tag)? {
        Some(current) if current != *digest => Err(ApiError::tag_immutable(tag, &known.name)),
        _ => Ok(()),
    }
}

/// Everything that the manifest names must be in the repository, and as long as it says.
fn check_whole(known: &Known, manifest: &Manifest) -> Result<(), ApiError> {
    let store = &known.registry.shared.store;
    for blob in manifest.blobs() {
        let size_bytes = store.blob_size_bytes(&known.name, &blob.digest)?;
        if size_bytes != Some(blob.size_bytes) {
            let message = match size_bytes {
                None => format!("the repository holds no blob {}, upload it first", blob.digest),
                Some(size_bytes) => format!(
                    "the manifest gives {} {} bytes, but it has {size_bytes}",
                    blob.digest, blob.size_bytes
                ),
            };
            return Err(ApiError::bad_request("MANIFEST_BLOB_UNKNOWN", message));
        }
    }
    for child in manifest.children() {
        if store.record(&known.name, &child.digest)?.is_none() {
            let message = format!("the repository holds no manifest {}, push it first", child.digest);
            return Err(ApiError::bad_request("MANIFEST_BLOB_UNKNOWN", message));
        }
    }
    Ok(())
}

/// Records the manifest, unless it is there: an image's time is that of its first push.
fn put_record(
    known: &Known,
    index: &Index<'_>,
    digest: &Digest,
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<(), ApiError> {
    if known.registry.shared.store.record(&known.name, digest)?.is_some() {
        return Ok(());
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let record = ManifestRecord {
        media_type: manifest.media_type.clone(),
        pushed_at_milliseconds: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
    };
    Ok(index.put_manifest(&known.name, digest, &record, bytes)?)
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
