//! The steps of a deployment, done one after another.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::SystemTime;

use anyhow::Context as _;
use serde_json::Value;
use stacks::{foundation, service};

use super::judge::{judge, judge_or_probe};
use super::place::{Places, services_of};
use super::plan::{Images, Step, steps};
use super::watch::{Seen, Start, watching};
use super::{outcome, preflight};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::{Coded as _, Failure};
use crate::flags::{Deploy, Stage};
use crate::image::{Binary, BuiltImage, Recipe};
use crate::patience::patiently;
use crate::stack::apply::{Applied, Terms, UnderWay, apply, follow_under_way, updatable};
use crate::stack::standing::{Standing, standing};
use crate::stack::{Stack, Wanted, gone};
use crate::telling::note::Note;
use crate::token::{Purpose, Scope, token_for};
use crate::verdict::{Ruling, Verdict};
use crate::{publish, services};

/// A deployment under way.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) context: &'a Context,
    pub(super) aws: &'a Aws,
    pub(super) stacks: &'a Stacks,
    pub(super) deploy: &'a Deploy,
    /// How much of a deployment it is.
    pub(super) scope: Scope,
    /// The command by which to repeat it.
    pub(super) again: &'a str,
    /// The command by which to follow it.
    pub(super) follow: &'a str,
}

/// A deployment that was made.
pub(super) struct Done {
    /// Whether anything had to change.
    pub(super) changed: bool,
    /// Whether the change goes on, left to itself as asked.
    pub(super) under_way: bool,
    /// The image that was deployed; none where the images stayed.
    pub(super) image: Option<String>,
    /// The service stack.
    pub(super) stack: Stack,
    /// What Onebox was judged by; none where nothing had to be judged.
    pub(super) verdict: Option<Verdict>,
}

/// How CloudFormation is asked for a change.
pub(super) struct Asking {
    /// Without asking the user first.
    pub(super) yes: bool,
    /// Without waiting for its end.
    pub(super) detach: bool,
    /// What for, as its token says.
    pub(super) purpose: Purpose,
    /// What of the stack changes, where that isn't all of it.
    pub(super) part: Option<&'static str>,
}

/// How far a deployment has come.
pub(super) struct Progress {
    /// The service stack, if there is one.
    pub(super) stack: Option<Stack>,
    /// Whether anything was changed.
    pub(super) changed: bool,
    /// Whether the last change goes on, left to itself.
    pub(super) under_way: bool,
    /// What was seen of Onebox while it changed.
    pub(super) seen: Seen,
    pub(super) verdict: Option<Verdict>,
    /// The deployments that ECS had given up before anything was changed.
    pub(super) given_up: BTreeSet<String>,
}

/// What leaving means between two steps.
pub(super) const LEAVING: &str = "interrupted between two steps: nothing goes on";

