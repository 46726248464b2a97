//! `rehearse`: changes, good and bad, on a local cloud with real tasks and real requests, and whether each ends as promised.

mod check;
pub(crate) mod edit;
pub(crate) mod look;
pub(crate) mod observation;
mod plant;
mod play;
pub(crate) mod rig;
pub(crate) mod scenario;
mod scenarios;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use self::observation::Observation;
use self::rig::{Rig, Settings};
use self::scenario::Scenario;
use self::scenarios::SCENARIOS;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::flags::{Rehearse, Runtime};
use crate::progress::human;
use crate::table;
use crate::telling::event_code::EventCode;

/// How a scenario ended.
#[derive(Debug)]
struct Verdict {
    scenario: &'static Scenario,
    /// What is not as promised; nothing where it passed.
    differences: Vec<String>,
    /// What was seen; none where it couldn't be played to its end.
    seen: Option<Observation>,
    took: Duration,
}

impl Rehearse {
    /// Plays the scenarios, or lists them.
    ///
    /// # Errors
    /// When one doesn't end as promised.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let scenarios = choose(&self.names)?;
        if self.list {
            let rows: Vec<Vec<String>> = scenarios.iter().map(|scenario| listed(scenario)).collect();
            let header = ["SCENARIO", "CHANGE", "PROMISE", "SPEED"];
            context.output.line(&table::render(&header, &rows));
            return Ok(json!({}));
        }
        let verdicts: Vec<Verdict> = futures_util::stream::iter(scenarios)
            .map(|scenario| self.rehearse(context, scenario))
            .buffered(self.jobs)
            .try_collect()
            .await?;
        context.output.line(&render(&verdicts));
        conclude(&verdicts)
    }

    async fn rehearse(&self, context: &Context, scenario: &'static Scenario) -> anyhow::Result<Verdict> {
        let started = Instant::now();
        context
            .progress
            .line(&format!("{}: {}; {}", scenario.name, scenario.change, scenario.promise));
        let settings = Settings {
            runtime: self.runtime(),
            speed: self.speed.unwrap_or(scenario.speed),
            metric_lag: self.metric_lag.or(scenario.metric_lag),
            bake: self.bake.or(scenario.bake),
        };
        let runtime = settings.runtime;
        let folder = format!("target/rehearsal/{}", scenario.name);
        let rig = Rig::start(&context.root, &folder, settings).await?;
        let played = context
            .interrupt
            .or(
                "interrupted: the rehearsal is not complete",
                Box::pin(play::play(scenario, &rig, runtime)),
            )
            .await;
        let played = match played {
            Ok(played) => played,
            Err(interrupted) => {
                rig.end(self.keep).await?;
                return Err(interrupted);
            }
        };
        let verdict = judge(scenario, played, self.plant, started.elapsed());
        write_down(&rig, &verdict)?;
        rig.end(self.keep || !verdict.differences.is_empty()).await?;
        context.output.event(EventCode::Scenario, verdict.record());
        context.progress.line(&verdict.line());
        Ok(verdict)
    }

    fn runtime(&self) -> Runtime {
        match self.runtime {
            Some(Runtime::Docker) => Runtime::Docker,
            Some(Runtime::Process | Runtime::Auto) | None => Runtime::Process,
        }
    }
}

fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Scenario>> {
    let known = |name: &String| SCENARIOS.iter().any(|scenario| scenario.name == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let known: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        let what = format!("no scenario is called {unknown}; there are: {}", known.join(", "));
        return Err(Failure::refused(what).code(Code::UnknownName).into());
    }
    let chosen = |scenario: &&Scenario| names.is_empty() || names.iter().any(|name| name == scenario.name);
    Ok(SCENARIOS.iter().filter(chosen).collect())
}

fn listed(scenario: &Scenario) -> Vec<String> {
    let words = [scenario.name, scenario.change, scenario.promise];
    let mut row: Vec<String> = words.map(ToOwned::to_owned).to_vec();
    row.push(scenario.speed.to_string());
    row
}

/// What is not as promised; with `plant`, also which wrong expectations what was seen would satisfy.
fn judge(scenario: &'static Scenario, played: anyhow::Result<Observation>, plant: bool, took: Duration) -> Verdict {
    let (differences, seen) = match played {
        Ok(seen) => {
            let mut differences = check::check(&scenario.expected, &seen);
            if plant {
                let undetected = plant::undetected(&scenario.expected, &seen).into_iter();
                differences.extend(undetected.map(|what| format!("would pass with {what} expected")));
            }
            (differences, Some(seen))
        }
        Err(error) => (vec![format!("cannot be played: {error:#}")], None),
    };
    Verdict {
        scenario,
        differences,
        seen,
        took,
    }
}

/// Keeps what was seen beside the local cloud.
fn write_down(rig: &Rig, verdict: &Verdict) -> anyhow::Result<()> {
    let Some(seen) = &verdict.seen else { return Ok(()) };
    let path = rig.folder().join("observation.json");
    std::fs::write(&path, serde_json::to_vec_pretty(seen)?).with_context(|| format!("cannot write {}", path.display()))
}

fn conclude(verdicts: &[Verdict]) -> anyhow::Result<Value> {
    let failed: Vec<&str> = verdicts
        .iter()
        .filter(|verdict| !verdict.differences.is_empty())
        .map(|verdict| verdict.scenario.name)
        .collect();
    if failed.is_empty() {
        return Ok(json!({"scenarios": verdicts.len()}));
    }
    let again = format!("`cargo xtask rehearse {}` plays just that", failed.join(" "));
    let kept = format!("what happened is in target/rehearsal/{}", failed[0]);
    Err(
        Failure::new(Exit::Failed, format!("not as promised: {}", failed.join(", ")))
            .code(Code::ChecksFailed)
            .next(kept)
            .next(again)
            .into(),
    )
}

fn render(verdicts: &[Verdict]) -> String {
    let row = |verdict: &Verdict| {
        vec![
            verdict.scenario.name.to_owned(),
            verdict.scenario.change.to_owned(),
            verdict.outcome().to_owned(),
            human(verdict.took),
            verdict.words(),
        ]
    };
    let rows: Vec<Vec<String>> = verdicts.iter().map(row).collect();
    table::render(&["SCENARIO", "CHANGE", "OUTCOME", "TOOK", "SEEN"], &rows)
}

impl Verdict {
    fn outcome(&self) -> &'static str {
        if self.differences.is_empty() {
            "passed"
        } else {
            "FAILED"
        }
    }

    fn line(&self) -> String {
        format!(
            "{}: {} in {}: {}",
            self.scenario.name,
            self.outcome(),
            human(self.took),
            self.words()
        )
    }

    /// What was seen, or what was wrong with it.
    fn words(&self) -> String {
        match &self.seen {
            Some(seen) if self.differences.is_empty() => seen.to_string(),
            _ => self.differences.join("; ").replace('\n', " "),
        }
    }

    fn record(&self) -> Value {
        json!({
            "scenario": self.scenario.name,
            "outcome": self.outcome(),
            "seconds": self.took.as_secs_f64(),
            "speed": self.scenario.speed,
            "rate": self.scenario.load.rate(),
            "differences": self.differences,
            "requests": self.seen.as_ref().map(|seen| seen.traffic.requests),
            "harmed": self.seen.as_ref().map(|seen| &seen.traffic.harmed),
            "detection": self.seen.as_ref().and_then(|seen| seen.detection),
            "seen": self.seen.as_ref().map(ToString::to_string),
        })
    }
}
