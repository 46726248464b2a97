//! A shell that remembers, in a copy of the checkout with a local cloud of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::cloud::{Cloud, Outcome};
use crate::same_source::copy_of;

/// The most seconds that a block may take: the pipeline's first run, which compiles everything, is the longest.
const LIMIT_SECONDS: &str = "1800";

/// The person whom commits are by.
const AUTHOR: [&str; 4] = [
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
];

/// A shell that remembers.
pub(crate) struct Terminal {
    /// The local cloud that what is typed here meets.
    pub(crate) cloud: Cloud,
    folder: TempDir,
}

impl Terminal {
    /// In a copy of this checkout, with tasks as processes.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let checkout = copy_of(&root(), folder.path());
        let terminal = Self::at(&checkout, folder);
        // So that a push takes along what isn't committed here.
        terminal
            .enter("git add --all; git commit --quiet --allow-empty --message 'As it is'")
            .expect(0);
        terminal
    }

    /// In this checkout itself, for what leaves its files alone.
    pub(crate) fn here() -> Self {
        Self::at(&root().canonicalize().unwrap(), tempfile::tempdir().unwrap())
    }

    /// In a folder that stands for a checkout.
    pub(crate) fn of(checkout: &Path) -> Self {
        Self::at(checkout, tempfile::tempdir().unwrap())
    }

    fn at(checkout: &Path, folder: TempDir) -> Self {
        let cloud = Cloud::without_docker();
        let terminal = Self { cloud, folder };
        fs::write(terminal.file("environment"), "").unwrap();
        fs::write(terminal.file("place"), checkout.to_str().unwrap()).unwrap();
        fs::create_dir(terminal.file("bin")).unwrap();
        let program = terminal.file("bin/cargo");
        fs::write(&program, stand_in(checkout)).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        terminal
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Types lines in and waits for their end; the first that fails ends them.
    pub(crate) fn enter(&self, lines: &str) -> Outcome {
        let (environment, place) = (self.file("environment"), self.file("place"));
        let (environment, place) = (environment.display(), place.display());
        let script = format!(
            "source '{environment}'; cd \"$(cat '{place}')\"\n\
             trap 'export -p >{environment}; pwd >{place}' EXIT\n\
             set -euo pipefail\n{lines}\n"
        );
        let mut shell = Command::new("timeout");
        shell.args(["--kill-after=10", LIMIT_SECONDS, "bash", "-c", &script]);
        self.cloud.surround(&mut shell);
        let tools = optional_programs::tools_folder();
        let others = std::env::var("PATH").unwrap();
        shell.env(
            "PATH",
            format!("{}:{}:{others}", self.file("bin").display(), tools.display()),
        );
        shell
            .env("AWS_PAGER", "")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .envs(AUTHOR.map(|name| (name, "reader@example.com")));
        self.cloud.run(shell)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands in for cargo: `cargo xtask` is the program under test, in the copy. The rest is that of the cargo which comes
/// next in `PATH`, and so is all that a build of the pipeline asks for: rustup's own, which says to the compilers that it
/// starts which toolchain they are of. Without that, rustup would look for files of crates that ask for another.
fn stand_in(checkout: &Path) -> String {
    let (checkout, xtask) = (checkout.display(), env!("CARGO_BIN_EXE_xtask"));
    format!(
        "#!/bin/sh\n\
         unset CARGO\n\
         if [ \"$1\" != xtask ] || [ -n \"$CODEBUILD_BUILD_ID\" ]; then PATH=\"${{PATH#*:}}\" exec cargo \"$@\"; fi\n\
         shift\n\
         CARGO_MANIFEST_DIR='{checkout}/xtask' exec '{xtask}' \"$@\"\n"
    )
}
