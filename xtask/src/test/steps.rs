//! The steps: each one check that CI makes, with what it needs.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::run::succeed;
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
    pub(super) needs: &'static [Need],
    /// Runs it in the checkout's root.
    pub(super) run: fn(&Path) -> anyhow::Result<()>,
}

/// What a step needs of the machine.
#[derive(Debug, Clone, Copy)]
pub(super) enum Need {
    /// A Docker daemon that answers.
    Docker,
    /// Python with venv and pip, for tools in an environment of their own.
    Python,
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
        needs: &[Need::Python],
        run: templates,
    },
    Step {
        name: "docker",
        checks: "tests against a Docker daemon",
        needs: &[Need::Docker],
        run: docker,
    },
    Step {
        name: "end-to-end",
        checks: "the local cloud from deploy to destroy, with the AWS CLI as a client",
        needs: &[Need::Python],
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
        checks: "twenty deployments in a row, with random kills, lose nothing and leave nothing",
        needs: &[],
        run: soak,
    },
];

/// The scenarios that show the most in the least time. Outcomes alone decide, never how long something took.
const REHEARSED: [&str; 4] = ["nothing", "good-image", "errors", "missing-image"];

fn format(root: &Path) -> anyhow::Result<()> {
    succeed(cargo(root).args(["fmt", "--all", "--check"]))
}

fn codegen(_root: &Path) -> anyhow::Result<()> {
    crate::codegen::run(true)
}

/// Another Rust knows other lints: what it finds is shown, and only that of the project's own version must be nothing.
fn clippy(root: &Path) -> anyhow::Result<()> {
    let mut command = cargo(root);
    command.args(["clippy", "--workspace", "--all-targets", "--locked"]);
    if is_the_projects(&rustc_version(root)?) {
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

/// The tests that need Docker have `docker_` in their names.
fn tests(root: &Path) -> anyhow::Result<()> {
    if has_nextest(root) {
        return nextest(root, "not (test(docker_) or binary(end_to_end))");
    }
    // Without a filter for binaries: all packages but ours, then ours but its end-to-end test.
    succeed(cargo(root).args([
        "test",
        "--workspace",
        "--exclude",
        "xtask",
        "--locked",
        "--",
        "--skip",
        "docker",
    ]))?;
    succeed(cargo(root).args([
        "test",
        "--package",
        "xtask",
        "--bins",
        "--locked",
        "--",
        "--skip",
        "docker",
    ]))
}

/// With `CI=true` these tests fail where without it they would pass by in silence.
fn docker(root: &Path) -> anyhow::Result<()> {
    if has_nextest(root) {
        return nextest(root, "test(docker_)");
    }
    succeed(
        cargo(root)
            .env("CI", "true")
            .args(["test", "--workspace", "--locked", "docker_"]),
    )
}

fn nextest(root: &Path, filter: &str) -> anyhow::Result<()> {
    let mut command = cargo(root);
    command.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]);
    command.args(["--filterset", filter]);
    succeed(command.env("CI", "true"))
}

fn templates(root: &Path) -> anyhow::Result<()> {
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

/// The tests find the tools where they are installed, and with `CI=true` fail without them.
fn end_to_end(root: &Path) -> anyhow::Result<()> {
    tools::install(root)?;
    let mut test = cargo(root);
    test.args([
        "test",
        "--package",
        "xtask",
        "--test",
        "end_to_end",
        "--locked",
        "--",
        "--skip",
        "docker_",
    ]);
    succeed(test.env("CI", "true"))
}

/// Through cargo, since the steps before have built this program anew, and this one's own file is gone.
fn rehearse(root: &Path) -> anyhow::Result<()> {
    let mut rehearse = cargo(root);
    rehearse.args(["run", "--package", "xtask", "--locked", "--", "rehearse", "--plant"]);
    succeed(rehearse.args(REHEARSED))
}

/// Always the same seed: what fails here fails anywhere. Through cargo, as the rehearsals.
fn soak(root: &Path) -> anyhow::Result<()> {
    let mut soak = cargo(root);
    soak.args(["run", "--package", "xtask", "--locked", "--", "soak"]);
    succeed(soak.args(["--seed", &CI_SEED.to_string(), "--count", &CI_COUNT.to_string()]))
}

fn has_nextest(root: &Path) -> bool {
    let asked = cargo(root).args(["nextest", "--version"]).output();
    asked.is_ok_and(|output| output.status.success())
}

/// Cargo in the checkout; insta writes no snapshot.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).env("INSTA_UPDATE", "no");
    command
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
