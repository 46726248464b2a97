//! A plain client of the protocol.

use super::open;
use crate::{Digest, Registry};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(super) struct Client {
    router: Router,
    repository: String,
    _folder: Option<tempfile::TempDir>,
}

pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pub(super) body: String,
}

pub(super) struct Pushed {
    pub(super) digest: Digest,
    pub(super) manifest: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    #[track_caller]
    pub(super) fn header(&self, name: &str) -> String {
        let value = self
            .headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {:?}", self.headers));
        value.to_str().unwrap().to_owned()
    }

    pub(super) fn optional_header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }

    /// `CODE: message`.
    #[track_caller]
    pub(super) fn error(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let error = &body["errors"][0];
        format!(
            "{}: {}",
            error["code"].as_str().unwrap(),
            error["message"].as_str().unwrap()
        )
    }
}

impl Client {
    pub(super) fn new(registry: &Registry, repository: &str) -> Self {
        Client {
            router: registry.router(),
            repository: repository.to_owned(),
            _folder: None,
        }
    }

    /// A client of a registry of its own.
    pub(super) fn alone(repository: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = open(folder.path());
        Client {
            _folder: Some(folder),
            ..Self::new(&registry, repository)
        }
    }

    pub(super) async fn send_as(&self, authorization: Option<&str>, request: Request<Body>) -> Answer {
        let (mut parts, body) = request.into_parts();
        if let Some(authorization) = authorization {
            parts.headers.insert("authorization", authorization.parse().unwrap());
        }
        let response = self
            .router
            .clone()
            .oneshot(Request::from_parts(parts, body))
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let authorization = format!("Basic {}", STANDARD.encode("AWS:secret"));
        self.send_as(Some(&authorization), request.body(body.into()).unwrap())
            .await
    }

    /// Begins an upload, and says where it goes on.
    pub(super) async fn begin(&self) -> String {
        let path = format!("/v2/{}/blobs/uploads/", self.repository);
        let answer = self.send("POST", &path, &[], Vec::new()).await.expect(202);
        assert!(!answer.header("docker-upload-uuid").is_empty());
        answer.header("location")
    }

    pub(super) async fn upload(&self, content: &str) -> Answer {
        let location = self.begin().await;
        let digest = Digest::of(content.as_bytes()).to_string().replace(':', "%3A");
        self.send("PUT", &format!("{location}?digest={digest}"), &[], content.to_owned())
            .await
    }

    pub(super) async fn blob(&self, content: &str) -> Answer {
        let path = format!("/v2/{}/blobs/{}", self.repository, Digest::of(content.as_bytes()));
        self.send("GET", &path, &[], Vec::new()).await
    }

    pub(super) async fn put_manifest(&self, reference: &str, media_type: &str, manifest: &str) -> Answer {
        let path = format!("/v2/{}/manifests/{reference}", self.repository);
        self.send("PUT", &path, &[("content-type", media_type)], manifest.to_owned())
            .await
    }

    /// Pushes a whole image.
    pub(super) async fn push(&self, config: &str, layers: &[&str], tag: &str) -> Pushed {
        for content in layers.iter().chain([&config]) {
            self.upload(content).await.expect(201);
        }
        let manifest = manifest(DOCKER_MANIFEST, config, layers);
        let answer = self.put_manifest(tag, DOCKER_MANIFEST, &manifest).await.expect(201);
        let digest = Digest::of(manifest.as_bytes());
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
        Pushed { digest, manifest }
    }

    pub(super) async fn tag(&self, image: &Pushed, tag: &str) {
        self.put_manifest(tag, DOCKER_MANIFEST, &image.manifest)
            .await
            .expect(201);
    }
}

pub(super) fn manifest(media_type: &str, config: &str, layers: &[&str]) -> String {
    let (config_type, layer_type) = match media_type {
        OCI_MANIFEST => (
            "application/vnd.oci.image.config.v1+json",
            "application/vnd.oci.image.layer.v1.tar",
        ),
        _ => (
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
    };
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| descriptor(layer_type, layer.as_bytes()))
        .collect();
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config_type, config.as_bytes()),
        "layers": layers,
    })
    .to_string()
}

pub(super) fn index(images: &[(&Pushed, &str)]) -> String {
    let manifests = images.iter().map(|(image, architecture)| {
        let mut descriptor = descriptor(DOCKER_MANIFEST, image.manifest.as_bytes());
        descriptor["platform"] = serde_json::json!({"architecture": architecture, "os": "linux"});
        descriptor
    });
    let manifests: Vec<_> = manifests.collect();
    serde_json::json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).to_string()
}

fn descriptor(media_type: &str, content: &[u8]) -> serde_json::Value {
    serde_json::json!({
        "mediaType": media_type,
        "digest": Digest::of(content).to_string(),
        "size": content.len(),
    })
}
