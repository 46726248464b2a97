//! From a reference to what a task needs: the image's configuration and its layers' files.

use crate::manifest::{Content, Descriptor, Manifest};
use crate::name::{Reference, is_repository_name};
use crate::{Digest, Registry};
use serde::Deserialize;
use std::path::PathBuf;
use std::{fs, io};

/// A config larger than this isn't one.
const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// An image whose parts are files on this machine.
///
/// The files are the registry's: read them, and read them before the image may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOnDisk {
    /// The digest that the reference stands for: an index's own, where it is one.
    pub digest: Digest,
    /// The digest of the image's manifest; differs from `digest` under an index.
    pub manifest_digest: Digest,
    /// What the image says of how to run it.
    pub configuration: ImageConfiguration,
    /// From the lowest up.
    pub layers: Vec<Layer>,
}

/// A layer's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Where it is.
    pub path: PathBuf,
    /// What it is, e.g. `application/vnd.oci.image.layer.v1.tar+gzip`.
    pub media_type: String,
}

/// How to run an image
/// (<https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfiguration {
    /// For which processor, in Go's words: `amd64`, `arm64`.
    pub architecture: String,
    /// For which system: `linux`.
    pub os: String,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments after those, or the program where there is no entry point.
    pub cmd: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty for root.
    pub user: String,
    /// Empty for `/`.
    pub working_dir: String,
    /// The signal that asks the program to end, where it isn't SIGTERM.
    pub stop_signal: Option<String>,
}

impl Registry {
    /// Finds an image by tag or digest. Of an index, the image for this machine's processor.
    ///
    /// # Errors
    ///
    /// When the folder can't be read; when the reference stands for an index without an image for this machine,
    /// or for something that isn't an image (`InvalidData`).
    pub fn resolve(&self, repository: &str, reference: &str) -> io::Result<Option<ImageOnDisk>> {
        let reference = Reference::parse(reference).filter(|_| is_repository_name(repository));
        let Some(reference) = reference else {
            return Ok(None);
        };
        let Some(digest) = self.digest(repository, &reference)? else {
            return Ok(None);
        };
        let Some(manifest) = self.manifest(repository, &digest)? else {
            return Ok(None);
        };
        let (manifest_digest, manifest) = self.for_this_machine(repository, digest.clone(), manifest)?;
        let Content::Image { config, layers } = manifest.content else {
            return Err(invalid(format!("{manifest_digest} is an index within an index")));
        };
        Ok(Some(ImageOnDisk {
            digest,
            manifest_digest,
            configuration: self.configuration(&config)?,
            layers: layers.into_iter().map(|layer| self.layer(layer)).collect(),
        }))
    }

    fn for_this_machine(&self, repository: &str, digest: Digest, manifest: Manifest) -> io::Result<(Digest, Manifest)> {
        let Content::Index { manifests } = &manifest.content else {
            return Ok((digest, manifest));
        };
        let architecture = host_architecture();
        let chosen = manifests.iter().find(|child| {
            child
                .platform
                .as_ref()
                .is_some_and(|platform| platform.os == "linux" && platform.architecture == architecture)
        });
        let chosen = chosen.ok_or_else(|| invalid(format!("{digest} has no image for linux/{architecture}")))?;
        let child = self
            .manifest(repository, &chosen.digest)?
            .ok_or_else(|| invalid(format!("{digest} names {}, which is not there", chosen.digest)))?;
        Ok((chosen.digest.clone(), child))
    }

    fn configuration(&self, config: &Descriptor) -> io::Result<ImageConfiguration> {
        if config.size_bytes > CONFIG_BYTES_MAX {
            return Err(invalid(format!("{} is too large for an image's config", config.digest)));
        }
        let bytes = fs::read(self.shared.store.blob_path(&config.digest))?;
        let raw: RawConfiguration = serde_json::from_slice(&bytes)
            .map_err(|error| invalid(format!("{} is not an image's config: {error}", config.digest)))?;
        Ok(raw.into())
    }

    fn layer(&self, descriptor: Descriptor) -> Layer {
        Layer {
            path: self.shared.store.blob_path(&descriptor.digest),
            media_type: descriptor.media_type,
        }
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// This machine's processor in Go's words, which images use.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[derive(Deserialize)]
struct RawConfiguration {
    architecture: String,
    os: String,
    config: Option<RawExecution>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawExecution {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
    stop_signal: Option<String>,
}

impl From<RawConfiguration> for ImageConfiguration {
    fn from(raw: RawConfiguration) -> Self {
        let execution = raw.config.unwrap_or_default();
        ImageConfiguration {
            architecture: raw.architecture,
            os: raw.os,
            entrypoint: execution.entrypoint.unwrap_or_default(),
            cmd: execution.cmd.unwrap_or_default(),
            env: execution.env.unwrap_or_default(),
            user: execution.user.unwrap_or_default(),
            working_dir: execution.working_dir.unwrap_or_default(),
            stop_signal: execution.stop_signal.filter(|signal| !signal.is_empty()),
        }
    }
}
