//! Pulls an image.

use super::explain;
use crate::spec::RegistryLogin;
use crate::task::StartError;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;
use std::time::Duration;

/// No image that is run on one machine's own registry takes longer.
const PULL: Duration = Duration::from_mins(10);

/// Pulls the image, unless the engine has it: a digest means the same for ever. Says whether it hadn't.
pub(super) async fn pull(docker: &Docker, reference: &str, login: Option<&RegistryLogin>) -> Result<bool, StartError> {
    if docker.inspect_image(reference).await.is_ok() {
        return Ok(false);
    }
    match tokio::time::timeout(PULL, drain(docker, reference, login)).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(error)) => Err(StartError::pull(explain(&error))),
        Err(_elapsed) => Err(StartError::pull(format!(
            "pulling {reference} took longer than {PULL:?}"
        ))),
    }
}

/// The engine reports a failed pull within a successful answer.
async fn drain(docker: &Docker, reference: &str, login: Option<&RegistryLogin>) -> Result<(), Error> {
    let options = CreateImageOptionsBuilder::default().from_image(reference).build();
    let credentials = login.map(|login| DockerCredentials {
        username: Some(login.username.clone()),
        password: Some(login.password.clone()),
        serveraddress: reference.split('/').next().map(str::to_owned),
        ..DockerCredentials::default()
    });
    let mut progress = docker.create_image(Some(options), None, credentials);
    while let Some(step) = progress.next().await {
        step?;
    }
    Ok(())
}
