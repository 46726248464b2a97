//! The source that the pipeline runs: the committed HEAD, in the repository that starts the pipeline.

use std::path::Path;

use anyhow::Context as _;
use xshell::{Shell, cmd};

use crate::code::Code;
use crate::exit::{Coded as _, Failure};

/// The checkout, as far as a push is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The commit that is checked out.
    pub(crate) commit: String,
    /// The first line of its message.
    pub(crate) summary: String,
    /// Files with changes that aren't committed, and so aren't part of it.
    pub(crate) uncommitted: usize,
}

/// How the checkout and the repository's branch stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The branch is at HEAD.
    Same,
    /// The branch lacks commits that HEAD has, or doesn't exist.
    Behind,
    /// The branch has HEAD, and commits after it.
    Ahead,
    /// Each has commits that the other lacks.
    Apart,
}

/// Looks at the checkout.
///
/// # Errors
/// When it is no git repository with a commit, or git isn't there.
pub(crate) fn head(root: &Path) -> anyhow::Result<Head> {
    let shell = Shell::new()?;
    let _directory = shell.push_dir(root);
    let commit = cmd!(shell, "git rev-parse --verify HEAD")
        .quiet()
        .ignore_stderr()
        .read();
    let commit = commit.map_err(|_| {
        Failure::refused(format!(
            "{} is no git repository with a commit, or git is missing",
            root.display()
        ))
        .code(Code::NoCommit)
        .next("the pipeline runs what is committed: install git, `git init`, commit")
    })?;
    let summary = cmd!(shell, "git log --max-count=1 --format=%s").quiet().read()?;
    let status = cmd!(shell, "git --no-optional-locks status --porcelain")
        .quiet()
        .read()?;
    Ok(Head {
        commit,
        summary,
        uncommitted: status.lines().count(),
    })
}

/// How the branch, whose tip this is, stands to HEAD.
///
/// # Errors
/// When git can't be asked.
pub(crate) fn standing(root: &Path, head: &Head, tip: Option<&str>) -> anyhow::Result<Standing> {
    let Some(tip) = tip else { return Ok(Standing::Behind) };
    if tip == head.commit {
        return Ok(Standing::Same);
    }
    let shell = Shell::new()?;
    let _directory = shell.push_dir(root);
    // A tip that isn't known here has commits that HEAD lacks.
    let known = format!("{tip}^{{commit}}");
    if cmd!(shell, "git cat-file -e {known}")
        .quiet()
        .ignore_stderr()
        .run()
        .is_err()
    {
        return Ok(Standing::Apart);
    }
    let commit = head.commit.as_str();
    let is_ancestor = |ancestor: &str, of: &str| {
        let asked = cmd!(shell, "git merge-base --is-ancestor {ancestor} {of}")
            .quiet()
            .ignore_stderr();
        asked.run().is_ok()
    };
    Ok(match (is_ancestor(tip, commit), is_ancestor(commit, tip)) {
        (true, _) => Standing::Behind,
        (false, true) => Standing::Ahead,
        (false, false) => Standing::Apart,
    })
}

/// Pushes HEAD to a branch.
///
/// # Errors
/// In git's words, when the push is refused.
pub(crate) fn push(root: &Path, url: &str, branch: &str, credentials: Credentials) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let _directory = shell.push_dir(root);
    let settings = credentials.settings();
    let target = format!("HEAD:refs/heads/{branch}");
    let pushed = cmd!(shell, "git {settings...} push --quiet {url} {target}")
        .env("GIT_TERMINAL_PROMPT", "0")
        .quiet()
        .ignore_status()
        .output()
        .context("cannot run git")
        .coded(Code::NoCommit)?;
    if pushed.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&pushed.stderr).trim().to_owned();
    Err(credentials
        .failure(format!("cannot push HEAD to {url}: {words}"))
        .into())
}

/// How git gets credentials for a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// None are needed: the repository is on this machine.
    None,
    /// From the AWS CLI.
    /// <https://docs.aws.amazon.com/codecommit/latest/userguide/setting-up-https-unixes.html>
    AwsCli,
}

