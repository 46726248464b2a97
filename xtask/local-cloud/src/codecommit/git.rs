//! The bare git repositories, through the `git` program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Branches, Commit, Commits, Person};

/// The folder of repositories.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    folder: PathBuf,
}

impl Git {
    /// The repositories below a home.
    pub(crate) fn new(home: &Path) -> Self {
        Self {
            folder: home.join("repositories"),
        }
    }

    /// The folder of all repositories.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of one.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The `git` program, with nothing of the person's own configuration, which could make it run other programs.
    pub(crate) fn program() -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("GIT_")) {
                command.env_remove(name);
            }
        }
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C");
        command
    }

    /// Makes an empty repository; one that is there stays as it is.
    ///
    /// # Errors
    /// When there is no `git`, or it fails.
    pub(crate) fn make(&self, name: &str) -> Result<(), String> {
        fs::create_dir_all(&self.folder).map_err(|error| format!("cannot make {}: {error}", self.folder.display()))?;
        let mut command = Self::program();
        command
            .args(["init", "--quiet", "--bare", "--initial-branch=main"])
            .arg(self.path(name));
        succeed(command)?;
        // Whoever reaches the local cloud may push, as whoever signs on AWS with the right may.
        let mut command = self.git(name);
        command.args(["config", "http.receivepack", "true"]);
        succeed(command).map(drop)
    }

    /// Removes a repository.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    /// What branches a repository has. The first that comes becomes the one that a clone checks out.
    ///
    /// # Errors
    /// What `git` says.
    pub(crate) fn branches(&self, name: &str) -> Result<Branches, String> {
        let mut command = self.git(name);
        command.args([
            "for-each-ref",
            "--format=%(objectname) %(refname:lstrip=2)",
            "refs/heads",
        ]);
        let listed = succeed(command)?;
        let heads = listed.lines().filter_map(|line| line.split_once(' '));
        let heads = heads.map(|(commit, branch)| (branch.to_owned(), commit.to_owned()));
        let heads = heads.collect::<std::collections::BTreeMap<_, _>>();
        let mut command = self.git(name);
        command.args(["symbolic-ref", "--short", "HEAD"]);
        let mut default = succeed(command)?.trim_end().to_owned();
        if let Some(first) = heads.keys().next()
            && !heads.contains_key(&default)
        {
            let mut command = self.git(name);
            command.args(["symbolic-ref", "HEAD", &format!("refs/heads/{first}")]);
            succeed(command)?;
            default.clone_from(first);
        }
        let default = heads.contains_key(&default).then_some(default);
        Ok(Branches { heads, default })
    }

    /// `git` on one repository.
    pub(crate) fn git(&self, name: &str) -> Command {
        let mut command = Self::program();
        command.arg("--git-dir").arg(self.path(name));
        command
    }
}

impl Commits for Git {
    fn commit(&self, repository: &str, id: &str) -> Option<Commit> {
        if !is_commit_id(id) {
            return None;
        }
        let mut command = self.git(repository);
        command.args(["cat-file", "commit", id]);
        parse(&succeed(command).ok()?)
    }
}

/// Forty hexadecimal digits.
pub(crate) fn is_commit_id(id: &str) -> bool {
    id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Runs a `git` to its end and gives what it wrote.
///
/// # Errors
/// One line: what it says is wrong, or that it isn't there.
pub(crate) fn succeed(mut command: Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().map_err(|error| missing(&error))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&stderr);
    let said = said.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>();
    Err(format!("git: {}", said.join("; ")))
}

/// Why `git` can't be started.
pub(crate) fn missing(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "the local cloud keeps its CodeCommit repositories with git, which isn't on this machine's PATH: install git and try again".to_owned()
        }
        _ => format!("cannot start git: {error}"),
    }
}

/// <https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_git_commit_objects>
fn parse(text: &str) -> Option<Commit> {
    let (head, message) = text.split_once("\n\n").unwrap_or((text, ""));
    let values = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(' '));
        let lines = lines.filter(|(key, _)| *key == name);
        lines.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
    };
    Some(Commit {
        tree: values("tree").pop()?,
        parents: values("parent"),
        author: person(values("author").first()?)?,
        committer: person(values("committer").first()?)?,
        message: message.to_owned(),
    })
}

fn person(text: &str) -> Option<Person> {
    let (name, rest) = text.split_once('<')?;
    let (email, date) = rest.split_once('>')?;
    Some(Person {
        name: name.trim_end().to_owned(),
        email: email.to_owned(),
        date: date.trim_start().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_as_git_writes_it() {
        let text = "tree aa\nparent bb\nparent cc\nauthor A <B> C <a@b> 17 +0100\ncommitter D <d@e> 18 -0200\ngpgsig -----\n x\n\nSubject\n\nBody\n";
        // An angle bracket in a name isn't something that git writes; the first one ends it.
        let commit = parse(&text.replace("A <B> C", "A B C")).unwrap();
        assert_eq!((commit.tree.as_str(), commit.parents.len()), ("aa", 2));
        assert_eq!(
            (commit.author.name.as_str(), commit.author.email.as_str()),
            ("A B C", "a@b")
        );
        assert_eq!(commit.committer.date, "18 -0200");
        assert_eq!(super::super::subject(&commit), "Subject");
        assert_eq!(parse("no commit"), None);
    }

    #[test]
    fn a_repository_is_made_looked_at_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::new(folder.path());
        git.make("trial").unwrap();
        git.make("trial").unwrap();
        assert_eq!(git.branches("trial").unwrap(), Branches::default());
        let mut command = git.git("trial");
        command.args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
            "commit-tree",
            "-m",
            "First",
        ]);
        // Git's own id of the tree without a file.
        let id = succeed({
            let mut tree = git.git("trial");
            tree.args(["hash-object", "-t", "tree", "-w", "/dev/null"]);
            let tree = succeed(tree).unwrap();
            command.arg(tree.trim_end());
            command
        });
        let id = id.unwrap().trim_end().to_owned();
        let mut command = git.git("trial");
        command.args(["update-ref", "refs/heads/trunk", &id]);
        succeed(command).unwrap();
        let branches = git.branches("trial").unwrap();
        assert_eq!(
            branches.default.as_deref(),
            Some("trunk"),
            "HEAD follows the first branch"
        );
        assert_eq!(branches.heads["trunk"], id);
        assert_eq!(super::super::subject(&git.commit("trial", &id).unwrap()), "First");
        assert_eq!(git.commit("trial", &"0".repeat(40)), None);
        git.remove("trial").unwrap();
        git.remove("trial").unwrap();
        assert!(git.branches("trial").is_err());
    }
}
