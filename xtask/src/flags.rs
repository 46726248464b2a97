//! All flags of all commands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use local_cloud::RuntimeChoice;

/// Builds, deploys and tests the service: on AWS, or with --local on this machine alone.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    disable_help_subcommand = true
)]
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
    /// Everything but the images, which stay; where there is nothing yet, the bootstrap image comes first.
    Infrastructure,
    /// Onebox's image.
    Onebox,
    /// Fleet's image: the one that Onebox runs.
    Fleet,
}

/// Deploy an environment: repository, image, service; a second run finds nothing to do.
///
/// Without --stage: infrastructure, then Onebox, then Fleet. A new environment gets its image on both at once.
/// Ctrl-C once leaves it to CloudFormation, which goes on; twice has CloudFormation stop an update and bring back what
/// ran before.
/// The toolchain has neither stages nor an image: it is what must exist before source and images can be pushed, and the
/// pipeline.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) target: Target,
    /// Deploy this stage alone.
    #[arg(long, value_enum)]
    pub(crate) stage: Option<Stage>,
    /// The image to deploy, in place of one built from the source: by digest, or the file in which `build` named it.
    #[arg(long, value_name = "REPOSITORY@sha256:DIGEST|FILE.json", value_parser = image)]
    pub(crate) image: Option<String>,
    /// The image that a first deployment of the infrastructure runs; from the same file.
    #[arg(skip)]
    pub(crate) bootstrap: Option<String>,
    /// The folder of the templates to deploy, as `synth --out DIR` wrote them, in place of rendering them.
    #[arg(long, value_name = "DIR")]
    pub(crate) templates: Option<PathBuf>,
    /// The role that CloudFormation acts in, in place of one's own rights; CloudFormation keeps to it from then on.
    #[arg(long, value_name = "ARN")]
    pub(crate) role: Option<String>,
    /// A fault that the image shows on purpose, to see it stopped; `image build --help` tells of its grammar. Never on
    /// AWS in prod.
    #[arg(long, value_name = "SPEC", value_parser = fault, conflicts_with = "image")]
    pub(crate) fault: Option<String>,
    /// Return once the change is under way: CloudFormation goes on by itself, up to the next stage.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Follow the deployment that was begun last, from this machine or another, and go on with it to its end. What it
    /// brings is read from CloudFormation; nothing is built.
    #[arg(long, conflicts_with_all = ["stage", "image", "templates", "role", "fault", "detach"])]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) caution: Caution,
    /// Make the changes without asking, and delete what a failed creation left behind.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// What keeps a deployment from going on, and what lets it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Caution {
    /// Send no probes while a stage meets the change: judge it by others' requests alone.
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Go on to Fleet even where there is too little to judge Onebox by.
    #[arg(long)]
    pub(crate) accept_thin_evidence: bool,
    /// Deploy although an alarm has fired already, which keeps every alarm from rolling the deployment back.
    #[arg(long)]
    pub(crate) ignore_red_alarms: bool,
}

/// Show what a deployment would change, by resource and property; exit status 2 if there is anything.
///
/// The parameters keep their values, so it tells of the templates and not of the images. Nothing is changed.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// An environment, or the name of a stack.
    #[arg(value_name = "STACK|ENVIRONMENT")]
    pub(crate) name: String,
    /// Tell instead what differs from what was deployed, because someone changed it otherwise.
    ///
    /// Only what the templates set is compared, and not every type of resource.
    #[arg(long)]
    pub(crate) drift: bool,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

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
    /// Go on showing what they write, until interrupted.
    #[arg(long)]
    pub(crate) follow: bool,
    /// How far back to begin, up to 60m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) since: Duration,
    /// Show only what matches a filter pattern of CloudWatch Logs, such as `error`, `"not found"` or `{ $.status = 500 }`.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Show what an environment runs: stacks, stages, alarms, services, images, endpoint.
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) target: Target,
    /// Go on showing what the stages do, until interrupted.
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Go back: Onebox to what Fleet runs, or both to what Fleet ran before.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    pub(crate) environment: Environment,
    /// The image to go back to [default: the one that Fleet runs, or ran before].
    #[arg(long, value_name = "REPOSITORY@sha256:DIGEST", value_parser = image_by_digest)]
    pub(crate) image: Option<String>,
    /// Make the changes without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Look for what this machine and account lack before a deployment meets it, each with its mend; exit status 4 if one won't work.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) cloud: Cloud,
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

