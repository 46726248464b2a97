//! A deployment that somebody left, or that another process is in the middle of.
//!
//! CloudFormation records everything that is needed: the token of the stack's newest operation names the release, the one
//! that the stack had before, and the step. So any machine can resume what another began.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use constants::pipeline::WAIT_MINUTES;
use deployment::machine::{Position, Start, UpdateId};
use deployment::release::{Listed, Outcome, Release};
use deployment::staging::{Deployed, RELEASE_PARAMETERS};
use serde_json::json;
use stacks::foundation;
use tokio::time::Instant;

use super::driver::Driver;
use super::notices;
use super::script::{self, Staged};
use super::work::{Done, LEAVING, Stored, Work, desired};
use crate::aws::rfc3339;
use crate::code::Code;
use crate::exit::Failure;
use crate::patience::patiently;
use crate::progress::human;
use crate::releases::Store;
use crate::stack::Stack;
use crate::stack::apply::{Newest, newest};
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;
use crate::token::{Asked, Purpose, digits};

/// After how many of AWS's minutes without an update the process that deploys must be gone: longer than any gate waits.
const GONE_AFTER_MINUTES: u32 = 75;

/// How many of AWS's minutes a build waits for another deployment.
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
const WAIT_LIMIT_MINUTES: u32 = WAIT_MINUTES as u32;

/// How often in one of AWS's minutes a build looks whether the other deployment is finished.
const LOOKS_PER_MINUTE: u32 = 4;

/// A deployment whose newest update is known, and whose end isn't.
pub(super) struct Unfinished {
    newest: Newest,
    /// The first digits of the release that the newest update brings.
    release: String,
    /// The step. `None` on the way back.
    step: Option<usize>,
    /// Whether a person requested the way back that it is on.
    is_rollback: bool,
    /// What the stack had before; on the way back, what is restored.
    base: Stored,
    /// The release that is deployed. `None` on the way back.
    target: Option<Stored>,
    /// Whether the newest step was judged good: the rest may continue without judging it again.
    is_judged: bool,
}

impl Unfinished {
    /// Looks for one. `None` if the newest operation isn't a deployment's, or that deployment's outcome is recorded.
    pub(super) async fn find(work: Work<'_>) -> anyhow::Result<Option<Self>> {
        let name = &work.stacks.service.name;
        let Some(newest) = newest(work.context, work.aws, name).await? else {
            return Ok(None);
        };
        let Some(Asked { purpose, .. }) = Asked::of(&newest.token) else {
            return Ok(None);
        };
        let (release, base, step, is_rollback) = match purpose {
            Purpose::Step { release, base, step } => (release, base, Some(step), false),
            Purpose::Back { release, is_rollback } => (release.clone(), release, None, is_rollback),
            Purpose::Other(_) => return Ok(None),
        };
        let Some(store) = Self::store(work).await? else {
            return Ok(None);
        };
        let listing = patiently(work.context, LEAVING, async || store.list().await).await?;
        let find = |digits: &str| {
            listing
                .releases
                .iter()
                .find(|listed| self::digits(&listed.digest) == digits)
        };
        let (Some(deployed), Some(base)) = (find(&release), find(&base)) else {
            return Ok(None);
        };
        let after: Vec<&Outcome> = after(deployed, newest.since).collect();
        if after.iter().any(|outcome| outcome.end.is_final()) {
            return Ok(None);
        }
        Ok(Some(Self {
            is_judged: !after.is_empty(),
            target: step.is_some().then(|| stored(deployed)),
            base: stored(base),
            newest,
            release,
            step,
            is_rollback,
        }))
    }

    async fn store(work: Work<'_>) -> anyhow::Result<Option<Store>> {
        let name = &work.stacks.foundation.name;
        let stack = patiently(work.context, LEAVING, async || work.aws.stack(name).await).await?;
        let Some(stack) = stack else { return Ok(None) };
        let address = stack.output(foundation::IMAGE_REPOSITORY_URI)?.to_owned();
        Store::open(work.aws, &address).await.map(Some)
    }

