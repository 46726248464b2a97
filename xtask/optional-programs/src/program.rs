//! The programs and where they are.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{HIDDEN_VARIABLE, docker, is_on};

/// The folders where Debian installs servers, which an ordinary user's `PATH` lacks.
const SYSTEM_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The folder of the pinned Python tools, which `cargo xtask test` installs.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/venv/bin");

/// Runs a program with mounts and processes of its own. The kernel ends both with the program, however it ends.
const UNSHARE: &[&str] = &["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// A program that a machine may lack. Rust, a C compiler and git aren't among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The AWS CLI of the pinned virtual environment.
    AwsCli,
    /// boto3 in the pinned virtual environment: its `python`.
    Boto3,
    /// A browser without a screen: `chromium`.
    Browser,
    /// What drives the browser: `chromedriver`.
    BrowserDriver,
    /// `curl`
    Curl,
    /// A Docker daemon that answers at `DOCKER_HOST` or its default socket.
    Docker,
    /// `docker`, the client.
    DockerClient,
    /// `docker-registry`, CNCF Distribution as Debian packages it.
    DockerRegistry,
    /// <https://www.haproxy.org>
    Haproxy,
    /// <https://nginx.org>
    Nginx,
    /// Permission to mount in a namespace of one's own.
    PrivateMounts,
    /// `python3` that can make virtual environments.
    Python,
    /// <https://www.joedog.org/siege-home>
    Siege,
    /// <https://github.com/wg/wrk>
    Wrk,
}

/// A program that this machine lacks. Displays as the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The program.
    pub program: Program,
    /// The reason in a few words: `no wrk`.
    pub why: String,
    /// What to type or do about it.
    pub install: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl Program {
    /// Every program.
    pub const ALL: &[Self] = &[
        Self::AwsCli,
        Self::Boto3,
        Self::Browser,
        Self::BrowserDriver,
        Self::Curl,
        Self::Docker,
        Self::DockerClient,
        Self::DockerRegistry,
        Self::Haproxy,
        Self::Nginx,
        Self::PrivateMounts,
        Self::Python,
        Self::Siege,
        Self::Wrk,
    ];

    /// What `cargo xtask test --hide-programs` takes out of `PATH`. It leaves what other programs need: Python and curl.
    pub const HIDDEN: &[Self] = &[
        Self::AwsCli,
        Self::Browser,
        Self::BrowserDriver,
        Self::Docker,
        Self::DockerClient,
        Self::DockerRegistry,
        Self::Haproxy,
        Self::Nginx,
        Self::Siege,
        Self::Wrk,
    ];

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsCli => "AWS CLI",
            Self::Boto3 => "boto3",
            Self::Docker => "Docker daemon",
            Self::PrivateMounts => "private mounts",
            Self::Python => "python3 with venv",
            Self::DockerClient => "docker client",
            program => program.files()[0],
        }
    }

    /// The names that its file may have, the usual one first. Empty if it isn't a file.
    pub fn files(self) -> &'static [&'static str] {
        match self {
            Self::AwsCli => &["aws"],
            Self::Boto3 => &["python"],
            Self::Browser => &["chromium", "chromium-browser", "google-chrome", "chrome"],
            Self::BrowserDriver => &["chromedriver"],
            Self::Curl => &["curl"],
            Self::Docker => &["dockerd"],
            Self::DockerClient => &["docker"],
            Self::DockerRegistry => &["docker-registry"],
            Self::Haproxy => &["haproxy"],
            Self::Nginx => &["nginx"],
            Self::PrivateMounts => &[],
            Self::Python => &["python3"],
            Self::Siege => &["siege"],
            Self::Wrk => &["wrk"],
        }
    }

    /// Its file: of the pinned tools the one in the virtual environment, of all others the first in `PATH`.
    /// `None` if it isn't installed.
    pub fn find(self) -> Option<PathBuf> {
        let hidden = is_on(HIDDEN_VARIABLE);
        let folders: Vec<PathBuf> = match self {
            Self::AwsCli | Self::Boto3 if hidden => Vec::new(),
            Self::AwsCli | Self::Boto3 => vec![tools_folder()],
            _ => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let others: &[&str] = if hidden { &[] } else { SYSTEM_FOLDERS };
                std::env::split_paths(&path)
                    .chain(others.iter().map(PathBuf::from))
                    .collect()
            }
        };
        let mut files = self
            .files()
            .iter()
            .flat_map(|file| folders.iter().map(move |folder| folder.join(file)));
        files.find(|file| is_program(file))
    }

    /// What this machine lacks for it. `None` if it can be used.
    pub fn missing(self) -> Option<Missing> {
        let why = match self {
            Self::Docker => docker::ping().err()?,
            Self::PrivateMounts => {
                if private_mounts().is_some() {
                    return None;
                }
                "no permission to mount in a namespace".to_owned()
            }
            Self::Python => {
                let mut able = Command::new("python3");
                if succeeds(able.args(["-c", "import ensurepip, venv"])) {
                    return None;
                }
                "no python3 with venv".to_owned()
            }
            Self::AwsCli | Self::Boto3 => {
                if self.find().is_some() {
                    return None;
                }
                format!("no {} in target/venv", self.name())
            }
            _ => {
                if self.find().is_some() {
                    return None;
                }
                format!("no {}", self.name())
            }
        };
        Some(Missing {
            program: self,
            why,
            install: self.install(),
        })
    }

    /// What to type or do where it is missing.
    fn install(self) -> String {
        let package = match self {
            Self::AwsCli | Self::Boto3 if Self::Python.missing().is_none() => return "cargo xtask test".to_owned(),
            Self::Docker => return "apt-get install docker.io, and start it".to_owned(),
            Self::PrivateMounts => return "run as root, or allow user namespaces".to_owned(),
            Self::AwsCli | Self::Boto3 | Self::Python => "python3-venv",
            Self::Browser => "chromium",
            Self::BrowserDriver => "chromium-driver",
            Self::DockerClient => "docker.io",
            program => program.files()[0],
        };
        format!("apt-get install {package}")
    }
}