/// Print the codes of errors, each with its cause and its mend.
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

/// Tell of a resource of the templates: where it is defined, why, what depends on it, and its fidelity locally.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A logical id, such as `FleetService`, a type, such as `AWS::ECS::Service`, or an error's code.
    #[arg(value_name = "RESOURCE|TYPE|CODE")]
    pub(crate) name: String,
    /// Look in this stack alone.
    #[arg(long, value_name = "STACK")]
    pub(crate) stack: Option<String>,
    /// Print NDJSON that ends in one `result` object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Delete an environment: service, images, repository; or the toolchain, whose source and artifacts stay.
#[derive(Debug, Args)]
pub(crate) struct Destroy {
    #[arg(value_name = "ENVIRONMENT", required_unless_present = "all")]
    pub(crate) target: Option<Target>,
    /// Delete everything: sandbox, prod, toolchain.
    #[arg(long, conflicts_with = "target")]
    pub(crate) all: bool,
    /// Delete without asking; not enough for prod.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Delete prod without asking: the name of its service stack, written out.
    #[arg(long, value_name = "STACK")]
    pub(crate) confirm: Option<String>,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
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

/// Make all that the pipeline deploys: test, render, push the images, and put it in a folder with this command line.
///
/// What CodeBuild runs; the folder is the artifact that the stages after Build begin with.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The environment whose repository gets the images.
    pub(crate) environment: Environment,
    /// The folder to write to; what is in it is replaced.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The folder to write test reports to, in `JUnit`'s format.
    #[arg(long, value_name = "DIR")]
    pub(crate) reports: Option<PathBuf>,
    /// The commit that is built, for whoever asks later what an image was made of.
    #[arg(long, value_name = "COMMIT")]
    pub(crate) source: Option<String>,
    /// A fault that the image shows on purpose, or `none`; never on AWS in prod.
    #[arg(long, value_name = "SPEC", default_value = constants::pipeline::NO_FAULT, value_parser = fault_or_none)]
    pub(crate) fault: String,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Build the service's image, or push it.
#[derive(Debug, Args)]
pub(crate) struct Image {
    #[command(subcommand)]
    pub(crate) command: ImageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Build the image; print its digest and size.
    Build {
        #[command(flatten)]
        contents: ImageContents,
        /// Print NDJSON that ends in one `result` object.
        #[arg(long)]
        json: bool,
    },
    /// Build the image and push it to an environment's repository; print its reference by digest.
    Push {
        environment: Environment,
        #[command(flatten)]
        contents: ImageContents,
        #[command(flatten)]
        cloud: Cloud,
    },
}

/// What goes into an image.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImageContents {
    /// The binary to pack.
    #[arg(long, value_enum, default_value_t = Binary::Service)]
    pub(crate) binary: Binary,
    /// A fault that the image shows on purpose, to see it stopped: delay=6s@5%, error=500@10%, hang, crash@1%,
    /// exit-at-start, unhealthy-after=30s, several with commas; `:onebox` or `:fleet` after one keeps it to that stage.
    #[arg(long, value_name = "SPEC", value_parser = fault)]
    pub(crate) fault: Option<String>,
}

/// What an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Binary {
    /// The service itself.
    Service,
    /// The smallest thing that passes the health check.
    Bootstrap,
}

/// Generate the CloudFormation resource types from AWS's schemas.
#[derive(Debug, Args)]
pub(crate) struct Codegen {
    /// Write nothing; fail if what is written differs.
    #[arg(long)]
    pub(crate) check: bool,
}

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

/// Run the pipeline and follow it to its end: create what is missing, push HEAD, start or join the execution.
///
/// Ends with the exit status of the stage that failed: 5 when it was rolled back.
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
    /// Try the failed stage of the newest execution again, and follow it to the end.
    Retry {
        #[command(flatten)]
        cloud: Cloud,
    },
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

