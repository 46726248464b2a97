//! The bytes of an image: layer, configuration and manifest.
//!
//! The layer isn't compressed. Compressed bytes would depend on the version of the compressor, the digest with them,
//! and a megabyte isn't worth that.

use std::io;

use constants::{architecture::Architecture, service::CONTAINER_PORT};
use serde::Serialize;

pub(super) use deployment::release::{Blob, Descriptor, MANIFEST_TYPE, digest};

const CONFIGURATION_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";

/// Where the binary stands in the image.
const PATH: &str = "service";

/// The user and group that the container runs as: `nobody`'s number in images without a user database.
const USER: u64 = 65532;

/// The time that stands wherever a format wants one.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// An image in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    /// The one layer, a tar archive.
    pub(super) layer: Blob,
    /// The configuration, JSON.
    pub(super) configuration: Blob,
    /// The manifest, JSON.
    pub(super) manifest: Blob,
}

impl Contents {
    /// The image of a binary, built from a revision of the source, with the environment variables that its tasks get.
    ///
    /// # Errors
    ///
    /// None that a binary in memory could cause; the archive's writer wants them handled.
    pub(super) fn of(
        binary: &[u8],
        architecture: Architecture,
        revision: &str,
        environment: &[String],
    ) -> anyhow::Result<Self> {
        let layer = Blob::new(archive(&[(PATH, 0o555, binary)])?);
        let configuration = configuration(&layer, architecture, revision, environment);
        let configuration = Blob::new(serde_json::to_vec(&configuration)?);
        let manifest = Blob::new(serde_json::to_vec(&Manifest {
            schema_version: 2,
            media_type: MANIFEST_TYPE,
            config: Descriptor::of(CONFIGURATION_TYPE, &configuration),
            layers: [Descriptor::of(LAYER_TYPE, &layer)],
        })?);
        Ok(Self {
            layer,
            configuration,
            manifest,
        })
    }

    /// What the image takes in a registry, in bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        let blobs = [&self.layer, &self.configuration, &self.manifest];
        blobs.iter().map(|blob| blob.bytes.len() as u64).sum()
    }
}

/// A tar archive of files, each with its mode, in which nothing depends on who made it, where or when.
///
/// # Errors
///
/// When a name is too long for the format.
pub(crate) fn archive(files: &[(&str, u32, &[u8])]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_uid(USER);
        header.set_gid(USER);
        header.set_mtime(0);
        archive.append_data(&mut header, path, *bytes)?;
    }
    archive.into_inner()
}

// The order of the fields is the order in the JSON, and so part of the digest.

/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>
#[derive(Debug, Serialize)]
struct Configuration<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'a str,
    config: Execution<'a>,
    rootfs: RootFileSystem<'a>,
    history: [History<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Execution<'a> {
    user: String,
    exposed_ports: serde_json::Value,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    env: &'a [String],
    entrypoint: [String; 1],
    working_dir: &'a str,
    labels: Labels<'a>,
    stop_signal: &'a str,
}

/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>
#[derive(Debug, Serialize)]
struct Labels<'a> {
    #[serde(rename = "org.opencontainers.image.revision")]
    revision: &'a str,
}

#[derive(Debug, Serialize)]
struct RootFileSystem<'a> {
    r#type: &'a str,
    diff_ids: [&'a str; 1],
}

#[derive(Debug, Serialize)]
struct History<'a> {
    created: &'a str,
    created_by: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    config: Descriptor,
    layers: [Descriptor; 1],
}

fn configuration<'a>(
    layer: &'a Blob,
    architecture: Architecture,
    revision: &'a str,
    environment: &'a [String],
) -> Configuration<'a> {
    Configuration {
        created: EPOCH,
        architecture: architecture.oci(),
        os: "linux",
        config: Execution {
            user: format!("{USER}:{USER}"),
            exposed_ports: serde_json::json!({ format!("{CONTAINER_PORT}/tcp"): {} }),
            env: environment,
            entrypoint: [format!("/{PATH}")],
            working_dir: "/",
            labels: Labels { revision },
            stop_signal: "SIGTERM",
        },
        rootfs: RootFileSystem {
            r#type: "layers",
            diff_ids: [&layer.digest],
        },
        history: [History {
            created: EPOCH,
            created_by: "cargo xtask image build",
        }],
    }
}
