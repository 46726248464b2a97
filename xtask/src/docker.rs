//! Docker, for images, and for what soaks look at: the only user of bollard on the build side.
//!
//! bollard reports an engine's errors inside its streams, with HTTP status 200, so every stream is read to its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bollard::{
    Docker,
    auth::DockerCredentials,
    models::ContainerInspectResponse,
    query_parameters::{
        ImportImageOptions, InspectContainerOptions, KillContainerOptions, ListContainersOptionsBuilder,
        ListImagesOptionsBuilder, PushImageOptions, RemoveImageOptions,
    },
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

    /// Takes a tag, and the image with its last tag, away from the engine.
    ///
    /// # Errors
    ///
    /// When there is no such tag, or a container uses the image.
    pub(crate) async fn remove(&self, image: &str) -> anyhow::Result<()> {
        let removed = self.0.remove_image(image, None::<RemoveImageOptions>, None);
        removed.await.with_context(|| format!("Docker can't remove {image}"))?;
        Ok(())
    }

    /// The references of all images of a registry, `127.0.0.1:4566`, that the engine has, by tag and by digest.
    ///
    /// # Errors
    ///
    /// The engine's own words.
    pub(crate) async fn images_of(&self, registry: &str) -> anyhow::Result<BTreeSet<String>> {
        let options = ListImagesOptionsBuilder::default().digests(true).build();
        let images = self
            .0
            .list_images(Some(options))
            .await
            .context("Docker lists no images")?;
        let references = images
            .into_iter()
            .flat_map(|image| image.repo_tags.into_iter().chain(image.repo_digests));
        Ok(references
            .filter(|reference| reference.split_once('/').is_some_and(|(host, _)| host == registry))
            .collect())
    }

    /// The containers with a label, `name=value`, that run or have ended.
    ///
    /// # Errors
    ///
    /// The engine's own words.
    pub(crate) async fn containers(&self, label: &str) -> anyhow::Result<Vec<Container>> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self
            .0
            .list_containers(Some(options))
            .await
            .context("Docker lists no containers")?;
        let mut containers = Vec::new();
        for id in listed.into_iter().filter_map(|container| container.id) {
            // One that has gone meanwhile is none.
            if let Ok(inspected) = self.0.inspect_container(&id, None::<InspectContainerOptions>).await {
                containers.push(Container::new(id, inspected));
            }
        }
        Ok(containers)
    }

    /// Kills a container with SIGKILL.
    ///
    /// # Errors
    ///
    /// When it doesn't run.
    pub(crate) async fn kill(&self, container: &str) -> anyhow::Result<()> {
        let killed = self.0.kill_container(container, None::<KillContainerOptions>);
        killed.await.with_context(|| format!("Docker can't kill {container}"))
    }
}

/// A container, as the engine tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    /// Its id.
    pub(crate) id: String,
    /// The number of its first process on this machine; 0 where it doesn't run.
    pub(crate) process_id: i32,
    pub(crate) labels: HashMap<String, String>,
    /// The environment that its program was started with.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where its ports are published: `127.0.0.1:32768`.
    pub(crate) sockets: BTreeSet<String>,
}

impl Container {
    fn new(id: String, inspected: ContainerInspectResponse) -> Self {
        let config = inspected.config.unwrap_or_default();
        let variables = config.env.unwrap_or_default();
        let variables = variables.iter().filter_map(|variable| variable.split_once('='));
        let published = inspected
            .network_settings
            .and_then(|network| network.ports)
            .unwrap_or_default();
        let bindings = published.into_values().flatten().flatten();
        let process_id = inspected.state.and_then(|state| state.pid).unwrap_or_default();
        Self {
            id,
            process_id: i32::try_from(process_id).unwrap_or_default(),
            labels: config.labels.unwrap_or_default(),
            environment: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            sockets: bindings
                .filter_map(|binding| Some(format!("{}:{}", binding.host_ip?, binding.host_port?)))
                .collect(),
        }
    }
}

async fn within(transfer: impl Future<Output = Result<(), bollard::errors::Error>>) -> anyhow::Result<()> {
    let ended = tokio::time::timeout(TRANSFER_TIMEOUT, transfer).await;
    Ok(ended.map_err(|_| anyhow!("it took longer than {} s", TRANSFER_TIMEOUT.as_secs()))??)
}

/// Connects to the engine, for a test whose name begins with `docker_`. `None` if there is none and the test is skipped.
#[cfg(test)]
pub(crate) async fn engine_for_test() -> Option<Engine> {
    use optional_programs::{Program, skip_without};

    if skip_without(&[Program::Docker]) {
        return None;
    }
    Some(Engine::connect().await.unwrap())
}
