//! `rollback`: the previous release, completely; customers first.

use deployment::release::{Listed, previous};
use serde_json::{Value, json};
use stacks::foundation;

use super::driver::Driver;
use super::script::{self, Staged};
use super::unfinished::Unfinished;
use super::work::{LEAVING, Stored, Work, desired};
use crate::cloud;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::Failure;
use crate::flags::{Caution, Deploy, Rollback};
use crate::patience::patiently;
use crate::releases::{Listing, Store, short};
use crate::stack::Stack;
use crate::stack::absent::absent;
use crate::stack::apply::updatable;
use crate::token::token;

impl Rollback {
    /// Restores the release before the one that runs, or before the one that is being deployed.
    ///
    /// # Errors
    /// When there is none, or something that it needs is gone (exit status 4, before any change); when restoring fails (6).
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let aws = cloud::connect(context, &self.cloud, &[self.environment.into()]).await?;
        let stacks = Stacks::of(self.environment);
        let (name, again) = (self.environment.name(), self.again());
        let follow = format!("cargo xtask deploy {name} --resume{}", self.cloud.arguments());
        let deploy = self.as_deploy();
        let work = Work {
            context,
            aws: &aws,
            stacks: &stacks,
            deploy: &deploy,
            again: &again,
            follow: &follow,
        };
        let done = Box::pin(self.roll_back(work)).await?;
        Ok(json!({
            "environment": name,
            "changed": done.changed,
            "release": done.release,
            "parameters": done.stack.parameters,
        }))
    }

    fn again(&self) -> String {
        let to = self.to.as_ref().map(|to| format!(" --to {to}")).unwrap_or_default();
        format!(
            "cargo xtask rollback {}{to}{}",
            self.environment.name(),
            self.cloud.arguments()
        )
    }

    /// A rollback is performed as the way back of a deployment is.
    fn as_deploy(&self) -> Deploy {
        Deploy {
            target: self.environment.into(),
            stage: None,
            image: None,
            release: None,
            bootstrap: None,
            templates: None,
            role: None,
            fault: None,
            detach: false,
            resume: false,
            caution: Caution {
                no_probe: true,
                ..Caution::default()
            },
            yes: self.yes,
            cloud: self.cloud.clone(),
        }
    }

    async fn roll_back(&self, work: Work<'_>) -> anyhow::Result<super::work::Done> {
        let (context, aws, name) = (work.context, work.aws, &work.stacks.service.name);
        let unfinished = Unfinished::find(work).await?;
        let look = async || aws.stack(name).await;
        let stack = patiently(context, LEAVING, look).await?;
        let stack = stack.ok_or_else(|| absent(name, &self.environment.deploys(&self.cloud)))?;
        let store = open(work).await?;
        let listing = patiently(context, LEAVING, async || store.list().await).await?;
        let restored = self.restored(&listing, &stack, unfinished.as_ref())?;
        store.check(&restored.digest, &restored.release, &listing).await?;
        let stack = self.stop(work, stack).await?;
        let deployed = work.deployed(&stack).await?;
        let staged = Staged::back(&deployed, &desired(&restored));
        let staged = staged.map_err(|refusals| script::refused(&refusals, work.again))?;
        if !staged.plan.steps.is_empty() {
            let text = script::rollback_text(&stack.name, &staged.plan, short(&restored.digest));
            work.show_plan(&stack, &staged, &text);
            work.consent(&stack).await?;
        }
        let digests = (restored.digest.clone(), restored.digest);
        let start = deployment::machine::Start::Idle(deployment::machine::Position::Step(0));
        Driver::new(work, &store, stack, (staged, start), digests).run().await
    }

    /// The release to restore: the one that was requested, the one that an unfinished deployment began with, or the one
    /// before.
    fn restored(&self, listing: &Listing, stack: &Stack, unfinished: Option<&Unfinished>) -> anyhow::Result<Stored> {
        let stored = |listed: &Listed| Stored {
            digest: listed.digest.clone(),
            release: listed.release.clone(),
        };
        if let Some(to) = &self.to {
            return Ok(stored(listing.find(to)?));
        }
        if let Some(unfinished) = unfinished {
            return Ok(unfinished.base().clone());
        }
        let current = stack.parameters.get("Release").cloned().unwrap_or_default();
        let found = previous(&listing.releases, self.environment.name(), &current);
        found.map(stored).ok_or_else(|| {
            Failure::preflight(format!(
                "no release was deployed before {}; nothing was changed",
                short(&current)
            ))
            .code(Code::NoEarlierRelease)
            .next("name the release to restore, of those that `cargo xtask releases` lists: --to DIGEST")
            .into()
        })
    }

    /// Cancels an update that runs, and waits until nothing runs.
    async fn stop(&self, work: Work<'_>, stack: Stack) -> anyhow::Result<Stack> {
        if stack.status == "UPDATE_IN_PROGRESS" {
            work.context
                .progress
                .line(&format!("cancelling the update of {}", stack.name));
            let token = token("rollback", work.aws.now());
            // It may have ended meanwhile.
            if let Err(error) = work.aws.cancel_update(&stack.id, &format!("{token}-cancel")).await {
                work.context.progress.line(&format!("{error:#}"));
            }
        }
        if stack.status == "UPDATE_ROLLBACK_FAILED" {
            let token = token("rollback", work.aws.now());
            work.aws.continue_rollback(&stack.id, &token).await?;
        }
        let idle = updatable(work.context, work.aws, &stack.name, work.again).await?;
        idle.ok_or_else(|| absent(&stack.name, &self.environment.deploys(&self.cloud)).into())
    }
}

async fn open(work: Work<'_>) -> anyhow::Result<Store> {
    let name = &work.stacks.foundation.name;
    let stack = patiently(work.context, LEAVING, async || work.aws.stack(name).await).await?;
    let stack = stack.ok_or_else(|| absent(name, work.again))?;
    Store::open(work.aws, stack.output(foundation::IMAGE_REPOSITORY_URI)?).await
}
