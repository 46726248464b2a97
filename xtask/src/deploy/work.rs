//! A deployment from the command to the driver: what to deploy, and what runs now.

use std::collections::BTreeSet;

use anyhow::Context as _;
use deployment::release::Release;
use deployment::staging::{Deployed, Desired};
use stacks::{foundation, service};

use super::driver::Driver;
use super::place::Places;
use super::plan::Images;
use super::script::{self, Staged};
use super::unfinished::none_unfinished;
use super::{create, outcome, preflight};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::{Coded as _, Failure};
use crate::flags::{Deploy, Stage};
use crate::image::{Binary, BuiltImage, Recipe};
use crate::patience::patiently;
use crate::releases::Store;
use crate::stack::Stack;
use crate::stack::apply::{Applied, Terms, apply, updatable};
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;
use crate::token::{Purpose, token_for};
use crate::{prompt, publish};

/// A deployment under way.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) context: &'a Context,
    pub(super) aws: &'a Aws,
    pub(super) stacks: &'a Stacks,
    pub(super) deploy: &'a Deploy,
    /// The command by which to repeat it.
    pub(super) again: &'a str,
    /// The command by which to reattach to it.
    pub(super) follow: &'a str,
}

/// A deployment that was made.
pub(super) struct Done {
    /// Whether anything changed.
    pub(super) changed: bool,
    /// Whether the change continues, detached as requested.
    pub(super) under_way: bool,
    /// The image that was deployed. `None` if the images stayed.
    pub(super) image: Option<String>,
    /// The release that was deployed.
    pub(super) release: Option<String>,
    /// The service stack.
    pub(super) stack: Stack,
    /// What the steps were judged by, in order.
    pub(super) verdicts: Vec<serde_json::Value>,
}

/// What leaving between two updates means.
pub(super) const LEAVING: &str = "interrupted between two updates: nothing is running";

/// What a refusal before the first update says.
pub(super) const NOTHING_CHANGED: &str = "nothing was changed";

/// A release in an environment's repository.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) digest: String,
    pub(super) release: Release,
}

