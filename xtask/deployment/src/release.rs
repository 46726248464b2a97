//! Releases: everything that a deployment may change, under one digest.
//!
//! A release is an OCI artifact that refers to its image. Its manifest holds content only, so the same image, template
//! and parameters always have the same digest. When it was made and what its deployments led to are further artifacts,
//! which refer to the release.

mod artifact;
mod changes;
mod event;
mod history;
mod keep;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

pub use self::artifact::{
    Artifact, Blob, Descriptor, EMPTY, MANIFEST_TYPE, RELEASE_TYPE, ReleaseContent, Subject, digest, read_annotations,
    read_release,
};
pub use self::changes::{Changes, changes};
pub use self::event::{End, OUTCOME_TYPE, Outcome, RECORD_TYPE, Record};
pub use self::history::{Listed, completed, newest_first, previous};
pub use self::keep::{KEEP_PREFIX, RELEASE_PREFIX, Stored, TagChange, keep_changes, keep_tag, needed, release_tag};

/// The stack parameters that name releases. They follow from the release, so they aren't part of it.
pub const RELEASE_PARAMETERS: [&str; 3] = ["FleetRelease", "OneboxRelease", "Release"];

/// An image, the service's template and the values of its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    image: String,
    template: String,
    parameters: BTreeMap<String, String>,
}

/// Why something isn't a release, or isn't an artifact of one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReleaseError {
    /// The image isn't named by its digest.
    #[error("`{0}` doesn't name an image by its digest: it should be REPOSITORY@sha256:DIGEST")]
    Image(String),
    /// The template isn't a JSON object.
    #[error("the template isn't a JSON object: {0}")]
    Template(String),
    /// The parameters aren't a JSON object of texts.
    #[error("the parameters aren't a JSON object of texts: {0}")]
    Parameters(String),
    /// The manifest isn't JSON, or has other fields than an artifact of this project.
    #[error("the manifest isn't one of this project's: {0}")]
    Manifest(String),
    /// The manifest is of another type.
    #[error("the artifact's type is `{found}`, not `{expected}`")]
    Type {
        /// The type that was looked for.
        expected: &'static str,
        /// The type that the manifest names.
        found: String,
    },
    /// Content doesn't have the digest or size by which a manifest names it.
    #[error("the content isn't {0}, by which its manifest names it")]
    Content(String),
    /// An annotation is missing or malformed.
    #[error("the annotation {0} is missing or malformed")]
    Annotation(&'static str),
}

impl Release {
    /// Makes a release. Whitespace between the template's tokens is dropped, and so are the release parameters.
    ///
    /// # Errors
    /// If the image isn't named by its digest, or the template isn't a JSON object.
    pub fn new(image: &str, template: &str, parameters: &BTreeMap<String, String>) -> Result<Self, ReleaseError> {
        image_digest(image).ok_or_else(|| ReleaseError::Image(image.to_owned()))?;
        let parsed = serde_json::from_str::<Map<String, Value>>(template);
        parsed.map_err(|error| ReleaseError::Template(error.to_string()))?;
        let parameters = parameters.iter();
        let own = parameters.filter(|(name, _)| !RELEASE_PARAMETERS.contains(&name.as_str()));
        Ok(Self {
            image: image.to_owned(),
            template: compact(template),
            parameters: own.map(|(name, value)| (name.clone(), value.clone())).collect(),
        })
    }

    /// The image, `REPOSITORY@sha256:DIGEST`.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// The image's digest, `sha256:…`.
    pub fn image_digest(&self) -> &str {
        image_digest(&self.image).unwrap_or_default()
    }

    /// The service's template, compact JSON.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// The values of the template's parameters, without the release parameters.
    pub fn parameters(&self) -> &BTreeMap<String, String> {
        &self.parameters
    }

    /// The artifact whose subject is the image, of which the registry knows `image`.
    pub fn artifact(&self, image: &Subject) -> Artifact {
        let template = Blob::new(self.template.clone().into_bytes());
        // A map of texts always serializes.
        let parameters = Blob::new(serde_json::to_vec(&self.parameters).unwrap_or_default());
        Artifact::of_release(image, template, parameters)
    }

    /// The release's digest.
    pub fn digest(&self, image: &Subject) -> String {
        self.artifact(image).manifest.digest
    }

    /// Reads a release from `repository`: its content, and the digest of the image that is its subject.
    ///
    /// # Errors
    /// If the content isn't a release's.
    pub fn parse(repository: &str, subject: &str, template: &[u8], parameters: &[u8]) -> Result<Self, ReleaseError> {
        let template = std::str::from_utf8(template).map_err(|error| ReleaseError::Template(error.to_string()))?;
        let parameters =
            serde_json::from_slice(parameters).map_err(|error| ReleaseError::Parameters(error.to_string()))?;
        let read = Self::new(&format!("{repository}@{subject}"), template, &parameters)?;
        if read.template != template {
            return Err(ReleaseError::Template(
                "it has whitespace between its tokens".to_owned(),
            ));
        }
        if read.parameters != parameters {
            return Err(ReleaseError::Parameters("they name releases".to_owned()));
        }
        Ok(read)
    }
}

/// The digest in `REPOSITORY@sha256:DIGEST`. `None` if the text isn't one.
pub fn image_digest(image: &str) -> Option<&str> {
    let (repository, digest) = image.split_once('@')?;
    (!repository.is_empty() && is_digest(digest)).then_some(digest)
}

/// Whether a text is `sha256:` and 64 hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.len() == 64 && digits.bytes().all(hexadecimal)
}

/// JSON without the whitespace between its tokens. Everything else stays: the order of members, how numbers are written.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let stays = |character: &char| {
        if in_string {
            in_string = escaped || *character != '"';
            escaped = !escaped && *character == '\\';
            return true;
        }
        in_string = *character == '"';
        !character.is_ascii_whitespace()
    };
    json.chars().filter(stays).collect()
}
