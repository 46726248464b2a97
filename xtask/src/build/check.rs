//! The tests of what is deployed, reported as CodeBuild reads it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::Context as _;

use super::junit::{self, Case};
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Coded as _, Exit, Failure};

/// What is deployed: the service and the templates. Their tests need nothing but Rust; everything else that
/// `cargo xtask test` checks is for before the push.
pub(super) const PACKAGES: [&str; 2] = ["service", "stacks"];

/// Runs the tests, and writes a report of each package's where a folder is named; `begin` hears of each step.
///
/// # Errors
/// When a test fails, naming it, or doesn't compile.
pub(super) async fn check(
    context: &Context,
    root: &Path,
    reports: Option<&Path>,
    begin: &mut impl FnMut(&str),
) -> anyhow::Result<()> {
    if let Some(reports) = reports.filter(|reports| reports.exists()) {
        // What an earlier build found is no finding of this one, which may not get as far.
        fs::remove_dir_all(reports)
            .with_context(|| format!("cannot empty {}", reports.display()))
            .coded(Code::File)?;
    }
    let mut failed = Vec::new();
    for package in PACKAGES {
        begin(&format!("testing {package}"));
        let mut command = cargo_test(root, package);
        let running = tokio::task::spawn_blocking(move || run(&mut command));
        let leaving = "interrupted: the tests are not complete";
        let output = context.interrupt.or(leaving, running).await??;
        let ended = output
            .with_context(|| format!("cannot run the tests of {package}"))
            .coded(Code::ChecksFailed)?;
        let said = ended.stdout;
        let cases = junit::cases(&said);
        if let Some(reports) = reports {
            write(reports, package, &cases)?;
        }
        context.progress.line(&summary(package, &cases));
        if !ended.status.success() {
            context.progress.line(said.trim_end());
            failed.extend(names_of_failed(package, &cases, &ended.errors));
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
        .env("INSTA_UPDATE", "no")
        .stdin(Stdio::null());
    command
}

fn write(folder: &Path, package: &str, cases: &[Case]) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make {}", folder.display()))
        .coded(Code::File)?;
    let path = folder.join(format!("{package}.xml"));
    fs::write(&path, junit::report(package, cases))
        .with_context(|| format!("cannot write {}", path.display()))
        .coded(Code::File)
}

fn summary(package: &str, cases: &[Case]) -> String {
    let failed = cases.iter().filter(|case| case.failure().is_some()).count();
    format!("{package}: {} tests, {failed} failed", cases.len())
}

/// How the tests of a package ended.
#[derive(Debug)]
struct Ended {
    status: ExitStatus,
    /// What the tests said.
    stdout: String,
    /// The lines in which Cargo says what failed: a test binary that doesn't compile, or ended by a signal.
    errors: Vec<String>,
}

/// Runs Cargo to its end, its own words passing through as they come.
fn run(command: &mut Command) -> std::io::Result<Ended> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stderr = child.stderr.take().map(BufReader::new);
    let telling = std::thread::spawn(move || {
        let lines = stderr
            .into_iter()
            .flat_map(|stderr| stderr.split(b'\n'))
            .map_while(Result::ok);
        let mut errors = Vec::new();
        for line in lines {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            // Without a reader there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{line}");
            if is_about_a_failure(&line) {
                errors.push(line.trim().to_owned());
            }
        }
        errors
    });
    let output = child.wait_with_output()?;
    Ok(Ended {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: telling.join().unwrap_or_default(),
    })
}

/// Whether a line of Cargo's says what failed: `error: could not compile …`, `error: doctest failed, …`, and below such a
/// line `process didn't exit successfully: … (signal: 6, SIGABRT: …)`.
fn is_about_a_failure(line: &str) -> bool {
    line.starts_with("error") || line.trim_start().starts_with("process didn't exit successfully")
}

/// The tests that failed; where none did, what Cargo says of the package: that it doesn't compile, or that a test binary
/// ended before its time.
fn names_of_failed(package: &str, cases: &[Case], errors: &[String]) -> Vec<String> {
    let names: Vec<String> = cases
        .iter()
        .filter(|case| case.failure().is_some())
        .map(|case| format!("{package} {}", case.name))
        .collect();
    if !names.is_empty() {
        return names;
    }
    // The last ones tell what the others led to.
    let from = errors.len().saturating_sub(2);
    match errors.get(from..) {
        Some(errors) if !errors.is_empty() => vec![format!("{package} ({})", errors.join("; "))],
        _ => vec![format!("{package} (no test of its own failed: see what Cargo says)")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_named_whether_it_is_a_test_or_not() {
        let words = [
            "error: doctest failed, to rerun pass `-p service --doc`".to_owned(),
            "process didn't exit successfully: `service` (signal: 6, SIGABRT: process abort signal)".to_owned(),
        ];
        let failing = junit::cases("test a ... ok\ntest src/lib.rs - b (line 3) ... FAILED\n");
        assert_eq!(
            names_of_failed("service", &failing, &words),
            ["service src/lib.rs - b (line 3)"]
        );
        insta::assert_snapshot!(names_of_failed("service", &[], &words).concat(), @"service (error: doctest failed, to rerun pass `-p service --doc`; process didn't exit successfully: `service` (signal: 6, SIGABRT: process abort signal))");
        insta::assert_snapshot!(names_of_failed("service", &[], &[]).concat(), @"service (no test of its own failed: see what Cargo says)");
    }

    #[test]
    fn what_a_command_says_of_its_failure_is_kept() {
        let script = "echo 'test a ... ok'; echo 'warning: x' >&2; echo 'error: test failed' >&2; \
                      echo \"  process didn't exit successfully: (signal: 6)\" >&2; exit 101";
        let ended = run(Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!(
            (ended.status.code(), ended.stdout.as_str()),
            (Some(101), "test a ... ok\n")
        );
        let expected = ["error: test failed", "process didn't exit successfully: (signal: 6)"];
        assert_eq!(ended.errors, expected);
    }
}
