//! With the Docker engine as the client.

use super::open;
use crate::Registry;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ImportImageOptions, PushImageOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder,
};
use bollard::{Docker, body_full};
use futures_util::{StreamExt as _, TryStreamExt as _};
use optional_programs::{Program, skip_without};

#[tokio::test]
async fn docker_pushes_and_pulls() {
    let Some(docker) = docker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let host = serve(&registry).await;
    let local = format!("registry-test-{}", host.replace([':', '.'], "-"));
    load(&docker, &local).await;

    push(&docker, &local, &format!("{host}/team/service"), "v1")
        .await
        .unwrap();
    let images = registry.images("team/service").unwrap();
    assert_eq!(images[0].tags, ["v1"]);
    let resolved = registry.resolve("team/service", "v1").unwrap().unwrap();
    assert_eq!(resolved.configuration.entrypoint, ["/program"]);
    assert_eq!(resolved.layers.len(), 1);

    // The same layers to a repository that already has them, and from there to another by mounting.
    push(&docker, &local, &format!("{host}/team/service"), "v2")
        .await
        .unwrap();
    push(&docker, &local, &format!("{host}/team/copy"), "v1").await.unwrap();
    let error = push(&docker, &local, &format!("{host}/unknown"), "v1")
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("The repository with name 'unknown' does not exist"),
        "{error}"
    );

    remove(&docker, &local).await;
    for (name, tag) in [("team/service", "v1"), ("team/service", "v2"), ("team/copy", "v1")] {
        remove(&docker, &format!("{host}/{name}:{tag}")).await;
    }
    let by_digest = format!("{host}/team/service@{}", images[0].digest);
    let anonymous = pull(&docker, &by_digest, None).await.unwrap_err();
    assert!(
        anonymous.to_string().contains("no basic auth credentials"),
        "{anonymous}"
    );
    pull(&docker, &by_digest, Some(credentials(&host))).await.unwrap();
    let pulled = docker.inspect_image(&by_digest).await.unwrap();
    assert_eq!(pulled.config.unwrap().entrypoint.unwrap(), ["/program"]);
    remove(&docker, &by_digest).await;
}

/// Connects to the engine. `None` if there is none and the test is skipped.
fn docker() -> Option<Docker> {
    if skip_without(&[Program::Docker]) {
        return None;
    }
    Some(Docker::connect_with_unix_defaults().unwrap())
}

async fn serve(registry: &Registry) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let router = registry.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    host
}

fn credentials(host: &str) -> DockerCredentials {
    DockerCredentials {
        username: Some("AWS".to_owned()),
        password: Some("secret".to_owned()),
        serveraddress: Some(host.to_owned()),
        ..DockerCredentials::default()
    }
}

async fn push(docker: &Docker, local: &str, repository: &str, tag: &str) -> Result<(), bollard::errors::Error> {
    let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
    docker.tag_image(local, Some(options)).await?;
    let host = repository.split('/').next().unwrap();
    let options = PushImageOptionsBuilder::default().tag(tag).build();
    let pushed = docker
        .push_image(repository, Some(options), Some(credentials(host)))
        .try_collect::<Vec<_>>()
        .await;
    if pushed.is_err() {
        remove(docker, &format!("{repository}:{tag}")).await;
    }
    pushed.map(|_| ())
}

async fn pull(
    docker: &Docker,
    reference: &str,
    credentials: Option<DockerCredentials>,
) -> Result<(), bollard::errors::Error> {
    let options = CreateImageOptionsBuilder::default().from_image(reference).build();
    docker
        .create_image(Some(options), None, credentials)
        .try_collect::<Vec<_>>()
        .await
        .map(|_| ())
}

async fn remove(docker: &Docker, image: &str) {
    docker
        .remove_image(image, None::<RemoveImageOptions>, None)
        .await
        .unwrap();
}

/// Gives the engine an image of one file, by its own archive format.
async fn load(docker: &Docker, name: &str) {
    let layer = archive(&[("program", name.as_bytes())]);
    let diff_id = crate::Digest::of(&layer);
    let config = serde_json::json!({
        "architecture": super::host(), "os": "linux", "config": {"Entrypoint": ["/program"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id.to_string()]},
    });
    let manifest =
        serde_json::json!([{"Config": "config.json", "RepoTags": [format!("{name}:latest")], "Layers": ["layer.tar"]}]);
    let image = archive(&[
        ("config.json", config.to_string().as_bytes()),
        ("layer.tar", &layer),
        ("manifest.json", manifest.to_string().as_bytes()),
    ]);
    let mut loaded = Box::pin(docker.import_image(ImportImageOptions::default(), body_full(image.into()), None));
    while let Some(step) = loaded.next().await {
        step.unwrap();
    }
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}
