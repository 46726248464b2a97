//! Playing a scenario: everything in it really happens.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use stacks::service;

use super::edit::edit;
use super::look::{Sampler, Samples, Sandbox, end_tasks, processes};
use super::observation::{Detection, Observation, Outcome, StageSeen, TrafficSeen};
use super::rig::{Manner, Rig};
use super::scenario::{Act, Afterwards, Load, Scenario, Step};
use crate::environment::Stacks;
use crate::flags::{Environment, Runtime};
use crate::traffic::{Counts, Pace, Plan, Traffic};

/// What makes an image another without making it worse: one request in a million takes a millisecond more.
const HARMLESS: &str = "delay=1ms@0.0001%";

/// The most requests that wait for an answer at once: enough for all of Onebox's share to take 6 s.
const CLIENTS: usize = 256;

/// So many requests are answered before anything is done, so that there is something to compare with.
const WARM_UP: u64 = 2000;

/// So many requests are sent at the very end.
const AFTERWARDS: u64 = 400;

/// The service template of a sandbox from before there were releases.
const BEFORE_RELEASES: &str = include_str!("before_releases.json");

/// Plays a scenario on a local cloud; what was seen of it.
///
/// # Errors
/// When something that is no part of the scenario's change fails.
pub(super) async fn play(scenario: &Scenario, rig: &Rig, runtime: Runtime) -> anyhow::Result<Observation> {
    let mut words = Words::of(scenario, rig)?;
    let first = words.fill(scenario.first);
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    // A load balancer takes the first free port, which another local cloud may take at the same moment.
    if rig.succeed(&first).await.is_err() {
        rig.succeed(&first).await?;
    }
    words.push(rig).await?;
    let sandbox = Sandbox::find(rig.aws().await?).await?;
    words.first = sandbox.fleet_image().await?;
    for step in scenario.before {
        for outcome in perform(*step, rig, &sandbox, &words).await? {
            let exit = outcome.exit;
            ensure!(exit == Some(0), "{step:?} ended with {exit:?}");
        }
    }
    sandbox.settle().await?;
    let before = sandbox.tasks().await?;
    let traffic = start_traffic(scenario.load, &sandbox).await?;
    let sampler = Sampler::start(sandbox.clone());
    let mut outcomes = Vec::new();
    for step in scenario.steps {
        outcomes.extend(perform(*step, rig, &sandbox, &words).await?);
    }
    if scenario.expected.afterwards == Afterwards::Served {
        sandbox.settle().await?;
    }
    let seen = sampler.end();
    let counts = match traffic {
        Some(traffic) => Some(traffic.end().await),
        None => None,
    };
    let afterwards = afterwards(&sandbox).await?;
    let after = sandbox.tasks().await?;
    let running = after.iter().map(BTreeMap::len).sum::<usize>();
    let orphans = match runtime {
        Runtime::Process => processes(rig.cloud_folder()).saturating_sub(running),
        Runtime::Docker | Runtime::Auto => 0,
    };
    let pace = (rig.speed(), rig.metric_lag()?);
    let stack = sandbox.stack().await?;
    let [onebox, fleet] = stages(before, after, &seen, &stack);
    Ok(Observation {
        outcomes,
        stack: stack.status,
        good: words.good,
        first: words.first,
        sent_afterwards: afterwards.total(),
        failed_afterwards: afterwards.failed(),
        onebox,
        fleet,
        fired: seen.fired,
        detection: counts
            .as_ref()
            .and_then(|counts| Detection::of(counts.first_harm?, seen.first_fired?, pace)),
        traffic: counts.as_ref().map(TrafficSeen::of).unwrap_or_default(),
        orphans,
    })
}

type Tasks = BTreeMap<String, String>;

fn stages(before: [Tasks; 2], after: [Tasks; 2], seen: &Samples, stack: &crate::stack::Stack) -> [StageSeen; 2] {
    // Nothing seen is nothing promised.
    let [fewest_onebox, fewest_fleet] = seen.fewest_healthy.unwrap_or_default();
    let [onebox_before, fleet_before] = before;
    let [onebox_after, fleet_after] = after;
    let parameter = |name: &str| stack.parameters.get(name).cloned().unwrap_or_default();
    [
        StageSeen {
            before: onebox_before,
            after: onebox_after,
            parameter: parameter(service::ONEBOX_IMAGE),
            fewest_healthy: fewest_onebox,
        },
        StageSeen {
            before: fleet_before,
            after: fleet_after,
            parameter: parameter(service::FLEET_IMAGE),
            fewest_healthy: fewest_fleet,
        },
    ]
}

/// Begins the requests, and waits until some are answered.
async fn start_traffic(load: Load, sandbox: &Sandbox) -> anyhow::Result<Option<Traffic>> {
    let pace = match load {
        Load::Quiet => return Ok(None),
        Load::Rate(rate) => Pace::Open { rate, clients: CLIENTS },
        Load::Full(clients) => Pace::Closed { clients },
    };
    let traffic = Traffic::start(requests(sandbox, pace, u64::MAX).await?)?;
    while traffic.counts().total() < WARM_UP {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Some(traffic))
}

