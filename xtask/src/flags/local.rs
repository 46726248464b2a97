//! The local cloud.

use clap::{Args, Subcommand, ValueEnum, value_parser};
use local_cloud::{Bake, RuntimeChoice};

use super::parse::{bake, json_value, metric_lag, region, speed};

/// The local cloud: an AWS endpoint on this machine.
#[derive(Debug, Args)]
pub(crate) struct Local {
    #[command(subcommand)]
    pub(crate) command: LocalCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LocalCommand {
    /// Start it in the background; `--local` does so by itself.
    Start {
        /// The port on 127.0.0.1 [default: the one used before, or else the first free one from 4566].
        #[arg(long)]
        port: Option<u16>,
        /// The region that it plays [default: as before, at first us-east-1].
        #[arg(long, value_name = "REGION", value_parser = region)]
        region: Option<String>,
        #[command(flatten)]
        settings: LocalSettings,
    },
    /// End it and every task that it runs; its state stays.
    Stop,
    /// Say whether it runs, where, and with what.
    Status {
        /// Print NDJSON that ends in one `result` object.
        #[arg(long)]
        json: bool,
    },
    /// Print the variables that point the AWS CLI and the SDKs at it: `eval "$(cargo xtask local env)"`.
    Env,
    /// Print what it does with each property of a template: exercised, approximated, or inert with a reason.
    Fidelity {
        /// Print `docs/fidelity.md`.
        #[arg(long)]
        markdown: bool,
    },
    /// Have it show faults on purpose, to see what clients make of them; they outlive its restart.
    Fault {
        #[command(subcommand)]
        command: FaultCommand,
    },
    /// Change a resource as someone would who doesn't ask its stack, so that there is drift to see.
    Drift {
        /// The stack's name.
        stack: String,
        /// The resource's logical id.
        resource: String,
        /// The property, as a JSON pointer such as `/Threshold`; without one, the resource is deleted.
        #[arg(requires = "value")]
        property: Option<String>,
        /// Its new value, in JSON; `null` takes it away.
        #[arg(value_parser = json_value)]
        value: Option<serde_json::Value>,
    },
    /// Run it in the foreground.
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        port: Option<u16>,
        #[arg(long, value_parser = region)]
        region: Option<String>,
        /// It holds nothing that whoever started it had open.
        #[arg(long, hide = true)]
        apart: bool,
        #[command(flatten)]
        settings: LocalSettings,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Add a fault.
    Add {
        #[command(subcommand)]
        fault: Fault,
    },
    /// List the faults that have yet to happen.
    List,
    /// Forget a fault, or all.
    Clear {
        /// The fault's number, as `list` shows it.
        id: Option<u64>,
    },
}

/// A fault that the local cloud is to show.
#[derive(Debug, Subcommand)]
pub(crate) enum Fault {
    /// Refuse calls because there are too many; once, unless --times says otherwise.
    Throttling(CallFault),
    /// Refuse calls because the credentials have expired; until cleared, unless --times says otherwise.
    ExpiredCredentials(CallFault),
    /// Refuse calls because they aren't allowed; until cleared, unless --times says otherwise.
    AccessDenied(CallFault),
    /// Do what a call asks, and end the connection without an answer; once, unless --times says otherwise.
    LostConnection(CallFault),
    /// Fail the next change of a resource.
    Resource {
        /// Its logical id, or its type.
        resource: String,
        /// Which change [default: any].
        #[arg(long, value_enum)]
        operation: Option<ResourceOperation>,
        /// What CloudFormation says of it.
        #[arg(long, default_value = DEFAULT_FAULT_REASON)]
        reason: String,
        /// How often.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
        times: u32,
    },
    /// Fail the next change by which a rollback restores a resource.
    Rollback {
        /// Its logical id, or its type.
        resource: String,
        /// What CloudFormation says of it.
        #[arg(long, default_value = DEFAULT_FAULT_REASON)]
        reason: String,
        /// How often.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
        times: u32,
    },
}

const DEFAULT_FAULT_REASON: &str = "this failure was asked for";

/// Which calls a fault meets, and how often.
#[derive(Debug, Args)]
pub(crate) struct CallFault {
    /// The operation, such as `DescribeStacks` [default: any].
    #[arg(long, value_name = "NAME")]
    pub(crate) operation: Option<String>,
    /// How often.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) times: Option<u32>,
}

/// A change of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResourceOperation {
    Create,
    Update,
    Delete,
}

/// What a local cloud is started with.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LocalSettings {
    /// What the local cloud runs tasks with, when it is started [default: auto].
    #[arg(long, value_enum, value_name = "RUNTIME")]
    pub(crate) runtime: Option<Runtime>,
    /// How many times faster than AWS the local cloud's waits pass, when it is started: 1 to 1000 [default: as
    /// before, at first 12].
    #[arg(long, value_name = "N", value_parser = speed)]
    pub(crate) speed: Option<f64>,
    /// How many minutes late the local cloud publishes metrics, when it is started: 0 to 10, in AWS's minutes; on AWS
    /// they are 1 to 4 min late [default: as before, at first 2].
    #[arg(long, value_name = "MINUTES", value_parser = metric_lag)]
    pub(crate) metric_lag: Option<f64>,
    /// Whether the bake time of a deployment is honoured or ignored by the local cloud's ECS, when it is started; AWS
    /// documents both [default: as before, at first honoured].
    #[arg(long, value_name = "honoured|ignored", value_parser = bake)]
    pub(crate) bake: Option<Bake>,
}

impl LocalSettings {
    /// Whether none was asked for.
    pub(crate) fn are_none(&self) -> bool {
        self.runtime.is_none() && self.speed.is_none() && self.metric_lag.is_none() && self.bake.is_none()
    }
}

/// What runs the tasks of a local cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// Docker where it answers, otherwise processes.
    Auto,
    /// Each task a container.
    Docker,
    /// Each task a child process.
    Process,
}

impl Runtime {
    /// The value as it is written on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Docker => "docker",
            Self::Process => "process",
        }
    }
}

impl From<Runtime> for RuntimeChoice {
    fn from(runtime: Runtime) -> Self {
        match runtime {
            Runtime::Auto => Self::Auto,
            Runtime::Docker => Self::Docker,
            Runtime::Process => Self::Process,
        }
    }
}