    /// Whether it deploys this release.
    pub(super) fn is_of(&self, digest: &str) -> bool {
        self.target.as_ref().is_some_and(|target| target.digest == digest)
    }

    /// The release that is deployed. `None` on the way back.
    pub(super) fn target(&self) -> Option<&Stored> {
        self.target.as_ref()
    }

    /// The release that it restores, or that the stack had before.
    pub(super) fn base(&self) -> &Stored {
        &self.base
    }

    /// Whether the process that began it must be gone.
    fn is_abandoned(&self, work: Work<'_>) -> bool {
        let quiet = work.aws.minute() * GONE_AFTER_MINUTES;
        let since = self.newest.stack.since.unwrap_or(self.newest.since);
        !self.newest.goes_on() && work.aws.now().duration_since(since).is_ok_and(|age| age > quiet)
    }

    /// Whether a command deploys the next stage of it. An image that is yet to be built isn't compared.
    fn is_continued_by(&self, work: Work<'_>) -> bool {
        let Some(target) = &self.target else { return false };
        if work.deploy.stage.is_none() || self.newest.goes_on() {
            return false;
        }
        let Some(image) = &work.deploy.image else { return true };
        let found = &target.release;
        Release::new(image, &work.stacks.service.template, &BTreeMap::new())
            .is_ok_and(|wanted| found.image() == wanted.image() && found.template() == wanted.template())
    }

    /// Whether a command has to wait until it is finished.
    fn blocks(&self, work: Work<'_>) -> bool {
        !self.is_continued_by(work) && !self.is_abandoned(work)
    }

    /// It and its owner, for people.
    fn what(&self) -> String {
        format!(
            "the deployment of {} to {}, which isn't finished: started {} at {}",
            self.release,
            self.newest.stack.name,
            self.newest.holder(),
            rfc3339(self.newest.since)
        )
    }

    /// Reverts it if it was abandoned.
    ///
    /// # Errors
    /// If it wasn't (exit status 4), or it can't be reverted.
    pub(super) async fn revert_or_refuse(self, work: Work<'_>) -> anyhow::Result<()> {
        if self.is_abandoned(work) {
            self.revert(work).await
        } else {
            Err(self.refusal(work).into())
        }
    }

    async fn revert(self, work: Work<'_>) -> anyhow::Result<()> {
        work.context.tell(Note::unprotected(&format!(
            "a deployment of {} was abandoned: reverting it first",
            self.release
        )));
        let Some(store) = Self::store(work).await? else {
            return Ok(());
        };
        let reverted = Box::pin(restore(work, &store, self.newest.stack, (self.base, Position::Step(0)))).await;
        match reverted {
            Err(error) if crate::exit::exit_of(&error) != crate::exit::Exit::RolledBack => Err(error),
            _ => Ok(()),
        }
    }

    fn refusal(&self, work: Work<'_>) -> Failure {
        Failure::preflight(format!("nothing was changed because of {}", self.what()))
            .code(Code::Unfinished)
            .next(format!(
                "if it runs elsewhere, wait for it; otherwise continue it: `{}`",
                work.follow
            ))
            .next(format!(
                "or undo it: `cargo xtask rollback {}{}`",
                work.deploy.target.name(),
                work.deploy.cloud.arguments()
            ))
    }

    /// Continues it to its end: the newest update is followed first, which may be over.
    pub(super) async fn resume(self, work: Work<'_>) -> anyhow::Result<Done> {
        self.say(work);
        let store = Self::store(work).await?;
        let store = store.ok_or_else(|| super::resume::nothing("its image repository is gone", work.again))?;
        let stack = self.newest.stack.clone();
        let (Some(step), Some(target)) = (self.step, self.target.clone()) else {
            return self.resume_back(work, &store, stack).await;
        };
        let staged = self.staged(work, &target)?;
        let digests = (target.digest, self.base.digest.clone());
        let update = UpdateId::Step(step);
        let start = Start::Updating(update);
        let driver = Driver::new(work, &store, stack, (staged, start), digests);
        driver.following(update, self.newest).run().await
    }

