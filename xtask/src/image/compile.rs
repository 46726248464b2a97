//! Compiling a binary for the image.

use std::{
    collections::VecDeque,
    env,
    ffi::OsString,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use constants::architecture::ARCHITECTURE;
use xshell::{Shell, cmd};

use super::toolchain;

/// How many of the compiler's last lines an error repeats.
const REPEATED_LINES: usize = 40;

/// Where everything for images is compiled, apart from what developers compile.
pub(super) fn target(workspace_root: &Path) -> PathBuf {
    workspace_root.join("target").join("image")
}

/// Compiles a package's static binary; the executable's path.
///
/// Nothing of where or by whom it is compiled is in it, so two checkouts give the same bytes.
pub(super) fn compile(
    shell: &Shell,
    workspace_root: &Path,
    package: &str,
    name: &str,
    revision: &str,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<PathBuf> {
    let linker = toolchain::check(shell, ARCHITECTURE)?;
    let (target, triple) = (target(workspace_root), ARCHITECTURE.rust_target());
    progress(&format!("compiling {name} for {triple}"));
    // The compiler is given paths without symbolic links, and these must begin alike.
    let workspace_root = std::fs::canonicalize(workspace_root)
        .with_context(|| format!("can't find the workspace at {}", workspace_root.display()))?;
    let _directory = shell.push_dir(&workspace_root);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let command = cmd!(
        shell,
        "{cargo} build --release --locked --package {package} --bin {name} --target {triple} --target-dir {target}"
    );
    let mut command = Command::from(command);
    for variable in disturbing(env::vars_os().map(|(variable, _)| variable)) {
        command.env_remove(variable);
    }
    command
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            compiler_flags(&workspace_root, &cargo_home()),
        )
        .env("GIT_REVISION", revision)
        .env(linker.variable, linker.program);
    run(command, progress).with_context(|| format!("can't compile {name}"))?;
    Ok(target.join(triple).join("release").join(name))
}

/// The variables that would change what is compiled, of those that are set.
///
/// The profile stands in `Cargo.toml`, the compiler's flags here.
fn disturbing(variables: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let disturbs = |variable: &OsString| {
        let variable = variable.to_string_lossy();
        variable == "RUSTFLAGS"
            || variable == "CARGO_INCREMENTAL"
            || variable == "CARGO_BUILD_RUSTFLAGS"
            || variable == "CARGO_BUILD_TARGET"
            || variable.starts_with("CARGO_PROFILE_")
            || (variable.starts_with("CARGO_TARGET_") && variable.ends_with("_RUSTFLAGS"))
    };
    variables.filter(disturbs).collect()
}

/// The compiler's flags, in the encoding that takes precedence over every other way to set them.
/// <https://doc.rust-lang.org/cargo/reference/environment-variables.html>
fn compiler_flags(workspace_root: &Path, cargo_home: &Path) -> OsString {
    let remap = |from: &Path, to: &str| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flag
    };
    let flags = [
        "-Ctarget-feature=+crt-static".into(),
        remap(workspace_root, "/workspace"),
        remap(cargo_home, "/cargo"),
    ];
    flags.join(&OsString::from("\u{1f}"))
}

/// Where cargo keeps the sources of dependencies.
/// <https://doc.rust-lang.org/cargo/guide/cargo-home.html>
fn cargo_home() -> PathBuf {
    let home = || env::home_dir().unwrap_or_default().join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// Runs a command, telling each line of its standard error; an error repeats the last of them.
fn run(mut command: Command, progress: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("can't run {program}"))?;
    let mut last_lines = VecDeque::with_capacity(REPEATED_LINES);
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            progress(&line);
            if last_lines.len() == REPEATED_LINES {
                last_lines.pop_front();
            }
            last_lines.push_back(line);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        let last_lines: Vec<String> = last_lines.into();
        bail!("{program} ended with {status}\n{}", last_lines.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_disturbs_is_taken_away() {
        let set = [
            "RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_HOME",
            "PATH",
        ];
        let disturbing = disturbing(set.into_iter().map(OsString::from));
        assert_eq!(disturbing, set[..3]);
    }

    #[test]
    fn a_failure_repeats_the_last_words() {
        let shell = Shell::new().unwrap();
        let script = "for i in $(seq 100); do echo line $i >&2; done; exit 3";
        let mut heard = Vec::new();
        let result = run(cmd!(shell, "sh -c {script}").into(), &mut |line| {
            heard.push(line.to_owned());
        });
        let error = result.unwrap_err().to_string();
        assert!(error.starts_with("sh ended with exit status: 3\nline 61\n"), "{error}");
        assert!(error.ends_with("line 100"), "{error}");
        assert_eq!(heard.len(), 100);
    }
}
