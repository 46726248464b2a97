//! Images, and a build of the pipeline's.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::parse::{fault, fault_or_none};
use super::{Cloud, Environment};

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
    /// Bakes a fault into the image, to see it stopped. One or more, separated by commas: delay=6s@5%, error=500@10%,
    /// close@25%, hang@25%, wrong-body@10%, aws-call, crash@1%, wedge-after=60, exit-at-start, unhealthy-after=30s.
    /// `@5%` is a share of the requests, without it all; `:onebox` or `:fleet` after a fault limits it to that stage.
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
