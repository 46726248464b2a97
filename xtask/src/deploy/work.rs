//! The steps of a deployment, done one after another.

use std::time::SystemTime;

use anyhow::Context as _;
use serde_json::Value;
use stacks::{foundation, service};

use super::judge::judge;
use super::place::Places;
use super::plan::{Images, Step, short, steps};
use super::watch::{Seen, watching};
use super::{outcome, preflight};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::{Exit, Failure, exit_of};
use crate::flags::{Deploy, Stage};
use crate::image::{Binary, Recipe};
use crate::services::phase::Phase;
use crate::stack::apply::{Applied, Terms, UnderWay, apply, follow_under_way, updatable};
use crate::stack::standing::{Standing, standing};
use crate::stack::{Stack, Wanted};
use crate::verdict::{Ruling, Verdict};
use crate::{publish, services};

/// A deployment under way.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) context: &'a Context,
    pub(super) aws: &'a Aws,
    pub(super) stacks: &'a Stacks,
    pub(super) deploy: &'a Deploy,
    /// The command by which to follow or repeat it.
    pub(super) again: &'a str,
}

/// A deployment that was made.
pub(super) struct Done {
    /// Whether anything had to change.
    pub(super) changed: bool,
    /// The image that was deployed; none where the images stayed.
    pub(super) image: Option<String>,
    /// The service stack.
    pub(super) stack: Stack,
    /// What Onebox was judged by; none where nothing had to be judged.
    pub(super) verdict: Option<Verdict>,
}

/// How far a deployment has come.
struct Progress {
    /// The service stack, if there is one.
    stack: Option<Stack>,
    /// Whether anything was changed.
    changed: bool,
    /// What was seen of Onebox while it changed.
    seen: Seen,
    verdict: Option<Verdict>,
}

fn is_busy(stack: &Stack) -> bool {
    standing(Some(&stack.status)) == Standing::Busy
}