    /// The same steps as it began with: they follow from the two releases, and from the release parameters that no step has
    /// changed yet. A stage that a deployment doesn't change keeps naming an earlier release than the base.
    fn staged(&self, work: Work<'_>, target: &Stored) -> anyhow::Result<Staged> {
        let base = &self.base;
        let mut parameters = base.release.parameters().clone();
        script::name_release(&mut parameters, &base.release, &base.digest);
        let plan = |parameters: BTreeMap<String, String>| {
            let deployed = Deployed {
                template: base.release.template().to_owned(),
                parameters,
                ..Deployed::default()
            };
            Staged::new(&deployed, &desired(target)).map_err(|refusals| script::refused(&refusals, work.again))
        };
        let staged = plan(parameters.clone())?;
        let step = self.step.and_then(|step| staged.script.steps.get(step));
        let changed = step.map(|step| &step.update.parameters);
        for (name, value) in &mut parameters {
            let is_changed = changed.is_some_and(|changed| changed.get(name) == Some(&target.digest));
            let found = self.newest.stack.parameters.get(name);
            if let Some(found) = found.filter(|_| is_release(name) && !is_changed) {
                value.clone_from(found);
            }
        }
        plan(parameters)
    }

    async fn resume_back(self, work: Work<'_>, store: &Store, stack: Stack) -> anyhow::Result<Done> {
        let stack = super::resume::settle(work, stack).await?;
        let from = if self.is_rollback {
            Position::Step(0)
        } else {
            Position::Back { from: 0, done: 0 }
        };
        restore(work, store, stack, (self.base, from)).await
    }

    /// Continues it with the stage that was requested.
    pub(super) async fn go_on(
        self,
        work: Work<'_>,
        store: &Store,
        stack: Stack,
        (target, ignored): (Stored, BTreeSet<String>),
    ) -> anyhow::Result<Done> {
        let Some(step) = self.step else {
            return Ok(Done::unchanged(stack, target.digest));
        };
        let staged = self.staged(work, &target)?;
        let done = step + 1;
        let staged = staged.until_after(work.deploy.stage, done)?;
        let digests = (target.digest.clone(), self.base.digest.clone());
        if self.is_judged && staged.script.steps.len() <= done {
            return Ok(Done::unchanged(stack, target.digest));
        }
        let start = if self.is_judged {
            Start::Idle(Position::Step(done))
        } else {
            Start::Judge(step)
        };
        let driver = Driver::new(work, store, stack, (staged, start), digests);
        driver.ignoring(ignored).run().await
    }

    fn say(&self, work: Work<'_>) {
        let name = &self.newest.stack.name;
        let running = self.newest.goes_on();
        let doing = if running {
            "following it to its end"
        } else {
            "reading how it ended"
        };
        let (holder, since) = (self.newest.holder(), rfc3339(self.newest.since));
        work.context.tell(Note {
            code: EventCode::Resuming,
            text: format!("{name}: the newest change was started {holder} at {since}; {doing}"),
            fields: json!({"stack": name, "asked_for": holder, "since": since, "goes_on": running}),
        });
    }
}

/// Restores a release in the two updates of a rollback.
async fn restore(
    work: Work<'_>,
    store: &Store,
    stack: Stack,
    (release, from): (Stored, Position),
) -> anyhow::Result<Done> {
    let deployed = work.deployed(&stack).await?;
    let staged = Staged::back(&deployed, &desired(&release));
    let staged = staged.map_err(|refusals| script::refused(&refusals, work.again))?;
    let digests = (release.digest.clone(), release.digest);
    let start = Start::Idle(from);
    Driver::new(work, store, stack, (staged, start), digests).run().await
}

