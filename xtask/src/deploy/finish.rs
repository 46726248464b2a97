//! How a deployment ends: the outcome recorded with the release, and told.

use std::collections::BTreeSet;

use deployment::machine::{Cause, Outcome};
use deployment::release::{self, End, image_digest};
use deployment::stage::Stage;

use super::driver::Driver;
use super::outcome::{self, Told};
use super::plan::Images;
use super::work::{Done, Work};
use crate::releases::{Store, short};
use crate::stack::Stack;
use crate::telling::note::Note;

/// How many earlier releases stay for rollbacks, besides those that run.
const SPARE_RELEASES: usize = 10;

/// How far a deployment came.
pub(super) struct Ended {
    /// The steps that are complete.
    pub(super) steps: Vec<Stage>,
    /// Whether these are all that the release needs.
    pub(super) all: bool,
}

/// Records how a deployment ended, and turns it into what the command returns.
pub(super) async fn finish(driver: Driver<'_>, outcome: Outcome) -> anyhow::Result<Done> {
    let ended = driver.ended();
    let (work, store) = (driver.work, driver.store);
    if let Some((end, reason)) = recorded(&outcome, &ended) {
        let digest = driver.target.clone();
        conclude(work, store, &digest, (end, ended.steps, &reason)).await;
        if driver.went_back() && driver.base != digest && !matches!(outcome, Outcome::Stuck { .. }) {
            let reason = format!("after {} was {}", short(&digest), end.name());
            conclude(work, store, &driver.base.clone(), (End::Restored, Vec::new(), &reason)).await;
        }
    }
    match outcome {
        Outcome::Deployed { .. } => Ok(driver.done(true, false)),
        Outcome::Unchanged => {
            work.context.tell(Note::nothing_to_do(&driver.stack.name, None));
            Ok(driver.done(false, false))
        }
        Outcome::Reverted(Cause::Asked) => Ok(driver.done(true, false)),
        outcome => {
            let told = Told {
                stack: &driver.stack.name,
                again: work.again,
                follow: work.follow,
            };
            let error = outcome::error(outcome, driver.failure, &told);
            Err(outcome::with_what_runs(work.aws, &driver.stack.name, error).await)
        }
    }
}

/// The end to record; `None` if nothing changed.
fn recorded(outcome: &Outcome, ended: &Ended) -> Option<(End, String)> {
    let end = match outcome {
        Outcome::Deployed { .. } if !ended.all => End::Passed,
        Outcome::Deployed { accepted: true } => End::Accepted,
        Outcome::Deployed { accepted: false } => End::Deployed,
        // Resumed, it is recorded with the release that is restored: which one failed isn't known any more.
        Outcome::Reverted(Cause::Asked | Cause::Resumed) => End::Restored,
        Outcome::Reverted(Cause::Inconclusive(_)) => End::Inconclusive,
        Outcome::Reverted(_) => End::RolledBack,
        Outcome::Stuck { .. } | Outcome::Overtaken { changed: true, .. } => End::Failed,
        Outcome::Unchanged
        | Outcome::Declined
        | Outcome::Unplanned(_)
        | Outcome::Overtaken { changed: false, .. }
        | Outcome::NotStarted(_) => return None,
    };
    let reason = match outcome {
        Outcome::Reverted(cause) => cause.to_string(),
        Outcome::Stuck { error, .. } => error.clone(),
        Outcome::Overtaken { by, .. } => by.clone(),
        _ => String::new(),
    };
    Some((end, reason))
}

/// Records an outcome, and keeps what runs and what a rollback needs from expiring. A failure here doesn't undo a
/// deployment that is through: it is reported.
pub(super) async fn conclude(
    work: Work<'_>,
    store: &Store,
    digest: &str,
    (end, steps, reason): (End, Vec<Stage>, &str),
) {
    let outcome = release::Outcome {
        time: work.aws.now(),
        environment: work.deploy.target.name().to_owned(),
        steps,
        end,
        reason: reason.to_owned(),
        by: crate::token::by(),
    };
    let recorded = async {
        let store = store.reopen().await?;
        let added = store.add_outcome(digest, &outcome).await;
        if end.is_complete() {
            let kept = keep(work, &store).await;
            return added.and(kept);
        }
        added
    };
    if let Err(error) = recorded.await {
        let words = format!("the outcome couldn't be recorded with the release: {error:#}");
        work.context.tell(Note::unprotected(&words));
    }
}

