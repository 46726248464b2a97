//! Both runtimes with real tasks.

mod docker;
mod process;

use crate::{ContainerSpec, Exit, ImageOnDisk, ImageReference, Layer, Runtime, Started, TaskSpec};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc::UnboundedReceiver;

/// Nothing here takes as long on a machine that works.
const LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn container(name: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        image: ImageReference {
            reference: String::new(),
            on_disk: ImageOnDisk::default(),
        },
        entry_point: None,
        command: None,
        environment: BTreeMap::new(),
        port: None,
        cpu_units: 0,
        memory_mib: 0,
        readonly_root_filesystem: true,
        user: None,
        working_directory: None,
        ulimits: Vec::new(),
        stop_timeout: Duration::from_secs(30),
    }
}

fn task(id: &str, image: &ImageReference, arguments: &[&str]) -> TaskSpec {
    let mut container = container("service");
    container.image = image.clone();
    container.command = Some(arguments.iter().map(|argument| (*argument).to_owned()).collect());
    container.environment.insert("NAME".to_owned(), id.to_owned());
    container.port = Some(8080);
    TaskSpec {
        id: id.to_owned(),
        cluster: "cluster".to_owned(),
        family: "family".to_owned(),
        containers: vec![container],
        registry_login: None,
    }
}

/// The example beside this test's binary, which cargo builds together with it.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.ancestors().nth(2).unwrap().join("examples/runtime-test-program");
    assert!(
        program.exists(),
        "{} is built by `cargo test` without `--lib`",
        program.display()
    );
    program
}

/// A layer with these files, as a tar.
fn layer(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(bytes);
    hash.iter()
        .fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn on_disk(folder: &Path, layer: &[u8]) -> ImageOnDisk {
    let path = folder.join("layer.tar");
    std::fs::write(&path, layer).unwrap();
    ImageOnDisk {
        // Any digest serves here, and the true one takes a second in a debug build.
        digest: format!("sha256:{:064x}", layer.len()),
        layers: vec![Layer {
            path,
            media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        }],
        entrypoint: vec!["/program".to_owned()],
        ..ImageOnDisk::default()
    }
}

async fn exit(exits: &mut UnboundedReceiver<Exit>, task: &str) -> Exit {
    loop {
        let exit = tokio::time::timeout(LIMIT, exits.recv())
            .await
            .expect("an end within the limit")
            .unwrap();
        if exit.task == task {
            return exit;
        }
    }
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begin.elapsed() < LIMIT, "{what} didn't happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut answer = String::new();
    tokio::net::TcpStream::connect(address)
        .await?
        .read_to_string(&mut answer)
        .await?;
    Ok(answer)
}

/// The name that the task answers with.
async fn answer(started: &Started) -> String {
    let address = started.address.unwrap();
    // An engine's proxy accepts before the program does, and then gives nothing.
    until("an answer", async || {
        get(address).await.ok().filter(|answer| !answer.is_empty())
    })
    .await
}

async fn log_with(runtime: &Runtime, task: &str, text: &str) -> String {
    let path = runtime.log_path(task, "service");
    until(text, async || {
        std::fs::read_to_string(&path).ok().filter(|log| log.contains(text))
    })
    .await
}

/// What both runtimes must do alike.
mod alike {
    use super::*;

    pub(super) async fn starts_and_stops(runtime: &Runtime, spec: TaskSpec) {
        let id = spec.id.clone();
        let mut exits = runtime.exits();
        let started = runtime.start(spec).await.unwrap();
        assert_eq!(answer(&started).await, id);
        let usage = until("usage", async || {
            runtime.usage(&id).await.filter(|usage| usage.memory_bytes > 0)
        })
        .await;
        assert!(usage.memory_bytes < 1 << 30, "{usage:?}");

        runtime.stop(&id, LIMIT).await;
        let exit = exit(&mut exits, &id).await;
        assert_eq!((exit.exit_code, exit.out_of_memory), (Some(0), false));
        assert!(log_with(runtime, &id, "terminated").await.contains("listening on"));
        assert!(get(started.address.unwrap()).await.is_err());
        assert_eq!(runtime.usage(&id).await, None);
        assert_eq!(runtime.adopt(&started.identity).await.unwrap(), None);
        // Once more is no harm.
        runtime.stop(&id, LIMIT).await;
    }

    pub(super) async fn kills_after_the_grace(runtime: &Runtime, spec: TaskSpec) {
        let id = spec.id.clone();
        let mut exits = runtime.exits();
        let started = runtime.start(spec).await.unwrap();
        answer(&started).await;
        let begin = Instant::now();
        runtime.stop(&id, Duration::from_millis(200)).await;
        assert!(begin.elapsed() >= Duration::from_millis(200));
        assert_eq!(exit(&mut exits, &id).await.exit_code, Some(137));
        log_with(runtime, &id, "asked to end, but no").await;
    }

    pub(super) async fn tells_exit_codes(runtime: &Runtime, spec: TaskSpec, expected: i32) {
        let id = spec.id.clone();
        let mut exits = runtime.exits();
        runtime.start(spec).await.unwrap();
        assert_eq!(exit(&mut exits, &id).await.exit_code, Some(expected));
    }

    pub(super) async fn sweeps_all_but_what_is_kept(runtime: &Runtime, again: &Runtime, specs: [TaskSpec; 3]) {
        let mut started = Vec::new();
        for spec in specs {
            started.push(runtime.start(spec).await.unwrap());
        }
        for one in &started {
            answer(one).await;
        }
        let kept = &started[1].identity;
        let mut exits = again.exits();
        assert_eq!(again.adopt(kept).await.unwrap().unwrap(), started[1]);
        let swept = again.sweep(std::slice::from_ref(kept)).await.unwrap();
        assert_eq!(
            swept,
            [started[0].identity.task.clone(), started[2].identity.task.clone()]
        );
        assert!(get(started[0].address.unwrap()).await.is_err());
        assert_eq!(answer(&started[1]).await, kept.task);
        assert_eq!(again.sweep(&[]).await.unwrap(), [kept.task.as_str()]);
        exit(&mut exits, &kept.task).await;
        assert_eq!(again.sweep(&[]).await.unwrap(), Vec::<String>::new());
    }

    pub(super) async fn tells_of_too_much_memory(runtime: &Runtime, spec: TaskSpec) {
        let id = spec.id.clone();
        let mut exits = runtime.exits();
        runtime.start(spec).await.unwrap();
        let exit = exit(&mut exits, &id).await;
        assert_eq!((exit.exit_code, exit.out_of_memory), (Some(137), true));
    }
}