impl Work<'_> {
    /// Makes the deployment, or the stage of it that was asked for.
    pub(super) async fn run(self) -> anyhow::Result<Done> {
        let name = &self.stacks.service.name;
        let (under_way, seen) = self.under_way().await?;
        let running = updatable(self.context, self.aws, name, self.again).await?;
        // What failed a moment ago has left its alarm red; if it was this very change, that is no news.
        let failed_before = under_way.as_ref().is_some_and(|under_way| under_way.failure.is_some());
        match &running {
            Some(stack) if !failed_before => self.preflight(stack).await?,
            Some(_) => {}
            // A stage that needs a stack is refused before anything is built.
            None => drop(steps(self.deploy.stage, "", None)?),
        }
        let (foundation, foundation_changed) = self.foundation().await?;
        let image = self.image(&foundation, running.as_ref()).await?;
        if let (Some(under_way), Some(image)) = (under_way, &image)
            && let Some(error) = self.ended_already(under_way, image, running.as_ref()).await
        {
            return Err(outcome::with_what_runs(self.aws, name, error).await);
        }
        if let Some(stack) = running.as_ref().filter(|_| failed_before) {
            self.preflight(stack).await?;
        }
        let images = running.as_ref().and_then(Images::of);
        let steps = steps(self.deploy.stage, image.as_deref().unwrap_or_default(), images.as_ref())?;
        let mut progress = Progress {
            stack: running,
            changed: foundation_changed,
            seen,
            verdict: None,
        };
        for step in steps {
            if let Err(error) = self.perform(step, image.as_deref(), &mut progress).await {
                return Err(outcome::with_what_runs(self.aws, name, error).await);
            }
        }
        let stack = progress.stack.with_context(|| format!("there is no stack {name}"))?;
        self.wait_for_tasks(&stack).await?;
        Ok(Done {
            changed: progress.changed,
            image,
            stack,
            verdict: progress.verdict,
        })
    }

    /// Follows what goes on in the service stack, and sends the probes that whoever began it no longer sends.
    async fn under_way(self) -> anyhow::Result<(Option<UnderWay>, Seen)> {
        let name = &self.stacks.service.name;
        let following = Box::pin(follow_under_way(self.context, self.aws, name, self.again));
        let Some(stack) = self.aws.stack(name).await?.filter(is_busy) else {
            return Ok((None, Seen::default()));
        };
        // While the stack is created, its parts aren't there yet.
        let Ok(places) = Places::of(self.aws, &stack).await else {
            return Ok((following.await?, Seen::default()));
        };
        let probes = !self.deploy.caution.no_probe;
        let from = (probes, Phase::Replacing);
        let stage = stacks::Stage::Onebox;
        let (under_way, seen) = watching(self.context, self.aws, (&places, stage), from, following).await;
        Ok((under_way?, seen))
    }

    /// The failure of an operation that brought this very image, and was followed to its end: it isn't tried again.
    async fn ended_already(self, under_way: UnderWay, image: &str, running: Option<&Stack>) -> Option<anyhow::Error> {
        let failure = under_way.failure?;
        let brought = Images::of(&under_way.stack)?;
        if brought.onebox != image && brought.fleet != image {
            return None;
        }
        let error = anyhow::Error::from(failure);
        let now = running.and_then(|stack| Some((stack, Images::of(stack)?)));
        match now {
            // It was Fleet that didn't bear it.
            Some((stack, images)) if images.onebox == image && images.fleet != image => {
                let back = self.put_onebox_back(stack, &images.fleet).await;
                Some(outcome::after_putting_back(error, back))
            }
            _ => Some(error),
        }
    }

    async fn preflight(self, stack: &Stack) -> anyhow::Result<()> {
        let places = Places::of(self.aws, stack).await?;
        let (stage, ignore) = (self.deploy.stage, self.deploy.caution.ignore_red_alarms);
        preflight::no_red_alarm(self.context, self.aws, &places, stage, ignore).await
    }

    /// The foundation's stack, brought to its template where the stage is of the infrastructure; whether it changed.
    async fn foundation(self) -> anyhow::Result<(Stack, bool)> {
        let foundation = &self.stacks.foundation;
        if matches!(self.deploy.stage, None | Some(Stage::Infrastructure)) {
            let applied = self.apply(&foundation.with([]), self.deploy.yes).await?;
            return Ok((applied.stack, applied.changed));
        }
        let stack = self.aws.stack(&foundation.name).await?;
        let stack = stack.ok_or_else(|| {
            Failure::preflight(format!("there is no stack {}", foundation.name))
                .code(Code::NoStack)
                .next("deploy it first: `--stage infrastructure`, or without --stage")
        })?;
        Ok((stack, false))
    }

    /// The image to deploy: the one that was named, the one that Onebox runs, or one built now; none where images stay.
    async fn image(self, foundation: &Stack, running: Option<&Stack>) -> anyhow::Result<Option<String>> {
        let recipe = match (self.deploy.stage, running) {
            _ if self.deploy.image.is_some() => return Ok(self.deploy.image.clone()),
            (Some(Stage::Infrastructure), Some(_)) => return Ok(None),
            (Some(Stage::Infrastructure), None) if self.deploy.bootstrap.is_some() => {
                return Ok(self.deploy.bootstrap.clone());
            }
            (Some(Stage::Fleet), running) => return Ok(running.and_then(Images::of).map(|images| images.onebox)),
            (Some(Stage::Infrastructure), None) => Recipe::plain(Binary::Bootstrap),
            (None | Some(Stage::Onebox), _) => Recipe {
                binary: Binary::Service,
                fault: self.deploy.fault.clone(),
            },
        };
        let repository = foundation.output(foundation::IMAGE_REPOSITORY_URI)?;
        publish::publish(self.context, self.aws, repository, &recipe)
            .await
            .map(Some)
    }

    async fn perform(self, step: Step, image: Option<&str>, progress: &mut Progress) -> anyhow::Result<()> {
        let image = || image.context("no image is known");
        let existing = progress.stack.clone().context("there is no service stack");
        let yes = self.deploy.yes;
        let applied = match step {
            Step::Create => {
                let image = image()?;
                let parameters = [(service::ONEBOX_IMAGE, image), (service::FLEET_IMAGE, image)];
                self.apply(&self.stacks.service.with(parameters), yes).await?
            }
            Step::Infrastructure => self.apply(&self.stacks.service.keeping(&existing?)?, yes).await?,
            Step::Onebox => {
                let (applied, seen) = self.onebox(&existing?, image()?).await?;
                progress.seen = seen;
                applied
            }
            Step::Judge => {
                progress.verdict = Some(self.judge(&existing?, &progress.seen).await?);
                return Ok(());
            }
            Step::Fleet => self.fleet(&existing?, image()?).await?,
        };
        progress.changed |= applied.changed;
        progress.stack = Some(applied.stack);
        Ok(())
    }

    /// Moves Onebox to an image, with probes all the while.
    async fn onebox(self, stack: &Stack, image: &str) -> anyhow::Result<(Applied, Seen)> {
        let places = Places::of(self.aws, stack).await?;
        let probes = !self.deploy.caution.no_probe;
        preflight::say_traffic(self.context, self.aws, &places, probes).await?;
        let wanted = stack.changing([(service::ONEBOX_IMAGE, image)]);
        let change = self.apply(&wanted, self.deploy.yes);
        let stage = stacks::Stage::Onebox;
        let (applied, seen) = watching(
            self.context,
            self.aws,
            (&places, stage),
            (probes, Phase::default()),
            change,
        )
        .await;
        Ok((applied?, seen))
    }

    /// Judges what Onebox runs, and brings it back to what Fleet runs where that is better.
    async fn judge(self, stack: &Stack, seen: &Seen) -> anyhow::Result<Verdict> {
        let places = Places::of(self.aws, stack).await?;
        let verdict = judge(self.context, self.aws, &places, seen).await?;
        match verdict.ruling {
            Ruling::Good => Ok(verdict),
            Ruling::Thin if self.deploy.caution.accept_thin_evidence => {
                self.context.progress.line("going on with that, as asked");
                Ok(verdict)
            }
            Ruling::Thin => Err(outcome::thin(&verdict, self.deploy).into()),
            Ruling::Worse => {
                let images = Images::of(stack).context("the service stack names no images")?;
                self.context.progress.line(&format!(
                    "bringing Onebox back to what Fleet runs, {}",
                    short(&images.fleet)
                ));
                let back = self.put_onebox_back(stack, &images.fleet).await;
                Err(outcome::after_putting_back(
                    outcome::worse(&verdict, self.again).into(),
                    back,
                ))
            }
        }
    }

    /// Moves Fleet to an image. When that is rolled back, Onebox goes back to what Fleet runs: no stage keeps an image
    /// that the other didn't bear.
    async fn fleet(self, stack: &Stack, image: &str) -> anyhow::Result<Applied> {
        let places = Places::of(self.aws, stack).await?;
        let wanted = stack.changing([(service::FLEET_IMAGE, image)]);
        let change = self.apply(&wanted, self.deploy.yes);
        let (probes, stage) = (!self.deploy.caution.no_probe, stacks::Stage::Fleet);
        let (applied, _) = watching(
            self.context,
            self.aws,
            (&places, stage),
            (probes, Phase::default()),
            change,
        )
        .await;
        let error = match applied {
            Err(error) if exit_of(&error) == Exit::RolledBack => error,
            other => return other,
        };
        let before = Images::of(stack).context("the service stack names no images")?;
        self.context
            .progress
            .line("Fleet didn't bear the image: bringing Onebox back to what Fleet runs");
        let back = self.put_onebox_back(stack, &before.fleet).await;
        Err(outcome::after_putting_back(error, back))
    }

    /// Brings Onebox to an image that Fleet runs. It asks nobody: it is what was promised.
    async fn put_onebox_back(self, stack: &Stack, image: &str) -> anyhow::Result<Applied> {
        self.apply(&stack.changing([(service::ONEBOX_IMAGE, image)]), true)
            .await
    }

    async fn apply(self, wanted: &Wanted, yes: bool) -> anyhow::Result<Applied> {
        let token = crate::token::token("deploy", SystemTime::now());
        let terms = Terms {
            yes,
            token: &token,
            again: self.again,
        };
        // Boxed: what awaits it in turn would be large.
        Box::pin(apply(self.context, self.aws, wanted, terms)).await
    }

    /// Waits until the services run what their scalable targets ask for: the templates give no desired count, so a new
    /// service is complete before its first task runs.
    async fn wait_for_tasks(self, stack: &Stack) -> anyhow::Result<()> {
        let template: Value = serde_json::from_str(&self.stacks.service.template)?;
        let minimums = services::minimums(&template, &self.aws.resources(&stack.id).await?);
        services::wait::until_settled(self.context, self.aws, &minimums).await
    }
}