async fn keep(work: Work<'_>, store: &Store) -> anyhow::Result<()> {
    let stack = work.aws.stack(&work.stacks.service.name).await?;
    let Some(stack) = stack else { return Ok(()) };
    let listing = store.list().await?;
    let environment = work.deploy.target.name();
    let needed = release::needed(&runs(&stack), &listing.releases, environment, SPARE_RELEASES);
    store.keep(&needed).await.map(drop)
}

/// The releases and images that a stack names.
fn runs(stack: &Stack) -> BTreeSet<String> {
    let releases = ["OneboxRelease", "FleetRelease", "Release"].into_iter();
    let releases = releases.filter_map(|name| stack.parameters.get(name).cloned());
    let images = Images::of(stack).map(|images| [images.onebox, images.fleet]);
    let images = images.into_iter().flatten();
    let images = images.filter_map(|image| image_digest(&image).map(ToOwned::to_owned));
    releases
        .filter(|release| release.starts_with("sha256:"))
        .chain(images)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The end to record, as a word and its reason.
    fn end(outcome: &Outcome, all: bool) -> Option<(String, String)> {
        let steps = vec![Stage::Onebox];
        let (end, reason) = recorded(outcome, &Ended { steps, all })?;
        Some((format!("{end:?}"), reason))
    }

    #[test]
    fn what_is_recorded_of_an_outcome() {
        let deployed = |accepted| Outcome::Deployed { accepted };
        let reverted = Outcome::Reverted;
        let overtaken = |changed| Outcome::Overtaken {
            by: "by".to_owned(),
            changed,
        };
        let stuck = Outcome::Stuck {
            cause: None,
            error: "error".to_owned(),
        };
        let one = || vec!["one".to_owned()];
        for (outcome, expected) in [
            (deployed(false), Some(("Deployed", ""))),
            (deployed(true), Some(("Accepted", ""))),
            (reverted(Cause::Asked), Some(("Restored", "rollback requested"))),
            (
                reverted(Cause::Inconclusive(one())),
                Some(("Inconclusive", "not enough evidence: one")),
            ),
            (reverted(Cause::Worse(one())), Some(("RolledBack", "one"))),
            (
                reverted(Cause::Resumed),
                Some(("Restored", "continues a revert that was interrupted")),
            ),
            (stuck, Some(("Failed", "error"))),
            (overtaken(true), Some(("Failed", "by"))),
            (overtaken(false), None),
            (Outcome::Unchanged, None),
            (Outcome::Declined, None),
            (Outcome::Unplanned(one()), None),
            (Outcome::NotStarted("no".to_owned()), None),
        ] {
            let expected = expected.map(|(end, reason)| (end.to_owned(), reason.to_owned()));
            assert_eq!(end(&outcome, true), expected, "{outcome:?}");
        }
        let passed = Some(("Passed".to_owned(), String::new()));
        assert_eq!(end(&deployed(false), false), passed, "a stage alone");
    }

    #[test]
    fn what_a_stack_runs_is_kept() {
        let digest = |digit: char| format!("sha256:{}", digit.to_string().repeat(64));
        let image = |digit| format!("r@{}", digest(digit));
        let mut stack = Stack {
            name: "Example".to_owned(),
            id: "arn".to_owned(),
            status: "UPDATE_COMPLETE".to_owned(),
            reason: None,
            since: None,
            parameters: [
                ("OneboxImage", image('a')),
                ("FleetImage", image('b')),
                ("Release", String::new()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            outputs: BTreeMap::new(),
        };
        assert_eq!(runs(&stack), [digest('a'), digest('b')].into());
        stack.parameters.insert("OneboxRelease".to_owned(), digest('c'));
        assert_eq!(runs(&stack), [digest('a'), digest('b'), digest('c')].into());
        stack.parameters.remove("FleetImage");
        assert_eq!(runs(&stack), [digest('c')].into());
    }
}
