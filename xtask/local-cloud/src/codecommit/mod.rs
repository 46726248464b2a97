//! `CodeCommit`: repositories as records; the commits are in bare git repositories below the home.

mod api;
mod branches;
mod git;
mod http;
mod resources;

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use api::call;
pub(crate) use git::{Git, succeed};
pub(crate) use http::{router, tell_branches};
pub(crate) use resources::KINDS;

/// Where repositories are on AWS's host and on this one.
pub(crate) const CLONE_PATH: &str = "/v1/repos/";

/// A repository.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(crate) id: String,
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
    pub(crate) modified_at: SystemTime,
    /// Whether its git repository is there, or why it can't be; none while it is being made.
    pub(crate) made: Option<Result<(), String>>,
    /// What it held when it was last looked at.
    pub(crate) branches: Branches,
}

/// The branches of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Branches {
    /// The commit that each is at.
    pub(crate) heads: BTreeMap<String, String>,
    /// The one that a clone checks out; the first that was pushed, as on AWS.
    pub(crate) default: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author: Person,
    pub(crate) committer: Person,
    pub(crate) message: String,
}

/// Who made a commit, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    /// As git has it: seconds and time zone, `1700000000 +0100`.
    pub(crate) date: String,
}

/// Reads commits; they are too many to be records.
pub(crate) trait Commits: Send + Sync + std::fmt::Debug {
    /// A commit by its full id.
    fn commit(&self, repository: &str, id: &str) -> Option<Commit>;
}

/// No repositories at all, as before the local cloud has opened its folder.
#[derive(Debug, Default)]
pub(crate) struct NoCommits;

impl Commits for NoCommits {
    fn commit(&self, _: &str, _: &str) -> Option<Commit> {
        None
    }
}

/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateRepository.html>
pub(crate) fn is_repository_name(name: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let ends_as_git = name.to_ascii_lowercase().ends_with(".git");
    (1..=100).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.') && !ends_as_git
}

/// The first line of a commit's message.
pub(crate) fn subject(commit: &Commit) -> String {
    commit.message.lines().next().unwrap_or_default().to_owned()
}

/// When a commit was made, out of git's words for it.
pub(crate) fn made_at(person: &Person) -> Option<SystemTime> {
    let seconds = person.date.split(' ').next()?.parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds))
}
