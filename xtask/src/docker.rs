//! Docker, for images: the only user of bollard on the build side.
//!
//! bollard reports an engine's errors inside its streams, with HTTP status 200, so every stream is read to its end.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bollard::{
    Docker,
    auth::DockerCredentials,
    query_parameters::{ImportImageOptions, PushImageOptions},
};
use futures_util::TryStreamExt as _;

/// How long an engine may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// How long loading or pushing an image of a few MiB may take.
const TRANSFER_TIMEOUT: Duration = Duration::from_mins(5);

/// A Docker engine that answers.
#[derive(Debug, Clone)]
pub(crate) struct Engine(Docker);

impl Engine {
    /// Connects to the engine that `DOCKER_HOST` names, or to the one of this machine.
    ///
    /// # Errors
    ///
    /// When none answers.
    pub(crate) async fn connect() -> anyhow::Result<Self> {
        let docker = Docker::connect_with_defaults().context("no Docker daemon can be reached")?;
        let ping = tokio::time::timeout(PING_TIMEOUT, docker.ping()).await;
        ping.map_err(|_| anyhow!("it took longer than {} s", PING_TIMEOUT.as_secs()))
            .and_then(|answer| Ok(answer?))
            .context("no Docker daemon answers")?;
        Ok(Self(docker))
    }

    /// Loads an image from an archive as `docker save` writes it.
    ///
    /// # Errors
    ///
    /// The engine's own words.
    pub(crate) async fn load(&self, archive: Vec<u8>) -> anyhow::Result<()> {
        let options = ImportImageOptions {
            quiet: true,
            ..ImportImageOptions::default()
        };
        let load = self.0.import_image(options, bollard::body_full(archive.into()), None);
        within(load.try_for_each(async |_| Ok(())))
            .await
            .context("Docker can't load the image")
    }

    /// Pushes the image that has this tag.
    ///
    /// # Errors
    ///
    /// The engine's own words, which repeat the registry's.
    pub(crate) async fn push(&self, repository: &str, tag: &str, username: &str, password: &str) -> anyhow::Result<()> {
        // Without a tag the engine would push every tag that it has of the repository.
        let options = PushImageOptions {
            tag: Some(tag.to_owned()),
            ..PushImageOptions::default()
        };
        let credentials = DockerCredentials {
            username: Some(username.to_owned()),
            password: Some(password.to_owned()),
            serveraddress: repository.split('/').next().map(str::to_owned),
            ..DockerCredentials::default()
        };
        let push = self.0.push_image(repository, Some(options), Some(credentials));
        within(push.try_for_each(async |_| Ok(())))
            .await
            .with_context(|| format!("Docker can't push to {repository}"))
    }
}

async fn within(transfer: impl Future<Output = Result<(), bollard::errors::Error>>) -> anyhow::Result<()> {
    let ended = tokio::time::timeout(TRANSFER_TIMEOUT, transfer).await;
    Ok(ended.map_err(|_| anyhow!("it took longer than {} s", TRANSFER_TIMEOUT.as_secs()))??)
}

#[cfg(test)]
impl Engine {
    /// Takes a tag, and the image with its last tag, away from the engine.
    pub(crate) async fn remove(&self, image: &str) -> anyhow::Result<()> {
        self.0
            .remove_image(image, None::<bollard::query_parameters::RemoveImageOptions>, None)
            .await?;
        Ok(())
    }
}

/// The engine, for a test whose name begins with `docker_`. Without one the test is skipped, and says so; with
/// `CI=true` it fails.
#[cfg(test)]
pub(crate) async fn engine_for_test() -> Option<Engine> {
    match Engine::connect().await {
        Ok(engine) => Some(engine),
        Err(error) => {
            let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(
                !in_ci,
                "no Docker daemon answers, and in CI nothing is skipped: {error:#}"
            );
            println!("skipped: no Docker daemon answers");
            None
        }
    }
}
