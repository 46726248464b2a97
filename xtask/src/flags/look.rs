//! What is looked at and asked of.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::parse::{age, concurrency, duration, rate};
use super::{Cloud, Environment, Target};

/// Show what a deployment would change, by resource and property; exit status 2 if there is anything.
///
/// Parameters keep their values, so it compares templates and not images. Nothing is changed.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// An environment, or the name of a stack.
    #[arg(value_name = "STACK|ENVIRONMENT")]
    pub(crate) name: String,
    /// Show instead what differs from what was deployed: changes made without a deployment.
    ///
    /// Only what the templates set is compared, and not every type of resource.
    #[arg(long)]
    pub(crate) drift: bool,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Print the outputs of an environment's stacks.
#[derive(Debug, Args)]
pub(crate) struct Outputs {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) target: Target,
    /// Print this output's value alone.
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Show what the service's tasks wrote, of both stages or one.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: Environment,
    /// The stage [default: both].
    #[arg(long, value_enum)]
    pub(crate) stage: Option<ServiceStage>,
    /// Go on showing what they write, until interrupted; begins with the last 20 lines unless told otherwise.
    #[arg(long)]
    pub(crate) follow: bool,
    /// How far back to begin, such as 30s, 10m, 3h or 2d [default: 10m].
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub(crate) since: Option<Duration>,
    /// Begin with the last N lines.
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<usize>,
    /// Show only errors and warnings; an answer with a 5xx status is an error.
    #[arg(long, conflicts_with = "filter")]
    pub(crate) errors: bool,
    /// Show only what matches a filter pattern of CloudWatch Logs, such as `ERROR` or `"not found"`, and without --local
    /// `{ $.status = 500 }`; capitals count.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Show whether an environment is healthy and what it runs: stacks, stages, alarms, services, images, endpoint.
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) target: Target,
    /// Keep showing what the stages do, until interrupted.
    #[arg(long)]
    pub(crate) watch: bool,
    /// End with exit status 1 if something needs attention.
    #[arg(long = "exit-status", conflicts_with = "watch")]
    pub(crate) fails: bool,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// List the releases, newest first: what each changed, how its deployment ended, which stages run it.
///
/// A release is an image, a service template and parameter values under one digest. `deploy --release` and
/// `rollback --to` accept the first digits of it.
#[derive(Debug, Args)]
pub(crate) struct Releases {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Look for what this machine and account lack before a deployment meets it, each with its fix; exit status 4 if one won't work.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Explain a resource, a resource type, a stack status or a code.
///
/// Of a resource: where it is defined and why, what depends on it, and what the local cloud does with its properties.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A logical id, such as `FleetService`, a type, such as `AWS::ECS::Service`, a status, such as
    /// `UPDATE_ROLLBACK_COMPLETE`, or a code, such as `E-UNFINISHED` or `TARGETS`.
    #[arg(value_name = "RESOURCE|TYPE|STATUS|CODE")]
    pub(crate) name: String,
    /// Look in this stack alone.
    #[arg(long, value_name = "STACK")]
    pub(crate) stack: Option<String>,
    /// Print NDJSON that ends in one `result` object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Send requests to an environment's endpoint; a table of counts and percentiles by stage.
#[derive(Debug, Args)]
pub(crate) struct Load {
    pub(crate) environment: Environment,
    /// How many requests may be under way at once: without --rate, as many as are.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = concurrency)]
    pub(crate) concurrency: usize,
    /// Requests a second, whether the earlier ones are answered or not [default: the next as soon as one is answered].
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// How long, such as 500ms, 30s or 2m: up to an hour.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Reach this stage alone, by the header that picks it.
    #[arg(long, value_enum)]
    pub(crate) stage: Option<ServiceStage>,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// A stage that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServiceStage {
    /// A small share of the requests, and every change first.
    Onebox,
    /// Nearly all requests.
    Fleet,
}

impl ServiceStage {
    /// The value of the header that picks the stage.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Onebox => constants::stage::ONEBOX,
            Self::Fleet => constants::stage::FLEET,
        }
    }
}
