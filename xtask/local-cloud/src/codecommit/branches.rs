//! Repositories come and go, and their branches move.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::Branches;
use super::resources::arn;
use crate::cloud::{Cloud, Effect};
use crate::code::CodeEffect;

impl Cloud {
    /// Takes a repository away, and has its git repository go.
    pub(super) fn delete_repository(&mut self, name: &str) {
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
        let names = both.collect::<BTreeSet<_>>();
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
