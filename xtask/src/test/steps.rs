//! The steps: each one check that CI makes, with what it needs.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use optional_programs::Program;

use super::run::succeed;
use super::surroundings::Surroundings;
use super::tools;
use crate::soak::{CI_COUNT, CI_SEED};

/// A check.
#[derive(Debug)]
pub(super) struct Step {
    /// The name that runs it alone.
    pub(super) name: &'static str,
    /// What it checks.
    pub(super) checks: &'static str,
    /// What the machine must have; without it the step is skipped.
    pub(super) needs: &'static [Program],
    /// Runs it.
    pub(super) run: fn(&Surroundings) -> anyhow::Result<()>,
}

/// Every step, the quickest to fail first.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "format",
        checks: "rustfmt finds nothing to change",
        needs: &[],
        run: format,
    },
    Step {
        name: "codegen",
        checks: "the generated code is what the schemas say",
        needs: &[],
        run: codegen,
    },
    Step {
        name: "clippy",
        checks: "clippy finds nothing, in all targets",
        needs: &[],
        run: clippy,
    },
    Step {
        name: "tests",
        checks: "tests and snapshots that need no Docker",
        needs: &[],
        run: tests,
    },
    Step {
        name: "templates",
        checks: "cfn-lint finds nothing in any template, nor in the policies for people",
        needs: &[Program::Python],
        run: templates,
    },
    Step {
        name: "docker",
        checks: "tests against a Docker daemon",
        needs: &[Program::Docker],
        run: docker,
    },
    Step {
        name: "end-to-end",
        checks: "the local cloud from deploy to destroy, with the AWS CLI as a client",
        needs: &[],
        run: end_to_end,
    },
    Step {
        name: "rehearse",
        checks: "a few changes, good and bad, end as promised",
        needs: &[],
        run: rehearse,
    },
    Step {
        name: "soak",
        checks: "eight deployments in a row, with random kills, lose nothing and leave nothing",
        needs: &[],
        run: soak,
    },
];

/// The scenarios that show the most in the least time. Outcomes alone decide, never how long something took.
const REHEARSED: [&str; 6] = [
    "nothing",
    "good-both",
    "bad-variable",
    "close",
    "missing-image",
    "rollback-late",
];

fn format(surroundings: &Surroundings) -> anyhow::Result<()> {
    succeed(surroundings.cargo().args(["fmt", "--all", "--check"]))
}

fn codegen(_: &Surroundings) -> anyhow::Result<()> {
    crate::codegen::run(true)
}

/// Another Rust knows other lints: what it finds is shown, and only that of the project's own version must be nothing.
fn clippy(surroundings: &Surroundings) -> anyhow::Result<()> {
    let mut command = surroundings.cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--locked"]);
    if is_the_projects(&rustc_version(surroundings.root())?) {
        command.args(["--", "--deny", "warnings"]);
    }
    succeed(&mut command)
}

fn rustc_version(root: &Path) -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("--version").current_dir(root).output();
    let output = output.context("cannot run rustc")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether what rustc says is the version that the workspace names, whatever its last number.
