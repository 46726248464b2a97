//! A client of a registry, over the OCI distribution API.
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>

mod artifacts;
mod transport;

use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value;
use transport::{Request, Response, Transport};

pub(crate) use self::artifacts::{Manifest, Referrer};
use super::{contents::Blob, login::RegistryLogin};
use crate::code::Code;
use crate::exit::{self, Exit};

/// How often a request is made at most, when the connection is lost or the registry fails.
const ATTEMPTS: u32 = 4;

/// How long a registry is given to recover, at first.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The manifests that are understood: those of one image, OCI's and Docker's.
const MANIFEST_TYPES: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// One repository of a registry.
#[derive(Debug)]
pub(crate) struct Repository {
    transport: Transport,
    /// `host[:port]/name`, for people.
    reference: String,
    /// The repository's path: `/v2/<name>`.
    path: String,
    /// How long to wait before the second attempt; twice as long before each further one.
    first_pause: Duration,
    /// The code of an error that outlasts every attempt.
    code: Code,
}

/// A manifest that a registry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteManifest {
    /// The digest of the manifest's bytes.
    pub(super) digest: String,
    /// The digest of the image's configuration, which says by itself which image it is: compression aside, it covers
    /// the layers too.
    pub(super) configuration_digest: String,
}

/// Why an attempt failed.
enum Failure {
    /// The connection was lost: it may come back, even after minutes.
    Lost(anyhow::Error),
    /// The registry answered that it can't just now.
    Unable(anyhow::Error),
    /// It won't.
    Lasting(anyhow::Error),
}

impl Repository {
    /// The repository at `reference`, which is `host[:port]/name`. Loopback is spoken to in the clear, all else by TLS.
    ///
    /// # Errors
    ///
    /// When the reference names no host or no repository.
    pub(crate) fn new(reference: &str, login: &RegistryLogin, code: Code) -> anyhow::Result<Self> {
        let (host, name) = reference
            .split_once('/')
            .filter(|(host, name)| !name.is_empty() && (host.contains(['.', ':']) || *host == "localhost"))
            .with_context(|| format!("`{reference}` is not a repository: it should be host/name or host:port/name"))?;
        Ok(Self {
            transport: Transport::new(host, login)?,
            reference: reference.to_owned(),
            path: format!("/v2/{name}"),
            first_pause: FIRST_PAUSE,
            code,
        })
    }

    /// The manifest with this tag or digest, if there is one.
    pub(super) async fn manifest(&self, tag: &str) -> anyhow::Result<Option<RemoteManifest>> {
        let manifest = self.fetch_manifest(tag).await?;
        manifest.map(|manifest| remote_manifest(&manifest)).transpose()
    }

    /// Uploads a blob, unless it is there.
    pub(crate) async fn put_blob(&self, blob: &Blob) -> anyhow::Result<()> {
        self.persist(&format!("upload {}", blob.digest), async || {
            let request = Request::new(Method::HEAD, &format!("{}/blobs/{}", self.path, blob.digest));
            let response = self.transport.send(request).await.map_err(Failure::Lost)?;
            if response.status == StatusCode::OK {
                return Ok(());
            }
            // An upload that broke off can't be taken up again, so each attempt begins its own.
            let begin = Request::new(Method::POST, &format!("{}/blobs/uploads/", self.path));
            let response = self.transport.send(begin).await.map_err(Failure::Lost)?;
            let response = self.expect(response, StatusCode::ACCEPTED)?;
            let location = upload_location(&response.headers, &blob.digest).map_err(Failure::Lasting)?;
            let mut request = Request::new(Method::PUT, &location);
            request.headers.insert(
                header::CONTENT_TYPE,
                header::HeaderValue::from_static("application/octet-stream"),
            );
            request.body = blob.bytes.clone().into();
            let response = self.transport.send(request).await.map_err(Failure::Lost)?;
            let response = self.expect(response, StatusCode::CREATED)?;
            confirm_digest(&response.headers, &blob.digest).map_err(Failure::Lasting)
        })
        .await
    }

    /// Makes an attempt, and further ones while the failure may pass.
    async fn persist<T>(&self, what: &str, attempt: impl AsyncFn() -> Result<T, Failure>) -> anyhow::Result<T> {
        let mut pause = self.first_pause;
        for _ in 1..ATTEMPTS {
            match attempt().await {
                Ok(value) => return Ok(value),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Lost(_) | Failure::Unable(_)) => tokio::time::sleep(pause).await,
            }
            pause *= 2;
        }
        let (error, passing) = match attempt().await {
            Ok(value) => return Ok(value),
            Err(Failure::Lasting(error)) => return Err(error),
            Err(Failure::Unable(error)) => (error, false),
            Err(Failure::Lost(error)) => (error, true),
        };
        let error = error.context(format!("can't {what} in {} after {ATTEMPTS} attempts", self.reference));
        Err(exit::Failure {
            passing,
            ..exit::Failure::new(Exit::Failed, format!("{error:#}")).code(self.code)
        }
        .into())
    }

    /// A response with this status; any other is a failure in words.
    fn expect(&self, response: Response, expected: StatusCode) -> Result<Response, Failure> {
        let status = response.status;
        if status == expected {
            return Ok(response);
        }
        let said = error_text(&response.body);
        let reference = &self.reference;
        let error = match status {
            StatusCode::UNAUTHORIZED => anyhow!("{reference} doesn't accept the login; a new one may be needed{said}"),
            StatusCode::FORBIDDEN => anyhow!("{reference} denies access; the login lacks a permission{said}"),
            StatusCode::NOT_FOUND => anyhow!("there is no repository {reference}{said}"),
            _ => anyhow!("{reference} answered {status}{said}"),
        };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Err(Failure::Unable(error))
        } else {
            Err(Failure::Lasting(error))
        }
    }
}

fn remote_manifest(manifest: &Manifest) -> anyhow::Result<RemoteManifest> {
    let content: Value = serde_json::from_slice(&manifest.blob.bytes).context("the registry's manifest is not JSON")?;
    let configuration_digest = content.pointer("/config/digest").and_then(Value::as_str);
    Ok(RemoteManifest {
        digest: manifest.blob.digest.clone(),
        configuration_digest: configuration_digest.unwrap_or_default().to_owned(),
    })
}

/// Where to send the blob: what the registry said, and the digest.
fn upload_location(headers: &HeaderMap, digest: &str) -> anyhow::Result<String> {
    let location = headers
        .get(header::LOCATION)
        .and_then(|location| location.to_str().ok());
    let location = location.context("the registry didn't say where to upload to")?;
    let separator = if location.contains('?') { '&' } else { '?' };
    Ok(format!("{location}{separator}digest={digest}"))
}

/// Compares the digest that the registry reports, if it does, with ours.
fn confirm_digest(headers: &HeaderMap, expected: &str) -> anyhow::Result<()> {
    if let Some(reported) = headers.get("docker-content-digest") {
        ensure!(
            reported == expected,
            "the registry reports the digest {reported:?} for {expected}"
        );
    }
    Ok(())
}

/// The first error's code, <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes>.
fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.pointer("/errors/0/code")?.as_str()?.to_owned())
}

/// What the registry said of an error, to append to a sentence.
fn error_text(body: &[u8]) -> String {
    const MOST_CHARACTERS: usize = 500;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let part = |pointer| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (code, message) = (part("/errors/0/code"), part("/errors/0/message"));
    if code.is_empty() && message.is_empty() {
        return String::new();
    }
    let message: String = message.chars().take(MOST_CHARACTERS).collect();
    format!(": {code} {message}")
}

#[cfg(test)]
pub(crate) mod tests;
