//! The revision of the source that an image is built from.

use std::path::Path;

use xshell::{Shell, cmd};

/// What an image is made of. A commit that changes none of it gives no new image, and so moves no service.
const SOURCES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "service", "stacks/constants"];

/// What stands for a revision where there is none.
const UNKNOWN: &str = "unknown";

/// The last commit that changed the image's source, followed by `-dirty` if the source has changed since.
///
/// In a shallow clone it is the commit that is checked out, since the history doesn't tell more. `unknown` where git
/// knows nothing: a revision is worth telling, but never worth failing for.
pub(super) fn of_the_source(shell: &Shell, workspace_root: &Path) -> String {
    let _directory = shell.push_dir(workspace_root);
    let shallow = git(shell, &["rev-parse", "--is-shallow-repository"]).is_none_or(|answer| answer != "false");
    let commit = if shallow {
        git(shell, &["rev-parse", "HEAD"])
    } else {
        let arguments = [&["log", "--max-count=1", "--format=%H", "--"][..], &SOURCES].concat();
        git(shell, &arguments)
    };
    let Some(commit) = commit.filter(|commit| !commit.is_empty()) else {
        return UNKNOWN.to_owned();
    };
    let arguments = [&["status", "--porcelain", "--untracked-files=all", "--"][..], &SOURCES].concat();
    match git(shell, &arguments) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}-dirty"),
    }
}

/// What git prints, if it succeeds.
fn git(shell: &Shell, arguments: &[&str]) -> Option<String> {
    // Neither a user's nor the system's settings may change what is printed.
    let command = cmd!(shell, "git --no-optional-locks {arguments...}").env("GIT_CONFIG_COUNT", "0");
    command.quiet().ignore_stderr().read().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a script of git commands in a new repository, one a line, and tells the revision after them:
    /// `unknown`, or the commit's subject in place of its hash.
    fn check(script: &[&str], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let shell = Shell::new().unwrap();
        shell.change_dir(folder.path());
        for line in script {
            if let Some((text, file)) = line.split_once(" > ") {
                shell.write_file(file, text).unwrap();
            } else {
                let identity = ["-c", "user.name=x", "-c", "user.email=x@x"];
                let arguments: Vec<&str> = line.split(' ').collect();
                let command = cmd!(shell, "git {identity...} {arguments...}");
                command.quiet().ignore_stdout().run().unwrap();
            }
        }
        let revision = of_the_source(&shell, folder.path());
        let (commit, rest) = revision.split_at(revision.find('-').unwrap_or(revision.len()));
        let subject = git(&shell, &["log", "-1", "--format=%s", commit]);
        assert_eq!(
            subject.unwrap_or_else(|| commit.to_owned()) + rest,
            expected,
            "after {script:?}"
        );
    }

    const FIRST: [&str; 4] = ["init -q", "1 > service/a", "add .", "commit -qm first"];

    #[test]
    fn is_the_commit_that_changed_the_source() {
        check(&[], "unknown");
        check(&["init -q"], "unknown");
        check(&FIRST, "first");
        let other = [&FIRST[..], &["1 > docs/a", "add .", "commit -qm second"]].concat();
        check(&other, "first");
        let same = [&FIRST[..], &["1 > stacks/constants/a", "add .", "commit -qm second"]].concat();
        check(&same, "second");
    }

    #[test]
    fn tells_of_changes_since() {
        check(&[&FIRST[..], &["2 > service/a"]].concat(), "first-dirty");
        check(&[&FIRST[..], &["2 > service/new"]].concat(), "first-dirty");
        check(&[&FIRST[..], &["2 > docs/a"]].concat(), "first");
    }
}
