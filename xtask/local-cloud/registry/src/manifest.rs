//! What a manifest says, as far as a registry cares.

use crate::Digest;
use serde::Deserialize;
use std::collections::BTreeMap;

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest that a client pushed, or that is on disk.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) content: Content,
    /// What the manifest itself says that it is; see [`Manifest::artifact_type`].
    declared_artifact_type: Option<String>,
    /// The manifest that this one refers to, whether the repository holds it or not.
    pub(crate) subject: Option<Digest>,
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Image {
        config: Descriptor,
        layers: Vec<Descriptor>,
    },
    Index {
        manifests: Vec<Descriptor>,
    },
}

/// A reference to content, by digest.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
    pub(crate) platform: Option<Platform>,
    /// Content that lives elsewhere and that a registry needn't hold.
    pub(crate) foreign: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Platform {
    pub(crate) architecture: String,
    pub(crate) os: String,
}

impl Manifest {
    /// Reads a manifest. `content_type` is what the client called it.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it.
    pub(crate) fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, String> {
        let raw: RawManifest =
            serde_json::from_slice(bytes).map_err(|error| format!("the manifest is not one: {error}"))?;
        if raw.schema_version != 2 {
            return Err(format!(
                "manifests of schema version {} are not supported, push version 2",
                raw.schema_version
            ));
        }
        let media_type = media_type(&raw, content_type)?;
        let content = match media_type.as_str() {
            DOCKER_MANIFEST | OCI_MANIFEST => Content::Image {
                config: raw.config.ok_or("the manifest names no config")?.checked()?,
                layers: checked(raw.layers.unwrap_or_default())?,
            },
            DOCKER_LIST | OCI_INDEX => Content::Index {
                manifests: checked(raw.manifests.ok_or("the index names no manifests")?)?,
            },
            other => return Err(format!("manifests of the type {other:?} are not supported")),
        };
        let subject = raw.subject.map(RawDescriptor::checked).transpose()?;
        Ok(Manifest {
            media_type,
            content,
            declared_artifact_type: raw.artifact_type.filter(|text| !text.is_empty()),
            subject: subject.map(|subject| subject.digest),
            annotations: raw.annotations.unwrap_or_default(),
        })
    }

    /// The artifact type by the rule for listing referrers: the manifest's own, else the media type of the config.
    /// `None` for an index without one.
    ///
    /// <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>
    pub(crate) fn artifact_type(&self) -> Option<&str> {
        let config = match &self.content {
            Content::Image { config, .. } => Some(config.media_type.as_str()),
            Content::Index { .. } => None,
        };
        self.declared_artifact_type.as_deref().or(config)
    }

    /// The blobs that must be there for the image to be whole.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, layers) = match &self.content {
            Content::Image { config, layers } => (Some(config), layers.as_slice()),
            Content::Index { .. } => (None, [].as_slice()),
        };
        config.into_iter().chain(layers.iter().filter(|layer| !layer.foreign))
    }

    /// The manifests that an index is made of; none for an image.
    pub(crate) fn children(&self) -> &[Descriptor] {
        match &self.content {
            Content::Image { .. } => &[],
            Content::Index { manifests } => manifests,
        }
    }
}

fn media_type(raw: &RawManifest, content_type: Option<&str>) -> Result<String, String> {
    // `application/json` and a missing type say nothing; then the manifest speaks for itself.
    let sent = content_type
        .map(|text| text.split(';').next().unwrap_or(text).trim())
        .filter(|text| !text.is_empty() && *text != "application/json");
    match (sent, raw.media_type.as_deref()) {
        (Some(sent), Some(own)) if sent != own => {
            Err(format!("the manifest calls itself {own:?}, but was sent as {sent:?}"))
        }
        (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type.to_owned()),
        (None, None) => Err("the manifest has no media type, send it as Content-Type".to_owned()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest {
    schema_version: u64,
    media_type: Option<String>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    manifests: Option<Vec<RawDescriptor>>,
    artifact_type: Option<String>,
    subject: Option<RawDescriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<Platform>,
    urls: Option<Vec<String>>,
}

impl RawDescriptor {
    fn checked(self) -> Result<Descriptor, String> {
        let digest = self
            .digest
            .parse()
            .map_err(|error| format!("{:?} in the manifest: {error}", self.digest))?;
        Ok(Descriptor {
            media_type: self.media_type,
            digest,
            size_bytes: self.size,
            platform: self.platform,
            foreign: self.urls.is_some_and(|urls| !urls.is_empty()),
        })
    }
}

fn checked(descriptors: Vec<RawDescriptor>) -> Result<Vec<Descriptor>, String> {
    descriptors.into_iter().map(RawDescriptor::checked).collect()
}
