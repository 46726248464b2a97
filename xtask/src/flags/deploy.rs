//! What is deployed, taken back and deleted.

use std::path::PathBuf;

use clap::Args;

use super::parse::{fault, image, reason, release};
use super::{Cloud, Environment, Stage, Target};

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
    /// The release to deploy again, by the first digits of its digest: image, template and parameters; see `releases`.
    #[arg(long, value_name = "DIGEST", value_parser = release, conflicts_with_all = ["image", "templates", "fault"])]
    pub(crate) release: Option<String>,
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
    #[arg(long, conflicts_with_all = ["stage", "image", "release", "templates", "role", "fault", "detach"])]
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
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Caution {
    /// Send no probes while a stage meets the change: judge it by others' requests alone.
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Continue though there is too little evidence to judge a step by. Alarms still count. The reason is recorded with the
    /// release.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub(crate) accept: Option<String>,
    /// Deploy though an alarm is in ALARM already. ECS then ignores all alarms of the deployment.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub(crate) ignore_red_alarms: Option<String>,
}

/// Restore the previous release completely: image, template and parameters; Fleet first.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    pub(crate) environment: Environment,
    /// The release to restore, by the first digits of its digest [default: the one before].
    #[arg(long, value_name = "DIGEST", value_parser = release)]
    pub(crate) to: Option<String>,
    /// Make the changes without asking.
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
