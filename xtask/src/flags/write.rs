//! What is written of the project.

use std::path::PathBuf;

use clap::Args;

use super::Target;
use super::parse::{account, quantity, region};

/// Write the CloudFormation templates.
#[derive(Debug, Args)]
pub(crate) struct Synth {
    /// Names of the stacks to write; all when none is named.
    #[arg(value_name = "STACK")]
    pub(crate) stacks: Vec<String>,
    /// The folder to write `<StackName>.template.json` into [default: target/synth].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Estimate what an environment costs a month on AWS, from its templates at list prices; all when none is named.
#[derive(Debug, Args)]
pub(crate) struct Cost {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) target: Option<Target>,
    /// Requests a second, on average.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = quantity)]
    pub(crate) requests: f64,
    /// GB a month to the internet.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = quantity)]
    pub(crate) data_out: f64,
    /// Pushes a month.
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = quantity)]
    pub(crate) pushes: f64,
    /// Minutes of Build, at a push.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = quantity)]
    pub(crate) build_minutes: f64,
    /// Minutes of each later stage, at a push.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = quantity)]
    pub(crate) stage_minutes: f64,
    /// Print `docs/cost.md`.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Print NDJSON that ends in one `result` object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the codes of errors, each with its cause and its fix.
#[derive(Debug, Args)]
pub(crate) struct Errors {
    /// Print `docs/errors.md`.
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// Write what whoever deploys by hand must be allowed, as IAM policies: one file each.
///
/// Nothing is asked of AWS. An administrator attaches them with `aws iam create-policy`.
#[derive(Debug, Args)]
pub(crate) struct Permissions {
    #[arg(value_name = "ENVIRONMENT", required_unless_present = "markdown")]
    pub(crate) target: Option<Target>,
    /// The account that the rights are given in [default: any, which is the one that the policies are attached in].
    #[arg(long, value_name = "NUMBER", value_parser = account)]
    pub(crate) account: Option<String>,
    /// The region that the rights are given in [default: us-east-1].
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub(crate) region: Option<String>,
    /// The role that CloudFormation is handed, with `deploy --role`: nothing but that and the calls is allowed then.
    #[arg(long, value_name = "ARN")]
    pub(crate) role: Option<String>,
    /// The folder to write `<Policy>.policy.json` into [default: target/permissions].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print `docs/permissions.md`.
    #[arg(long, conflicts_with_all = ["target", "out"])]
    pub(crate) markdown: bool,
}

/// Generate the CloudFormation resource types from AWS's schemas.
#[derive(Debug, Args)]
pub(crate) struct Codegen {
    /// Write nothing; fail if what is written differs.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Print a shell's completions of `xtask`, for use with `alias xtask='cargo xtask'`.
///
/// For bash: `source <(cargo xtask completions bash)`; for zsh and fish, save it where they look for completions.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual in the form that `man` reads: `man -l <(cargo xtask man)`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write it into, with a page for each command, in place of printing it.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
