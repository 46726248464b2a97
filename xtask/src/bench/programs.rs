//! The peers' programs, from Debian.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use optional_programs::Program;

/// Finds a program of the Debian package of the same name, and installs it if it is missing.
///
/// # Errors
/// In one line, what is missing and why it can't be installed.
pub(super) fn obtain(program: Program, say: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
    if let Some(path) = program.find() {
        return Ok(path);
    }
    let name = program.name();
    if !rustix::process::geteuid().is_root() || !apt_get_runs() {
        return Err(format!("no {name}, and only root with apt-get can install it"));
    }
    say(&format!("installing {name} from Debian"));
    apt_get(&["update", "--quiet"]).map_err(|why| format!("no {name}: {why}"))?;
    apt_get(&["install", "--yes", "--quiet", "--no-install-recommends", name])
        .map_err(|why| format!("no {name}: {why}"))?;
    program
        .find()
        .ok_or_else(|| format!("no {name}, though its package is installed"))
}

fn apt_get_runs() -> bool {
    let mut command = Command::new("apt-get");
    command
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
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
