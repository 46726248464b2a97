//! `CodeCommit`: repositories as records; the commits are in bare git repositories below the home.

mod api;
mod git;
mod http;

use std::collections::BTreeMap;
use std::time::SystemTime;

use provisioner::{Operation, Progress, ResourceRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use api::call;
pub(crate) use git::{Git, succeed};
pub(crate) use http::{router, tell_branches};

use crate::cloud::{Cloud, Effect};
use crate::code::CodeEffect;
use crate::kind::{Handler, Kind, already_exists, not_found};
use crate::properties::{required, text};
use crate::values;

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

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[Kind {
    type_name: "AWS::CodeCommit::Repository",
    // AWS renames a repository in place; here its name is its folder's, so that another name is another repository.
    create_only: &["RepositoryName"],
    attributes: &["Arn", "CloneUrlHttp", "CloneUrlSsh", "Name", "RepositoryId"],
    timeout: None,
    handler: &Repositories,
}];

struct Repositories;

impl Handler for Repositories {
    fn check(&self, properties: &Value) -> Vec<String> {
        let expected = "1 to 100 letters, digits, points, underscores and dashes, not ending in .git";
        values::passes(properties, "RepositoryName", expected, is_repository_name)
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = required(request.properties, "RepositoryName")?;
        if cloud.code.repositories.contains_key(&name) {
            return Err(already_exists(request.type_name, &name));
        }
        let id = cloud.ids.uuid();
        let repository = Repository {
            id: id.clone(),
            properties: request.properties.clone(),
            created_at: now,
            modified_at: now,
            made: None,
            branches: Branches::default(),
        };
        cloud.code.repositories.insert(name.clone(), repository);
        cloud.effects.push(Effect::Code(CodeEffect::MakeRepository { name }));
        Ok(id)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let mut repositories = cloud.code.repositories.values_mut();
        let repository = repositories.find(|repository| repository.id == physical_id);
        let repository = repository.ok_or_else(|| not_found(request.type_name, physical_id))?;
        repository.properties = request.properties.clone();
        repository.modified_at = now;
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        if let Some((name, _)) = find(cloud, physical_id) {
            let name = name.to_owned();
            cloud.delete_repository(&name);
        }
        Ok(())
    }

    fn progress(&self, cloud: &Cloud, physical_id: &str, operation: Operation) -> Progress {
        match find(cloud, physical_id).map(|(_, repository)| &repository.made) {
            Some(None) if operation == Operation::Create => Progress::InProgress,
            Some(Some(Err(reason))) => Progress::Failed(reason.clone()),
            _ => Progress::Done,
        }
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        find(cloud, physical_id).map(|(_, repository)| &repository.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        let (name, repository) = find(cloud, physical_id)?;
        match attribute {
            "Arn" => Some(json!(arn(cloud, name))),
            // Nothing listens for SSH here: the same address.
            "CloneUrlHttp" | "CloneUrlSsh" => Some(json!(clone_url(cloud, name))),
            "Name" => Some(json!(name)),
            "RepositoryId" => Some(json!(repository.id)),
            _ => None,
        }
    }
}

fn find<'a>(cloud: &'a Cloud, id: &str) -> Option<(&'a str, &'a Repository)> {
    let mut repositories = cloud.code.repositories.iter();
    let found = repositories.find(|(_, repository)| repository.id == id);
    found.map(|(name, repository)| (name.as_str(), repository))
}

/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateRepository.html>
pub(crate) fn is_repository_name(name: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let ends_as_git = name.to_ascii_lowercase().ends_with(".git");
    (1..=100).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.') && !ends_as_git
}

/// `arn:aws:codecommit:<region>:<account>:<name>`
pub(crate) fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.place.arn("codecommit", name)
}

/// On AWS the host is the service's; here it is where the local cloud listens, with the same path.
pub(crate) fn clone_url(cloud: &Cloud, name: &str) -> String {
    format!("http://{}{CLONE_PATH}{name}", cloud.registry_host)
}

impl Cloud {
    /// Takes a repository away, and has its git repository go.
    fn delete_repository(&mut self, name: &str) {
        let name = name.to_owned();
        self.code.repositories.remove(&name);
        self.code.deleted_repositories.insert(name.clone());
        self.effects.push(Effect::Code(CodeEffect::DeleteRepository { name }));
    }

    /// Notes that a git repository is there; one that was deleted meanwhile goes again.
    pub(crate) fn repository_made(&mut self, name: String, outcome: Result<(), String>) {
        match self.code.repositories.get_mut(&name) {
            Some(repository) => {
                let there = outcome.is_ok();
                repository.made = Some(outcome);
                if there {
                    self.effects.push(Effect::Code(CodeEffect::ReadBranches { name }));
                }
            }
            None => self.effects.push(Effect::Code(CodeEffect::DeleteRepository { name })),
        }
    }

    /// Notes what branches there are, and tells of each that has changed.
    pub(crate) fn branches_seen(&mut self, now: SystemTime, name: &str, branches: &Branches) {
        let Some(repository) = self.code.repositories.get_mut(name) else {
            return;
        };
        if repository.branches == *branches {
            return;
        }
        let before = std::mem::replace(&mut repository.branches, branches.clone());
        repository.modified_at = now;
        let id = repository.id.clone();
        let both = before.heads.keys().chain(branches.heads.keys());
        let names = both.collect::<std::collections::BTreeSet<_>>();
        for branch in names {
            let (old, new) = (before.heads.get(branch), branches.heads.get(branch));
            if let Some(detail) = change(self, name, &id, branch, old, new) {
                let resources = [arn(self, name)];
                let kind = "CodeCommit Repository State Change";
                self.publish(now, "aws.codecommit", kind, &resources, &detail);
            }
        }
    }

    /// The newest commit of a branch.
    pub(crate) fn head(&self, repository: &str, branch: &str) -> Option<&String> {
        self.code.repositories.get(repository)?.branches.heads.get(branch)
    }
}

/// <https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html>
fn change(
    cloud: &Cloud,
    name: &str,
    id: &str,
    branch: &str,
    old: Option<&String>,
    new: Option<&String>,
) -> Option<Value> {
    let event = match (old, new) {
        (old, new) if old == new => return None,
        (None, _) => "referenceCreated",
        (_, None) => "referenceDeleted",
        _ => "referenceUpdated",
    };
    let mut detail = json!({
        "event": event,
        "repositoryName": name,
        "repositoryId": id,
        "referenceType": "branch",
        "referenceName": branch,
        "referenceFullName": format!("refs/heads/{branch}"),
        "callerUserArn": cloud.place.global_arn("iam", "user/local"),
    });
    if let Some(new) = new {
        detail["commitId"] = json!(new);
    }
    if let Some(old) = old {
        detail["oldCommitId"] = json!(old);
    }
    Some(detail)
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

/// A description, if there is one.
fn description(repository: &Repository) -> Option<String> {
    text(&repository.properties, "RepositoryDescription")
}
