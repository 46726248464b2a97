//! All flags of all commands: those of a group of commands in a file each.

mod build;
mod check;
mod deploy;
mod local;
mod look;
mod parse;
mod pipeline;
mod write;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::build::{Binary, Build, Image, ImageCommand, ImageContents};
pub(crate) use self::check::{Bench, Rehearse, Soak, Test};
pub(crate) use self::deploy::{Caution, Deploy, Destroy, Rollback};
pub(crate) use self::local::{
    CallFault, Fault, FaultCommand, Local, LocalCommand, LocalSettings, ResourceOperation, Runtime,
};
pub(crate) use self::look::{Diff, Doctor, Explain, Load, Logs, Outputs, Releases, ServiceStage, Status};
pub(crate) use self::pipeline::{Pipeline, PipelineCommand};
pub(crate) use self::write::{Codegen, Completions, Cost, Errors, Man, Permissions, Synth};

/// Builds, deploys and tests the service: on AWS, or with --local on this machine alone.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
#[command(
    after_help = "Exit status: 0 done or nothing to do, 1 failed, 2 differences found, 3 usage or refused, 4 credentials or preflight, \
                        5 rolled back, 6 rollback failed, 7 not enough evidence, 130 interrupted"
)]
pub(crate) struct Xtask {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Deploy(Deploy),
    Diff(Diff),
    Synth(Synth),
    Outputs(Outputs),
    Status(Status),
    Logs(Logs),
    Destroy(Destroy),
    Doctor(Doctor),
    Rollback(Rollback),
    Releases(Releases),
    Explain(Explain),
    Cost(Cost),
    Errors(Errors),
    Permissions(Permissions),
    Load(Load),
    Image(Image),
    Build(Build),
    Codegen(Codegen),
    Local(Local),
    Pipeline(Pipeline),
    Rehearse(Rehearse),
    Soak(Soak),
    Test(Test),
    Completions(Completions),
    Man(Man),
    Bench(Bench),
}

/// An environment that can be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Environment {
    Sandbox,
    Prod,
}

/// What can be deployed: an environment, or the pipeline that deploys production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    Sandbox,
    Toolchain,
    Prod,
}

/// A part of a deployment that can be made by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// The shared resources; creates a new environment with the bootstrap image.
    #[value(alias = "infrastructure")]
    Shared,
    /// Onebox, after the shared resources.
    Onebox,
    /// Fleet, after Onebox has passed.
    Fleet,
}

impl From<Stage> for deployment::stage::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Shared => Self::Shared,
            Stage::Onebox => Self::Onebox,
            Stage::Fleet => Self::Fleet,
        }
    }
}

/// Which cloud to talk to, and how to print what it says.
#[derive(Debug, Clone, Args)]
pub(crate) struct Cloud {
    /// Use the local cloud, and start it if it isn't running.
    #[arg(long, conflicts_with = "profile")]
    pub(crate) local: bool,
    #[command(flatten)]
    pub(crate) settings: LocalSettings,
    /// The profile of the AWS configuration to use.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The region [default: the environment's, the profile's, or else us-east-1; the local cloud's: as before, at first
    /// us-east-1].
    #[arg(long, value_name = "REGION", value_parser = parse::region)]
    pub(crate) region: Option<String>,
    /// Print NDJSON that ends in one `result` object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Stage {
    /// The value as it is written on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Onebox => "onebox",
            Self::Fleet => "fleet",
        }
    }
}

impl Environment {
    /// The name as it is written on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Prod => "prod",
        }
    }
}

