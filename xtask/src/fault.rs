//! Images that misbehave on purpose: where they may be deployed.

use crate::aws::Aws;
use crate::code::Code;
use crate::exit::Failure;
use crate::flags::Environment;

/// Refuses an image that misbehaves on purpose where customers would meet it.
///
/// # Errors
/// For prod on AWS: exit status 3.
pub(crate) fn refuse_fault(fault: Option<&str>, environment: Environment, aws: &Aws) -> anyhow::Result<()> {
    if fault.is_some() && environment == Environment::Prod && !aws.is_near() {
        let what = "--fault deploys an image that misbehaves on purpose, and customers use prod";
        return Err(Failure::refused(what)
            .code(Code::FaultInProd)
            .next("show it in the sandbox, or with --local")
            .into());
    }
    Ok(())
}
