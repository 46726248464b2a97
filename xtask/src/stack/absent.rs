//! A stack that a command needs and that isn't there.

use crate::code::Code;
use crate::exit::Failure;

/// Exit status 4, with the command that deploys it.
pub(crate) fn absent(stack_name: &str, deploys_it: &str) -> Failure {
    Failure::preflight(format!("there is no stack {stack_name}"))
        .code(Code::NoStack)
        .next(format!("deploy it: `{deploys_it}`"))
}
