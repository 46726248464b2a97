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
use crate::flags::Soak;
use crate::telling::event_code::EventCode;

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
            return Err(Failure::refused(format!("--from {from} is beyond --count {}", self.count)).into());
        };
        if self.list {
            context.output.line(&report::list(steps));
            return Ok(json!({"steps": steps}));
        }
        let folder = format!("target/soak/{}", self.seed);
        context.progress.line(&format!(
            "seed {}: deployments {from} to {}, at speed {}, in {folder}",
            self.seed, self.count, self.speed
        ));
        let begun = Play::begin(&context.root, &folder, self.speed, first.before);
        let interrupted = "interrupted: the soak is not complete";
        let mut play = context.interrupt.or(interrupted, Box::pin(begun)).await??;
        let (mut all, mut samples) = (Vec::new(), Vec::new());
        for step in steps {
            let playing = Box::pin(self.step(context, &mut play, step, &mut samples));
            let played = context.interrupt.or(interrupted, playing).await.flatten();
            let played = match played {
                Ok(played) => played,
                Err(error) => {
                    play.abandon().await?;
                    return Err(error.context(self.again(step.number)));
                }
            };
            let stop = !played.breaches.is_empty() && !self.go_on;
            all.push(played);
            if stop {
                break;
            }
        }
        self.conclude(context, play, &all, &samples).await
    }

    async fn step(
        &self,
        context: &Context,
        play: &mut Play,
        step: &Step,
        samples: &mut Vec<Sample>,
    ) -> anyhow::Result<Played> {
        let started = Instant::now();
        let seen = play.step(step).await?;
        let (breaches, account) = judge::judge(step, play.image(), &seen);
        let sample = machine::sample(play.home(), step.number)?;
        samples.push(sample);
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
        Ok(played)
    }

    /// Destroys what there is, and says what came of everything.
    async fn conclude(
        &self,
        context: &Context,
        play: Play,
        all: &[Played],
        samples: &[Sample],
    ) -> anyhow::Result<Value> {
        let (rig, leftovers) = play.destroy().await?;
        let growth = growth(samples);
        let mut breaches = leftovers.breaches();
        breaches.extend(growth.iter().filter_map(growth::Growth::breach));
        rig.end(true).await?;
        context.output.line(&render(all));
        context.output.line(&summary(all, samples, &growth));
        let failed = breached(all);
        if breaches.is_empty() && failed.is_none() {
            return Ok(report::record(all, samples, &growth));
        }
        let mut what: Vec<String> = failed.iter().flat_map(|played| played.in_words()).collect();
        what.extend(breaches);
        let number = failed.map_or(self.count, |played| played.step.number);
        let mut failure = Failure::new(Exit::Failed, what.join("; ")).code(Code::ChecksFailed);
        failure = failure.next(format!("what happened is in target/soak/{}", self.seed));
        Err(failure.next(self.again(number)).into())
    }

    /// How to play a deployment again.
    fn again(&self, number: u32) -> String {
        format!(
            "`cargo xtask soak --seed {} --from {number} --count {number}` plays deployment {number} alone",
            self.seed
        )
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
