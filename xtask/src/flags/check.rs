//! Tests, rehearsals, soaks and figures.

use clap::Args;
use local_cloud::Bake;

use super::local::Runtime;
use super::parse::{bake, jobs, metric_lag, speed};

/// Play changes, good and bad, on local clouds of their own, with real tasks and real requests; tell whether each ends as
/// promised.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// Names of the scenarios to play; all when none is named.
    #[arg(value_name = "SCENARIO")]
    pub(crate) names: Vec<String>,
    /// List the scenarios.
    #[arg(long)]
    pub(crate) list: bool,
    /// How many times faster than AWS the waits pass [default: each scenario's own]. Requests are never sped up, and a
    /// fault that is a duration neither.
    #[arg(long, value_name = "N", value_parser = speed)]
    pub(crate) speed: Option<f64>,
    /// How many of AWS's minutes late metrics are published [default: each scenario's own, or 2].
    #[arg(long, value_name = "MINUTES", value_parser = metric_lag)]
    pub(crate) metric_lag: Option<f64>,
    /// Whether ECS honours the bake time [default: each scenario's own, or honoured].
    #[arg(long, value_name = "honoured|ignored", value_parser = bake)]
    pub(crate) bake: Option<Bake>,
    /// Play each scenario at metric lags of 0, 2 and 4 minutes, with the bake time honoured and ignored, except for the
    /// default combination; six scenarios when none is named.
    #[arg(long, conflicts_with_all = ["metric_lag", "bake"])]
    pub(crate) matrix: bool,
    /// How many scenarios are played at once, each on a local cloud of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = jobs)]
    pub(crate) jobs: usize,
    /// What runs the tasks [default: process].
    #[arg(long, value_enum, value_name = "RUNTIME")]
    pub(crate) runtime: Option<Runtime>,
    /// Hold what is seen against expectations that are wrong on purpose as well: none may be satisfied.
    #[arg(long)]
    pub(crate) plant: bool,
    /// Keep each scenario's folder, `target/rehearsal/<SCENARIO>`; without it, only what failed is kept.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print NDJSON that ends in one `result` object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Play deployments in a row on a local cloud of their own, one in three of them bad, while tasks, the local cloud and the
/// command line itself are killed, under requests all along.
///
/// Everything follows from the seed. Each bad one must be undone, each good one live, every failed request accounted for;
/// in the end nothing may be left, and nothing may have grown.
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// What everything follows from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The number of the last deployment.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
    /// The number of the first deployment [default: 1]. What the ones before it would have left is deployed first.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) from: Option<u32>,
    /// How many times faster than AWS the waits pass. Requests are never sped up.
    #[arg(long, value_name = "N", default_value_t = 60.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// What runs the tasks [default: process].
    #[arg(long, value_enum, value_name = "RUNTIME")]
    pub(crate) runtime: Option<Runtime>,
    /// Go on after a deployment that didn't end as it must.
    #[arg(long)]
    pub(crate) go_on: bool,
    /// List the deployments, and play none.
    #[arg(long)]
    pub(crate) list: bool,
    /// Print NDJSON that ends in one `result` object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Run everything that CI checks.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Names of the steps to run; all when none is named.
    #[arg(value_name = "STEP")]
    pub(crate) steps: Vec<String>,
    /// List the steps, and what each needs.
    #[arg(long)]
    pub(crate) list: bool,
    /// Run the tests with optional programs hidden; fails unless those that need one are skipped.
    #[arg(long, conflicts_with_all = ["steps", "list"])]
    pub(crate) hide_programs: bool,
}

/// Take figures, each beside its peer in the same run: speed, size, memory, growth.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Names of the figures to take; all when none is named.
    #[arg(value_name = "FIGURE")]
    pub(crate) figures: Vec<String>,
    /// List the figures, and what each needs.
    #[arg(long)]
    pub(crate) list: bool,
    /// Print `docs/benchmarks.md`.
    #[arg(long, conflicts_with_all = ["json", "list"])]
    pub(crate) markdown: bool,
    /// Print NDJSON that ends in one `result` object.
    #[arg(long)]
    pub(crate) json: bool,
}
