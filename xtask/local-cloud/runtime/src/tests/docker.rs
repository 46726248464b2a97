//! Tasks as containers, pulled from a registry of this machine.

use super::{ImageReference, TaskSpec, alike, answer, digest, exit, layer, log_with, on_disk, program, task};
use crate::{RegistryLogin, Runtime, RuntimeKind};
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    ImportImageOptions, InspectContainerOptions, KillContainerOptions, PushImageOptionsBuilder, RemoveImageOptions,
    TagImageOptionsBuilder,
};
use bollard::{Docker, body_full};
use futures_util::TryStreamExt as _;
use optional_programs::{Program, skip_without};
use registry::{Policy, Registry, Repositories};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;

struct Everything;

impl Repositories for Everything {
    fn policy(&self, _name: &str) -> Option<Policy> {
        Some(Policy { immutable_tags: false })
    }

    fn authorized(&self, username: &str, password: &str) -> bool {
        (username, password) == ("AWS", "secret")
    }
}

struct Fixture {
    docker: Docker,
    runtime: Runtime,
    image: ImageReference,
    folder: TempDir,
}

impl Fixture {
    fn task(&self, id: &str, arguments: &[&str]) -> TaskSpec {
        let mut spec = task(id, &self.image, arguments);
        spec.registry_login = Some(login());
        spec
    }

    fn registry(&self) -> &str {
        self.image.reference.split('/').next().unwrap()
    }

    /// Whether the engine has the image.
    async fn has_image(&self) -> bool {
        self.docker.inspect_image(&self.image.reference).await.is_ok()
    }

    async fn again(&self) -> Runtime {
        let home = self.folder.path().join("home");
        Runtime::docker(&home, self.registry()).await.unwrap()
    }

    async fn end(self) {
        self.runtime.sweep(&[]).await.unwrap();
        // Gone with the last container, unless the test started none at the end.
        let _ = self
            .docker
            .remove_image(&self.image.reference, None::<RemoveImageOptions>, None)
            .await;
    }
}

fn container_id(identity: &crate::Identity) -> String {
    match &identity.handle {
        crate::task::Handle::Docker { container_id } => container_id.clone(),
        crate::task::Handle::Process(_) => panic!("{identity:?}"),
    }
}

fn login() -> RegistryLogin {
    RegistryLogin {
        username: "AWS".to_owned(),
        password: "secret".to_owned(),
    }
}

/// Connects to the engine. `None` if there is none and the test is skipped.
fn docker() -> Option<Docker> {
    if skip_without(&[Program::Docker]) {
        return None;
    }
    Some(Docker::connect_with_unix_defaults().unwrap())
}

/// An image in a registry of its own, not yet in the engine.
async fn fixture() -> Option<Fixture> {
    let docker = docker()?;
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("registry"), Arc::new(Everything)).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    let router = registry.router();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let layer = layer_of_the_program(&host.to_string());
    push(&docker, host, &layer).await;
    let pushed = registry.resolve("service", "v1").unwrap().unwrap();
    let image = ImageReference {
        reference: format!("{host}/service@{}", pushed.digest),
        on_disk: on_disk(folder.path(), &layer),
    };
    let home = folder.path().join("home");
    let runtime = Runtime::docker(&home, &host.to_string()).await.unwrap();
    Some(Fixture {
        docker,
        runtime,
        image,
        folder,
    })
}

/// The program, and the libraries that it shares with this test, where both expect them.
/// `unique` makes it an image of its own, so that tests don't share what they remove.
fn layer_of_the_program(unique: &str) -> Vec<u8> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut libraries: Vec<&str> = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]))
        .collect();
    libraries.retain(|path| path.contains(".so"));
    libraries.push(loader());
    libraries.sort_unstable();
    libraries.dedup();
    // The loader looks in folders of fixed names, whichever this machine's distribution uses.
    let mut contents: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for path in libraries {
        let content = std::fs::read(path).unwrap();
        let name = path.rsplit('/').next().unwrap();
        contents.insert(format!("lib/{name}"), content.clone());
        contents.insert(path.trim_start_matches('/').to_owned(), content);
    }
    contents.insert("program".to_owned(), std::fs::read(program()).unwrap());
    contents.insert("unique".to_owned(), unique.into());
    let files: Vec<(&str, &[u8])> = contents
        .iter()
        .map(|(path, content)| (path.as_str(), content.as_slice()))
        .collect();
    layer(&files)
}

fn loader() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "/lib/ld-linux-aarch64.so.1"
    } else {
        "/lib64/ld-linux-x86-64.so.2"
    }
}