/// Makes sure that no other deployment is unfinished: a build of `CodeBuild` waits for it, everybody else is refused.
///
/// `Some` if this is the next stage of that deployment.
pub(super) async fn none_unfinished(work: Work<'_>) -> anyhow::Result<Option<Unfinished>> {
    let began = Instant::now();
    let limit = work.aws.minute() * WAIT_LIMIT_MINUTES;
    loop {
        let found = Unfinished::find(work).await?;
        let may_wait = crate::token::is_build() && began.elapsed() <= limit;
        let Some(blocking) = found.as_ref().filter(|found| may_wait && found.blocks(work)) else {
            return refuse_unfinished(work, found).await;
        };
        let why = format!("waiting for up to {} for {}", human(limit), blocking.what());
        notices::waiting(work.context, &why);
        let pause = work.aws.minute() / LOOKS_PER_MINUTE;
        work.context.interrupt.sleep(LEAVING, pause).await?;
    }
}

/// Refuses to start beside a deployment that isn't finished, and reverts one that was abandoned.
///
/// `Some` if this is the next stage of that deployment.
async fn refuse_unfinished(work: Work<'_>, unfinished: Option<Unfinished>) -> anyhow::Result<Option<Unfinished>> {
    let Some(unfinished) = unfinished else { return Ok(None) };
    if unfinished.is_continued_by(work) {
        return Ok(Some(unfinished));
    }
    unfinished.revert_or_refuse(work).await.map(|()| None)
}

fn is_release(parameter: &str) -> bool {
    RELEASE_PARAMETERS.iter().any(|(name, _)| *name == parameter)
}

fn stored(listed: &Listed) -> Stored {
    Stored {
        digest: listed.digest.clone(),
        release: listed.release.clone(),
    }
}

