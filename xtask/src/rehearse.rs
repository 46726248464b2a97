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
use local_cloud::Bake;
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

/// The scenarios of `--matrix`: each kind of evidence, a good release, a rollback and an interruption.
const MATRIX: [&str; 6] = [
    "good-both",
    "bad-variable",
    "close",
    "errors",
    "fleet-only-gate",
    "rollback-late",
];

/// Metric lags, in AWS's minutes, and whether the bake time is honoured: all but the local cloud's default.
const COMBINATIONS: [(f64, Bake); 5] = [
    (2.0, Bake::Ignored),
    (0.0, Bake::Honoured),
    (0.0, Bake::Ignored),
    (4.0, Bake::Honoured),
    (4.0, Bake::Ignored),
];

/// A scenario, and what its local cloud is started with.
#[derive(Debug, Clone, Copy)]
struct Run {
    scenario: &'static Scenario,
    settings: Settings,
}

/// How a scenario ended.
#[derive(Debug)]
struct Verdict {
    run: Run,
    /// Its name, with the settings if they vary.
    name: String,
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
        let named = self.matrix && self.names.is_empty();
        let scenarios = if named {
            choose(&MATRIX.map(ToOwned::to_owned))?
        } else {
            choose(&self.names)?
        };
        if self.list {
            let rows: Vec<Vec<String>> = scenarios.iter().map(|scenario| listed(scenario)).collect();
            let header = ["SCENARIO", "CHANGE", "PROMISE", "SPEED"];
            context.output.line(&table::render(&header, &rows));
            return Ok(json!({}));
        }
        let verdicts: Vec<Verdict> = futures_util::stream::iter(self.runs(&scenarios))
            .map(|run| self.rehearse(context, run))
            .buffered(self.jobs)
            .try_collect()
            .await?;
        context.output.line(&render(&verdicts));
        conclude(&verdicts)
    }

    /// Each scenario once, or with every combination.
    fn runs(&self, scenarios: &[&'static Scenario]) -> Vec<Run> {
        let run = |scenario: &'static Scenario| Run {
            scenario,
            settings: Settings {
                runtime: self.runtime(),
                speed: self.speed.unwrap_or(scenario.speed),
                metric_lag: self.metric_lag.or(scenario.metric_lag),
                bake: self.bake.or(scenario.bake),
            },
        };
        let runs = scenarios.iter().copied().map(run);
        if !self.matrix {
            return runs.collect();
        }
        runs.flat_map(|run| {
            COMBINATIONS.map(|(lag, bake)| Run {
                settings: Settings {
                    metric_lag: Some(lag),
                    bake: Some(bake),
                    ..run.settings
                },
                ..run
            })
        })
        .collect()
    }

    async fn rehearse(&self, context: &Context, run: Run) -> anyhow::Result<Verdict> {
        let Run { scenario, settings } = run;
        let (started, name) = (Instant::now(), run.name(self.matrix));
        context
            .progress
            .line(&format!("{name}: {}; {}", scenario.change, scenario.promise));
        let runtime = settings.runtime;
        let folder = format!("target/rehearsal/{name}");
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
        let verdict = judge((run, name), played, self.plant, started.elapsed());
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
fn judge((run, name): (Run, String), played: anyhow::Result<Observation>, plant: bool, took: Duration) -> Verdict {
    let scenario = run.scenario;
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
        run,
        name,
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
        .map(|verdict| verdict.run.scenario.name)
        .collect();
    if failed.is_empty() {
        return Ok(json!({"scenarios": verdicts.len()}));
    }
    let kept = verdicts.iter().find(|verdict| !verdict.differences.is_empty());
    let kept = kept.map_or("", |verdict| &verdict.name);
    let again = format!("`cargo xtask rehearse {}` plays just that", failed.join(" "));
    let kept = format!("what happened is in target/rehearsal/{kept}");
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
            verdict.name.clone(),
            verdict.run.scenario.change.to_owned(),
            verdict.outcome().to_owned(),
            human(verdict.took),
            verdict.words(),
        ]
    };
    let rows: Vec<Vec<String>> = verdicts.iter().map(row).collect();
    table::render(&["SCENARIO", "CHANGE", "OUTCOME", "TOOK", "SEEN"], &rows)
}

impl Run {
    /// The scenario's name, with the settings if they vary.
    fn name(&self, with_settings: bool) -> String {
        let Settings { metric_lag, bake, .. } = self.settings;
        match (with_settings, metric_lag, bake) {
            (true, Some(lag), Some(bake)) => format!("{}-lag-{lag}-{}", self.scenario.name, bake.name()),
            _ => self.scenario.name.to_owned(),
        }
    }
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
            self.name,
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
            "scenario": self.name,
            "outcome": self.outcome(),
            "seconds": self.took.as_secs_f64(),
            "speed": self.run.settings.speed,
            "metric_lag": self.run.settings.metric_lag,
            "rate": self.run.scenario.load.rate(),
            "differences": self.differences,
            "requests": self.seen.as_ref().map(|seen| seen.traffic.requests),
            "harmed": self.seen.as_ref().map(|seen| &seen.traffic.harmed),
            "detection": self.seen.as_ref().and_then(|seen| seen.detection),
            "seen": self.seen.as_ref().map(ToString::to_string),
        })
    }
}
