//! What CloudFormation may do when a person deploys without handing it a role: it acts with the person's own rights.

use cloudformation::{Action, PolicyDocument, Statement, ToNode as _};
use constants::pipeline::{SOURCE, Source};

use super::{allow, allow_anywhere, roles, service, toolchain};
use crate::{Environment, Purpose, arn, source};

/// The handler of `AWS::CodeCommit::Repository`, but for what fills one or links it, which no template here asks for.
const REPOSITORY: &[Action] = &[
    Action::new("codecommit:CreateRepository"),
    Action::new("codecommit:DeleteRepository"),
    Action::new("codecommit:GetRepository"),
    Action::new("codecommit:GetRepositoryTriggers"),
    Action::new("codecommit:ListTagsForResource"),
    Action::new("codecommit:TagResource"),
    Action::new("codecommit:UntagResource"),
    Action::new("codecommit:UpdateRepositoryDescription"),
    Action::new("codecommit:UpdateRepositoryName"),
];

/// The same handler, where AWS knows no narrower resource.
const LIST_REPOSITORIES: &[Action] = &[Action::new("codecommit:ListRepositories")];

/// The policies of who deploys an environment, by name; of the deployments, with all that the pipeline needs.
pub(crate) fn policies(environment: Environment) -> Vec<(&'static str, String)> {
    let policies = match environment {
        Environment::Sandbox | Environment::Production => service::policies(environment).to_vec(),
        Environment::Deployments => {
            let mut policies = toolchain::policies(SOURCE).to_vec();
            policies.push(("Foundations", foundations(SOURCE)));
            policies
        }
    };
    let document =
        |(name, statements): (_, Vec<Statement>)| (name, PolicyDocument::new(statements).to_node().to_compact_json());
    policies.into_iter().map(document).collect()
}

/// The foundations of the pipeline: its source, the roles that CloudFormation acts in, production's image repository.
fn foundations(source: Source) -> Vec<Statement> {
    let own_roles = [arn::of_iam(&[
        &"role/",
        &Environment::Deployments.stack_name(Purpose::Foundation),
        &"-*",
    ])];
    let mut statements = vec![service::images(Environment::Production)];
    statements.extend(roles(own_roles));
    if let Source::CodeCommit = source {
        statements.push(allow("Source", REPOSITORY, [source::repository_arn_by_name()]));
        statements.push(allow_anywhere("LookForSource", LIST_REPOSITORIES));
    }
    statements
}
