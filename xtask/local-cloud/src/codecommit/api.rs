//! `CodeCommit`'s calls. <https://docs.aws.amazon.com/codecommit/latest/APIReference/Welcome.html>

use serde_json::{Value, json};

use super::resources::{arn, clone_url};
use super::{Person, Repository, git, is_repository_name};
use crate::cloud::Cloud;
use crate::moment;
use crate::properties::text;
use crate::wire::{Fault, Service};

/// Answers one call.
pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "GetRepository" => get_repository(cloud, input),
        "ListRepositories" => list_repositories(cloud, input),
        "GetBranch" => get_branch(cloud, input),
        "ListBranches" => {
            let (_, repository) = repository(cloud, input)?;
            Ok(json!({"branches": repository.branches.heads.keys().collect::<Vec<_>>()}))
        }
        "GetCommit" => get_commit(cloud, input),
        "DeleteRepository" => delete_repository(cloud, input),
        _ => Err(Fault::unsupported(Service::CodeCommit, operation)),
    }
}

fn get_repository(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let (name, repository) = repository(cloud, input)?;
    let mut metadata = json!({
        "accountId": cloud.place.account_id,
        "repositoryId": repository.id,
        "repositoryName": name,
        "lastModifiedDate": moment::epoch_seconds(repository.modified_at),
        "creationDate": moment::epoch_seconds(repository.created_at),
        "cloneUrlHttp": clone_url(cloud, name),
        "cloneUrlSsh": clone_url(cloud, name),
        "Arn": arn(cloud, name),
    });
    if let Some(description) = description(repository) {
        metadata["repositoryDescription"] = json!(description);
    }
    if let Some(default) = &repository.branches.default {
        metadata["defaultBranch"] = json!(default);
    }
    Ok(json!({"repositoryMetadata": metadata}))
}

/// Deletes a repository and all that is in it; one that isn't there is no error.
/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_DeleteRepository.html>
fn delete_repository(cloud: &mut Cloud, input: &Value) -> Result<Value, Fault> {
    let found = repository(cloud, input).map(|(name, repository)| (name.to_owned(), repository.id.clone()));
    match found {
        Ok((name, id)) => {
            cloud.delete_repository(&name);
            Ok(json!({"repositoryId": id}))
        }
        Err(fault) if fault.code == "RepositoryDoesNotExistException" => Ok(json!({})),
        Err(fault) => Err(fault),
    }
}

fn list_repositories(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let mut repositories = cloud.code.repositories.iter().collect::<Vec<_>>();
    match text(input, "sortBy").as_deref() {
        None | Some("repositoryName") => {}
        Some("lastModifiedDate") => repositories.sort_by_key(|(_, repository)| repository.modified_at),
        Some(other) => {
            let message = format!("{other} is neither repositoryName nor lastModifiedDate");
            return Err(Fault::client("InvalidSortByException", message));
        }
    }
    match text(input, "order").as_deref() {
        None | Some("ascending") => {}
        Some("descending") => repositories.reverse(),
        Some(other) => {
            let message = format!("{other} is neither ascending nor descending");
            return Err(Fault::client("InvalidOrderException", message));
        }
    }
    let shown = repositories
        .iter()
        .map(|(name, repository)| json!({"repositoryName": name, "repositoryId": repository.id}));
    Ok(json!({"repositories": shown.collect::<Vec<_>>()}))
}

fn get_branch(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let (_, repository) = repository(cloud, input)?;
    let branch = text(input, "branchName")
        .ok_or_else(|| Fault::client("BranchNameRequiredException", "A branch name is required"))?;
    match repository.branches.heads.get(&branch) {
        Some(commit) => Ok(json!({"branch": {"branchName": branch, "commitId": commit}})),
        None => Err(Fault::client(
            "BranchDoesNotExistException",
            format!("The branch {branch} does not exist"),
        )),
    }
}

fn get_commit(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let (name, _) = repository(cloud, input)?;
    let id =
        text(input, "commitId").ok_or_else(|| Fault::client("CommitIdRequiredException", "A commit id is required"))?;
    if !git::is_commit_id(&id) {
        let message = format!("{id} is not a full commit id");
        return Err(Fault::client("InvalidCommitIdException", message));
    }
    let Some(commit) = cloud.code.commits.commit(name, &id) else {
        let message = format!("The commit {id} does not exist");
        return Err(Fault::client("CommitIdDoesNotExistException", message));
    };
    Ok(json!({"commit": {
        "commitId": id,
        "treeId": commit.tree,
        "parents": commit.parents,
        "message": commit.message,
        "author": person(&commit.author),
        "committer": person(&commit.committer),
        "additionalData": "",
    }}))
}

fn person(person: &Person) -> Value {
    json!({"name": person.name, "email": person.email, "date": person.date})
}

fn repository<'a>(cloud: &'a Cloud, input: &Value) -> Result<(&'a str, &'a Repository), Fault> {
    let name = text(input, "repositoryName")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Fault::client("RepositoryNameRequiredException", "A repository name is required"))?;
    if !is_repository_name(&name) {
        let message = format!("{name} is not a valid repository name");
        return Err(Fault::client("InvalidRepositoryNameException", message));
    }
    let found = cloud.code.repositories.get_key_value(&name);
    found
        .map(|(name, repository)| (name.as_str(), repository))
        .ok_or_else(|| {
            let message = format!("{name} does not exist");
            Fault::client("RepositoryDoesNotExistException", message)
        })
}

/// A description, if there is one.
fn description(repository: &Repository) -> Option<String> {
    text(&repository.properties, "RepositoryDescription")
}
