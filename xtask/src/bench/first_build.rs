//! The first build of the command line.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::figure::Figure;
use super::process::ended_children_seconds;
use super::reading::{Reading, Target, Unit};
use super::site::Site;

/// What a newcomer waits for.
pub(super) const FIGURE: Figure = Figure {
    name: "first-build",
    measures: "the first build of `cargo xtask` from nothing",
    means: "`cargo build --package xtask` into an empty folder, the sources of the dependencies being there: what a newcomer waits for \
            before the first command, without the downloads. Processor time is that of cargo and every compiler; the wall clock depends \
            on the cores. `cargo build --package xtask --timings` tells what each crate takes; the AWS SDK is the largest part, \
            and the load balancer the largest crate of our own, because it is optimised.",
    needs: &[],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let folder = site.folder("first-build")?;
    let (before, begun) = (ended_children_seconds()?, Instant::now());
    let crates = build(site, folder.path())?;
    let (took, used) = (begun.elapsed(), ended_children_seconds()? - before);
    Ok(vec![
        Reading::once("processor time", Unit::ProcessorSeconds, used).target(Target::AtMost(240.0)),
        Reading::once("wall clock", Unit::Seconds, took.as_secs_f64()),
        Reading::once("crates", Unit::Count, f64::from(crates)),
    ])
}

/// Builds into an empty folder; how many crates were compiled.
fn build(site: &Site, target: &Path) -> anyhow::Result<u32> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--package", "xtask", "--locked", "--target-dir"])
        .arg(target)
        .current_dir(site.root());
    // A cache of compiled crates would hide what is measured.
    command.env_remove("RUSTC_WRAPPER");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run cargo")?;
    let mut crates = 0;
    let mut errors = Vec::new();
    if let Some(words) = child.stderr.take() {
        for line in BufReader::new(words).lines().map_while(Result::ok) {
            crates += u32::from(is_compilation(&line));
            site.show_briefly(&line);
            if line.starts_with("error") {
                errors.push(line);
            }
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "cargo ended with {status}: {}", errors.join("; "));
    Ok(crates)
}

/// Whether cargo says that it compiles a crate.
fn is_compilation(line: &str) -> bool {
    line.trim_start().starts_with("Compiling ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_counted_by_cargos_lines() {
        let said = "   Compiling bytes v1.11.0\n Downloaded bytes v1.11.0\n   Compiling http v1.4.0\n    Finished `dev` profile";
        assert_eq!(said.lines().filter(|line| is_compilation(line)).count(), 2);
    }
}
