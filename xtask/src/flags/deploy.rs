//! What is deployed, rolled back and deleted.

use std::path::PathBuf;

use clap::Args;

use super::parse::{fault, image, reason, release};
use super::{Cloud, Environment, Stage, Target};

/// Deploy an environment: repository, image, service; a second run finds nothing to do.
///
/// Up to three steps: shared resources, Onebox, Fleet. Each is judged before the next one starts; a step that fails is
/// reverted with the steps before it. A step without effect is skipped. The first deployment creates both stages at once.
///
/// Ctrl-C once detaches: CloudFormation completes the step, and `--resume` continues. Ctrl-C twice within 3 s cancels the
/// update and restores what ran before.
///
/// The toolchain has neither stages nor an image: it is the source repository, the roles and the pipeline.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) target: Target,
    /// Deploy this stage alone; the stages before it must have the release already.
    #[arg(long, value_enum)]
    pub(crate) stage: Option<Stage>,
    /// Deploy this image instead of building one: by digest, or the file in which `build` named it.
    #[arg(long, value_name = "REPOSITORY@sha256:DIGEST|FILE.json", value_parser = image)]
    pub(crate) image: Option<String>,
    /// Deploy this release again: image, template and parameters, by the first digits of its digest; see `releases`.
    #[arg(long, value_name = "DIGEST", value_parser = release, conflicts_with_all = ["image", "templates", "fault"])]
    pub(crate) release: Option<String>,
    /// The image that a first deployment of the infrastructure runs; from the same file.
    #[arg(skip)]
    pub(crate) bootstrap: Option<String>,
    /// Deploy the templates in this folder, as `synth --out DIR` wrote them, instead of rendering them.
    #[arg(long, value_name = "DIR")]
    pub(crate) templates: Option<PathBuf>,
    /// The role that CloudFormation assumes instead of your credentials, from now on.
    #[arg(long, value_name = "ARN")]
    pub(crate) role: Option<String>,
    /// Bake a fault into the image, to see it stopped; `image build --help` has the grammar. Refused for prod on AWS.
    #[arg(long, value_name = "SPEC", value_parser = fault, conflicts_with = "image")]
    pub(crate) fault: Option<String>,
    /// Start the first step and detach: CloudFormation completes that step, and nothing judges it until `--resume`.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Reattach to the newest deployment, from any machine, and continue it to its end. Builds nothing.
    #[arg(long, conflicts_with_all = ["stage", "image", "release", "templates", "role", "fault", "detach"])]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) caution: Caution,
    /// Deploy without asking, and delete what a failed creation left.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// What keeps a deployment from going on, and what lets it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Caution {
    /// Send no probes: judge each step by clients' requests alone.
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Continue although there is too little evidence to judge a step. Alarms still revert it. The reason is recorded with
    /// the release.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub(crate) accept: Option<String>,
    /// Deploy although an alarm is in ALARM. ECS then ignores all alarms of that deployment, and these alarms don't revert
    /// it.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub(crate) ignore_red_alarms: Option<String>,
}

/// Restore the previous release completely: image, template and parameters, on both stages at once.
///
/// Cancels a running update first. Doesn't wait for alarms or metrics. Refuses before any change if something that the
/// release needs is gone.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    pub(crate) environment: Environment,
    /// The release to restore, by the first digits of its digest [default: the previous one].
    #[arg(long, value_name = "DIGEST", value_parser = release)]
    pub(crate) to: Option<String>,
    /// Roll back without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
}

/// Delete an environment: service, images, repository; or the toolchain, whose source and artifacts stay.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["target", "all"]))]
pub(crate) struct Destroy {
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) target: Option<Target>,
    /// Delete everything: sandbox, prod, toolchain.
    #[arg(long)]
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
