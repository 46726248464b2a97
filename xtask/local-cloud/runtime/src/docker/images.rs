//! The images that tasks were pulled for: those of a local registry go again once no container uses them, as each deployment
//! brings one. What else the engine has is somebody else's: images with a tag, and those of other registries.

use super::explain;
use super::pull::pull;
use crate::spec::RegistryLogin;
use crate::task::StartError;
use bollard::Docker;
use bollard::models::ImageSummary;
use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptions};
use std::io;
use tokio::sync::{RwLock, RwLockReadGuard};

/// What holds images for the tasks of one registry.
pub(super) struct Images {
    /// `127.0.0.1:4566`, the registry whose images go when nobody uses them.
    registry: String,
    /// Held by whoever starts a task, from before its image is pulled until its container uses it.
    starting: RwLock<()>,
}

/// An image that stays for as long as this is held.
pub(super) struct Pulled<'a> {
    /// Whether the engine hadn't it before.
    pub(super) is_new: bool,
    _held: RwLockReadGuard<'a, ()>,
}

impl Images {
    pub(super) fn new(registry: &str) -> Self {
        Self {
            registry: registry.to_owned(),
            starting: RwLock::default(),
        }
    }

    /// Pulls an image, unless the engine has it.
    pub(super) async fn pulled(
        &self,
        docker: &Docker,
        reference: &str,
        login: Option<&RegistryLogin>,
    ) -> Result<Pulled<'_>, StartError> {
        let held = self.starting.read().await;
        let is_new = pull(docker, reference, login).await?;
        Ok(Pulled { is_new, _held: held })
    }

    /// Removes the registry's images that no container uses, unless a task is just being started: whoever starts the last of
    /// them will ask again.
    pub(super) async fn drop_unused(&self, docker: &Docker) -> io::Result<()> {
        let Ok(_alone) = self.starting.try_write() else {
            return Ok(());
        };
        let options = ListImagesOptionsBuilder::default().digests(true).build();
        let listed = docker.list_images(Some(options)).await;
        let listed = listed.map_err(|error| io::Error::other(explain(&error)))?;
        for reference in listed.iter().flat_map(|image| pulled_from(&self.registry, image)) {
            // The engine refuses while a container uses it.
            let _ = docker.remove_image(reference, None::<RemoveImageOptions>, None).await;
        }
        Ok(())
    }
}

/// The references by which an image was pulled from a registry; none where somebody gave it a tag of that registry's.
fn pulled_from<'a>(registry: &str, image: &'a ImageSummary) -> Vec<&'a str> {
    let of_registry = |reference: &&String| reference.split_once('/').is_some_and(|(host, _)| host == registry);
    if image.repo_tags.iter().any(|tag| of_registry(&tag)) {
        return Vec::new();
    }
    let pulled = image.repo_digests.iter().filter(of_registry);
    pulled.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_pulled_from_the_registry_goes() {
        let image = |digests: &[&str], tags: &[&str]| ImageSummary {
            repo_digests: digests.iter().map(ToString::to_string).collect(),
            repo_tags: tags.iter().map(ToString::to_string).collect(),
            ..ImageSummary::default()
        };
        let check = |digests: &[&str], tags: &[&str], expected: &[&str]| {
            let image = image(digests, tags);
            assert_eq!(pulled_from("127.0.0.1:4566", &image), expected, "{digests:?} {tags:?}");
        };
        let (ours, others) = ("127.0.0.1:4566/service@sha256:a", "127.0.0.1:45660/service@sha256:a");
        check(&[ours], &[], &[ours]);
        check(&[ours, others], &["127.0.0.1:45660/service:1"], &[ours]);
        check(&[ours], &["127.0.0.1:4566/service:mine"], &[]);
        check(&[others, "debian@sha256:b"], &["debian:13"], &[]);
    }
}
