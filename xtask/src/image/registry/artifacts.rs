//! Artifacts: reading manifests and blobs, and what refers to a manifest.
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>

use std::collections::BTreeMap;

use anyhow::Context as _;
use http::{Method, StatusCode, header};
use hyper::body::Bytes;
use serde::Deserialize;

use super::transport::{Request, Response};
use super::{Failure, MANIFEST_TYPES, Repository, confirm_digest, error_code};
use crate::image::contents::{Blob, MANIFEST_TYPE, digest};

/// How many redirects of a blob are followed: ECR answers with one, to S3.
const REDIRECTS: usize = 3;

/// How many pages of referrers are read at most.
const PAGES: usize = 100;

/// A manifest with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Its media type.
    pub(crate) media_type: String,
    /// Its bytes and their digest.
    pub(crate) blob: Blob,
}

/// An artifact that refers to a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Referrer {
    /// The digest of its manifest.
    pub(crate) digest: String,
    /// Its type.
    #[serde(default)]
    pub(crate) artifact_type: String,
    /// The annotations of its manifest. `None` if the registry leaves them out.
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Referrer>,
}

impl Repository {
    /// Reads the manifest with this tag or digest. `None` if there isn't one.
    ///
    /// # Errors
    /// If the registry refuses or can't be reached.
    pub(crate) async fn fetch_manifest(&self, reference: &str) -> anyhow::Result<Option<Manifest>> {
        self.persist(&format!("read the manifest {reference}"), async || {
            let path = format!("manifests/{reference}");
            let Some(response) = self.ask(Method::GET, &path, MANIFEST_TYPES).await? else {
                return Ok(None);
            };
            read(&response).map(Some).map_err(Failure::Lasting)
        })
        .await
    }

    /// Whether the repository holds a manifest with this tag or digest.
    ///
    /// # Errors
    /// If the registry refuses or can't be reached.
    pub(crate) async fn has_manifest(&self, reference: &str) -> anyhow::Result<bool> {
        let path = format!("manifests/{reference}");
        let look = async || self.ask(Method::HEAD, &path, MANIFEST_TYPES).await;
        let found = self
            .persist(&format!("look for the manifest {reference}"), look)
            .await?;
        Ok(found.is_some())
    }

    /// Whether the repository holds a blob.
    ///
    /// # Errors
    /// If the registry refuses or can't be reached.
    pub(crate) async fn has_blob(&self, digest: &str) -> anyhow::Result<bool> {
        let path = format!("blobs/{digest}");
        let look = async || self.ask(Method::HEAD, &path, "*/*").await;
        let found = self.persist(&format!("look for the blob {digest}"), look).await?;
        Ok(found.is_some())
    }

    /// Reads a blob. `None` if there isn't one.
    ///
    /// # Errors
    /// If the registry refuses or can't be reached.
    pub(crate) async fn fetch_blob(&self, digest: &str) -> anyhow::Result<Option<Bytes>> {
        let path = format!("blobs/{digest}");
        let read = async || self.ask(Method::GET, &path, "*/*").await;
        let response = self.persist(&format!("read the blob {digest}"), read).await?;
        Ok(response.map(|response| response.body))
    }

    /// Lists the artifacts that refer to a manifest.
    ///
    /// # Errors
    /// If the registry refuses or can't be reached.
    pub(crate) async fn referrers(&self, digest: &str) -> anyhow::Result<Vec<Referrer>> {
        let what = format!("list what refers to {digest}");
        let mut found = Vec::new();
        let mut path = Some(format!("{}/referrers/{digest}", self.path));
        for _ in 0..PAGES {
            let Some(page) = path.take() else { break };
            let response = self.persist(&what, async || self.page(&page).await).await?;
            let Some(response) = response else { break };
            let index: Index = serde_json::from_slice(&response.body).context("the registry's list is not an index")?;
            found.extend(index.manifests);
            path = next_page(&response);
        }
        Ok(found)
    }

    async fn page(&self, location: &str) -> Result<Option<Response>, Failure> {
        let response = self.transport.send(Request::new(Method::GET, location)).await;
        self.found(response.map_err(Failure::Lost)?)
    }

    /// Uploads a manifest, by the tag or digest that it is put under.
    ///
    /// # Errors
    /// If the registry refuses or can't be reached.
    pub(crate) async fn put(&self, reference: &str, media_type: &str, manifest: &Blob) -> anyhow::Result<()> {
        self.persist(&format!("put the manifest under {reference}"), async || {
            let mut request = Request::new(Method::PUT, &format!("{}/manifests/{reference}", self.path));
            let media_type = media_type.parse().context("a media type is a header's value");
            request
                .headers
                .insert(header::CONTENT_TYPE, media_type.map_err(Failure::Lasting)?);
            request.body = manifest.bytes.clone().into();
            let response = self.transport.send(request).await.map_err(Failure::Lost)?;
            let response = self.expect(response, StatusCode::CREATED)?;
            confirm_digest(&response.headers, &manifest.digest).map_err(Failure::Lasting)
        })
        .await
    }

    /// Sends a request without a body to a path of the repository, and follows redirects. `None` if there is nothing.
    async fn ask(&self, method: Method, path: &str, accept: &'static str) -> Result<Option<Response>, Failure> {
        let mut location = format!("{}/{path}", self.path);
        for _ in 0..=REDIRECTS {
            let mut request = Request::new(method.clone(), &location);
            request
                .headers
                .insert(header::ACCEPT, header::HeaderValue::from_static(accept));
            let response = self.transport.send(request).await.map_err(Failure::Lost)?;
            let target = response
                .headers
                .get(header::LOCATION)
                .filter(|_| response.status.is_redirection());
            match target.and_then(|target| target.to_str().ok()) {
                Some(target) => target.clone_into(&mut location),
                None => return self.found(response),
            }
        }
        Err(Failure::Lasting(anyhow::anyhow!(
            "{} redirects too often",
            self.reference
        )))
    }

    /// A response with something. `None` if there is nothing, an error if there isn't even a repository.
    fn found(&self, response: Response) -> Result<Option<Response>, Failure> {
        let is_absent = response.status == StatusCode::NOT_FOUND;
        if is_absent && error_code(&response.body).as_deref() != Some("NAME_UNKNOWN") {
            return Ok(None);
        }
        self.expect(response, StatusCode::OK).map(Some)
    }
}

/// The manifest in a response.
fn read(response: &Response) -> anyhow::Result<Manifest> {
    let digest = digest(&response.body);
    confirm_digest(&response.headers, &digest)?;
    let content_type = response.headers.get(header::CONTENT_TYPE);
    let media_type = content_type.and_then(|value| value.to_str().ok());
    Ok(Manifest {
        media_type: media_type.unwrap_or(MANIFEST_TYPE).to_owned(),
        blob: Blob {
            digest,
            bytes: response.body.to_vec(),
        },
    })
}

/// Where the next page is: `Link: <LOCATION>; rel="next"`.
fn next_page(response: &Response) -> Option<String> {
    let link = response.headers.get(header::LINK)?.to_str().ok()?;
    let (location, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| location.to_owned())
}
