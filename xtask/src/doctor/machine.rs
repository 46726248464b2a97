//! What this machine has: tools to build with, Docker, room on the disk.

use std::path::Path;
use std::process::Command;

use optional_programs::{Missing, Program};

use super::Finding;
use crate::context::Context;
use crate::docker::Engine;
use crate::image;

/// The least room in which a build of everything fits, in bytes: `target/` takes some 3 GiB.
const ENOUGH_BYTES: u64 = 5 << 30;

/// Below this a deployment of what is built already fails too: images, state and logs, in bytes.
const TOO_FEW_BYTES: u64 = 512 << 20;

/// Looks at the machine.
pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let docker = Engine::connect().await.map(drop);
    vec![
        rust(version_of("rustc"), env!("CARGO_PKG_RUST_VERSION")),
        linker(image::check_host()),
        git(version_of("git")),
        engine(docker),
        python(Program::Python.missing()),
        disk(free_bytes(&context.root), &context.root),
    ]
}

/// The first line of what a program says of itself.
fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    output.status.success().then_some(line)
}

fn rust(found: Option<String>, wanted: &str) -> Finding {
    let fix = "rustup update stable";
    let Some(found) = found else {
        return Finding::failing("Rust", "rustc doesn't run", "install Rust: https://rustup.rs");
    };
    match (numbers(&found), numbers(wanted)) {
        (Some(has), Some(needs)) if has < needs => {
            Finding::failing("Rust", format!("{found}, and the project needs {wanted}"), fix)
        }
        _ => Finding::fine("Rust", found),
    }
}

/// The major and minor number of a version that is somewhere in a text.
fn numbers(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

fn linker(checked: anyhow::Result<String>) -> Finding {
    match checked {
        Ok(linker) => Finding::fine("C compiler", format!("{linker}, with a static C library")),
        Err(error) => {
            let text = format!("{error:#}");
            let mut lines = text.lines().map(str::trim);
            let found = lines.next().unwrap_or_default().trim_end_matches(':').to_owned();
            Finding {
                fix: lines.map(ToOwned::to_owned).collect(),
                ..Finding::failing("C compiler", found, "")
            }
        }
    }
}

fn git(found: Option<String>) -> Finding {
    match found {
        Some(found) => Finding::fine("git", found),
        None => Finding::warning(
            "git",
            "git doesn't run: images are named without their commit, and the pipeline takes no source",
            "install git (on Debian: apt-get install git)",
        ),
    }
}

fn engine(docker: anyhow::Result<()>) -> Finding {
    match docker {
        Ok(()) => Finding::fine("Docker", "it answers"),
        Err(error) => Finding::warning(
            "Docker",
            format!("{error:#}: images are pushed without it, and --local runs tasks as processes"),
            "start Docker to run tasks as containers",
        ),
    }
}

fn python(missing: Option<Missing>) -> Finding {
    match missing {
        None => Finding::fine("Python", "it can make environments"),
        Some(missing) => Finding::warning(
            "Python",
            format!("{missing}: `cargo xtask test` skips cfn-lint and the AWS CLI"),
            format!("{}; only tests need it", missing.install),
        ),
    }
}

/// The room that is free to this user where a folder is, in bytes.
fn free_bytes(folder: &Path) -> Option<u64> {
    let room = rustix::fs::statvfs(folder).ok()?;
    room.f_bavail.checked_mul(room.f_frsize)
}

fn disk(free: Option<u64>, folder: &Path) -> Finding {
    let name = "disk";
    let Some(free) = free else {
        return Finding::not_checked(name, format!("the system doesn't tell of {}", folder.display()));
    };
    let found = format!("{} MiB free in {}", free >> 20, folder.display());
    let fix = "make room: `cargo clean` removes what can be built again";
    match free {
        ENOUGH_BYTES.. => Finding::fine(name, found),
        TOO_FEW_BYTES.. => Finding::warning(name, format!("{found}, and a first build may take 5 GiB"), fix),
        _ => Finding::failing(name, found, fix),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn rust_by_its_version() {
        let check = |found: Option<&str>, expected| {
            let finding = rust(found.map(ToOwned::to_owned), "1.95");
            assert_eq!(finding.verdict, expected, "{found:?}");
            assert_eq!(finding.fix.is_empty(), expected == Verdict::Fine);
        };
        check(Some("rustc 1.95.0 (abc 2026-04-14)"), Verdict::Fine);
        check(Some("rustc 1.100.0-nightly (abc 2026-04-14)"), Verdict::Fine);
        check(Some("rustc 1.94.1 (abc 2026-03-14)"), Verdict::Failing);
        check(None, Verdict::Failing);
    }

    #[test]
    fn a_host_that_cannot_link_is_told_each_fix() {
        let error = anyhow::anyhow!("this host can't build:\n  libc.a is missing: apt-get install libc6-dev\n  more");
        let finding = linker(Err(error));
        assert_eq!(finding.found, "this host can't build");
        assert_eq!(finding.fix, ["libc.a is missing: apt-get install libc6-dev", "more"]);
    }

    #[test]
    fn a_disk_by_its_room() {
        let check = |free, expected| assert_eq!(disk(free, Path::new("/")).verdict, expected, "{free:?}");
        check(Some(ENOUGH_BYTES), Verdict::Fine);
        check(Some(ENOUGH_BYTES - 1), Verdict::Warning);
        check(Some(TOO_FEW_BYTES - 1), Verdict::Failing);
        check(None, Verdict::NotChecked);
        assert!(free_bytes(Path::new("/")).is_some());
    }
}