/// What a refusal before the first stage says.
const NOTHING_CHANGED: &str = "nothing was changed";

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
            Some(stack) if !failed_before => self.preflight(stack, self.deploy.stage).await?,
            Some(_) => {}
            // A stage that needs a stack is refused before anything is built.
            None => drop(steps(self.deploy.stage, "", None)?),
        }
        // What doesn't compile is found out before anything is changed.
        let built = self.build(running.as_ref()).await?;
        let (foundation, foundation_changed) = self.foundation().await?;
        let image = self.image(&foundation, running.as_ref(), built).await?;
        if let (Some(under_way), Some(image)) = (under_way, &image)
            && let Some(error) = self.ended_already(under_way, image, running.as_ref()).await
        {
            return Err(outcome::with_what_runs(self.aws, name, error).await);
        }
        if let Some(stack) = running.as_ref().filter(|_| failed_before) {
            self.preflight(stack, self.deploy.stage).await?;
        }
        let images = running.as_ref().and_then(Images::of);
        let steps = steps(self.deploy.stage, image.as_deref().unwrap_or_default(), images.as_ref())?;
        if let Some(images) = images.filter(|images| !images.agree() && steps.contains(&Step::Onebox)) {
            self.context.tell(Note::unjudged(&images.onebox));
        }
        let progress = Progress {
            stack: running,
            changed: foundation_changed,
            under_way: false,
            seen,
            verdict: None,
            given_up: BTreeSet::new(),
        };
        let template = &self.stacks.service.template;
        self.carry_out(steps, image, progress, template).await
    }

    /// Does the steps, up to the first change that is left to itself, and waits for the tasks.
    pub(super) async fn carry_out(
        self,
        steps: Vec<Step>,
        image: Option<String>,
        mut progress: Progress,
        template: &str,
    ) -> anyhow::Result<Done> {
        let name = &self.stacks.service.name;
        progress.given_up = self.given_up(progress.stack.as_ref()).await?;
        for step in steps {
            if let Err(error) = self.perform(step, image.as_deref(), &mut progress).await {
                return Err(outcome::with_what_runs(self.aws, name, error).await);
            }
            if progress.under_way {
                break;
            }
        }
        let stack = progress.stack.ok_or_else(|| gone(name))?;
        if !progress.under_way {
            self.wait_for_tasks(&stack, template, &progress.given_up).await?;
        }
        Ok(Done {
            changed: progress.changed,
            under_way: progress.under_way,
            image,
            stack,
            verdict: progress.verdict,
        })
    }

    /// Follows what goes on in the service stack, and sends the probes that whoever began it no longer sends.
    async fn under_way(self) -> anyhow::Result<(Option<UnderWay>, Seen)> {
        let name = &self.stacks.service.name;
        let commands = (self.again, self.follow);
        let following = Box::pin(follow_under_way(self.context, self.aws, name, commands));
        let stack = patiently(self.context, LEAVING, async || self.aws.stack(name).await).await?;
        let Some(stack) = stack.filter(is_busy) else {
            return Ok((None, Seen::default()));
        };
        self.watched(&stack, following).await
    }

    /// Follows something that goes on in the service stack already, with probes meanwhile; what was seen of Onebox.
    pub(super) async fn watched<T>(
        self,
        stack: &Stack,
        following: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<(T, Seen)> {
        // While the stack is created, its parts aren't there yet.
        let Ok(places) = Places::of(self.aws, stack).await else {
            return Ok((following.await?, Seen::default()));
        };
        let start = Start::under_way(
            !self.deploy.caution.no_probe,
            "whoever began this may no longer send probes",
        );
        let stage = self.changing(&places).await;
        let (followed, seen) = watching(self.context, self.aws, (stack, &places, stage), start, following).await;
        let seen = if stage == stacks::Stage::Onebox {
            seen
        } else {
            Seen::default()
        };
        Ok((followed?, seen))
    }

    /// The stage that a change has come to. What can't be seen is taken for Onebox, which comes first.
    async fn changing(self, places: &Places) -> stacks::Stage {
        let mut goes_on = [false, false];
        for (goes_on, place) in goes_on.iter_mut().zip([&places.onebox, &places.fleet]) {
            let found = self.aws.services(&place.cluster, &[&place.service]).await;
            let service = found.ok().and_then(|mut services| services.pop());
            *goes_on = service.is_some_and(|service| service.is_changing());
        }
        match goes_on {
            [false, true] => stacks::Stage::Fleet,
            _ => stacks::Stage::Onebox,
        }
    }

    /// The failure of an operation that brought this very image, and was followed to its end: it isn't tried again.
    async fn ended_already(self, under_way: UnderWay, image: &str, running: Option<&Stack>) -> Option<anyhow::Error> {
        let failure = under_way.failure?;
        let brought = Images::of(&under_way.stack)?;
        if brought.onebox != image && brought.fleet != image {
            return None;
        }
        let follow_up = self.after_failure(failure.into(), running, |onebox| onebox == image);
        Some(follow_up.await)
    }

    pub(super) async fn places(self, stack: &Stack) -> anyhow::Result<Places> {
        patiently(self.context, LEAVING, async || Places::of(self.aws, stack).await).await
    }

    pub(super) async fn preflight(self, stack: &Stack, stage: Option<Stage>) -> anyhow::Result<()> {
        self.ready(&self.places(stack).await?, (stage, NOTHING_CHANGED)).await
    }

    /// Refuses to begin what wouldn't be watched. What was well before the first stage may not be before the next.
    async fn ready(self, places: &Places, begun: (Option<Stage>, &str)) -> anyhow::Result<()> {
        preflight::load_balancer_serves(self.context, self.aws, places).await?;
        let ignore = self.deploy.caution.ignore_red_alarms;
        preflight::no_red_alarm(self.context, self.aws, places, begun, (ignore, self.again)).await
    }

    /// The foundation's stack, brought to its template where the stage is of the infrastructure; whether it changed.
    async fn foundation(self) -> anyhow::Result<(Stack, bool)> {
        let foundation = &self.stacks.foundation;
        if matches!(self.deploy.stage, None | Some(Stage::Infrastructure)) {
            let follows = Asking {
                yes: self.deploy.yes,
                detach: false,
                purpose: Purpose::deploy(self.scope, None),
                part: None,
            };
            let applied = self.apply(&foundation.with([]), follows).await?;
            return Ok((applied.stack, applied.changed));
        }
        let find = async || self.aws.stack(&foundation.name).await;
        let stack = patiently(self.context, LEAVING, find).await?;
        let stack = stack.ok_or_else(|| {
            Failure::preflight(format!("there is no stack {}", foundation.name))
                .code(Code::NoStack)
                .next("deploy it first: `--stage infrastructure`, or without --stage")
        })?;
        Ok((stack, false))
    }

    /// The image that has to be built for the deployment; none where one is there, or images stay.
    async fn build(self, running: Option<&Stack>) -> anyhow::Result<Option<BuiltImage>> {
        let recipe = match (self.deploy.stage, running) {
            _ if self.deploy.image.is_some() => return Ok(None),
            (Some(Stage::Infrastructure), Some(_)) | (Some(Stage::Fleet), _) => return Ok(None),
            (Some(Stage::Infrastructure), None) if self.deploy.bootstrap.is_some() => return Ok(None),
            (Some(Stage::Infrastructure), None) => Recipe::plain(Binary::Bootstrap),
            (None | Some(Stage::Onebox), _) => Recipe {
                binary: Binary::Service,
                fault: self.deploy.fault.clone(),
            },
        };
        publish::build(self.context, &recipe).await.map(Some)
    }

    /// The image to deploy: the one that was built, named, or runs on Onebox; none where images stay.
    async fn image(
        self,
        foundation: &Stack,
        running: Option<&Stack>,
        built: Option<BuiltImage>,
    ) -> anyhow::Result<Option<String>> {
        if let Some(built) = built {
            let repository = foundation.output(foundation::IMAGE_REPOSITORY_URI)?;
            return publish::push(self.context, self.aws, repository, &built)
                .await
                .map(Some);
        }
        Ok(match (self.deploy.stage, running) {
            _ if self.deploy.image.is_some() => self.deploy.image.clone(),
            (Some(Stage::Infrastructure), None) => self.deploy.bootstrap.clone(),
            (Some(Stage::Fleet), running) => running.and_then(Images::of).map(|images| images.onebox),
            _ => None,
        })
    }

    async fn perform(self, step: Step, image: Option<&str>, progress: &mut Progress) -> anyhow::Result<()> {
        let purpose = Purpose::deploy(self.scope, image);
        let asking = |part| Asking {
            yes: self.deploy.yes,
            detach: self.deploy.detach,
            purpose: purpose.clone(),
            part,
        };
        let image = || image.context("no image is known").coded(Code::Bug);
        let existing = progress
            .stack
            .clone()
            .context("there is no service stack")
            .coded(Code::Bug);
        let applied = match step {
            Step::Create => {
                let image = image()?;
                let parameters = [(service::ONEBOX_IMAGE, image), (service::FLEET_IMAGE, image)];
                self.context.tell(Note::first());
                self.apply(&self.stacks.service.with(parameters), asking(None)).await?
            }
            Step::Infrastructure => {
                let asking = asking(Some("infrastructure"));
                self.infrastructure(&existing?, asking, &progress.given_up).await?
            }
            Step::Onebox => {
                let asking = asking(Some(stacks::Stage::Onebox.name()));
                let (applied, seen) = self.onebox(&existing?, image()?, asking).await?;
                progress.seen = seen;
                applied
            }
            Step::Judge => {
                progress.verdict = Some(self.judge(&existing?, &progress.seen).await?);
                return Ok(());
            }
            Step::Fleet => {
                let asking = asking(Some(stacks::Stage::Fleet.name()));
                self.fleet(&existing?, image()?, asking).await?
            }
        };
        progress.changed |= applied.changed;
        progress.under_way = applied.under_way;
        progress.stack = Some(applied.stack);
        Ok(())
    }

    /// Moves Onebox to an image, with probes all the while. Where that is rolled back to an image that nobody judged,
    /// Onebox goes on back to what Fleet runs.
    async fn onebox(self, stack: &Stack, image: &str, asking: Asking) -> anyhow::Result<(Applied, Seen)> {
        let places = self.places(stack).await?;
        self.ready(&places, (Some(Stage::Onebox), "Onebox was not changed"))
            .await?;
        let probes = !self.deploy.caution.no_probe;
        preflight::say_traffic(self.context, self.aws, &places, probes && !asking.detach).await?;
        let wanted = stack.changing([(service::ONEBOX_IMAGE, image)]);
        let change = self.apply(&wanted, asking);
        let stage = stacks::Stage::Onebox;
        let (applied, seen) = watching(
            self.context,
            self.aws,
            (stack, &places, stage),
            Start::of_change(probes),
            change,
        )
        .await;
        match applied {
            Ok(applied) => Ok((applied, seen)),
            Err(error) => Err(self.after_failure(error, Some(stack), |onebox| onebox == image).await),
        }
    }

    /// Judges what Onebox runs, and brings it back to what Fleet runs where that is better.
    async fn judge(self, stack: &Stack, seen: &Seen) -> anyhow::Result<Verdict> {
        let mut places = self.places(stack).await?;
        if self.deploy.caution.ignore_red_alarms {
            places.onebox.alarms.clear();
        }
        let verdict = if self.deploy.resume && !self.deploy.caution.no_probe {
            judge_or_probe(self.context, self.aws, (stack, &places), seen).await?
        } else {
            judge(self.context, self.aws, &places, seen).await?
        };
        self.heed(stack, verdict).await
    }

    /// Does what a verdict asks for: nothing of it, where Onebox no longer runs what was judged.
    async fn heed(self, stack: &Stack, verdict: Verdict) -> anyhow::Result<Verdict> {
        if verdict.ruling != Ruling::Good {
            self.ensure_not_overtaken(stack, &Images::named(stack)?.onebox).await?;
        }
        match verdict.ruling {
            Ruling::Good | Ruling::NotJudged => Ok(verdict),
            Ruling::Thin if self.deploy.caution.accept_thin_evidence => {
                self.context
                    .tell(Note::unprotected("going on with too little to judge by, as asked"));
                Ok(verdict)
            }
            Ruling::Thin => Err(outcome::thin(&verdict, self.deploy).into()),
            Ruling::Worse => {
                let images = Images::named(stack)?;
                let worse = outcome::worse(&verdict, self.again).into();
                Err(self.back(worse, (stack, &images), "Onebox is worse than Fleet").await)
            }
        }
    }

    /// Moves Fleet to an image. When that is rolled back, Onebox goes back to what Fleet runs: no stage keeps an image
    /// that the other didn't bear.
    async fn fleet(self, stack: &Stack, image: &str, asking: Asking) -> anyhow::Result<Applied> {
        let places = self.places(stack).await?;
        self.ready(&places, (Some(Stage::Fleet), "Fleet was not changed"))
            .await?;
        self.ensure_not_overtaken(stack, image).await?;
        let wanted = stack.changing([(service::FLEET_IMAGE, image)]);
        let change = self.apply(&wanted, asking);
        let (probes, stage) = (!self.deploy.caution.no_probe, stacks::Stage::Fleet);
        let (applied, _) = watching(
            self.context,
            self.aws,
            (stack, &places, stage),
            Start::of_change(probes),
            change,
        )
        .await;
        let before = Images::named(stack)?;
        match applied {
            Ok(applied) => Ok(applied),
            Err(error) => {
                let error = outcome::declined_at_fleet(error, &before, self.deploy, self.follow);
                Err(self.after_failure(error, Some(stack), |onebox| onebox == image).await)
            }
        }
    }

    /// A verdict is of the image that was judged, and Fleet gets no other: somebody may have moved Onebox on meanwhile.
    async fn ensure_not_overtaken(self, stack: &Stack, image: &str) -> anyhow::Result<()> {
        let look = async || self.aws.stack(&stack.id).await;
        let now = patiently(self.context, LEAVING, look).await?;
        match now.as_ref().and_then(Images::of) {
            Some(images) if images.onebox != image => Err(outcome::overtaken(image, &images).into()),
            _ => Ok(()),
        }
    }

    pub(super) async fn apply(self, wanted: &Wanted, asking: Asking) -> anyhow::Result<Applied> {
        let token = token_for(&asking.purpose, SystemTime::now());
        let terms = Terms {
            yes: asking.yes,
            token: &token,
            again: self.again,
            follow: self.follow,
            detach: asking.detach,
            part: asking.part,
        };
        // Boxed: what awaits it in turn would be large.
        Box::pin(apply(self.context, self.aws, wanted, terms)).await
    }

    /// Waits until the services run what their scalable targets ask for: the templates give no desired count, so a new
    /// service is complete before its first task runs.
    pub(super) async fn wait_for_tasks(
        self,
        stack: &Stack,
        template: &str,
        given_up: &BTreeSet<String>,
    ) -> anyhow::Result<()> {
        let template: Value = serde_json::from_str(template)?;
        let list = async || self.aws.resources(&stack.id).await;
        let minimums = services::minimums(&template, &patiently(self.context, LEAVING, list).await?);
        services::wait::until_settled(self.context, self.aws, &minimums, (given_up, &self.deploy.another())).await
    }

    /// The deployments of both stages' services that ECS has given up already: none is this operation's failure.
    pub(super) async fn given_up(self, stack: Option<&Stack>) -> anyhow::Result<BTreeSet<String>> {
        let Some(stack) = stack else { return Ok(BTreeSet::new()) };
        let look = async || services_of(self.aws, stack).await;
        let found = patiently(self.context, LEAVING, look).await?;
        Ok(services::given_up(&found))
    }
}