/// Which cloud to talk to, and how to print what it says.
#[derive(Debug, Clone, Args)]
pub(crate) struct Cloud {
    /// Use the local cloud, and start it if it isn't running.
    #[arg(long, conflicts_with_all = ["profile", "region"])]
    pub(crate) local: bool,
    #[command(flatten)]
    pub(crate) settings: LocalSettings,
    /// The profile of the AWS configuration to use.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The region [default: the environment's, the profile's, or else us-east-1].
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Print NDJSON that ends in one `result` object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a local cloud is started with.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LocalSettings {
    /// What the local cloud runs tasks with, when it is started [default: auto].
    #[arg(long, value_enum, value_name = "RUNTIME")]
    pub(crate) runtime: Option<Runtime>,
    /// How many times faster than AWS the local cloud's waits pass, when it is started: 1 to 1000 [default: 12].
    #[arg(long, value_name = "N", value_parser = speed)]
    pub(crate) speed: Option<f64>,
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

impl Stage {
    /// The value as it is written on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Infrastructure => "infrastructure",
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

/// An image by digest, as the service stack's parameters take it, or a file that names one.
fn image(text: &str) -> Result<String, String> {
    if Path::new(text).extension().is_some_and(|extension| extension == "json") {
        return Ok(text.to_owned());
    }
    image_by_digest(text).map_err(|problem| format!("{problem}, or a file of `build`'s, FILE.json"))
}

/// An image by digest.
fn image_by_digest(text: &str) -> Result<String, String> {
    let hexadecimal = |digits: &str| digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match text.split_once("@sha256:") {
        Some((repository, digits)) if !repository.is_empty() && digits.len() == 64 && hexadecimal(digits) => {
            Ok(text.to_owned())
        }
        _ => Err("an image by digest, REPOSITORY@sha256: and 64 hexadecimal digits".to_owned()),
    }
}

/// A value in JSON; what is none is a text, so that none needs two kinds of quotation marks.
#[allow(clippy::unnecessary_wraps, reason = "clap asks for it")]
fn json_value(text: &str) -> Result<serde_json::Value, String> {
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

/// An account's number, as ARNs have it.
fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("an account's number, of twelve digits".to_owned())
}

/// A region's code.
fn region(text: &str) -> Result<String, String> {
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.contains('-') && text.bytes().all(is_code) {
        return Ok(text.to_owned());
    }
    Err("a region's code, such as eu-west-1".to_owned())
}

fn fault_or_none(text: &str) -> Result<String, String> {
    if text == constants::pipeline::NO_FAULT {
        Ok(text.to_owned())
    } else {
        fault(text)
    }
}

/// The text of a fault that the service understands.
fn fault(text: &str) -> Result<String, String> {
    let read = fault::Faults::parse(text, constants::stage::ONEBOX);
    read.map(|_| text.to_owned()).map_err(|problems| problems.join("; "))
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 1 to 1000".to_owned()),
    }
}

fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(clients @ 1..=1000) => Ok(clients),
        _ => Err("a number from 1 to 1000".to_owned()),
    }
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(jobs @ 1..=16) => Ok(jobs),
        _ => Err("a number from 1 to 16".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("a number from 0.01 to 100000".to_owned()),
    }
}

/// How much of something there is.
fn quantity(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(quantity) if (0.0..=1e6).contains(&quantity) => Ok(quantity),
        _ => Err("a number from 0 to 1000000".to_owned()),
    }
}

/// A whole number of `ms`, `s` or `m`, above 0 and up to an hour, as the service's faults have them.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let duration = units.iter().find_map(|(unit, milliseconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(Duration::from_millis(number.checked_mul(*milliseconds)?))
    });
    duration
        .filter(|duration| (Duration::from_millis(1)..=Duration::from_hours(1)).contains(duration))
        .ok_or_else(|| "a duration above 0 and up to 60m, such as 500ms, 30s or 2m".to_owned())
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
    fn durations() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("60m"), Ok(Duration::from_hours(1)));
    }

    #[test]
    fn what_is_refused() {
        for arguments in [
            &["deploy"][..],
            &["deploy", "toolchain2"],
            &["deploy", "sandbox", "--local", "--region", "eu-west-1"],
            &["deploy", "sandbox", "--local", "--speed", "0"],
            &["deploy", "sandbox", "--local", "--speed", "NaN"],
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
