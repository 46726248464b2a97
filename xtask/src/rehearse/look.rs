//! Looking at a sandbox, as anybody can: by AWS's calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use stacks::{Environment, Purpose, service};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::aws::Aws;
use crate::services::is_settled;
use crate::stack::Stack;

/// How often health and alarms are looked at. At speed 30 that is every 1.5 s of AWS's time.
const SAMPLE_PAUSE: Duration = Duration::from_millis(50);

/// The longest that services may take to settle, or alarms to calm down.
const LIMIT: Duration = Duration::from_mins(5);

/// The sandbox's resources, by their names in AWS.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox {
    aws: Aws,
    stack: String,
    cluster: String,
    services: [String; 2],
    target_groups: [String; 2],
    /// What the names of its alarms begin with.
    alarms: String,
}

impl Sandbox {
    /// Finds the resources of the sandbox.
    pub(crate) async fn find(aws: Aws) -> anyhow::Result<Self> {
        let environment = Environment::Sandbox;
        let stack = environment.stack_name(Purpose::Service);
        let found = aws.stack(&stack).await?.context("the sandbox isn't deployed")?;
        let resources = aws.resources(&stack).await?;
        let target_group = |logical_id: &str| {
            let group = resources.iter().find(|resource| resource.logical_id == logical_id);
            group
                .map(|group| group.physical_id.clone())
                .with_context(|| format!("there is no {logical_id}"))
        };
        let output = |name: &str| found.output(name).map(ToOwned::to_owned);
        Ok(Self {
            cluster: output(service::CLUSTER_NAME)?,
            services: [
                output(service::ONEBOX_SERVICE_NAME)?,
                output(service::FLEET_SERVICE_NAME)?,
            ],
            target_groups: [target_group("OneboxTargetGroup")?, target_group("FleetTargetGroup")?],
            alarms: format!("{}-", environment.cluster_name()),
            stack,
            aws,
        })
    }

    /// The service stack.
    pub(crate) async fn stack(&self) -> anyhow::Result<Stack> {
        let stack = self.aws.stack(&self.stack).await?;
        stack.context("the sandbox has gone")
    }

    /// The running tasks of Onebox and Fleet, by id, with the image of each.
    pub(crate) async fn tasks(&self) -> anyhow::Result<[BTreeMap<String, String>; 2]> {
        let [onebox, fleet] = &self.services;
        Ok([
            self.aws.running_tasks(&self.cluster, onebox).await?,
            self.aws.running_tasks(&self.cluster, fleet).await?,
        ])
    }

    /// The ids of a stage's tasks that are to run, the oldest first.
    pub(crate) async fn tasks_by_age(&self, stage: stacks::Stage) -> anyhow::Result<Vec<String>> {
        let [onebox, fleet] = &self.services;
        let service = match stage {
            stacks::Stage::Onebox => onebox,
            stacks::Stage::Fleet => fleet,
        };
        self.aws.tasks_by_age(&self.cluster, service).await
    }

    /// The service stack's template.
    pub(crate) async fn template(&self) -> anyhow::Result<String> {
        self.aws.template(&self.stack).await
    }

    /// How many targets of Onebox and Fleet are healthy.
    pub(crate) async fn healthy(&self) -> anyhow::Result<[u64; 2]> {
        let [onebox, fleet] = &self.target_groups;
        Ok([
            self.aws.healthy_targets(onebox).await?,
            self.aws.healthy_targets(fleet).await?,
        ])
    }

    /// The alarms that are in ALARM, by what their names end in: `Onebox-ServerErrors`.
    pub(super) async fn red(&self) -> anyhow::Result<BTreeSet<String>> {
        let red = self.aws.alarms_in_alarm(&self.alarms).await?;
        let short = |name: &String| name.strip_prefix(&self.alarms).map(ToOwned::to_owned);
        Ok(red.iter().filter_map(short).collect())
    }

    /// Sets an alarm to ALARM: `Onebox-ServerErrors`.
    pub(super) async fn redden(&self, alarm: &str) -> anyhow::Result<()> {
        let name = format!("{}{alarm}", self.alarms);
        self.aws.set_alarm_state(&name, "ALARM", "a rehearsal").await
    }

    /// The image that Fleet runs, as CloudFormation says.
    pub(crate) async fn fleet_image(&self) -> anyhow::Result<String> {
        let stack = self.stack().await?;
        let image = stack.parameters.get(service::FLEET_IMAGE);
        image.cloned().context("the stack names no image")
    }

    /// Deletes an image from its repository.
    pub(super) async fn delete_image(&self, image: &str) -> anyhow::Result<()> {
        let (address, digest) = image.split_once('@').context("the image is not by digest")?;
        let (_, repository) = address.split_once('/').context("the image has no registry")?;
        self.aws.delete_images(repository, &[digest.to_owned()]).await
    }

    /// Waits until an alarm is in ALARM: `Onebox-ServerErrors`.
    pub(super) async fn await_red(&self, alarm: &str) -> anyhow::Result<()> {
        let still = format!("{alarm} is not in ALARM");
        until(&still, async || Ok(self.red().await?.contains(alarm))).await
    }

