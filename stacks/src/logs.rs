//! The logs of the tasks.

use cloudformation::generated::logs_log_group::{LogGroup, RetentionInDays};
use cloudformation::{DeletionPolicy, Handle, Options, Template, Value};
use constants::environment::{PRODUCTION_LOG_RETENTION_DAYS, SANDBOX_LOG_RETENTION_DAYS};

use crate::stage::PerStage;
use crate::{Environment, arn};

const SANDBOX_RETENTION: RetentionInDays = RetentionInDays::of::<SANDBOX_LOG_RETENTION_DAYS>();
const PRODUCTION_RETENTION: RetentionInDays = RetentionInDays::of::<PRODUCTION_LOG_RETENTION_DAYS>();

/// Adds the log group of each stage.
pub(crate) fn add_groups(template: &mut Template, environment: Environment) -> PerStage<Handle<LogGroup>> {
    PerStage::add(template, |template, stage| {
        let group = LogGroup::new()
            .log_group_name(environment.log_group_name(stage))
            .retention_in_days(retention(environment));
        template.add_with(
            stage.logical_id("LogGroup"),
            "The stage's logs.",
            group,
            log_group_options(),
        )
    })
}

/// The log groups of an environment's stages, for rights on them.
pub(crate) fn groups_arn(environment: Environment) -> Value<String> {
    arn::of("logs", &[&"log-group:", &environment.log_group_prefix(), &"*"])
}

/// What those groups hold, for rights on it: AWS's policies know a stream as a resource of its own.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html>
pub(crate) fn streams_arn(environment: Environment) -> Value<String> {
    let prefix = environment.log_group_prefix();
    arn::of("logs", &[&"log-group:", &prefix, &"*:log-stream:*"])
}

/// A fixed name that stayed behind would stand in the next deployment's way.
fn log_group_options() -> Options {
    Options::new()
        .deletion_policy(DeletionPolicy::Delete)
        .update_replace_policy(DeletionPolicy::Retain)
}

fn retention(environment: Environment) -> RetentionInDays {
    match environment {
        Environment::Sandbox | Environment::Deployments => SANDBOX_RETENTION,
        Environment::Production => PRODUCTION_RETENTION,
    }
}
