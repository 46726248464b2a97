//! The revision of the source that an image is built from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::{Digest as _, Sha256};
use xshell::{Shell, cmd};

/// What an image is made of. A commit that changes none of it gives no new image, and so moves no service.
const SOURCES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "service", "stacks/constants"];

/// What stands for a revision where there is none.
const UNKNOWN: &str = "unknown";

/// How much of a digest tells one source from another: as much as git's own.
const DIGEST_BYTES: usize = 20;

/// What a revision begins with that is none of git's, but of the files themselves.
const OF_FILES: &str = "files-";

/// The last commit that changed the image's source, followed by `-dirty` if the source has changed since.
///
/// In a shallow clone it is the commit that is checked out, since the history doesn't tell more. Without git, as where the
/// source came as an archive, it is a digest of the files: the same source still is the same image. `unknown` where
/// they can't be read: a revision is worth telling, but never worth failing for.
pub(super) fn of_the_source(shell: &Shell, workspace_root: &Path) -> String {
    of_git(shell, workspace_root)
        .or_else(|| of_files(workspace_root).ok())
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

/// The revision of the source that an image of this checkout would have. `None` outside of a checkout.
pub(crate) fn source_revision(workspace_root: &Path) -> Option<String> {
    let shell = Shell::new().ok()?;
    let revision = of_the_source(&shell, workspace_root);
    (revision != UNKNOWN).then_some(revision)
}

fn of_git(shell: &Shell, workspace_root: &Path) -> Option<String> {
    let _directory = shell.push_dir(workspace_root);
    // A folder within another repository's work tree, which knows nothing of it, has a prefix there.
    if !git(shell, &["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    let shallow = git(shell, &["rev-parse", "--is-shallow-repository"]).is_none_or(|answer| answer != "false");
    let commit = if shallow {
        git(shell, &["rev-parse", "HEAD"])
    } else {
        let arguments = [&["log", "--max-count=1", "--format=%H", "--"][..], &SOURCES].concat();
        git(shell, &arguments)
    };
    let commit = commit.filter(|commit| !commit.is_empty())?;
    let arguments = [&["status", "--porcelain", "--untracked-files=all", "--"][..], &SOURCES].concat();
    Some(match git(shell, &arguments) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}-dirty"),
    })
}

/// A digest of the files' names and contents.
fn of_files(workspace_root: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&workspace_root.join(source), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(workspace_root).unwrap_or(&file).to_string_lossy();
        let bytes = fs::read(&file)?;
        // With their lengths, so that nothing can move from one to the next unseen.
        for part in [name.as_bytes(), &bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let mut revision = OF_FILES.to_owned();
    for byte in hash.finalize().iter().take(DIGEST_BYTES) {
        let _ = write!(revision, "{byte:02x}");
    }
    Ok(revision)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
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

    /// A source without git, below a repository that knows nothing of it.
    fn unpacked(handler: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let shell = Shell::new().unwrap();
        shell.change_dir(folder.path());
        cmd!(shell, "git init -q").quiet().run().unwrap();
        let root = folder.path().join("unpacked");
        for (file, text) in [
            ("Cargo.toml", ""),
            ("Cargo.lock", ""),
            ("service/src/main.rs", handler),
            ("stacks/constants/src/lib.rs", ""),
            ("docs/other.md", handler),
        ] {
            shell.write_file(root.join(file), text).unwrap();
        }
        of_the_source(&shell, &root)
    }

    #[test]
    fn without_git_it_is_a_digest_of_the_source() {
        let revision = unpacked("a");
        assert_eq!(revision, unpacked("a"));
        assert_ne!(revision, unpacked("b"));
        let digits = revision.strip_prefix(OF_FILES).unwrap();
        assert_eq!(digits.len(), 2 * DIGEST_BYTES, "{revision}");
    }
}
