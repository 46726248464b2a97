//! Building an image and pushing it to an environment's repository.

use crate::aws::Aws;
use crate::context::Context;
use crate::flags::Binary;

/// Builds an image and pushes it; its reference by digest.
///
/// # Errors
/// When it can't be built or pushed.
pub(crate) async fn publish(context: &Context, aws: &Aws, repository: &str, binary: Binary) -> anyhow::Result<String> {
    let login = aws.registry_login().await?;
    anyhow::bail!("{context:?} {login:?} {repository} {binary:?}")
}