/// The folder of the pinned Python tools, which `cargo xtask test` installs.
pub fn tools_folder() -> PathBuf {
    PathBuf::from(TOOLS)
}

/// A command to which the caller adds a program and its arguments: that runs with mounts and processes of its own, which
/// the kernel removes with it. `None` if this process isn't allowed to make them, as root or by a user namespace.
pub fn private_mounts() -> Option<Command> {
    // The shell is the namespace's first process: it reaps orphans, which would otherwise stay as zombies.
    let shell = ["/bin/sh", "-c", "\"$@\" & wait $!", "sh"];
    let with = |more: &[&str]| {
        let mut command = Command::new(UNSHARE[0]);
        command.args(&UNSHARE[1..]).args(more).args(shell);
        command
    };
    let probe = ["mount", "-t", "tmpfs", "-o", "size=1m", "onebox-probe", "/tmp"];
    [&[][..], &["--map-root-user"]]
        .into_iter()
        .find(|more| succeeds(with(more).args(probe)))
        .map(with)
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_program(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Whether a file has the name of a program in [`Program::HIDDEN`].
pub fn is_hidden(name: &OsStr) -> bool {
    Program::HIDDEN
        .iter()
        .flat_map(|program| program.files())
        .any(|file| name == *file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        for program in Program::ALL {
            assert!(!program.name().is_empty() && !program.install().is_empty());
        }
        assert_eq!(Program::DockerRegistry.install(), "apt-get install docker-registry");
        assert_eq!(Program::BrowserDriver.install(), "apt-get install chromium-driver");
    }

    #[test]
    fn programs_are_executable_files() {
        assert!(is_program(Path::new("/bin/sh")));
        assert!(!is_program(Path::new("/bin")));
        assert!(!is_program(Path::new("/etc/passwd")));
        assert!(!is_program(Path::new("/nowhere")));
    }

    #[test]
    fn python_and_curl_stay_in_the_path() {
        for (name, hidden) in [
            ("docker", true),
            ("docker-registry", true),
            ("python3", false),
            ("curl", false),
        ] {
            assert_eq!(is_hidden(OsStr::new(name)), hidden, "{name}");
        }
    }
}
