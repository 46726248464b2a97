//! A local cloud for one figure.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use constants::service::{ADDRESS_VARIABLE, PORT_VARIABLE, STAGE_VARIABLE};
use local_cloud::{Home, Running};
use tokio::runtime::Handle;

use super::site::{Folder, Site};
use crate::aws::Aws;
use crate::stack::Wanted;

/// How long a change may take.
const CHANGE_LIMIT: Duration = Duration::from_mins(3);

/// Between two questions whether something is done.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A local cloud that ends with its value, and nothing of it stays.
#[derive(Debug)]
pub(super) struct LocalCloud {
    site: Site,
    home: Folder,
}

impl LocalCloud {
    /// A folder for one; it is started by the first command with `--local`.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub(super) fn new(site: &Site) -> anyhow::Result<Self> {
        let home = site.folder("local-cloud")?;
        Ok(Self {
            site: site.clone(),
            home,
        })
    }

    /// Runs a command of this command line on it; what it prints.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub(super) fn xtask(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self
            .command(arguments)?
            .output()
            .context("cannot run the command line")?;
        ensure!(
            output.status.success(),
            "`cargo xtask {}`: {}\n{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// The command that runs a command of this command line on it.
    ///
    /// # Errors
    /// When the system doesn't say which program this is.
    pub(super) fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = self.site.xtask(arguments)?;
        command.env("LOCAL_CLOUD_HOME", self.home.path()).stdin(Stdio::null());
        // What the person who measures has set for AWS must not reach it.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        Ok(command)
    }

    /// Where its load balancer listens, once the sandbox is deployed.
    ///
    /// # Errors
    /// When the sandbox isn't there.
    pub(super) fn endpoint(&self) -> anyhow::Result<SocketAddr> {
        let url = self.xtask(&["outputs", "sandbox", "WebAPIEndpoint", "--local"])?;
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        address
            .parse()
            .with_context(|| format!("{url} is no address on loopback"))
    }

    /// Makes a change by change set; the status that the stack ends in.
    ///
    /// # Errors
    /// When the local cloud refuses it, or it takes too long.
    pub(super) fn change(&self, wanted: &Wanted, creates: bool) -> anyhow::Result<String> {
        let aws = self.aws()?;
        Handle::current().block_on(async {
            let changed = tokio::time::timeout(CHANGE_LIMIT, change(&aws, wanted, creates)).await;
            changed.with_context(|| format!("{} isn't changed after {CHANGE_LIMIT:?}", wanted.name))?
        })
    }

    /// AWS, as this local cloud plays it.
    ///
    /// # Errors
    /// When it doesn't run.
    pub(super) fn aws(&self) -> anyhow::Result<Aws> {
        let running = self.running()?;
        Ok(Handle::current().block_on(Aws::new(&running.into())))
    }

    /// The tasks that run, where they are processes.
    ///
    /// # Errors
    /// When the system doesn't show its processes, or a task doesn't say where it listens.
    pub(super) fn tasks(&self) -> anyhow::Result<Vec<Task>> {
        let home = self.home.path().canonicalize()?;
        let mut tasks = Vec::new();
        for process in std::fs::read_dir("/proc").context("cannot list processes")?.flatten() {
            // Tasks run out of the local cloud's folder.
            let program = std::fs::read_link(process.path().join("exe"));
            if program.is_ok_and(|program| program.starts_with(&home)) {
                let variables = std::fs::read(process.path().join("environ"))?;
                tasks.push(Task::from_environment(&String::from_utf8_lossy(&variables))?);
            }
        }
        Ok(tasks)
    }

    /// What it says of itself while it runs.
    ///
    /// # Errors
    /// When it doesn't run.
    pub(super) fn running(&self) -> anyhow::Result<Running> {
        let running = Home::new(self.home.path()).running()?;
        running.context("the local cloud doesn't run")
    }
}

/// Makes a change by change set, without the waits that are for AWS.
async fn change(aws: &Aws, wanted: &Wanted, creates: bool) -> anyhow::Result<String> {
    let id = aws.create_change_set(wanted, "bench", creates).await?;
    loop {
        let change_set = aws.change_set(&id).await?;
        match change_set.status.as_str() {
            "CREATE_COMPLETE" => break,
            "FAILED" => bail!("{}: {}", wanted.name, change_set.reason),
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    aws.execute_change_set(&id, "bench").await?;
    loop {
        let stack = aws.stack(&id.stack_id).await?.context("the stack is gone")?;
        if !stack.status.ends_with("_IN_PROGRESS") {
            return Ok(stack.status);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// A task that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    /// Its deployment stage.
    pub(super) stage: String,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Task {
    fn from_environment(variables: &str) -> anyhow::Result<Self> {
        let value = |wanted: &str| {
            let mut pairs = variables.split('\0').filter_map(|pair| pair.split_once('='));
            let found = pairs.find_map(|(name, value)| (name == wanted).then_some(value));
            found.with_context(|| format!("a task has no {wanted}"))
        };
        let address = format!("{}:{}", value(ADDRESS_VARIABLE)?, value(PORT_VARIABLE)?);
        Ok(Self {
            stage: value(STAGE_VARIABLE)?.to_owned(),
            address: address
                .parse()
                .with_context(|| format!("a task listens on {address}"))?,
        })
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        // One that can't be stopped is found by its folder, which then can't be deleted either.
        let _ = self.xtask(&["local", "stop"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_known_by_its_environment() {
        let variables = format!("PATH=\0{STAGE_VARIABLE}=fleet\0{ADDRESS_VARIABLE}=127.64.0.9\0{PORT_VARIABLE}=8080\0");
        let task = Task::from_environment(&variables).unwrap();
        assert_eq!(
            (task.stage.as_str(), task.address),
            ("fleet", ([127, 64, 0, 9], 8080).into())
        );
        let error = Task::from_environment("PATH=").unwrap_err();
        assert_eq!(error.to_string(), format!("a task has no {ADDRESS_VARIABLE}"));
    }
}
