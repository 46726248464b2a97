//! Elastic Container Registry: repositories as records; the images are in the registry.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html>

mod api;
mod lifecycle;
mod manifests;
mod resources;

use std::io;
use std::time::SystemTime;

use registry::{Deletion, Registry};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::properties::text;

pub(crate) use api::call;
pub(crate) use lifecycle::Policy as LifecyclePolicy;
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

    /// What expires here, and when. A policy that can't be read was refused when the repository was made.
    pub(crate) fn lifecycle_policy(&self) -> Option<LifecyclePolicy> {
        let text = text(&self.properties["LifecyclePolicy"], "LifecyclePolicyText")?;
        LifecyclePolicy::parse(&text).ok()
    }
}

/// Deletes what a policy expires. An image that belongs to an index stays until that is gone.
///
/// # Errors
///
/// When the registry's folder can't be read or written.
pub(crate) fn expire(
    registry: &Registry,
    repository: &str,
    policy: &LifecyclePolicy,
    now: SystemTime,
) -> io::Result<()> {
    for digest in policy.expired(&registry.images(repository)?, now) {
        let digest = digest.to_string();
        if matches!(registry.delete_image(repository, &digest)?, Deletion::Deleted { .. }) {
            delete_artifacts(registry, repository, &digest)?;
        }
    }
    Ok(())
}

/// Deletes what refers to an image that is gone, and what refers to that. AWS does so within 24 hours where there is a
/// lifecycle policy; here it follows at once.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-signing.html>
fn delete_artifacts(registry: &Registry, repository: &str, subject: &str) -> io::Result<()> {
    let Ok(subject) = subject.parse() else {
        return Ok(());
    };
    for artifact in registry.referrers(repository, &subject)? {
        let digest = artifact.digest.to_string();
        if matches!(registry.delete_image(repository, &digest)?, Deletion::Deleted { .. }) {
            delete_artifacts(registry, repository, &digest)?;
        }
    }
    Ok(())
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
