//! Blobs: asked for, and uploaded in one piece or in several.

use super::error::ApiError;
use super::{Known, answer};
use crate::Digest;
use crate::uploads::Upload;
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::io::ReaderStream;

/// A client that sends nothing for so long has gone.
const BODY_IDLE: Duration = Duration::from_mins(1);
const READ_BYTES: usize = 128 << 10;

#[derive(Deserialize)]
struct Parameters {
    digest: Option<String>,
    mount: Option<String>,
    from: Option<String>,
}

pub(super) async fn get(known: &Known, digest: &str, head: bool) -> Result<Response, ApiError> {
    let digest = parse_digest(digest)?;
    let wanted = digest.clone();
    let size_bytes = known
        .blocking(move |known| Ok(known.registry.shared.store.blob_size_bytes(&known.name, &wanted)?))
        .await?
        .ok_or_else(|| blob_unknown(&digest))?;
    let answer = answer(StatusCode::OK)
        .header("content-type", "application/octet-stream")
        .header("content-length", size_bytes)
        .header("docker-content-digest", &digest)
        .header("etag", format!("\"{digest}\""));
    if head {
        return Ok(answer.body(Body::empty()));
    }
    let file = tokio::fs::File::open(known.registry.shared.store.blob_path(&digest)).await?;
    Ok(answer.body(Body::from_stream(ReaderStream::with_capacity(file, READ_BYTES))))
}

pub(super) async fn begin(known: &Known, request: Request) -> Result<Response, ApiError> {
    let parameters = parameters(request.uri())?;
    if let Some(response) = mount(known, &parameters).await? {
        return Ok(response);
    }
    let shared = &known.registry.shared;
    let id = shared.uploads.begin(&known.name, shared.store.scratch_path())?;
    let Some(digest) = parameters.digest else {
        return Ok(progress(known, &id, StatusCode::ACCEPTED, 0));
    };
    complete(known, &id, &digest, request).await
}

pub(super) async fn status(known: &Known, id: &str) -> Result<Response, ApiError> {
    let upload = open(known, id)?;
    let size_bytes = upload.lock().await.size_bytes();
    Ok(progress(known, id, StatusCode::NO_CONTENT, size_bytes))
}

pub(super) async fn append(known: &Known, id: &str, request: Request) -> Result<Response, ApiError> {
    let upload = open(known, id)?;
    let mut upload = upload.lock().await;
    if begins_elsewhere(request.headers(), upload.size_bytes()) {
        return Ok(progress(
            known,
            id,
            StatusCode::RANGE_NOT_SATISFIABLE,
            upload.size_bytes(),
        ));
    }
    let received = receive(&mut upload, request.into_body()).await;
    if received.is_err() {
        known.registry.shared.uploads.end(id);
    }
    received?;
    Ok(progress(known, id, StatusCode::ACCEPTED, upload.size_bytes()))
}

pub(super) async fn finish(known: &Known, id: &str, request: Request) -> Result<Response, ApiError> {
    let digest = parameters(request.uri())?.digest;
    let digest = digest.ok_or_else(|| ApiError::bad_request("DIGEST_INVALID", "the query names no digest"))?;
    complete(known, id, &digest, request).await
}

pub(super) fn cancel(known: &Known, id: &str) -> Result<Response, ApiError> {
    open(known, id)?;
    known.registry.shared.uploads.end(id);
    Ok(answer(StatusCode::NO_CONTENT).0)
}

/// Takes a blob from another repository, where that one has it. Otherwise the client uploads it.
async fn mount(known: &Known, parameters: &Parameters) -> Result<Option<Response>, ApiError> {
    let (Some(digest), Some(from)) = (&parameters.mount, parameters.from.clone()) else {
        return Ok(None);
    };
    let digest = parse_digest(digest)?;
    if known.registry.shared.repositories.policy(&from).is_none() {
        return Ok(None);
    }
    let wanted = digest.clone();
    let mounted = known
        .blocking(move |known| {
            let store = &known.registry.shared.store;
            let index = store.index();
            let there = store.blob_size_bytes(&from, &wanted)?.is_some();
            if there {
                index.link(&known.name, &wanted)?;
            }
            Ok(there)
        })
        .await?;
    Ok(mounted.then(|| created(known, &digest)))
}

