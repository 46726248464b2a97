//! An AWS endpoint on one machine: provisions CloudFormation templates with real tasks and real load balancing.
//!
//! It knows templates only as text, as AWS does, and is spoken to over AWS's own protocols on loopback.

mod home;
mod options;
mod store;

pub mod fidelity;

pub use home::{AlreadyRuns, Home, Running};
pub use options::{Options, RuntimeChoice};

/// Runs a local cloud until it is told to end (SIGTERM or SIGINT), then ends every task it started.
///
/// # Errors
/// When the home is in use ([`AlreadyRuns`]), the port is busy, the state can't be read or is from a newer version.
pub async fn serve(options: Options) -> anyhow::Result<()> {
    let home = Home::new(options.home);
    let _lock = home.lock()?;
    home.withdraw()
}
