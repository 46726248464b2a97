//! What to run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// One task.
#[derive(Debug, Clone)]
pub struct TaskSpec {
    /// The task's id: letters, digits, `-` and `_`, at most 255.
    pub id: String,
    /// The cluster's name, for labels.
    pub cluster: String,
    /// The task definition's family, for labels.
    pub family: String,
    /// The task's containers. Exactly one for now, which is essential.
    pub containers: Vec<ContainerSpec>,
    /// How Docker logs in to pull the image.
    pub registry_login: Option<RegistryLogin>,
}

/// One container, by the words of ECS's container definitions
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>).
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// The container's name: letters, digits, `-` and `_`, at most 255.
    pub name: String,
    /// What it is made of.
    pub image: ImageReference,
    /// In place of the image's entry point and command.
    pub entry_point: Option<Vec<String>>,
    /// In place of the image's command.
    pub command: Option<Vec<String>>,
    /// Added to the image's environment, and stronger.
    pub environment: BTreeMap<String, String>,
    /// The TCP port that the program listens on, where it does.
    pub port: Option<u16>,
    /// CPU units, 1024 to a virtual CPU. Zero means no limit.
    pub cpu_units: u32,
    /// Memory in MiB. Zero means no limit.
    pub memory_mib: u32,
    /// Whether the container's root file system can't be written to.
    pub readonly_root_filesystem: bool,
    /// In place of the image's user: `user`, `uid`, `user:group` or `uid:gid`.
    pub user: Option<String>,
    /// In place of the image's working directory.
    pub working_directory: Option<String>,
    /// The limits of the container's processes.
    pub ulimits: Vec<Ulimit>,
    /// How long the container may take to end before it is killed, where Docker itself ends it.
    pub stop_timeout: Duration,
}

/// A limit by the names of ECS: `nofile`, `nproc`, `core`, ….
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// Which limit.
    pub name: String,
    /// Where it binds.
    pub soft: u64,
    /// Up to where the program may raise it.
    pub hard: u64,
}

/// An image, as both runtimes need it.
#[derive(Debug, Clone)]
pub struct ImageReference {
    /// What Docker pulls: `host:port/name@sha256:…`.
    pub reference: String,
    /// Where the image's parts are on this machine, for the process runtime.
    pub on_disk: ImageOnDisk,
}

/// An image whose layers are files, and what its config says of how to run it.
#[derive(Debug, Clone, Default)]
pub struct ImageOnDisk {
    /// `sha256:` and 64 hexadecimal digits: the manifest's digest.
    pub digest: String,
    /// The processor in Go's words: `amd64`, `arm64`. Empty where nobody knows.
    pub architecture: String,
    /// From the lowest up.
    pub layers: Vec<Layer>,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments after those.
    pub cmd: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty for root.
    pub user: String,
    /// Empty for `/`.
    pub working_dir: String,
    /// The signal that asks the program to end, where it isn't SIGTERM.
    pub stop_signal: Option<String>,
}

/// A layer's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Where it is.
    pub path: PathBuf,
    /// What it is: a tar, or a tar in gzip, by OCI's or Docker's name.
    pub media_type: String,
}

/// Credentials for the registry that Docker pulls from.
#[derive(Clone)]
pub struct RegistryLogin {
    /// `AWS` at ECR.
    pub username: String,
    /// Never shown.
    pub password: String,
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RegistryLogin")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl TaskSpec {
    /// The one container, once the spec is known to be fit to run.
    pub(crate) fn checked(&self) -> Result<&ContainerSpec, String> {
        check_name("task id", &self.id)?;
        let [container] = self.containers.as_slice() else {
            return Err(format!(
                "the task has {} containers, the local cloud runs tasks of one container",
                self.containers.len()
            ));
        };
        check_name("container name", &container.name)?;
        for name in container.environment.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(format!("{name:?} can't be the name of an environment variable"));
            }
        }
        if container.environment.values().any(|value| value.contains('\0')) {
            return Err("an environment variable's value holds a zero byte".to_owned());
        }
        Ok(container)
    }
}

pub(crate) fn check_name(what: &str, name: &str) -> Result<(), String> {
    if is_plain_name(name) {
        return Ok(());
    }
    Err(format!(
        "the {what} {name:?} may hold only letters, digits, `-` and `_`, 255 at most"
    ))
}

pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(plain)
}

/// The program and its arguments, as Docker combines an image's with a task definition's:
/// whoever replaces the entry point drops the image's command too.
pub(crate) fn command_line(container: &ContainerSpec) -> Vec<String> {
    let image = &container.image.on_disk;
    let replaced = container.entry_point.is_some();
    let entry_point = container.entry_point.as_ref().unwrap_or(&image.entrypoint);
    let command = match &container.command {
        Some(command) => command.as_slice(),
        None if replaced => &[],
        None => &image.cmd,
    };
    entry_point.iter().chain(command).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::container;

    #[test]
    fn command_lines_are_combined_as_in_docker() {
        let check = |entry_point: Option<&[&str]>, command: Option<&[&str]>, expected: &[&str]| {
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let mut container = container("c");
            container.image.on_disk.entrypoint = owned(&["/image"]);
            container.image.on_disk.cmd = owned(&["serve"]);
            container.entry_point = entry_point.map(owned);
            container.command = command.map(owned);
            assert_eq!(command_line(&container), owned(expected));
        };
        check(None, None, &["/image", "serve"]);
        check(None, Some(&["check"]), &["/image", "check"]);
        check(Some(&["/other"]), None, &["/other"]);
        check(Some(&["/other"]), Some(&["check"]), &["/other", "check"]);
        check(Some(&[]), None, &[]);
    }

    #[test]
    fn names_that_could_be_paths_are_refused() {
        let check = |name: &str, expected: bool| assert_eq!(is_plain_name(name), expected, "{name:?}");
        check("service", true);
        check("0f-_A", true);
        check("", false);
        check("..", false);
        check("a/b", false);
        check("a b", false);
        check(&"a".repeat(256), false);
    }

    #[test]
    fn a_login_is_never_shown() {
        let login = RegistryLogin {
            username: "AWS".to_owned(),
            password: "secret".to_owned(),
        };
        assert!(!format!("{login:?}").contains("secret"));
    }
}
