//! The service.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run(&|variable| Some(std::env::var_os(variable)?.to_string_lossy().into_owned()))
}
