//! `rollback`: the previous release, completely; customers first.

use deployment::release::{End, Listed, previous};
use serde_json::{Value, json};
use stacks::foundation;

use super::driver::Driver;
use super::finish::conclude;
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
use crate::releases::{Listing, Store, available, short};
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
        let done = Driver::new(work, &store, stack, (staged, start), digests).run().await?;
        // Cancelling was enough. Without an outcome, the next deployment would take this one for unfinished.
        if let Some(cancelled) = unfinished
            .as_ref()
            .and_then(Unfinished::target)
            .filter(|_| !done.changed)
        {
            let ended = (End::RolledBack, Vec::new(), "cancelled by a rollback");
            conclude(work, &store, &cancelled.digest, ended).await;
        }
        Ok(done)
    }

    /// The release to restore: the one that was requested, the one that an unfinished deployment began with, the one that a
    /// failed rollback left half restored, or the one before.
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
        // CloudFormation was restoring this one and failed.
        if stack.status == "UPDATE_ROLLBACK_FAILED"
            && let Ok(listed) = listing.find(&current)
        {
            return Ok(stored(listed));
        }
        let found = previous(&listing.releases, self.environment.name(), &current);
        found.map(stored).ok_or_else(|| {
            Failure::preflight(format!(
                "no release was deployed before {}; nothing was changed",
                short(&current)
            ))
            .code(Code::NoEarlierRelease)
            .also(&available(listing))
            .next("name the release to restore: --to DIGEST")
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser as _;
    use deployment::release::{End, Outcome, Release};

    use super::*;
    use crate::flags::{Command, Xtask};
    use crate::telling::report::text as report;

    /// A release that was deployed in the sandbox at a time.
    fn listed(digit: char, seconds: u64) -> Listed {
        let digest = format!("sha256:{}", digit.to_string().repeat(64));
        let outcome = Outcome {
            time: std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds),
            environment: "sandbox".to_owned(),
            steps: Vec::new(),
            end: End::Deployed,
            reason: String::new(),
            by: "alice".to_owned(),
        };
        Listed {
            release: Release::new(&format!("r@{digest}"), "{}", &BTreeMap::new()).unwrap(),
            digest,
            record: None,
            outcomes: vec![outcome],
        }
    }

    /// The first digit of the release that a rollback restores while `b` runs, or the refusal.
    fn restores(arguments: &[&str], releases: Vec<Listed>) -> Result<String, String> {
        let arguments = ["xtask", "rollback", "sandbox"].iter().chain(arguments);
        let Command::Rollback(rollback) = Xtask::try_parse_from(arguments).unwrap().command else {
            panic!("it is a rollback")
        };
        let stack = Stack {
            name: "Example".to_owned(),
            id: "arn".to_owned(),
            status: "UPDATE_COMPLETE".to_owned(),
            reason: None,
            since: None,
            parameters: [("Release".to_owned(), listed('b', 0).digest)].into(),
            outputs: BTreeMap::new(),
        };
        let images = releases.iter().map(|listed| listed.release.image_digest().to_owned());
        let listing = Listing {
            images: images.collect(),
            releases,
            ..Listing::default()
        };
        let restored = rollback.restored(&listing, &stack, None);
        restored
            .map(|restored| short(&restored.digest)[..1].to_owned())
            .map_err(|error| report(&error))
    }

    #[test]
    fn the_release_to_restore() {
        let three = || vec![listed('b', 30), listed('a', 20), listed('c', 10)];
        assert_eq!(restores(&[], three()), Ok("a".to_owned()));
        assert_eq!(restores(&["--to", "cccccc"], three()), Ok("c".to_owned()));
        insta::assert_snapshot!(restores(&[], vec![listed('b', 30)]).unwrap_err(), @"
        error[E-NO-EARLIER-RELEASE]: no release was deployed before bbbbbbbbbbbb; nothing was changed
          RELEASE       MADE  REVISION
          bbbbbbbbbbbb
          next: name the release to restore: --to DIGEST
        ");
    }
}
