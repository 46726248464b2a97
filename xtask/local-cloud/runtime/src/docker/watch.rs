//! Follows a container to its end: its output into a file, and its exit to whoever listens.

use super::{Shared, Task, is_not_found, is_running, memory};
use crate::exits::Exit;
use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::{LogsOptionsBuilder, WaitContainerOptions};
use futures_util::StreamExt as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;

/// Between two questions to an engine that doesn't answer.
const RETRY: Duration = Duration::from_secs(1);
/// How long the last of the output may take after a container's end.
const LOG_WAIT: Duration = Duration::from_secs(5);
const LOG_BYTES_MAX: u64 = 16 << 20;

pub(super) async fn to_the_end(shared: Arc<Shared>, task: Task, alive: watch::Sender<()>) {
    let mut waited = None;
    let state = loop {
        let logs = tokio::spawn(follow_logs(shared.clone(), task.clone()));
        let abort = logs.abort_handle();
        waited = wait(&shared, &task.container_id).await.or(waited);
        // However the waiting ended, the container's own state is the truth:
        // an engine that is restarted breaks off every wait, and may or may not have taken the container with it.
        if let Ok(Some(state)) = ended(&shared, &task.container_id).await {
            let _ = tokio::time::timeout(LOG_WAIT, logs).await;
            abort.abort();
            break state;
        }
        abort.abort();
        tokio::time::sleep(RETRY).await;
    };
    let end = memory::End {
        exit_code: state.exit_code,
        oom_killed: state.oom_killed == Some(true),
    };
    let out_of_memory = memory::exceeded(&shared, &task.container_id, &task.memory, end).await;
    // What stays is found by the next sweep.
    let _ = shared.remove(&task.container_id).await;
    shared.tasks().remove(&task.identity.task);
    shared.exits.send(&Exit {
        task: task.identity.task.clone(),
        container: task.identity.container.clone(),
        exit_code: state.exit_code.or(waited).and_then(|code| i32::try_from(code).ok()),
        // The engine tells a signal only as 128 and its number, as a program might by itself.
        signal: None,
        out_of_memory,
        at: SystemTime::now(),
    });
    drop(alive);
}

/// Waits for the container's end, and gives its exit code where the engine lives to tell.
async fn wait(shared: &Shared, container_id: &str) -> Option<i64> {
    let mut wait = Box::pin(shared.docker.wait_container(container_id, None::<WaitContainerOptions>));
    match wait.next().await? {
        Ok(response) => Some(response.status_code),
        Err(Error::DockerContainerWaitError { code, .. }) => Some(code),
        Err(_) => None,
    }
}

/// The state of a container that has ended; of one that was removed too, where that says nothing.
async fn ended(shared: &Shared, container_id: &str) -> Result<Option<ContainerState>, Error> {
    match shared.inspect(container_id).await {
        Ok(inspected) if is_running(&inspected) => Ok(None),
        Ok(inspected) => Ok(Some(inspected.state.unwrap_or_default())),
        Err(error) if is_not_found(&error) => Ok(Some(ContainerState::default())),
        Err(error) => Err(error),
    }
}

/// Copies the container's output into its file, from the beginning: an adopted container's file is written again.
async fn follow_logs(shared: Arc<Shared>, task: Task) -> io::Result<()> {
    let identity = &task.identity;
    let path = shared.home.log_path(&identity.task, &identity.container);
    drop(shared.home.open_log(&identity.task, &identity.container)?);
    let mut file = truncated(&path).await?;
    let mut written_bytes = 0;
    let options = LogsOptionsBuilder::default()
        .follow(true)
        .stdout(true)
        .stderr(true)
        .build();
    let mut logs = Box::pin(shared.docker.logs(&task.container_id, Some(options)));
    while let Some(Ok(output)) = logs.next().await {
        let bytes = output.into_bytes();
        file.write_all(&bytes).await?;
        // So that whoever reads the file sees it; tokio holds back nothing then.
        file.flush().await?;
        written_bytes += bytes.len() as u64;
        if written_bytes > LOG_BYTES_MAX {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".1");
            fs::copy(&path, aside).await?;
            file = truncated(&path).await?;
            written_bytes = 0;
        }
    }
    Ok(())
}

async fn truncated(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).truncate(true).open(path).await
}