impl Work<'_> {
    /// Makes the deployment, or the stage of it that was requested.
    pub(super) async fn run(self) -> anyhow::Result<Done> {
        let name = &self.stacks.service.name;
        let continued = none_unfinished(self).await?;
        let running = updatable(self.context, self.aws, name, self.again).await?;
        let ignored = match &running {
            Some(stack) => self.preflight(stack).await?,
            None => self.ensure_creatable().map(|()| BTreeSet::new())?,
        };
        // A build error shows before anything changes.
        let built = self.build(running.as_ref()).await?;
        let (foundation, foundation_changed) = self.foundation().await?;
        let repository = foundation.output(foundation::IMAGE_REPOSITORY_URI)?;
        let image = self.image(repository, running.as_ref(), built).await?;
        let store = Store::open(self.aws, repository).await?;
        let Some(stack) = running else {
            let image = image.context("no image is known").coded(Code::Bug)?;
            return create::create(self, &store, image).await;
        };
        let target = self.target(&store, &stack, image.as_deref()).await?;
        let mut done = match continued {
            Some(continued) if continued.is_of(&target.digest) => {
                continued.go_on(self, &store, stack, (target, ignored)).await?
            }
            Some(other) => {
                other.revert_or_refuse(self).await?;
                return Box::pin(self.run()).await;
            }
            None => self.staged(&store, stack, (target, ignored)).await?,
        };
        done.changed |= foundation_changed;
        done.image = image;
        Ok(done)
    }

    /// Deploys a release over what the stack has now.
    async fn staged(
        self,
        store: &Store,
        stack: Stack,
        (target, ignored): (Stored, BTreeSet<String>),
    ) -> anyhow::Result<Done> {
        let deployed = self.deployed(&stack).await?;
        let base = self.base(store, &deployed).await?;
        let desired = desired(&target);
        let staged = Staged::new(&deployed, &desired).map_err(|refusals| script::refused(&refusals, self.again))?;
        let staged = staged.until(self.deploy.stage)?;
        if staged.plan.steps.is_empty() {
            self.context.tell(Note::nothing_to_do(&stack.name, None));
            return Ok(Done::unchanged(stack, target.digest));
        }
        let text = script::text(&stack.name, &staged.plan, self.aws.minute());
        self.show_plan(&stack, &staged, &text);
        self.consent(&stack).await?;
        let places = self.places(&stack).await?;
        preflight::say_traffic(self.context, self.aws, &places, !self.deploy.caution.no_probe).await?;
        let start = deployment::machine::Start::Idle(deployment::machine::Position::Step(0));
        let driver = Driver::new(self, store, stack, (staged, start), (target.digest, base));
        driver.ignoring(ignored).run().await
    }

    /// What the stack has now, as the planner takes it.
    pub(super) async fn deployed(self, stack: &Stack) -> anyhow::Result<Deployed> {
        let template = patiently(self.context, LEAVING, async || self.aws.template(&stack.id).await).await?;
        Ok(Deployed {
            template,
            parameters: stack.parameters.clone(),
            ..Deployed::default()
        })
    }

    /// The release of what the stack has now: stored, so that a rollback from any machine finds it. A stack that was made
    /// without releases is adopted this way.
    async fn base(self, store: &Store, deployed: &Deployed) -> anyhow::Result<String> {
        let image = deployed
            .parameters
            .get(service::FLEET_IMAGE)
            .cloned()
            .unwrap_or_default();
        let release = Release::new(&image, &deployed.template, &deployed.parameters).coded(Code::OtherStack)?;
        Ok(store.create(&release, &self.record()).await?.digest)
    }

    /// Stores the release that is to be deployed.
    async fn target(self, store: &Store, stack: &Stack, image: Option<&str>) -> anyhow::Result<Stored> {
        if let Some(name) = &self.deploy.release {
            let listed = store.resolve(name).await?;
            return Ok(Stored {
                digest: listed.digest,
                release: listed.release,
            });
        }
        let template = &self.stacks.service.template;
        let parameters = script::parameters(template, stack, image)?;
        let fleet = parameters.get(service::FLEET_IMAGE).cloned().unwrap_or_default();
        let release = Release::new(image.unwrap_or(&fleet), template, &parameters).coded(Code::OtherStack)?;
        let digest = store.create(&release, &self.record()).await?.digest;
        Ok(Stored { digest, release })
    }

    pub(super) fn show_plan(self, stack: &Stack, staged: &Staged, text: &str) {
        for (index, step) in staged.plan.steps.iter().enumerate() {
            for change in &step.changes {
                let record = script::record(&stack.name, index, change);
                self.context.output.event(EventCode::Change, record);
            }
        }
        self.context.progress.line(text);
    }

    pub(super) async fn consent(self, stack: &Stack) -> anyhow::Result<()> {
        let question = format!("deploy this to {}?", stack.name);
        let leaving = format!("interrupted: {} is not changed", stack.name);
        if self.deploy.yes || prompt::confirm(self.context, &question, "--yes", &leaving).await? {
            return Ok(());
        }
        let declined = Failure::refused(format!("{} is not changed", stack.name)).code(Code::Declined);
        Err(declined.into())
    }

    pub(super) async fn places(self, stack: &Stack) -> anyhow::Result<Places> {
        patiently(self.context, LEAVING, async || Places::of(self.aws, stack).await).await
    }

    /// Refuses to start what couldn't be judged.
    async fn preflight(self, stack: &Stack) -> anyhow::Result<BTreeSet<String>> {
        let places = self.places(stack).await?;
        preflight::load_balancer_serves(self.context, self.aws, &places).await?;
        let ignore = self.deploy.caution.ignore_red_alarms.is_some();
        let stage = (self.deploy.stage, NOTHING_CHANGED);
        preflight::no_red_alarm(self.context, self.aws, &places, stage, (ignore, self.again)).await
    }

    /// Only a whole deployment, or the shared stage, can create the stack.
    fn ensure_creatable(self) -> anyhow::Result<()> {
        match self.deploy.stage {
            None | Some(Stage::Shared) => Ok(()),
            Some(Stage::Onebox | Stage::Fleet) => Err(Failure::preflight("there is no service stack yet")
                .code(Code::NoStack)
                .next("deploy it first: `--stage shared`, or without --stage")
                .into()),
        }
    }

    /// The foundation's stack, brought to its template where shared resources are deployed; whether it changed.
    async fn foundation(self) -> anyhow::Result<(Stack, bool)> {
        let foundation = &self.stacks.foundation;
        if matches!(self.deploy.stage, None | Some(Stage::Shared)) {
            let token = token_for(&Purpose::Other("deploy".to_owned()), self.aws.now());
            let terms = self.terms(&token);
            let applied = self
                .apply(&foundation.with([]), Terms { detach: false, ..terms })
                .await?;
            return Ok((applied.stack, applied.changed));
        }
        let find = async || self.aws.stack(&foundation.name).await;
        let stack = patiently(self.context, LEAVING, find).await?;
        let stack = stack.ok_or_else(|| {
            Failure::preflight(format!("there is no stack {}", foundation.name))
                .code(Code::NoStack)
                .next("deploy it first: `--stage shared`, or without --stage")
        })?;
        Ok((stack, false))
    }

    /// Builds the image. `None` if one is named, or the images stay.
    async fn build(self, running: Option<&Stack>) -> anyhow::Result<Option<BuiltImage>> {
        let binary = match (self.deploy.stage, running) {
            _ if self.deploy.image.is_some() || self.deploy.release.is_some() => return Ok(None),
            (Some(Stage::Shared), Some(_)) | (Some(Stage::Fleet), _) => return Ok(None),
            (Some(Stage::Shared), None) => Binary::Bootstrap,
            (None | Some(Stage::Onebox), _) => Binary::Service,
        };
        let recipe = match binary {
            Binary::Bootstrap => Recipe::plain(binary),
            Binary::Service => Recipe {
                binary,
                fault: self.deploy.fault.clone(),
            },
        };
        publish::build(self.context, &recipe).await.map(Some)
    }

    /// The image to deploy: the one that was built or named, or the one that Onebox runs. `None` if the images stay.
    async fn image(
        self,
        repository: &str,
        running: Option<&Stack>,
        built: Option<BuiltImage>,
    ) -> anyhow::Result<Option<String>> {
        if let Some(built) = built {
            return publish::push(self.context, self.aws, repository, &built)
                .await
                .map(Some);
        }
        Ok(match (self.deploy.stage, running) {
            (Some(Stage::Shared), None) if self.deploy.bootstrap.is_some() => self.deploy.bootstrap.clone(),
            _ if self.deploy.image.is_some() => self.deploy.image.clone(),
            (Some(Stage::Fleet), running) => running.and_then(Images::of).map(|images| images.onebox),
            _ => None,
        })
    }

    pub(super) fn terms<'t>(&'t self, token: &'t str) -> Terms<'t> {
        Terms {
            yes: self.deploy.yes,
            token,
            again: self.again,
            follow: self.follow,
            detach: self.deploy.detach,
            part: None,
        }
    }

    pub(super) async fn apply(&self, wanted: &crate::stack::Wanted, terms: Terms<'_>) -> anyhow::Result<Applied> {
        // Boxed: what awaits it in turn would be large.
        Box::pin(apply(self.context, self.aws, wanted, terms)).await
    }

    /// Who makes a release, when, and from which revision.
    pub(super) fn record(self) -> deployment::release::Record {
        outcome::record(self.context, self.aws)
    }
}

