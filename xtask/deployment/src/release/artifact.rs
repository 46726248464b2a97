//! The manifests of artifacts: <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ReleaseError;

/// The media type of every manifest here.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The artifact type of releases.
pub const RELEASE_TYPE: &str = "application/vnd.onebox.release.v1";

const TEMPLATE_TYPE: &str = "application/vnd.onebox.template.v1+json";
const PARAMETERS_TYPE: &str = "application/vnd.onebox.parameters.v1+json";

/// The media type and content of an empty part:
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor>.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// The content of an empty part.
pub const EMPTY: &[u8] = b"{}";

/// Some bytes and their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Computes the digest of `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            digest: digest(&bytes),
            bytes,
        }
    }

    /// The digest without the algorithm's name.
    pub fn hexadecimal(&self) -> &str {
        self.digest.trim_start_matches("sha256:")
    }
}

/// The digest of some bytes, as registries write it.
pub fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let digits = hash.iter().map(|byte| format!("{byte:02x}"));
    digits.fold("sha256:".to_owned(), |text, digits| text + &digits)
}

/// What points to content: <https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Descriptor {
    /// The content's media type.
    pub media_type: String,
    /// The content's digest.
    pub digest: String,
    /// The content's size in bytes.
    pub size: u64,
}

/// The manifest that an artifact refers to.
pub type Subject = Descriptor;

impl Descriptor {
    /// Describes a blob.
    pub fn of(media_type: &str, blob: &Blob) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: blob.digest.clone(),
            size: blob.bytes.len() as u64,
        }
    }

    /// Checks that this describes `content`.
    ///
    /// # Errors
    /// If the content has another digest or size.
    pub fn check(&self, content: &[u8]) -> Result<(), ReleaseError> {
        if self.size == content.len() as u64 && self.digest == digest(content) {
            return Ok(());
        }
        Err(ReleaseError::Content(self.digest.clone()))
    }
}

/// An artifact, ready for the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The manifest.
    pub manifest: Blob,
    /// Everything that the manifest names, to be uploaded before it.
    pub blobs: Vec<Blob>,
}

// The order of the fields is the order in the JSON, and so part of the digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    schema_version: u8,
    media_type: String,
    artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    subject: Descriptor,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// What a release's manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseContent {
    /// The image's manifest.
    pub subject: Descriptor,
    /// The template.
    pub template: Descriptor,
    /// The parameters' values.
    pub parameters: Descriptor,
}

impl Artifact {
    /// A release's artifact.
    pub(super) fn of_release(subject: &Subject, template: Blob, parameters: Blob) -> Self {
        let layers = vec![
            Descriptor::of(TEMPLATE_TYPE, &template),
            Descriptor::of(PARAMETERS_TYPE, &parameters),
        ];
        Self::new(
            RELEASE_TYPE,
            layers,
            subject,
            BTreeMap::new(),
            vec![template, parameters],
        )
    }

    /// An artifact that is nothing but annotations.
    pub(super) fn of_annotations(
        artifact_type: &str,
        subject: &Subject,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        let empty = Descriptor::of(EMPTY_TYPE, &Blob::new(EMPTY.to_vec()));
        Self::new(artifact_type, vec![empty], subject, annotations, Vec::new())
    }

    fn new(
        artifact_type: &str,
        layers: Vec<Descriptor>,
        subject: &Subject,
        annotations: BTreeMap<String, String>,
        mut blobs: Vec<Blob>,
    ) -> Self {
        let empty = Blob::new(EMPTY.to_vec());
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST_TYPE.to_owned(),
            artifact_type: artifact_type.to_owned(),
            config: Descriptor::of(EMPTY_TYPE, &empty),
            layers,
            subject: subject.clone(),
            annotations,
        };
        blobs.push(empty);
        Self {
            // Texts and numbers always serialize.
            manifest: Blob::new(serde_json::to_vec(&manifest).unwrap_or_default()),
            blobs,
        }
    }

    /// The artifact as a subject of further ones.
    pub fn subject(&self) -> Subject {
        Descriptor::of(MANIFEST_TYPE, &self.manifest)
    }
}

/// Reads the manifest of a release.
///
/// # Errors
/// If it isn't one.
pub fn read_release(manifest: &[u8]) -> Result<ReleaseContent, ReleaseError> {
    let manifest = read(RELEASE_TYPE, manifest)?;
    let [template, parameters] = <[Descriptor; 2]>::try_from(manifest.layers)
        .map_err(|layers| ReleaseError::Manifest(format!("{} layers instead of 2", layers.len())))?;
    for (expected, layer) in [(TEMPLATE_TYPE, &template), (PARAMETERS_TYPE, &parameters)] {
        if layer.media_type != expected {
            return Err(ReleaseError::Type {
                expected,
                found: layer.media_type.clone(),
            });
        }
    }
    Ok(ReleaseContent {
        subject: manifest.subject,
        template,
        parameters,
    })
}

/// Reads the annotations of an artifact of this type from its manifest.
///
/// # Errors
/// If the manifest is of another type.
pub fn read_annotations(
    artifact_type: &'static str,
    manifest: &[u8],
) -> Result<BTreeMap<String, String>, ReleaseError> {
    read(artifact_type, manifest).map(|manifest| manifest.annotations)
}

fn read(expected: &'static str, manifest: &[u8]) -> Result<Manifest, ReleaseError> {
    /// The type alone, so that another type of artifact isn't reported as malformed.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        #[serde(default)]
        artifact_type: String,
    }
    let malformed = |error: serde_json::Error| ReleaseError::Manifest(error.to_string());
    let typed: Typed = serde_json::from_slice(manifest).map_err(malformed)?;
    if typed.artifact_type != expected {
        return Err(ReleaseError::Type {
            expected,
            found: typed.artifact_type,
        });
    }
    serde_json::from_slice(manifest).map_err(malformed)
}
