//! CodeCommit's verbs.

use serde_json::json;

use super::calls::codecommit;
use super::{Aws, json};
use crate::exit::Failure;

impl Aws {
    /// Where a repository is cloned from; none where there is no such repository.
    pub(crate) async fn clone_url(&self, repository: &str) -> anyhow::Result<Option<String>> {
        let input = json!({"repositoryName": repository});
        match json::call(self, codecommit::GET_REPOSITORY, input).await {
            Ok(answer) => {
                let url = answer["repositoryMetadata"]["cloneUrlHttp"].as_str();
                Ok(Some(url.unwrap_or_default().to_owned()))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The commit at the tip of a repository's branch; none while the branch doesn't exist.
    pub(crate) async fn branch_tip(&self, repository: &str, branch: &str) -> anyhow::Result<Option<String>> {
        let input = json!({"repositoryName": repository, "branchName": branch});
        match json::call(self, codecommit::GET_BRANCH, input).await {
            Ok(answer) => Ok(answer["branch"]["commitId"].as_str().map(ToOwned::to_owned)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether AWS says that there is no such repository.
/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetRepository.html>
fn is_absent(error: &anyhow::Error) -> bool {
    Failure::of(error).is_some_and(|failure| failure.what.contains(": RepositoryDoesNotExistException: "))
}

/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetBranch.html>
fn is_missing(error: &anyhow::Error) -> bool {
    Failure::of(error).is_some_and(|failure| failure.what.contains(": BranchDoesNotExistException: "))
}