impl Command {
    /// Whether results are to be NDJSON.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Deploy(Deploy { cloud, .. })
            | Self::Build(Build { cloud, .. })
            | Self::Diff(Diff { cloud, .. })
            | Self::Outputs(Outputs { cloud, .. })
            | Self::Status(Status { cloud, .. })
            | Self::Logs(Logs { cloud, .. })
            | Self::Destroy(Destroy { cloud, .. })
            | Self::Doctor(Doctor { cloud })
            | Self::Rollback(Rollback { cloud, .. })
            | Self::Releases(Releases { cloud, .. })
            | Self::Load(Load { cloud, .. })
            | Self::Image(Image {
                command: ImageCommand::Push { cloud, .. },
            })
            | Self::Pipeline(
                Pipeline {
                    command:
                        Some(
                            PipelineCommand::Status { cloud }
                            | PipelineCommand::Stop { cloud, .. }
                            | PipelineCommand::Retry { cloud },
                        ),
                    ..
                }
                | Pipeline {
                    command: None, cloud, ..
                },
            ) => cloud.json,
            Self::Image(Image {
                command: ImageCommand::Build { json, .. },
            })
            | Self::Rehearse(Rehearse { json, .. })
            | Self::Soak(Soak { json, .. })
            | Self::Local(Local {
                command: LocalCommand::Status { json },
            })
            | Self::Explain(Explain { json, .. })
            | Self::Cost(Cost { json, .. })
            | Self::Bench(Bench { json, .. }) => *json,
            Self::Synth(_)
            | Self::Completions(_)
            | Self::Errors(_)
            | Self::Permissions(_)
            | Self::Man(_)
            | Self::Codegen(_)
            | Self::Local(_)
            | Self::Test(_) => false,
        }
    }
}

impl Target {
    /// The name as it is written on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Toolchain => "toolchain",
            Self::Prod => "prod",
        }
    }

    /// The environment that runs the service; the toolchain is none.
    pub(crate) fn environment(self) -> Option<Environment> {
        match self {
            Self::Sandbox => Some(Environment::Sandbox),
            Self::Toolchain => None,
            Self::Prod => Some(Environment::Prod),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Xtask::command().debug_assert();
    }

    #[test]
    fn what_is_refused() {
        for arguments in [
            &["deploy"][..],
            &["deploy", "toolchain2"],
            &["deploy", "sandbox", "--local", "--profile", "ours"],
            &["deploy", "sandbox", "--region", "Europe"],
            &["deploy", "sandbox", "--local", "--speed", "0"],
            &["deploy", "sandbox", "--local", "--speed", "NaN"],
            &["deploy", "sandbox", "--local", "--metric-lag", "11"],
            &["deploy", "sandbox", "--local", "--metric-lag=-1"],
            &["deploy", "sandbox", "--local", "--bake", "half"],
            &["deploy", "sandbox", "--runtime", "podman"],
            &["destroy"],
            &["destroy", "sandbox", "--all"],
            &["pipeline", "status", "--fault", "hang"],
            &["load", "sandbox", "--concurrency", "0"],
            &["load", "sandbox", "--rate", "NaN"],
            &["cost", "--requests", "NaN"],
            &["cost", "--pushes", "-1"],
            &["load", "sandbox", "--duration", "0s"],
            &["load", "sandbox", "--duration", "61m"],
            &["load", "sandbox", "--duration", "30"],
            &["deploy", "sandbox", "--stage", "twobox"],
            &["deploy", "sandbox", "--resume", "--stage", "onebox"],
            &["deploy", "sandbox", "--resume", "--detach"],
            &["deploy", "sandbox", "--image", "service:latest"],
            &["deploy", "sandbox", "--image", "service@sha256:0123"],
            &["releases"],
            &["releases", "toolchain"],
            &["permissions"],
            &["permissions", "sandbox", "--account", "1234"],
            &["permissions", "sandbox", "--region", "Europe"],
            &["rollback", "sandbox", "--image", "image.json"],
            &["image", "build", "--fault", "delay"],
            &["image", "build", "--fault", "hang:flet"],
        ] {
            let parsed = Xtask::try_parse_from(["xtask"].iter().chain(arguments));
            assert!(parsed.is_err(), "{arguments:?}");
        }
    }
}