/// Takes the last bytes of an upload, and the upload itself if it is what the client says.
/// The upload is over after this, unless the bytes belong elsewhere: then the client asks where to continue
/// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks>).
async fn complete(known: &Known, id: &str, digest: &str, request: Request) -> Result<Response, ApiError> {
    let mut upload = open(known, id)?.lock_owned().await;
    if begins_elsewhere(request.headers(), upload.size_bytes()) {
        return Ok(progress(
            known,
            id,
            StatusCode::RANGE_NOT_SATISFIABLE,
            upload.size_bytes(),
        ));
    }
    // Another request may have completed it while this one waited for the lock.
    if !known.registry.shared.uploads.end(id) {
        return Err(ApiError::upload_unknown());
    }
    let digest = parse_digest(digest)?;
    receive(&mut upload, request.into_body()).await?;
    let actual = upload.finish().await?;
    if actual != digest {
        let message = format!("the blob was sent as {digest}, but is {actual}");
        return Err(ApiError::bad_request("DIGEST_INVALID", message));
    }
    known
        .blocking(move |known| {
            let index = known.registry.shared.store.index();
            Ok(index.put_blob(&known.name, &actual, upload.path())?)
        })
        .await?;
    Ok(created(known, &digest))
}

async fn receive(upload: &mut Upload, mut body: Body) -> Result<(), ApiError> {
    loop {
        let frame = tokio::time::timeout(BODY_IDLE, body.frame())
            .await
            .map_err(|_elapsed| {
                let message = "the blob's bytes stopped coming";
                ApiError::new(StatusCode::REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID", message)
            })?;
        let Some(frame) = frame else {
            return Ok(());
        };
        let frame = frame.map_err(|error| {
            ApiError::bad_request("BLOB_UPLOAD_INVALID", format!("the blob's bytes broke off: {error}"))
        })?;
        if let Ok(bytes) = frame.into_data() {
            upload.append(&bytes).await?;
        }
    }
}

fn open(known: &Known, id: &str) -> Result<Arc<tokio::sync::Mutex<Upload>>, ApiError> {
    let uploads = &known.registry.shared.uploads;
    uploads.get(&known.name, id).ok_or_else(ApiError::upload_unknown)
}

/// Whether the client says that its bytes belong anywhere but at the end.
fn begins_elsewhere(headers: &HeaderMap, size_bytes: u64) -> bool {
    let Some(range) = headers.get(header::CONTENT_RANGE) else {
        return false;
    };
    let begin = range
        .to_str()
        .ok()
        .map(|text| text.trim_start_matches("bytes").trim_start_matches([' ', '=']))
        .and_then(|text| text.split('-').next())
        .and_then(|text| text.trim().parse::<u64>().ok());
    begin != Some(size_bytes)
}

fn progress(known: &Known, id: &str, status: StatusCode, size_bytes: u64) -> Response {
    // The range's end is inclusive; an empty upload has 0-0, for want of anything better.
    answer(status)
        .header("location", format!("/v2/{}/blobs/uploads/{id}", known.name))
        .header("docker-upload-uuid", id)
        .header("range", format!("0-{}", size_bytes.saturating_sub(1)))
        .body(Body::empty())
}

fn created(known: &Known, digest: &Digest) -> Response {
    answer(StatusCode::CREATED)
        .header("location", format!("/v2/{}/blobs/{digest}", known.name))
        .header("docker-content-digest", digest)
        .empty()
}

fn parameters(uri: &Uri) -> Result<Parameters, ApiError> {
    let query = Query::try_from_uri(uri);
    let Query(parameters) =
        query.map_err(|error| ApiError::bad_request("UNSUPPORTED", format!("the query is malformed: {error}")))?;
    Ok(parameters)
}

fn parse_digest(text: &str) -> Result<Digest, ApiError> {
    text.parse()
        .map_err(|error| ApiError::bad_request("DIGEST_INVALID", format!("{text:?}: {error}")))
}

fn blob_unknown(digest: &Digest) -> ApiError {
    let message = format!("the repository holds no blob {digest}");
    ApiError::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", message)
}
