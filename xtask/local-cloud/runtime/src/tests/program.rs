//! What the tests' containers run. The first argument says what to do.

use runtime::{ContainerSpec, Runtime, TaskSpec};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve"] => serve_until_asked().await,
        ["serve-for-ever"] => serve_for_ever().await,
        ["wait"] => std::future::pending::<()>().await,
        ["exit", code] => std::process::exit(code.parse().expect("an exit code")),
        ["abort"] => std::process::abort(),
        ["environment"] => print_environment(),
        ["write", path] => say(&format!(
            "{:?}",
            std::fs::write(path, "x").map_err(|error| error.kind())
        )),
        ["use-memory", mebibytes] => use_memory(mebibytes.parse().expect("a size")).await,
        ["with-strays"] => with_strays().await,
        ["local-cloud", home, layer] => local_cloud(Path::new(home), Path::new(layer)).await,
        other => panic!("{other:?} is nothing to do"),
    }
}

fn say(text: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .expect("stdout takes text");
}

/// Answers every connection with the container's name, until SIGTERM.
async fn serve_until_asked() {
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be handled");
    tokio::select! {
        () = serve() => {}
        _ = terminate.recv() => say("terminated"),
    }
}

async fn serve_for_ever() {
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be handled");
    tokio::join!(serve(), async {
        while terminate.recv().await.is_some() {
            say("asked to end, but no");
        }
    });
}

async fn serve() {
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let address = format!("{}:{}", variable("BIND_ADDRESS", "0.0.0.0"), variable("PORT", "8080"));
    let listener = TcpListener::bind(&address)
        .await
        .expect("the address can be listened on");
    say(&format!("listening on {address}"));
    loop {
        let (mut stream, _) = listener.accept().await.expect("connections come");
        // Whoever went away needs no answer.
        let _ = stream.write_all(variable("NAME", "").as_bytes()).await;
    }
}

fn print_environment() {
    for (name, value) in std::env::vars() {
        say(&format!("{name}={value}"));
    }
    say(&format!("arguments: {:?}", std::env::args().collect::<Vec<_>>()));
    let folder = std::env::current_dir().map(|path| path.file_name().map(ToOwned::to_owned));
    say(&format!("folder: {folder:?}"));
}

async fn use_memory(mebibytes: usize) {
    let memory = vec![1_u8; mebibytes << 20];
    say(&format!("using {} bytes", memory.len()));
    std::future::pending::<()>().await;
}

/// Leaves a child in the same process group, and one in a group of its own.
#[expect(
    clippy::zombie_processes,
    reason = "that nobody cares for them is what makes them strays"
)]
async fn with_strays() {
    use std::os::unix::process::CommandExt as _;
    let own = std::env::current_exe().expect("this program has a path");
    let plain = std::process::Command::new(&own).arg("wait").spawn().expect("a child");
    let apart = std::process::Command::new(&own)
        .arg("wait")
        .process_group(0)
        .spawn()
        .expect("a child");
    say(&format!("strays: {} {}", plain.id(), apart.id()));
    serve_until_asked().await;
}

/// Starts a task, says what it is, and waits to be killed.
async fn local_cloud(home: &Path, layer: &Path) {
    let runtime = Runtime::process(home).expect("the home opens");
    let image = runtime::ImageReference {
        reference: String::new(),
        on_disk: runtime::ImageOnDisk {
            digest: format!("sha256:{}", "a".repeat(64)),
            layers: vec![runtime::Layer {
                path: layer.to_owned(),
                media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
            }],
            entrypoint: vec!["/program".to_owned()],
            cmd: vec!["serve".to_owned()],
            ..runtime::ImageOnDisk::default()
        },
    };
    let container = ContainerSpec {
        name: "service".to_owned(),
        image,
        entry_point: None,
        command: None,
        environment: [("NAME".to_owned(), "orphan".to_owned())].into(),
        port: Some(8080),
        cpu_units: 0,
        memory_mib: 0,
        readonly_root_filesystem: true,
        user: None,
        working_directory: None,
        ulimits: Vec::new(),
        stop_timeout: Duration::from_secs(30),
    };
    let spec = TaskSpec {
        id: "orphan".to_owned(),
        cluster: String::new(),
        family: String::new(),
        containers: vec![container],
        registry_login: None,
    };
    let started = runtime.start(spec).await.expect("the task starts");
    say(&serde_json::to_string(&started.identity).expect("an identity is JSON"));
    std::future::pending::<()>().await;
}
