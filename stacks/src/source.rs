//! Where the source is: what the foundation of the deployments creates, and what others know it by.

use cloudformation::generated::code_commit_repository::Repository;
use cloudformation::generated::code_connections_connection::{Connection, ProviderType};
use cloudformation::{DeletionPolicy, Options, Template, Value};
use constants::pipeline::{REPOSITORY_NAME, Source};

use crate::arn;
use crate::exports::{export, imported};

/// Output: where to push to.
pub const CLONE_URL: &str = "SourceRepositoryCloneUrl";

/// Output: the repository's name.
pub const SOURCE_REPOSITORY_NAME: &str = "SourceRepositoryName";

/// Output: the repository's ARN.
const SOURCE_REPOSITORY_ARN: &str = "SourceRepositoryArn";

/// Output: the ARN of the connection to a repository elsewhere.
pub const CONNECTION_ARN: &str = "SourceConnectionArn";

/// Adds the repository, or the connection to one.
pub(crate) fn add(template: &mut Template, source: Source) {
    match source {
        Source::CodeCommit => add_repository(template),
        Source::Connection { .. } => add_connection(template),
    }
}

/// The source outlives all that is made of it.
fn add_repository(template: &mut Template) {
    let options = Options::new()
        .deletion_policy(DeletionPolicy::RetainExceptOnCreate)
        .update_replace_policy(DeletionPolicy::Retain);
    let repository =
        Repository::new(REPOSITORY_NAME).repository_description("A service that ships itself by Onebox and Fleet.");
    let repository = template.add_with("SourceRepository", "A push to it is a deployment.", repository, options);
    let outputs = [
        (CLONE_URL, "Where to push to.", repository.clone_url_http()),
        (SOURCE_REPOSITORY_NAME, "The repository's name.", repository.name()),
        (SOURCE_REPOSITORY_ARN, "The repository itself.", repository.arn()),
    ];
    for (name, description, value) in outputs {
        export(template, name, description, value);
    }
}

/// Someone must confirm it once, in the console; until then nothing is fetched.
fn add_connection(template: &mut Template) {
    let connection = Connection::new(REPOSITORY_NAME).provider_type(ProviderType::GitHub);
    let connection = template.add("SourceConnection", "The way to the source.", connection);
    export(
        template,
        CONNECTION_ARN,
        "The connection to the source.",
        connection.connection_arn(),
    );
}

/// The repository's name.
pub(crate) fn repository_name() -> Value<String> {
    imported(SOURCE_REPOSITORY_NAME)
}

/// The repository itself, for rights on it and events from it.
pub(crate) fn repository_arn() -> Value<String> {
    imported(SOURCE_REPOSITORY_ARN)
}

/// The repository by its name, for whoever creates it.
pub(crate) fn repository_arn_by_name() -> Value<String> {
    arn::of("codecommit", &[&REPOSITORY_NAME])
}

/// The connection.
pub(crate) fn connection_arn() -> Value<String> {
    imported(CONNECTION_ARN)
}
