//! The peers' programs, from Debian.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that a figure needs, of the Debian package of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// <https://nginx.org>
    Nginx,
    /// <https://www.haproxy.org>
    Haproxy,
    /// <https://github.com/wg/wrk>
    Wrk,
}

impl Program {
    /// The name of the program and of its package.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Wrk => "wrk",
        }
    }
}

/// Where Debian puts servers' programs, which an ordinary user's `PATH` doesn't name.
const SYSTEM_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Where a program is, installed if it is missing.
///
/// # Errors
/// In one line, what is missing and why it can't be installed.
pub(super) fn obtain(program: Program, say: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
    if let Some(path) = find(program.name()) {
        return Ok(path);
    }
    let name = program.name();
    if !rustix::process::geteuid().is_root() || find("apt-get").is_none() {
        return Err(format!("no {name}, and only root with apt-get can install it"));
    }
    say(&format!("installing {name} from Debian"));
    apt_get(&["update", "--quiet"]).map_err(|why| format!("no {name}: {why}"))?;
    apt_get(&["install", "--yes", "--quiet", "--no-install-recommends", name])
        .map_err(|why| format!("no {name}: {why}"))?;
    find(name).ok_or_else(|| format!("no {name}, though its package is installed"))
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    // Keeps Debian's scripts from starting the server that they install: runlevel 1 has no services.
    command.env("RUNLEVEL", "1").stdin(Stdio::null()).stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {} ended with {status}", arguments[0])),
        Err(error) => Err(format!("cannot run apt-get: {error}")),
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file()
}