impl Done {
    /// Nothing had to change.
    pub(super) fn unchanged(stack: Stack, release: String) -> Self {
        Self {
            changed: false,
            under_way: false,
            image: None,
            release: Some(release),
            stack,
            verdicts: Vec::new(),
        }
    }
}

/// What a stored release wants the stack to have.
pub(super) fn desired(target: &Stored) -> Desired {
    let mut parameters = target.release.parameters().clone();
    script::name_release(&mut parameters, &target.release, &target.digest);
    Desired {
        template: target.release.template().to_owned(),
        parameters,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::aws::replay::Replay;
    use crate::flags::{Command, Environment, Xtask};
    use crate::telling::report::text as report;

    /// Whether a stage alone can create the stack.
    fn creates(stage: &[&str]) -> Result<(), String> {
        let arguments = ["xtask", "deploy", "sandbox"].iter().chain(stage);
        let Command::Deploy(deploy) = Xtask::try_parse_from(arguments).unwrap().command else {
            panic!("it is a deployment")
        };
        let work = Work {
            context: &Context::hidden(),
            aws: &Replay::new([]).aws(),
            stacks: &Stacks::of(Environment::Sandbox),
            deploy: &deploy,
            again: "",
            follow: "",
        };
        work.ensure_creatable().map_err(|error| report(&error))
    }

    #[test]
    fn a_stage_that_there_is_no_stack_for_yet() {
        assert_eq!(creates(&[]), Ok(()));
        assert_eq!(creates(&["--stage", "infrastructure"]), Ok(()), "the former name");
        insta::assert_snapshot!(creates(&["--stage", "onebox"]).unwrap_err(), @"
        error[E-NO-STACK]: there is no service stack yet
          next: deploy it first: `--stage shared`, or without --stage
        ");
        assert_eq!(creates(&["--stage", "fleet"]), creates(&["--stage", "onebox"]));
    }
}
