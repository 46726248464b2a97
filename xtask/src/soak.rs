//! `soak`: deployments in a row on a local cloud of their own, good and bad, with random kills, under requests all along;
//! and whether each ends as it must, and nothing is left in the end.

mod account;
mod growth;
mod judge;
mod leftovers;
mod machine;
mod plan;
mod play;
mod report;
mod words;

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::{Value, json};

use self::growth::{Sample, growth};
pub(crate) use self::plan::{CI_COUNT, CI_SEED};
use self::plan::{Step, plan};
use self::play::Play;
use self::report::{Played, breached, render, summary};
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::flags::{Runtime, Soak};
use crate::rehearse::rig::Settings;
use crate::telling::event_code::EventCode;

/// What a soak that isn't played to its end says.
const INTERRUPTED: &str = "interrupted: the soak is not complete";

/// What came of the deployments.
#[derive(Debug, Default)]
struct Record {
    all: Vec<Played>,
    /// What the local cloud took after each.
    samples: Vec<Sample>,
}

impl Soak {
    /// Plays the plan of a seed, or lists it.
    ///
    /// # Errors
    /// When a deployment doesn't end as it must, or something is left in the end: exit status 1.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let steps = plan(self.seed, self.count);
        let from = self.from.unwrap_or(1) as usize;
        let steps = steps.get(from - 1..).unwrap_or_default();
        let Some(first) = steps.first() else {
            let what = format!("--from {from} is beyond --count {}", self.count);
            return Err(Failure::refused(what).code(Code::Flags).into());
        };
        if self.list {
            context.output.line(&report::list(steps));
            return Ok(json!({"steps": steps}));
        }
        let mut play = self.begin(context, first).await?;
        let folder = play.folder().to_owned();
        let mut record = Record::default();
        if let Err(error) = self.play_all(context, &mut play, steps, &mut record).await {
            drop(play);
            play::end(&folder).await?;
            return Err(error);
        }
        self.conclude(context, play, &record).await
    }

    async fn begin(&self, context: &Context, first: &Step) -> anyhow::Result<Play> {
        let folder = format!("target/soak/{}", self.seed);
        context.progress.line(&format!(
            "seed {}: deployments {} to {}, at speed {}, in {folder}",
            self.seed, first.number, self.count, self.speed
        ));
        let begun = Box::pin(Play::begin(&context.root, &folder, self.settings(), first.before));
        let begun = context.interrupt.or(INTERRUPTED, begun).await.flatten();
        if begun.is_err() {
            play::end(&context.root.join(&folder)).await?;
        }
        begun
    }

    /// Plays the deployments, up to the first that doesn't end as it must if nobody wants to go on.
    async fn play_all(
        &self,
        context: &Context,
        play: &mut Play,
        steps: &[Step],
        record: &mut Record,
    ) -> anyhow::Result<()> {
        for step in steps {
            let playing = Box::pin(self.step(context, play, step));
            let played = context.interrupt.or(INTERRUPTED, playing).await.flatten();
            let (played, sample) = played.with_context(|| self.again(step.number))?;
            let stop = !played.breaches.is_empty() && !self.go_on;
            record.all.push(played);
            record.samples.push(sample);
            if stop {
                break;
            }
        }
        Ok(())
    }

    async fn step(&self, context: &Context, play: &mut Play, step: &Step) -> anyhow::Result<(Played, Sample)> {
        let started = Instant::now();
        let seen = play.step(step).await?;
        let (breaches, account) = judge::judge(step, play.image(), &seen);
        let sample = machine::sample(play.home(), step.number)?;
        let played = Played {
            step: step.clone(),
            breaches,
            attempts: seen.attempts.clone(),
            requests: seen.requests,
            explained: account.explained,
            took: started.elapsed(),
        };
        write_down(
            play.folder(),
            &json!({"step": step, "seen": seen, "sample": sample, "breaches": played.breaches}),
        )?;
        context.output.event(EventCode::Soaked, played.record());
        context.progress.line(&played.line());
        Ok((played, sample))
    }

    /// Destroys what there is, and says what came of everything.
    async fn conclude(&self, context: &Context, play: Play, record: &Record) -> anyhow::Result<Value> {
        let Record { all, samples } = record;
        let folder = play.folder().to_owned();
        let destroyed = play.destroy().await.context("what was soaked can't be destroyed");
        // Destroying it all has ended the local cloud, if all went well.
        play::end(&folder).await?;
        let growth = growth(samples);
        let mut breaches = destroyed?.breaches();
        breaches.extend(growth.iter().filter_map(growth::Growth::breach));
        context.output.line(&render(all));
        context.output.line(&summary(all, samples, &growth));
        let failed = breached(all);
        if breaches.is_empty() && failed.is_none() {
            return Ok(report::record(all, samples, &growth));
        }
        let mut what: Vec<String> = failed.iter().flat_map(|played| played.in_words()).collect();
        what.extend(breaches);
        let again = match failed {
            Some(played) => self.again(played.step.number),
            None => format!("`{} --count {}` plays all again", self.command(), self.count),
        };
        Err(Failure::new(Exit::Failed, what.join("; "))
            .code(Code::ChecksFailed)
            .next(format!("what happened is in target/soak/{}", self.seed))
            .next(again)
            .into())
    }

    /// What the local cloud is started with. Where nobody says otherwise, Docker, if it answers, is no part of it.
    fn settings(&self) -> Settings {
        Settings {
            runtime: self.runtime.unwrap_or(Runtime::Process),
            speed: self.speed,
            metric_lag: None,
            bake: None,
        }
    }

    /// How to play a deployment again.
    fn again(&self, number: u32) -> String {
        format!(
            "`{} --from {number} --count {number}` plays deployment {number} alone",
            self.command()
        )
    }

    fn command(&self) -> String {
        let runtime = self.runtime.map(|runtime| format!(" --runtime {}", runtime.name()));
        format!("cargo xtask soak --seed {}{}", self.seed, runtime.unwrap_or_default())
    }
}

/// Keeps what was seen beside the local cloud.
fn write_down(folder: &Path, record: &Value) -> anyhow::Result<()> {
    use std::io::Write as _;
    let path = folder.join("deployments.ndjson");
    let file = std::fs::File::options().create(true).append(true).open(&path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{record}").with_context(|| format!("cannot write {}", path.display()))
}