fn is_the_projects(said: &str) -> bool {
    let version = said.split_whitespace().nth(1).unwrap_or_default();
    let rest = version.strip_prefix(env!("CARGO_PKG_RUST_VERSION"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The tests that need Docker have `docker_` in their names. With programs hidden, they and those of the end-to-end tests
/// that need the AWS CLI run too, as they are skipped at once.
fn tests(surroundings: &Surroundings) -> anyhow::Result<()> {
    if !surroundings.hides_programs() {
        return without_docker(surroundings);
    }
    if has_nextest(surroundings) {
        let filter = "not binary(end_to_end) or test(docker_) or test(aws_cli)";
        return nextest(surroundings, filter);
    }
    cargo_test(surroundings, &["--workspace", "--exclude", "xtask"], &[])?;
    cargo_test(surroundings, &["--package", "xtask", "--bins"], &[])?;
    let end_to_end = ["--package", "xtask", "--test", "end_to_end"];
    cargo_test(surroundings, &end_to_end, &["docker_", "aws_cli"])
}

fn without_docker(surroundings: &Surroundings) -> anyhow::Result<()> {
    if has_nextest(surroundings) {
        return nextest(surroundings, "not (test(docker_) or binary(end_to_end))");
    }
    // Without a filter for binaries: all packages but ours, then ours but its end-to-end test.
    let others = ["--workspace", "--exclude", "xtask"];
    cargo_test(surroundings, &others, &["--skip", "docker_"])?;
    let ours = ["--package", "xtask", "--bins"];
    cargo_test(surroundings, &ours, &["--skip", "docker_"])
}

fn docker(surroundings: &Surroundings) -> anyhow::Result<()> {
    if has_nextest(surroundings) {
        return nextest(surroundings, "test(docker_)");
    }
    cargo_test(surroundings, &["--workspace"], &["docker_"])
}

fn nextest(surroundings: &Surroundings, filter: &str) -> anyhow::Result<()> {
    let mut command = surroundings.cargo();
    command.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]);
    succeed(command.args(["--filterset", filter]))
}

fn cargo_test(surroundings: &Surroundings, what: &[&str], filter: &[&str]) -> anyhow::Result<()> {
    let mut command = surroundings.cargo();
    command.arg("test").args(what).args(["--locked", "--"]);
    succeed(command.args(filter))
}

fn templates(surroundings: &Surroundings) -> anyhow::Result<()> {
    let root = surroundings.root();
    let folder = root.join("target/synth-test");
    let mut files: Vec<_> = stacks::all()
        .iter()
        .map(|stack| folder.join(format!("{}.template.json", stack.name)))
        .collect();
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (stack, file) in stacks::all().iter().zip(&files) {
        std::fs::write(file, &stack.template).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let policies = folder.join("Permissions.template.json");
    std::fs::write(&policies, crate::permissions::template().to_string())
        .with_context(|| format!("cannot write {}", policies.display()))?;
    files.push(policies);
    let bin = tools::install(root)?;
    let mut lint = Command::new(bin.join("cfn-lint"));
    lint.current_dir(root)
        .args([
            "--include-experimental",
            "--include-checks",
            "I",
            "E",
            "W",
            "--template",
        ])
        .args(files);
    succeed(&mut lint)
}

/// The tests find the Python tools where they are installed. Without Python, those that need them are skipped.
fn end_to_end(surroundings: &Surroundings) -> anyhow::Result<()> {
    if Program::Python.missing().is_none() {
        tools::install(surroundings.root())?;
    }
    let end_to_end = ["--package", "xtask", "--test", "end_to_end"];
    cargo_test(surroundings, &end_to_end, &["--skip", "docker_"])
}

/// Through cargo, since the steps before have built this program anew, and this one's own file is gone.
fn rehearse(surroundings: &Surroundings) -> anyhow::Result<()> {
    let mut rehearse = surroundings.cargo();
    rehearse.args([
        "run",
        "--package",
        "xtask",
        "--locked",
        "--",
        "rehearse",
        "--plant",
        "--jobs",
        "2",
    ]);
    succeed(rehearse.args(REHEARSED))
}

/// Always the same seed: what fails here fails anywhere. Through cargo, as the rehearsals.
fn soak(surroundings: &Surroundings) -> anyhow::Result<()> {
    let mut soak = surroundings.cargo();
    soak.args(["run", "--package", "xtask", "--locked", "--", "soak"]);
    succeed(soak.args(["--seed", &CI_SEED.to_string(), "--count", &CI_COUNT.to_string()]))
}

fn has_nextest(surroundings: &Surroundings) -> bool {
    let asked = surroundings.cargo().args(["nextest", "--version"]).output();
    asked.is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_count_for_the_projects_own_rust() {
        let wanted = env!("CARGO_PKG_RUST_VERSION");
        assert!(is_the_projects(&format!("rustc {wanted}.1 (59807616e 2026-04-14)\n")));
        assert!(is_the_projects(&format!("rustc {wanted}")));
        for other in ["rustc 1.99.1 (58cf8f9c3 2026-10-13)", "rustc 1.9.0", "rustc", ""] {
            assert!(!is_the_projects(other), "{other}");
        }
    }
}
