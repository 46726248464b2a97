//! What an earlier deployment left, whose name a new one would take.

use serde_json::Value;

use crate::aws::Aws;
use crate::aws::cli::Cli;
use crate::code::Code;
use crate::environment::Rendered;
use crate::exit::Failure;
use crate::stack::standing::{Standing, standing};

/// Refuses to create a stack whose source repository is there already: the source outlives its stack, under the name that
/// the new one would take, and CloudFormation would fail and roll back half of it.
///
/// # Errors
/// Exit status 4, with the way to keep what is in it.
pub(super) async fn refuse_taken_name(aws: &Aws, stack: &Rendered) -> anyhow::Result<()> {
    let Some(name) = repository_name(&stack.template)? else {
        return Ok(());
    };
    let found = aws.stack(&stack.name).await?;
    match standing(found.as_ref().map(|stack| stack.status.as_str())) {
        Standing::Absent | Standing::Leftover => {}
        _ => return Ok(()),
    }
    match aws.clone_url(&name).await? {
        Some(url) => Err(taken(aws.cli(), &stack.name, &name, &url).into()),
        None => Ok(()),
    }
}

/// The name of the source repository that a template creates, if it does.
fn repository_name(template: &str) -> anyhow::Result<Option<String>> {
    let template: Value = serde_json::from_str(template)?;
    let mut resources = template["Resources"].as_object().into_iter().flatten();
    let found = resources.find(|(_, resource)| resource["Type"] == "AWS::CodeCommit::Repository");
    let name = found.and_then(|(_, resource)| resource["Properties"]["RepositoryName"].as_str());
    Ok(name.map(ToOwned::to_owned))
}

fn taken(cli: &Cli, stack: &str, name: &str, url: &str) -> Failure {
    let what = format!("the repository {name} is there already, which {stack} would create; nothing was changed");
    Failure::preflight(what)
        .code(Code::RepositoryLeft)
        .next(format!("keep what is in it: `git clone --mirror {url}`"))
        .next(format!(
            "then make room: {}",
            cli.command(&format!("codecommit delete-repository --repository-name {name}"))
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;
    use crate::environment::Toolchain;
    use crate::stack::script::{no_stack, stack};
    use crate::telling::report::text as report;

    /// What is told where the source's stack and repository are found so.
    async fn check(answers: Vec<(u16, String)>) -> Option<String> {
        let count = answers.len();
        let replay = Replay::new(answers);
        let [source, _] = Toolchain::new().foundations;
        let told = refuse_taken_name(&replay.aws(), &source).await;
        assert_eq!(replay.requests().len(), count);
        told.err().map(|error| report(&error))
    }

    #[tokio::test]
    async fn a_repository_that_outlived_its_stack_is_in_the_way_of_another() {
        let there = r#"{"repositoryMetadata": {"cloneUrlHttp": "https://x/v1/repos/source"}}"#;
        let there = (200, there.to_owned());
        let gone = (
            400,
            r#"{"__type": "RepositoryDoesNotExistException", "message": "no"}"#.to_owned(),
        );
        assert_eq!(check(vec![stack("UPDATE_COMPLETE")]).await, None);
        assert_eq!(check(vec![no_stack(), gone]).await, None);
        let told = check(vec![stack("ROLLBACK_COMPLETE"), there]).await.unwrap();
        insta::assert_snapshot!(told, @"
        error[E-REPOSITORY-LEFT]: the repository oneboxdeploymentonecs is there already, which OneBoxDeploymentOnECS-Foundation-Deployments would create; nothing was changed
          next: keep what is in it: `git clone --mirror https://x/v1/repos/source`
          next: then make room: `aws codecommit delete-repository --repository-name oneboxdeploymentonecs`
        ");
    }

    #[tokio::test]
    async fn a_stack_without_a_repository_asks_nothing() {
        let [_, production] = Toolchain::new().foundations;
        refuse_taken_name(&Replay::new([]).aws(), &production).await.unwrap();
    }
}
