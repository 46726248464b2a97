//! An OCI distribution registry over a folder, with the manners of Amazon ECR.
//!
//! It speaks the [OCI distribution protocol](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md)
//! to Docker and to plain clients, and answers the questions that ECR's own API asks of it.
//! It knows nothing of ECR's API, of CloudFormation or of tasks: which repositories there are is the caller's to say.
//!
//! The crate `container-registry` 0.3.1 was looked at first and doesn't serve.
//! It builds on axum 0.7, a second web framework beside ours; wants names of exactly two parts; takes a manifest only by tag,
//! and only an image's, never an index; shares every blob among all repositories; can list and delete nothing;
//! answers a wrong digest with 500; and never syncs what it has acknowledged.

mod digest;
mod http;
mod images;
mod manifest;
mod name;
mod push;
mod resolve;
mod store;
mod uploads;

pub use digest::Digest;
pub use images::{Deletion, Image, Referrer, StoredManifest};
pub use push::{PushError, Pushed};
pub use resolve::{ImageConfiguration, ImageOnDisk, Layer};

use std::io;
use std::path::Path;
use std::sync::Arc;

/// What the registry has to be told: which repositories there are, and who may come in.
pub trait Repositories: Send + Sync + 'static {
    /// The policy of the repository of that name, or `None` where there is no such repository.
    fn policy(&self, name: &str) -> Option<Policy>;

    /// Whether these credentials open the registry.
    fn authorized(&self, username: &str, password: &str) -> bool;

    /// Why whoever has this password may not do something to a repository, in IAM's name of it (`ecr:PutImage`) and in
    /// AWS's words; none when they may.
    fn refusal(&self, password: &str, action: &str, repository: &str) -> Option<String> {
        let _ = (password, action, repository);
        None
    }

    /// Called after every manifest that was pushed to a repository. May block on the disk.
    fn pushed(&self, registry: &Registry, name: &str) {
        let _ = (registry, name);
    }

    /// The account that owns the registry, as twelve digits, for ECR's error messages.
    fn registry_id(&self) -> String {
        "000000000000".to_owned()
    }
}

/// What a repository allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether a tag, once pushed, stays with its image (`ImageTagMutability: IMMUTABLE`).
    pub immutable_tags: bool,
}

/// What the registry bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) blob_bytes: u64,
    pub(crate) manifest_bytes: usize,
    pub(crate) open_uploads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // ECR takes layers up to 52,000 MiB (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html);
            // a developer's disk is smaller.
            blob_bytes: 10 << 30,
            // The least that a registry should take, and what ECR's own API takes
            // (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests).
            manifest_bytes: 4 << 20,
            open_uploads: 256,
        }
    }
}

/// A registry over a folder. Clones share it.
///
/// Its methods block on the disk: call them off the executor (`tokio::task::spawn_blocking`) where that matters.
#[derive(Clone)]
pub struct Registry {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) store: store::Store,
    pub(crate) uploads: uploads::Uploads,
    pub(crate) repositories: Arc<dyn Repositories>,
    pub(crate) limits: Limits,
}

impl Registry {
    /// Opens the registry in `folder`, creating it where it is missing, and clears what an earlier end left half done.
    ///
    /// One process at a time may have a folder open.
    ///
    /// # Errors
    ///
    /// When the folder can't be created, read or written.
    pub fn open(folder: &Path, repositories: Arc<dyn Repositories>) -> io::Result<Self> {
        Self::open_with(folder, repositories, Limits::default())
    }

    pub(crate) fn open_with(folder: &Path, repositories: Arc<dyn Repositories>, limits: Limits) -> io::Result<Self> {
        let store = store::Store::open(folder)?;
        let uploads = uploads::Uploads::new(limits);
        Ok(Registry {
            shared: Arc::new(Shared {
                store,
                uploads,
                repositories,
                limits,
            }),
        })
    }

    /// The registry's HTTP interface: the paths `/v2`, `/v2/` and everything below.
    ///
    /// Merge it into a router at the root (`Router::merge`); the paths that it hands out begin with `/v2/`.
    pub fn router(&self) -> axum::Router {
        http::router(self.clone())
    }
}

#[cfg(test)]
mod tests;
