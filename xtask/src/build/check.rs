//! The tests of what is deployed, reported as CodeBuild reads it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::junit::{self, Case};
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};

/// What is deployed: the service and the templates. Their tests need nothing but Rust; everything else that
/// `cargo xtask test` checks is for before the push.
const PACKAGES: [&str; 2] = ["service", "stacks"];

/// Runs the tests, and writes a report of each package's where a folder is named.
///
/// # Errors
/// When a test fails, naming it, or doesn't compile.
pub(super) async fn check(context: &Context, root: &Path, reports: Option<&Path>) -> anyhow::Result<()> {
    if let Some(reports) = reports.filter(|reports| reports.exists()) {
        // What an earlier build found is no finding of this one, which may not get as far.
        fs::remove_dir_all(reports).with_context(|| format!("cannot empty {}", reports.display()))?;
    }
    let mut failed = Vec::new();
    for package in PACKAGES {
        context.progress.line(&format!("testing {package}"));
        let mut command = cargo_test(root, package);
        let running = tokio::task::spawn_blocking(move || command.output());
        let leaving = "interrupted: the tests are not complete";
        let output = context.interrupt.or(leaving, running).await??;
        let output = output.with_context(|| format!("cannot run the tests of {package}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let cases = junit::cases(&said);
        if let Some(reports) = reports {
            write(reports, package, &cases)?;
        }
        context.progress.line(&summary(package, &cases));
        if !output.status.success() {
            context.progress.line(said.trim_end());
            failed.extend(names_of_failed(package, &cases));
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let next = format!("cargo test --package {}", PACKAGES.join(" --package "));
    Err(
        Failure::new(Exit::Failed, format!("tests failed: {}", failed.join(", ")))
            .code(Code::ChecksFailed)
            .next(next)
            .into(),
    )
}

/// Cargo's own words go to stderr as they come; what the tests say is read.
fn cargo_test(root: &Path, package: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root)
        .args(["test", "--locked", "--no-fail-fast", "--package", package])
        // Snapshots are compared, never written.
        .env("CI", "true")
        .env("INSTA_UPDATE", "no")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    command
}

fn write(folder: &Path, package: &str, cases: &[Case]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{package}.xml"));
    fs::write(&path, junit::report(package, cases)).with_context(|| format!("cannot write {}", path.display()))
}

fn summary(package: &str, cases: &[Case]) -> String {
    let failed = cases.iter().filter(|case| case.failure().is_some()).count();
    format!("{package}: {} tests, {failed} failed", cases.len())
}

/// The tests that failed; where none did, the package doesn't compile, or ended before its time.
fn names_of_failed(package: &str, cases: &[Case]) -> Vec<String> {
    let names: Vec<String> = cases
        .iter()
        .filter(|case| case.failure().is_some())
        .map(|case| format!("{package} {}", case.name))
        .collect();
    if names.is_empty() {
        vec![format!("{package} (no test of its own failed: see what Cargo says)")]
    } else {
        names
    }
}
