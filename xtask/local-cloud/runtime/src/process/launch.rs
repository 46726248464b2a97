//! From a container's definition to a running child.

use crate::spec::{ContainerSpec, command_line};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The environment variable by which a task's processes are known, even to a local cloud that has lost everything else.
pub(super) const MARKER: &str = "LOCAL_CLOUD_TASK";
/// Docker's own.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const BUSY_TRIES: u32 = 50;
const BUSY_WAIT: Duration = Duration::from_millis(10);

pub(super) fn marker(home_id: &str, task: &str) -> String {
    format!("{home_id}/{task}")
}

/// A program within an unpacked image.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    working_directory: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Program {
    pub(super) fn find(container: &ContainerSpec, root: &Path) -> Result<Self, String> {
        let mut words = command_line(container).into_iter();
        let name = words.next().filter(|name| !name.is_empty());
        let name = name.ok_or("No command specified")?;
        let environment = environment(container);
        let working_directory = working_directory(container, root)?;
        let path = find(&name, &environment, &working_directory, root)?;
        let mut arguments = vec![name];
        arguments.extend(words);
        Ok(Program {
            path,
            arguments,
            working_directory,
            environment,
        })
    }

    /// Starts the program in a process group of its own, with nothing of our environment.
    pub(super) async fn spawn(self, address: Option<SocketAddr>, marker: &str, log: File) -> io::Result<Child> {
        let mut command = self.command(address, marker, log)?;
        for _ in 0..BUSY_TRIES {
            match command.spawn() {
                // A child that is being started elsewhere holds for a moment all that we have open,
                // and so may hold the program's file from when it was written.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                    tokio::time::sleep(BUSY_WAIT).await;
                }
                result => return result.map_err(|error| self.explain(&error)),
            }
        }
        Err(io::ErrorKind::ExecutableFileBusy.into())
    }

    fn command(&self, address: Option<SocketAddr>, marker: &str, log: File) -> io::Result<Command> {
        let mut command = Command::new(&self.path);
        command
            .arg0(&self.arguments[0])
            .args(&self.arguments[1..])
            .env_clear()
            .envs(&self.environment)
            .current_dir(&self.working_directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(address) = address {
            command
                .env("BIND_ADDRESS", address.ip().to_string())
                .env("PORT", address.port().to_string());
        }
        command.env(MARKER, marker);
        Ok(command)
    }

    fn explain(&self, error: &io::Error) -> io::Error {
        let name = &self.arguments[0];
        let hint = match error.kind() {
            io::ErrorKind::NotFound => ", its interpreter isn't on this machine: link the program statically",
            _ => "",
        };
        io::Error::new(
            error.kind(),
            format!("unable to start container process: exec: {name:?}: {error}{hint}"),
        )
    }
}

/// The image's environment, and the definition's over it.
fn environment(container: &ContainerSpec) -> BTreeMap<String, String> {
    let image = container
        .image
        .on_disk
        .env
        .iter()
        .filter_map(|variable| variable.split_once('='));
    let image = image.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut environment: BTreeMap<String, String> = image.collect();
    environment.extend(container.environment.clone());
    environment
}

fn working_directory(container: &ContainerSpec, root: &Path) -> Result<PathBuf, String> {
    let name = container
        .working_directory
        .as_ref()
        .unwrap_or(&container.image.on_disk.working_dir);
    let path = root.join(name.trim_start_matches('/'));
    within(&path, root)
        .filter(|path| path.is_dir())
        .ok_or_else(|| format!("the working directory {name:?} is not in the image"))
}

fn find(
    name: &str,
    environment: &BTreeMap<String, String>,
    working_directory: &Path,
    root: &Path,
) -> Result<PathBuf, String> {
    let candidates: Vec<PathBuf> = if let Some(absolute) = name.strip_prefix('/') {
        vec![root.join(absolute.trim_start_matches('/'))]
    } else if name.contains('/') {
        vec![working_directory.join(name)]
    } else {
        let path = environment.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        path.split(':')
            .map(|folder| root.join(folder.trim_start_matches('/')).join(name))
            .collect()
    };
    let found = candidates
        .iter()
        .find_map(|path| within(path, root).filter(|path| path.is_file()));
    found.ok_or_else(|| {
        format!("unable to start container process: exec: {name:?}: stat {name}: no such file or directory")
    })
}

/// The path with all links followed, if that doesn't lead out of the image.
fn within(path: &Path, root: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok().filter(|path| path.starts_with(root))
}

/// Sets the limits that can be set without root. The program has begun by then, so that it may outrun them for a moment.
pub(super) fn limit(pid: i32, container: &ContainerSpec) -> io::Result<()> {
    let pid = Pid::from_raw(pid);
    let mut limits = vec![(Resource::Core, exactly(0))];
    if container.memory_mib > 0 {
        // What the program could touch, rather than what it does; so twice as much, against running away between two looks.
        limits.push((Resource::Data, exactly(u64::from(container.memory_mib) << 21)));
    }
    for ulimit in &container.ulimits {
        let limit = Rlimit {
            current: Some(ulimit.soft),
            maximum: Some(ulimit.hard),
        };
        limits.push((resource(&ulimit.name)?, limit));
    }
    for (resource, limit) in limits {
        match prlimit(pid, resource, limit) {
            // The child has ended already, which is told in its place.
            Ok(_) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(io::Error::other(format!("setting the limit {resource:?}: {error}"))),
        }
    }
    Ok(())
}

fn exactly(value: u64) -> Rlimit {
    Rlimit {
        current: Some(value),
        maximum: Some(value),
    }
}

/// By the names of ECS (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Ulimit.html>).
fn resource(name: &str) -> io::Result<Resource> {
    Ok(match name {
        "core" => Resource::Core,
        "cpu" => Resource::Cpu,
        "data" => Resource::Data,
        "fsize" => Resource::Fsize,
        "locks" => Resource::Locks,
        "memlock" => Resource::Memlock,
        "msgqueue" => Resource::Msgqueue,
        "nice" => Resource::Nice,
        "nofile" => Resource::Nofile,
        "nproc" => Resource::Nproc,
        "rss" => Resource::Rss,
        "rtprio" => Resource::Rtprio,
        "rttime" => Resource::Rttime,
        "sigpending" => Resource::Sigpending,
        "stack" => Resource::Stack,
        other => return Err(io::Error::other(format!("there is no limit called {other:?}"))),
    })
}