async fn requests(sandbox: &Sandbox, pace: Pace, at_most: u64) -> anyhow::Result<Plan> {
    let stack = sandbox.stack().await?;
    Ok(Plan {
        endpoint: stack.output(service::WEB_API_ENDPOINT)?.to_owned(),
        stage: None,
        pace,
        duration: None,
        at_most,
    })
}

/// Sends requests at the very end, and counts what came of them.
async fn afterwards(sandbox: &Sandbox) -> anyhow::Result<Counts> {
    let traffic = Traffic::start(requests(sandbox, Pace::Closed { clients: 4 }, AFTERWARDS).await?)?;
    while traffic.counts().total() < AFTERWARDS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(traffic.end().await)
}

async fn perform(step: Step, rig: &Rig, sandbox: &Sandbox, words: &Words) -> anyhow::Result<Vec<Outcome>> {
    let run = async |command: &[&str], manner: Manner<'_>| rig.run(&words.fill(command), manner).await;
    match step {
        Step::Run(command) => return run(command, Manner::default()).await,
        Step::Elsewhere(command) => {
            let elsewhere = true;
            return run(
                command,
                Manner {
                    elsewhere,
                    ..Manner::default()
                },
            )
            .await;
        }
        Step::During(command, moment, Act::Run(other)) => {
            let other = words.fill(other);
            let other: Vec<&str> = other.iter().map(String::as_str).collect();
            let meanwhile = Some((moment, Act::Run(&other)));
            return run(
                command,
                Manner {
                    meanwhile,
                    ..Manner::default()
                },
            )
            .await;
        }
        Step::During(command, moment, act) => {
            let meanwhile = Some((moment, act));
            return run(
                command,
                Manner {
                    meanwhile,
                    ..Manner::default()
                },
            )
            .await;
        }
        Step::Redden(alarm) => sandbox.redden(alarm).await?,
        Step::Edit(edits) => {
            let template = edit(&Stacks::of(Environment::Sandbox).service.template, edits)?;
            write_templates(&template, Path::new(&words.templates))?;
        }
        Step::Minutes(minutes) => {
            let minutes = f64::from(minutes) * 60.0 / rig.speed();
            tokio::time::sleep(Duration::from_secs_f64(minutes)).await;
        }
        Step::AwaitRed(alarm) => sandbox.await_red(alarm).await?,
        Step::Calm => sandbox.calm().await?,
        Step::ContinueRollback => sandbox.continue_rollback().await?,
        Step::DeleteFirstImage => sandbox.delete_image(&words.first).await?,
        Step::KillFleet => end_tasks(rig.cloud_folder(), stacks::Stage::Fleet)?,
    }
    Ok(Vec::new())
}

/// What stands for the placeholders of the commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Words {
    good: String,
    missing: String,
    first: String,
    templates: String,
    adopted: String,
}

impl Words {
    /// Writes the templates.
    fn of(scenario: &Scenario, rig: &Rig) -> anyhow::Result<Self> {
        let stacks = Stacks::of(Environment::Sandbox);
        let (templates, adopted) = (rig.folder().join("templates"), rig.folder().join("adopted"));
        write_templates(&edit(&stacks.service.template, scenario.edits)?, &templates)?;
        write_templates(BEFORE_RELEASES, &adopted)?;
        Ok(Self {
            templates: templates.display().to_string(),
            adopted: adopted.display().to_string(),
            ..Self::default()
        })
    }

    /// Pushes the good image.
    async fn push(&mut self, rig: &Rig) -> anyhow::Result<()> {
        let pushed = rig.succeed(&["image", "push", "sandbox", "--fault", HARMLESS]).await?;
        let good = pushed["image"].as_str().context("no image was pushed")?.to_owned();
        let (repository, _) = good.split_once('@').context("the image is not by digest")?;
        self.missing = format!("{repository}@sha256:{}", "0".repeat(64));
        self.good = good;
        Ok(())
    }

    fn fill(&self, command: &[&str]) -> Vec<String> {
        let fill = |word: &&str| match *word {
            "{good}" => self.good.clone(),
            "{first}" => self.first.clone(),
            "{missing}" => self.missing.clone(),
            "{templates}" => self.templates.clone(),
            "{adopted}" => self.adopted.clone(),
            word => word.to_owned(),
        };
        command.iter().map(fill).collect()
    }
}

/// Writes a service template beside the project's foundation, as `synth --out` does.
fn write_templates(service: &str, folder: &Path) -> anyhow::Result<()> {
    let stacks = Stacks::of(Environment::Sandbox);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, template) in [
        (&stacks.service.name, service),
        (&stacks.foundation.name, &stacks.foundation.template),
    ] {
        let path = folder.join(format!("{name}.template.json"));
        std::fs::write(&path, template).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