impl Credentials {
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::None => &["-c", "credential.helper="],
            Self::AwsCli => &[
                "-c",
                "credential.helper=",
                "-c",
                "credential.helper=!aws codecommit credential-helper $@",
                "-c",
                "credential.UseHttpPath=true",
            ],
        }
    }

    fn failure(self, what: String) -> Failure {
        let failure = Failure::new(crate::exit::Exit::Failed, what).code(Code::PushRefused);
        match self {
            Self::None => failure,
            Self::AwsCli => {
                failure.next("git asks the AWS CLI for credentials: `aws sts get-caller-identity` must succeed")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Repository {
        folder: tempfile::TempDir,
        shell: Shell,
    }

    impl Repository {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let shell = Shell::new().unwrap();
            shell.change_dir(folder.path());
            let repository = Self { folder, shell };
            repository.git(&["init", "-q"]);
            repository
        }

        fn git(&self, arguments: &[&str]) -> String {
            let identity = ["-c", "user.name=x", "-c", "user.email=x@x"];
            let command = cmd!(self.shell, "git {identity...} {arguments...}");
            command.quiet().read().unwrap()
        }

        fn commit(&self, message: &str) -> String {
            self.git(&["commit", "-q", "--allow-empty", "-m", message]);
            self.git(&["rev-parse", "HEAD"])
        }
    }

    #[test]
    fn the_head_and_what_is_not_part_of_it() {
        let repository = Repository::new();
        let error = head(repository.folder.path()).unwrap_err();
        assert_eq!(crate::exit::exit_of(&error), crate::exit::Exit::Refused, "{error}");
        let told = crate::telling::report::text(&error).replace(repository.folder.path().to_str().unwrap(), "FOLDER");
        insta::assert_snapshot!(told, @"
        error[E-NO-COMMIT]: FOLDER is no git repository with a commit, or git is missing
          next: the pipeline runs what is committed: install git, `git init`, commit
        ");
        let commit = repository.commit("First\n\nwords");
        repository.shell.write_file("new", "x").unwrap();
        let expected = Head {
            commit,
            summary: "First".to_owned(),
            uncommitted: 1,
        };
        assert_eq!(head(repository.folder.path()).unwrap(), expected);
    }

    #[test]
    fn the_branch_stands_where_its_tip_is() {
        let repository = Repository::new();
        let first = repository.commit("first");
        let second = repository.commit("second");
        repository.git(&["checkout", "-q", &first]);
        let other = repository.commit("other");
        let check = |at: &str, tip: Option<&str>, expected: Standing| {
            repository.git(&["checkout", "-q", at]);
            let root = repository.folder.path();
            assert_eq!(standing(root, &head(root).unwrap(), tip).unwrap(), expected);
        };
        check(&second, None, Standing::Behind);
        check(&second, Some(&second), Standing::Same);
        check(&second, Some(&first), Standing::Behind);
        check(&first, Some(&second), Standing::Ahead);
        check(&second, Some(&other), Standing::Apart);
        check(&second, Some(&"1".repeat(40)), Standing::Apart);
    }

    #[test]
    fn a_push_that_is_refused_is_told_in_gits_words() {
        let repository = Repository::new();
        repository.commit("first");
        let bare = tempfile::tempdir().unwrap();
        let shell = Shell::new().unwrap();
        let path = bare.path();
        cmd!(shell, "git init -q --bare {path}").quiet().run().unwrap();
        let url = path.to_str().unwrap();
        push(repository.folder.path(), url, "main", Credentials::None).unwrap();
        let tip = cmd!(shell, "git --git-dir {path} rev-parse refs/heads/main")
            .quiet()
            .read()
            .unwrap();
        assert_eq!(tip, repository.git(&["rev-parse", "HEAD"]));
        let error = push(repository.folder.path(), "/nowhere/at/all", "main", Credentials::None).unwrap_err();
        let told = crate::telling::report::text(&error);
        assert!(
            told.starts_with("error[E-PUSH-REFUSED]: cannot push HEAD to /nowhere/at/all: "),
            "{told}"
        );
    }
}