async fn push(docker: &Docker, host: SocketAddr, layer: &[u8]) {
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let config = serde_json::json!({
        "architecture": architecture, "os": "linux",
        "config": {"Entrypoint": ["/program"], "User": "65532:65532", "Env": ["FROM=image"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
    });
    let name = format!("{host}/service");
    let local = format!("runtime-test-{}", host.port());
    let manifest = serde_json::json!([{"Config": "config.json", "RepoTags": [format!("{local}:latest")], "Layers": ["layer.tar"]}]);
    let image = super::layer(&[
        ("config.json", config.to_string().as_bytes()),
        ("layer.tar", layer),
        ("manifest.json", manifest.to_string().as_bytes()),
    ]);
    let loaded = docker.import_image(ImportImageOptions::default(), body_full(image.into()), None);
    loaded.try_collect::<Vec<_>>().await.unwrap();
    let options = TagImageOptionsBuilder::default().repo(&name).tag("v1").build();
    docker.tag_image(&local, Some(options)).await.unwrap();
    let credentials = DockerCredentials {
        username: Some("AWS".to_owned()),
        password: Some("secret".to_owned()),
        ..DockerCredentials::default()
    };
    let options = PushImageOptionsBuilder::default().tag("v1").build();
    docker
        .push_image(&name, Some(options), Some(credentials))
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
    for image in [format!("{name}:v1"), local] {
        docker
            .remove_image(&image, None::<RemoveImageOptions>, None)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn docker_starts_and_stops_a_task() {
    let Some(fixture) = fixture().await else { return };
    assert_eq!(fixture.runtime.kind(), RuntimeKind::Docker);
    let mut spec = fixture.task("t1", &["serve"]);
    spec.containers[0].cpu_units = 512;
    spec.containers[0].memory_mib = 256;
    alike::starts_and_stops(&fixture.runtime, spec).await;
    fixture.end().await;
}

#[tokio::test]
async fn docker_kills_and_tells_how_tasks_ended() {
    let Some(fixture) = fixture().await else { return };
    alike::kills_after_the_grace(&fixture.runtime, fixture.task("t1", &["serve-for-ever"])).await;
    alike::tells_exit_codes(&fixture.runtime, fixture.task("t2", &["exit", "42"]), 42).await;
    let mut spec = without_port(fixture.task("t3", &["use-memory", "96"]));
    spec.containers[0].memory_mib = 32;
    alike::tells_of_too_much_memory(&fixture.runtime, spec).await;

    let mut exits = fixture.runtime.exits();
    let started = fixture.runtime.start(fixture.task("t4", &["serve"])).await.unwrap();
    answer(&started).await;
    let id = container_id(&started.identity);
    fixture
        .docker
        .kill_container(&id, None::<KillContainerOptions>)
        .await
        .unwrap();
    assert_eq!(exit(&mut exits, "t4").await.exit_code, Some(137));
    fixture.end().await;
}

fn without_port(mut spec: TaskSpec) -> TaskSpec {
    spec.containers[0].port = None;
    spec
}

#[tokio::test]
async fn docker_tasks_are_taken_back_and_swept() {
    let Some(fixture) = fixture().await else { return };
    let again = fixture.again().await;
    let specs = ["t1", "t2", "t3"].map(|id| fixture.task(id, &["serve"]));
    alike::sweeps_all_but_what_is_kept(&fixture.runtime, &again, specs).await;
    // The image went with the last container.
    assert!(!fixture.has_image().await);

    let started = fixture.runtime.start(fixture.task("t4", &["serve"])).await.unwrap();
    answer(&started).await;
    let third = fixture.again().await;
    let mut exits = third.exits();
    assert_eq!(third.adopt(&started.identity).await.unwrap(), Some(started.clone()));
    third.stop("t4", super::LIMIT).await;
    assert_eq!(exit(&mut exits, "t4").await.exit_code, Some(0));
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Runtime::docker(elsewhere.path(), fixture.registry()).await.unwrap();
    assert_eq!(stranger.adopt(&started.identity).await.unwrap(), None);
    fixture.end().await;
}

#[tokio::test]
async fn docker_containers_may_do_no_more_than_they_need() {
    let Some(fixture) = fixture().await else { return };
    let mut spec = fixture.task("t1", &["serve"]);
    spec.containers[0].cpu_units = 512;
    spec.containers[0].memory_mib = 256;
    let started = fixture.runtime.start(spec).await.unwrap();
    let id = container_id(&started.identity);
    let inspected = fixture
        .docker
        .inspect_container(&id, None::<InspectContainerOptions>)
        .await
        .unwrap();
    let (config, host) = (inspected.config.unwrap(), inspected.host_config.unwrap());
    assert_eq!(config.user.as_deref(), Some("65532:65532"));
    assert_eq!(host.readonly_rootfs, Some(true));
    assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
    assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
    assert_eq!((host.nano_cpus, host.memory), (Some(500_000_000), Some(256 << 20)));
    assert_eq!(config.labels.unwrap()["local-cloud.cluster"], "cluster");
    assert!(started.address.unwrap().ip().is_loopback());

    let mut exits = fixture.runtime.exits();
    let spec = without_port(fixture.task("t2", &["write", "/data"]));
    fixture.runtime.start(spec).await.unwrap();
    exit(&mut exits, "t2").await;
    log_with(&fixture.runtime, "t2", "Err(ReadOnlyFilesystem)").await;
    fixture.end().await;
}

#[tokio::test]
async fn docker_says_why_a_task_cannot_start() {
    let Some(fixture) = fixture().await else { return };
    let check = async |change: &dyn Fn(&mut TaskSpec), expected: &str| {
        let mut spec = fixture.task("t1", &["serve"]);
        change(&mut spec);
        let error = fixture.runtime.start(spec).await.unwrap_err();
        assert!(error.reason.starts_with(expected), "{}", error.reason);
        assert!(!error.reason.contains("secret"), "{}", error.reason);
    };
    check(
        &|spec| spec.registry_login.as_mut().unwrap().password = "wrong".to_owned(),
        "CannotPullContainerError: ",
    )
    .await;
    check(
        &|spec| {
            let reference = &mut spec.containers[0].image.reference;
            let (name, _) = reference.split_once('@').unwrap();
            *reference = format!("{name}@sha256:{}", "0".repeat(64));
        },
        "CannotPullContainerError: ",
    )
    .await;
    check(
        &|spec| spec.containers[0].entry_point = Some(vec!["/absent".to_owned()]),
        "CannotStartContainerError: ",
    )
    .await;
    check(
        &|spec| spec.id = "../t".to_owned(),
        "CannotCreateContainerError: the task id \"../t\"",
    )
    .await;
    assert_eq!(fixture.runtime.sweep(&[]).await.unwrap(), Vec::<String>::new());
    fixture.end().await;
}
