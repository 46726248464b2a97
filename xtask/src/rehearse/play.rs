//! Playing a scenario: everything in it really happens.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use stacks::service;

use super::edit::edit;
use super::look::{Sampler, Samples, Sandbox, processes};
use super::observation::{Detection, Observation, Outcome, StageSeen, TrafficSeen};
use super::rig::{Meanwhile, Rig};
use super::scenario::{Load, Scenario, Step};
use crate::environment::Stacks;
use crate::flags::{Environment, Runtime};
use crate::traffic::{Pace, Plan, Traffic};

/// What makes an image another without making it worse: one request in a million takes a millisecond more.
const HARMLESS: &str = "delay=1ms@0.0001%";

/// The most requests that wait for an answer at once: enough for all of Onebox's share to take 6 s.
const CLIENTS: usize = 256;

/// So many requests are answered before anything is done, so that there is something to compare with.
const WARM_UP: u64 = 2000;

/// Plays a scenario on a local cloud; what was seen of it.
///
/// # Errors
/// When something that is no part of the scenario's change fails.
pub(super) async fn play(scenario: &Scenario, rig: &Rig, runtime: Runtime) -> anyhow::Result<Observation> {
    rig.succeed(&["deploy", "sandbox"]).await?;
    let words = Words::prepare(scenario, rig).await?;
    let sandbox = Sandbox::find(rig.aws().await?).await?;
    for step in scenario.before {
        let outcome = perform(*step, rig, &sandbox, &words).await?;
        let exit = outcome.and_then(|outcome| outcome.exit);
        ensure!(exit.is_none_or(|exit| exit == 0), "{step:?} ended with {exit:?}");
    }
    sandbox.settle().await?;
    let before = sandbox.tasks().await?;
    let traffic = start_traffic(scenario.load, &sandbox).await?;
    let sampler = Sampler::start(sandbox.clone());
    let mut outcomes = Vec::new();
    for step in scenario.steps {
        outcomes.extend(perform(*step, rig, &sandbox, &words).await?);
    }
    sandbox.settle().await?;
    let seen = sampler.end();
    let counts = match traffic {
        Some(traffic) => Some(traffic.end().await),
        None => None,
    };
    let after = sandbox.tasks().await?;
    let running = after.iter().map(BTreeMap::len).sum::<usize>();
    let orphans = match runtime {
        Runtime::Process => processes(rig.cloud_folder()).saturating_sub(running),
        Runtime::Docker | Runtime::Auto => 0,
    };
    let stack = sandbox.stack().await?;
    let [onebox, fleet] = stages(before, after, &seen, &stack);
    Ok(Observation {
        outcomes,
        stack: stack.status,
        good: words.good,
        onebox,
        fleet,
        fired: seen.fired,
        detection: counts
            .as_ref()
            .and_then(|counts| Detection::of(counts.first_harm?, seen.first_fired?, rig.speed())),
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
    let stack = sandbox.stack().await?;
    let traffic = Traffic::start(Plan {
        endpoint: stack.output(service::WEB_API_ENDPOINT)?.to_owned(),
        stage: None,
        pace,
        duration: None,
        at_most: u64::MAX,
    })?;
    while traffic.counts().total() < WARM_UP {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok(Some(traffic))
}

async fn perform(step: Step, rig: &Rig, sandbox: &Sandbox, words: &Words) -> anyhow::Result<Option<Outcome>> {
    let run = async |command: &[&str], meanwhile| rig.run(&words.fill(command), meanwhile).await.map(Some);
    match step {
        Step::Run(command) => run(command, Meanwhile::Nothing).await,
        Step::Interrupt(command) => run(command, Meanwhile::Interrupt).await,
        Step::KillCloud(command) => run(command, Meanwhile::KillCloud).await,
        Step::Redden(alarm) => sandbox.redden(alarm).await.map(|()| None),
        Step::Calm => sandbox.calm().await.map(|()| None),
        Step::ContinueRollback => sandbox.continue_rollback().await.map(|()| None),
    }
}

/// What stands for the placeholders of the commands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words {
    good: String,
    missing: String,
    templates: String,
}

impl Words {
    /// Pushes the good image and writes the edited templates, where the scenario has use for them.
    async fn prepare(scenario: &Scenario, rig: &Rig) -> anyhow::Result<Self> {
        let pushed = rig.succeed(&["image", "push", "sandbox", "--fault", HARMLESS]).await?;
        let good = pushed["image"].as_str().context("no image was pushed")?.to_owned();
        let (repository, _) = good.split_once('@').context("the image is not by digest")?;
        let missing = format!("{repository}@sha256:{}", "0".repeat(64));
        let folder = rig.folder().join("templates");
        write_templates(scenario, &folder)?;
        Ok(Self {
            good,
            missing,
            templates: folder.display().to_string(),
        })
    }

    fn fill(&self, command: &[&str]) -> Vec<String> {
        let fill = |word: &&str| match *word {
            "{good}" => self.good.clone(),
            "{missing}" => self.missing.clone(),
            "{templates}" => self.templates.clone(),
            word => word.to_owned(),
        };
        command.iter().map(fill).collect()
    }
}

/// Writes the templates as `synth --out` does, with the scenario's edits.
fn write_templates(scenario: &Scenario, folder: &Path) -> anyhow::Result<()> {
    let stacks = Stacks::of(Environment::Sandbox);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let service = edit(&stacks.service.template, scenario.edits)?;
    for (name, template) in [
        (&stacks.service.name, &service),
        (&stacks.foundation.name, &stacks.foundation.template),
    ] {
        let path = folder.join(format!("{name}.template.json"));
        std::fs::write(&path, template).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
