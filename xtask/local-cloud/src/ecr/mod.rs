//! Elastic Container Registry: repositories as records; the images are in the registry.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html>

mod api;
mod resources;

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use api::call;
pub(crate) use resources::KINDS;

/// The user name of every registry login, as on AWS.
pub(crate) const USERNAME: &str = "AWS";

/// A repository.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
}

impl Repository {
    /// Whether a tag, once pushed, stays with its image.
    pub(crate) fn immutable_tags(&self) -> bool {
        self.properties["ImageTagMutability"] == "IMMUTABLE"
    }
}

/// Whether a repository holds images: asked before it is deleted.
pub(crate) trait Images: Send + Sync + std::fmt::Debug {
    /// True when it holds one or more.
    fn any(&self, repository: &str) -> bool;
}

/// No registry at all, as before the local cloud has opened it.
#[derive(Debug, Default)]
pub(crate) struct NoImages;

impl Images for NoImages {
    fn any(&self, _: &str) -> bool {
        false
    }
}
