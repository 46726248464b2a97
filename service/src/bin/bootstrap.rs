//! The smallest service that passes the health check: what runs until the first deployment.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run_bootstrap(&|variable| Some(std::env::var_os(variable)?.to_string_lossy().into_owned()))
}