/// The outcomes of a release since a time, give or take the rounding of times.
fn after(listed: &Listed, since: SystemTime) -> impl Iterator<Item = &Outcome> {
    let since = since - Duration::from_millis(1);
    listed.outcomes.iter().filter(move |outcome| outcome.time >= since)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::aws::Aws;
    use crate::aws::replay::Replay;
    use crate::context::Context;
    use crate::environment::Stacks;
    use crate::flags::{Command, Environment, Xtask};
    use crate::telling::report::text as report;

    fn release(digit: char) -> Stored {
        let digest = format!("sha256:{}", digit.to_string().repeat(64));
        let release = Release::new(&format!("r@{digest}"), "{}", &BTreeMap::new());
        Stored {
            release: release.unwrap(),
            digest,
        }
    }

    /// A deployment of release `b` over `a`, whose newest update began so many minutes ago.
    fn unfinished(aws: &Aws, minutes: u32, status: &str, step: Option<usize>) -> Unfinished {
        let since = aws.now() - aws.minute() * minutes;
        let stack = Stack {
            name: "Example".to_owned(),
            id: "arn".to_owned(),
            status: status.to_owned(),
            reason: None,
            since: None,
            parameters: BTreeMap::new(),
            outputs: BTreeMap::new(),
        };
        let token = "xtask-deploy-bbbbbbbbbbbb-from-aaaaaaaaaaaa-2-by-alice-at-laptop-3b9aca00".to_owned();
        Unfinished {
            newest: Newest { stack, token, since },
            release: "b".repeat(12),
            step,
            is_rollback: false,
            base: release('a'),
            target: step.map(|_| release('b')),
            is_judged: false,
        }
    }

    /// What a deployment with these arguments does about it: `continues` or `reverts` it, or the refusal.
    fn deploys(arguments: &[&str], minutes: u32, status: &str, step: Option<usize>) -> String {
        let arguments = ["xtask", "deploy", "sandbox"].iter().chain(arguments);
        let Command::Deploy(deploy) = Xtask::try_parse_from(arguments).unwrap().command else {
            panic!("it is a deployment")
        };
        let (context, aws) = (Context::hidden(), Replay::new([]).aws());
        let work = Work {
            context: &context,
            aws: &aws,
            stacks: &Stacks::of(Environment::Sandbox),
            deploy: &deploy,
            again: "cargo xtask deploy sandbox",
            follow: "cargo xtask deploy sandbox --resume",
        };
        let unfinished = unfinished(&aws, minutes, status, step);
        let since = rfc3339(unfinished.newest.since);
        match unfinished.is_continued_by(work) {
            true => "continues".to_owned(),
            false if unfinished.is_abandoned(work) => "reverts".to_owned(),
            false => report(&unfinished.refusal(work).into()).replace(&since, "SINCE"),
        }
    }

    #[test]
    fn another_deployment_is_refused_until_it_is_abandoned() {
        insta::assert_snapshot!(deploys(&[], 5, "UPDATE_COMPLETE", Some(1)), @"
        error[E-UNFINISHED]: nothing was changed because of the deployment of bbbbbbbbbbbb to Example, which isn't finished: started by alice at laptop (deploy) at SINCE
          next: if it runs elsewhere, wait for it; otherwise continue it: `cargo xtask deploy sandbox --resume`
          next: or undo it: `cargo xtask rollback sandbox`
        ");
        for (minutes, status, step) in [
            (5, "UPDATE_IN_PROGRESS", Some(1)),
            (60, "UPDATE_IN_PROGRESS", Some(1)),
            (74, "UPDATE_COMPLETE", None),
        ] {
            let refused = deploys(&[], minutes, status, step);
            assert!(refused.starts_with("error[E-UNFINISHED]"), "{refused}");
        }
        assert_eq!(deploys(&[], 76, "UPDATE_COMPLETE", Some(1)), "reverts");
        assert_eq!(deploys(&[], 76, "UPDATE_COMPLETE", None), "reverts");
    }

    #[test]
    fn the_next_stage_continues_it() {
        let fleet = ["--stage", "fleet"];
        assert_eq!(deploys(&fleet, 5, "UPDATE_COMPLETE", Some(1)), "continues");
        assert_eq!(deploys(&fleet, 60, "UPDATE_COMPLETE", Some(1)), "continues");
        // Not while its update runs, nor on the way back.
        for (status, step) in [("UPDATE_IN_PROGRESS", Some(1)), ("UPDATE_COMPLETE", None)] {
            let refused = deploys(&fleet, 5, status, step);
            assert!(refused.starts_with("error[E-UNFINISHED]"), "{refused}");
        }
        // Not with another image.
        let image = format!("r@{}", release('a').digest);
        let other = ["--stage", "fleet", "--image", &image];
        let refused = deploys(&other, 5, "UPDATE_COMPLETE", Some(1));
        assert!(refused.starts_with("error[E-UNFINISHED]"), "{refused}");
    }

    #[test]
    fn it_is_of_the_release_that_it_deploys() {
        let aws = Replay::new([]).aws();
        let forward = unfinished(&aws, 1, "UPDATE_COMPLETE", Some(0));
        assert!(forward.is_of(&release('b').digest) && !forward.is_of(&release('a').digest));
        assert!(!unfinished(&aws, 1, "UPDATE_COMPLETE", None).is_of(&release('b').digest));
    }

    #[test]
    fn outcomes_since_an_update_count() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let outcome = |seconds| Outcome {
            time: at(seconds),
            environment: "sandbox".to_owned(),
            steps: Vec::new(),
            end: deployment::release::End::Passed,
            reason: String::new(),
            by: "alice".to_owned(),
        };
        let listed = Listed {
            digest: release('a').digest,
            release: release('a').release,
            record: None,
            outcomes: vec![outcome(10), outcome(20), outcome(30)],
        };
        let times: Vec<SystemTime> = after(&listed, at(20) + Duration::from_micros(300))
            .map(|outcome| outcome.time)
            .collect();
        assert_eq!(times, [at(20), at(30)]);
    }
}
