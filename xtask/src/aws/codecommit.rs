//! CodeCommit's verbs.

use serde_json::json;

use super::calls::codecommit;
use super::{Aws, json};
use crate::exit::Failure;

impl Aws {
    /// The commit at the tip of a repository's branch; none while the branch doesn't exist.
    pub(crate) async fn branch_tip(&self, repository: &str, branch: &str) -> anyhow::Result<Option<String>> {
        let input = json!({"repositoryName": repository, "branchName": branch});
        match json::call(&self.config, codecommit::GET_BRANCH, input).await {
            Ok(answer) => Ok(answer["branch"]["commitId"].as_str().map(ToOwned::to_owned)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetBranch.html>
fn is_missing(error: &anyhow::Error) -> bool {
    Failure::of(error).is_some_and(|failure| failure.what.contains(": BranchDoesNotExistException: "))
}