    /// Waits until both services run what they want, all of it healthy, and nothing changes.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let names: Vec<&str> = self.services.iter().map(String::as_str).collect();
        until("the services have not settled", async || {
            let services = self.aws.services(&self.cluster, &names).await?;
            let healthy = self.healthy().await?;
            let settled = services.iter().zip(healthy);
            Ok(services.len() == 2
                && settled
                    .into_iter()
                    .all(|(service, healthy)| is_settled(service, 1) && healthy >= service.desired))
        })
        .await
    }

    /// Waits until no alarm is in ALARM.
    pub(crate) async fn calm(&self) -> anyhow::Result<()> {
        until("alarms are still in ALARM", async || Ok(self.red().await?.is_empty())).await
    }

    /// Asks CloudFormation to roll back once more what it couldn't before, and waits for the end.
    pub(super) async fn continue_rollback(&self) -> anyhow::Result<()> {
        self.aws
            .continue_rollback(&self.stack, &crate::token::token("rehearse", self.aws.now()))
            .await?;
        until("the rollback goes on", async || {
            Ok(!self.stack().await?.status.ends_with("_IN_PROGRESS"))
        })
        .await
    }
}

/// Waits for a condition, asking again and again.
///
/// # Errors
/// What is `still` so, once it has been waited for long enough; when the condition can't be told.
pub(crate) async fn until(still: &str, condition: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let deadline = Instant::now() + LIMIT;
    while !condition().await? {
        if Instant::now() > deadline {
            bail!("{still} after {} s", LIMIT.as_secs());
        }
        tokio::time::sleep(SAMPLE_PAUSE).await;
    }
    Ok(())
}

/// What was seen by looking again and again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Samples {
    /// The alarms that were in ALARM at any time.
    pub(super) fired: BTreeSet<String>,
    /// When an alarm was first seen in ALARM.
    pub(super) first_fired: Option<SystemTime>,
    /// The fewest healthy targets of Onebox and Fleet; none where nothing was seen.
    pub(super) fewest_healthy: Option<[u64; 2]>,
}

/// Looks again and again until it is ended.
#[derive(Debug)]
pub(super) struct Sampler {
    samples: Arc<Mutex<Samples>>,
    looking: JoinHandle<()>,
}

impl Sampler {
    /// Begins to look.
    pub(super) fn start(sandbox: Sandbox) -> Self {
        let samples = Arc::new(Mutex::default());
        let seen: Arc<Mutex<Samples>> = Arc::clone(&samples);
        let looking = tokio::spawn(async move {
            let mut ticks = interval(SAMPLE_PAUSE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // A cloud that is away shows nothing.
                let healthy = sandbox.healthy().await.ok();
                let red = sandbox.red().await.unwrap_or_default();
                seen.lock().unwrap_or_else(PoisonError::into_inner).add(healthy, red);
            }
        });
        Self { samples, looking }
    }

    /// Ends it, and gives what was seen.
    pub(super) fn end(self) -> Samples {
        self.looking.abort();
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Samples {
    fn add(&mut self, healthy: Option<[u64; 2]>, red: BTreeSet<String>) {
        if !red.is_empty() {
            self.first_fired.get_or_insert_with(SystemTime::now);
        }
        self.fired.extend(red);
        self.fewest_healthy = match (self.fewest_healthy, healthy) {
            (Some([onebox, fleet]), Some([onebox_now, fleet_now])) => {
                Some([onebox.min(onebox_now), fleet.min(fleet_now)])
            }
            (seen, now) => seen.or(now),
        };
    }
}

/// How many processes run out of a folder: a local cloud's tasks, where they are processes.
pub(crate) fn processes(folder: &Path) -> usize {
    let Ok(folder) = folder.canonicalize() else { return 0 };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let programs = entries.filter_map(|entry| std::fs::read_link(entry.path().join("exe")).ok());
    programs.filter(|program| program.starts_with(&folder)).count()
}

/// Ends every task of a stage, where tasks are processes of a local cloud in this folder.
///
/// # Errors
/// When there is none.
pub(super) fn end_tasks(folder: &Path, stage: stacks::Stage) -> anyhow::Result<()> {
    let folder = folder.canonicalize()?;
    let variable = format!("{}={}", constants::service::STAGE_VARIABLE, stage.value());
    let mut ended = 0;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let is_task = std::fs::read_link(entry.path().join("exe")).is_ok_and(|program| program.starts_with(&folder));
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        let process = entry.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw);
        if let (true, true, Some(process)) = (is_task, variables.any(|own| own == variable.as_bytes()), process) {
            kill_process(process, Signal::KILL)?;
            ended += 1;
        }
    }
    ensure!(ended > 0, "{} runs no task", stage.name());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_keep_the_worst() {
        let mut samples = Samples::default();
        samples.add(None, BTreeSet::new());
        assert_eq!(samples.fewest_healthy, None);
        samples.add(Some([3, 10]), BTreeSet::new());
        samples.add(Some([6, 9]), ["Onebox-ServerErrors".to_owned()].into());
        samples.add(None, BTreeSet::new());
        samples.add(Some([4, 20]), BTreeSet::new());
        assert_eq!(samples.fewest_healthy, Some([3, 9]));
        assert_eq!(samples.fired.len(), 1);
    }
}
