//! The pipeline.

use clap::{Args, Subcommand};

use super::Cloud;
use super::parse::{concurrency, fault};

/// Run the pipeline and follow it to its end: create what is missing, push HEAD, start or join the execution.
///
/// Ends with the exit status of the action that failed: 5 if it was rolled back.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Pipeline {
    #[command(subcommand)]
    pub(crate) command: Option<PipelineCommand>,
    /// Create what is missing without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// A fault that the image shows on purpose, to see it stopped; `image build --help` tells of its grammar. With
    /// --local only.
    #[arg(long, value_name = "SPEC", value_parser = fault)]
    pub(crate) fault: Option<String>,
    /// Send this many requests at once to prod's endpoint while the execution runs, and tell what came of them.
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) load: Option<usize>,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PipelineCommand {
    /// Show the newest executions, and how far the newest is.
    Status {
        #[command(flatten)]
        cloud: Cloud,
    },
    /// Stop the execution that runs, after the action that runs.
    Stop {
        /// Don't wait for the action that runs.
        #[arg(long)]
        abandon: bool,
        /// Why, as the execution's history tells it.
        #[arg(long, default_value = "asked for by hand")]
        reason: String,
        #[command(flatten)]
        cloud: Cloud,
    },
    /// Run every action of the newest execution's failed stage again, and follow it to the end.
    Retry {
        #[command(flatten)]
        cloud: Cloud,
    },
}
