//! Finds the engine, or says why there is none.

use super::memory;
use bollard::{API_DEFAULT_VERSION, Docker};
use std::io;
use std::time::Duration;

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// How long the engine may take to begin an answer.
const TIMEOUT_SECONDS: u64 = 120;
/// How long it may take to say that it is there.
const DETECTION: Duration = Duration::from_secs(5);

pub(super) struct Engine {
    pub(super) docker: Docker,
    pub(super) processors: u32,
    pub(super) shares_kernel: bool,
    version: String,
}

/// What there is, or why there is nothing.
pub(crate) async fn detect() -> Result<String, String> {
    connect().await.map(|engine| format!("Docker {}", engine.version))
}

pub(super) async fn connect() -> Result<Engine, String> {
    let path = socket_path(std::env::var("DOCKER_HOST").ok())?;
    let answer = async {
        // Asked first, as its errors tell more than those of the client.
        tokio::net::UnixStream::connect(&path)
            .await
            .map_err(|error| explain(&path, &error))?;
        ask(&path).await
    };
    let answer = tokio::time::timeout(DETECTION, answer).await;
    answer.unwrap_or_else(|_elapsed| {
        Err(format!(
            "the Docker engine at {path} doesn't answer within {DETECTION:?}"
        ))
    })
}

async fn ask(path: &str) -> Result<Engine, String> {
    let words = |error| format!("the Docker engine at {path} doesn't answer: {error}");
    let docker = Docker::connect_with_unix(path, TIMEOUT_SECONDS, API_DEFAULT_VERSION).map_err(words)?;
    let info = docker.info().await.map_err(words)?;
    let architecture = info.architecture.unwrap_or_default();
    if architecture != std::env::consts::ARCH || info.os_type.as_deref() != Some("linux") {
        return Err(format!(
            "the Docker engine at {path} runs on {} {architecture}, this machine is {}",
            info.os_type.unwrap_or_default(),
            std::env::consts::ARCH
        ));
    }
    Ok(Engine {
        docker,
        processors: info.ncpu.and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        shares_kernel: memory::is_this_kernel(info.kernel_version.as_deref()),
        version: info.server_version.unwrap_or_default(),
    })
}

fn socket_path(docker_host: Option<String>) -> Result<String, String> {
    let Some(host) = docker_host.filter(|host| !host.is_empty()) else {
        return Ok(DEFAULT_SOCKET.to_owned());
    };
    let path = host.strip_prefix("unix://").map(str::to_owned);
    // A container's port is reached on this machine alone, so the engine must be here.
    path.ok_or_else(|| format!("DOCKER_HOST is {host}, the local cloud needs an engine of this machine (unix://…)"))
}

fn explain(path: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("there is no Docker engine at {path}, install or start Docker"),
        io::ErrorKind::PermissionDenied => {
            format!("{path} may not be used by you, join the group `docker` and log in again")
        }
        io::ErrorKind::ConnectionRefused => format!("no Docker engine listens at {path}, start it"),
        _ => format!("the Docker engine at {path} can't be reached: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_engine_of_this_machine_serves() {
        let check = |host: Option<&str>, expected: Option<&str>| {
            let actual = socket_path(host.map(str::to_owned)).ok();
            assert_eq!(actual.as_deref(), expected, "{host:?}");
        };
        check(None, Some("/var/run/docker.sock"));
        check(Some(""), Some("/var/run/docker.sock"));
        check(Some("unix:///run/user/1/docker.sock"), Some("/run/user/1/docker.sock"));
        check(Some("tcp://10.0.0.1:2375"), None);
        check(Some("ssh://host"), None);
    }

    #[test]
    fn what_keeps_the_engine_away_is_said_with_the_mend() {
        let check = |kind: io::ErrorKind, expected: &str| {
            let actual = explain("/s", &kind.into());
            assert!(actual.contains(expected), "{actual}");
        };
        check(io::ErrorKind::NotFound, "install or start Docker");
        check(io::ErrorKind::PermissionDenied, "join the group `docker`");
        check(io::ErrorKind::ConnectionRefused, "start it");
    }
}
