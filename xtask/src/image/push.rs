//! Getting an image into a registry, through Docker or without it.
//!
//! Docker compresses layers and writes a manifest of its own, in an order of bytes that depends on its version. So an
//! image has one digest in a registry that Docker pushed it to, and another in one that it was pushed to directly. What
//! is the same by both is the configuration's digest, which covers the uncompressed layers: by that one an image is
//! recognised, and what the registry holds is what the reference names.

use anyhow::{Context as _, ensure};

use super::{
    BuiltImage,
    contents::{Contents, MANIFEST_TYPE, archive},
    layout,
    login::RegistryLogin,
    registry::{RemoteManifest, Repository},
};
use crate::code::Code;
use crate::docker::Engine;

/// The way to a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(dead_code, reason = "commands leave the way open; the tests take each")]
pub(crate) enum PushRoute {
    /// Through Docker if a daemon answers, else directly.
    #[default]
    Auto,
    /// Through Docker.
    Docker,
    /// Over the OCI distribution API.
    Direct,
}

/// The way that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsedRoute {
    /// Through Docker.
    Docker,
    /// Over the OCI distribution API.
    Direct,
    /// None: the image was there.
    Neither,
}

/// An image that a registry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// `repository@sha256:…`, with the digest that the registry has it under.
    pub(crate) reference: String,
    /// The way that was taken.
    pub(crate) route: UsedRoute,
    /// Whether the registry had the image before, so that nothing was done.
    pub(crate) already_there: bool,
}

/// Pushes an image to `repository`, which is `host[:port]/name`, under a tag that stays its own.
///
/// An image that is there already is left alone, whichever way it came.
///
/// # Errors
///
/// When the login isn't accepted or lacks a permission, the repository doesn't exist, the tag belongs to another image,
/// or the registry can't be reached.
pub(crate) async fn push(
    image: &BuiltImage,
    repository: &str,
    tag: &str,
    login: &RegistryLogin,
    how: PushRoute,
) -> anyhow::Result<Pushed> {
    let contents = layout::read(&image.directory, &image.manifest_digest)?;
    let remote = Repository::new(repository, login, Code::ImagePush)?;
    let pushed = |digest: &str, route| Pushed {
        reference: format!("{repository}@{digest}"),
        route,
        already_there: route == UsedRoute::Neither,
    };
    if let Some(manifest) = remote.manifest(tag).await? {
        ensure_same(&manifest, &contents, repository, tag)?;
        // Whoever pushed it may have been killed before it was forgotten.
        if how != PushRoute::Direct
            && let Ok(engine) = Engine::connect().await
        {
            forget(&engine, repository, tag).await;
        }
        return Ok(pushed(&manifest.digest, UsedRoute::Neither));
    }
    let engine = match how {
        PushRoute::Direct => None,
        PushRoute::Docker => Some(Engine::connect().await?),
        PushRoute::Auto => Engine::connect().await.ok(),
    };
    let route = if let Some(engine) = engine {
        engine.load(docker_archive(&contents, repository, tag)?).await?;
        let by_docker = engine.push(repository, tag, &login.username, login.password.reveal());
        let by_docker = by_docker.await;
        forget(&engine, repository, tag).await;
        if let Err(error) = by_docker {
            // Docker's words don't tell a lost network from a refusal; whether the registry answers does.
            remote.manifest(tag).await.with_context(|| format!("{error:#}"))?;
            return Err(error);
        }
        UsedRoute::Docker
    } else {
        remote.put_blob(&contents.layer).await?;
        remote.put_blob(&contents.configuration).await?;
        remote.put(tag, MANIFEST_TYPE, &contents.manifest).await?;
        UsedRoute::Direct
    };
    let manifest = remote.manifest(tag).await?;
    let manifest = manifest.with_context(|| format!("{repository} took {tag}, but doesn't have it"))?;
    ensure_same(&manifest, &contents, repository, tag)?;
    Ok(pushed(&manifest.digest, route))
}

/// Docker was only the way: an image that every deployment leaves on the machine fills it.
async fn forget(engine: &Engine, repository: &str, tag: &str) {
    // What isn't there, or is used by a container, is nobody's loss.
    let _ = engine.remove(&format!("{repository}:{tag}")).await;
}

fn ensure_same(manifest: &RemoteManifest, contents: &Contents, repository: &str, tag: &str) -> anyhow::Result<()> {
    ensure!(
        manifest.configuration_digest == contents.configuration.digest,
        "{repository}:{tag} is another image ({}); a tag stays with its image, so this one needs another tag",
        manifest.digest
    );
    Ok(())
}

/// The image as `docker save` would write it, which every version of the engine loads.
/// <https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format>
fn docker_archive(contents: &Contents, repository: &str, tag: &str) -> anyhow::Result<Vec<u8>> {
    let configuration = format!("{}.json", contents.configuration.hexadecimal());
    let layer = format!("{}/layer.tar", contents.layer.hexadecimal());
    let manifest = serde_json::json!([{
        "Config": configuration,
        "RepoTags": [format!("{repository}:{tag}")],
        "Layers": [layer],
    }]);
    let files: [(&str, u32, &[u8]); 3] = [
        ("manifest.json", 0o444, &serde_json::to_vec(&manifest)?),
        (&configuration, 0o444, &contents.configuration.bytes),
        (&layer, 0o444, &contents.layer.bytes),
    ];
    Ok(archive(&files)?)
}

#[cfg(test)]
mod tests;
