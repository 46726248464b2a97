//! `deploy --resume`: a deployment that somebody left, followed and gone on with to the end that it would have had.
//!
//! All that is needed is read from CloudFormation: the token of the stack's newest operation says what was asked for, and
//! its parameters which image runs where. So any machine can resume what another began.

use std::collections::BTreeSet;

use serde_json::json;
use stacks::foundation;

use super::outcome;
use super::plan::{Images, Step, steps};
use super::watch::Seen;
use super::work::{Done, LEAVING, Progress, Work};
use crate::aws::rfc3339;
use crate::code::Code;
use crate::exit::{Exit, Failure};
use crate::flags::Stage;
use crate::patience::patiently;
use crate::stack::apply::{Newest, UnderWay, follow_newest, follow_under_way, newest, updatable};
use crate::stack::{Stack, gone};
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;
use crate::token::{Asked, Purpose, Scope};

/// There is nothing to follow or to go on with.
pub(super) fn nothing(why: &str, again: &str) -> Failure {
    Failure::preflight(format!("there is nothing to resume: {why}"))
        .code(Code::NothingToResume)
        .next(format!("deploy with `{again}`"))
}

impl Work<'_> {
    /// Follows the newest deployment to its end and goes on with the stages that it had yet to reach.
    ///
    /// # Errors
    /// Where there is none (exit status 4), and those of the deployment itself.
    pub(super) async fn resume(self) -> anyhow::Result<Done> {
        let name = &self.stacks.service.name;
        self.follow_foundation().await?;
        let Some(newest) = newest(self.context, self.aws, name).await? else {
            let why = format!("there is no stack {name}, or its events tell of no operation");
            return Err(nothing(&why, self.again).into());
        };
        let deployment = deployment(&newest.token);
        if deployment.is_none() && !newest.goes_on() {
            let why = format!(
                "{name} was changed last {}, and is {}",
                newest.holder(),
                newest.stack.status
            );
            return Err(nothing(&why, self.again).into());
        }
        let went_on = newest.goes_on();
        self.say(&newest);
        let (under_way, seen) = self.follow_watched(newest).await?;
        let stack = updatable(self.context, self.aws, name, self.again).await;
        if let Some(failure) = under_way.failure {
            let error = self
                .after_deployment(failure.into(), deployment, stack.ok().flatten())
                .await;
            return Err(outcome::with_what_runs(self.aws, name, error).await);
        }
        let stack = stack?.ok_or_else(|| gone(name))?;
        self.go_on(deployment, stack, seen, went_on).await
    }

    /// What must exist before an image can be pushed: while that is deployed, CloudFormation knows of no image yet.
    async fn follow_foundation(self) -> anyhow::Result<()> {
        let name = &self.stacks.foundation.name;
        let following = follow_under_way(self.context, self.aws, name, (self.again, self.follow));
        match following.await? {
            None => Ok(()),
            Some(UnderWay {
                failure: Some(failure), ..
            }) => Err(failure.into()),
            Some(_) => {
                let why = format!("{name} is deployed now, and no image was brought to CloudFormation yet");
                Err(nothing(&why, self.again).into())
            }
        }
    }

    fn say(self, newest: &Newest) {
        let name = &newest.stack.name;
        let doing = if newest.goes_on() {
            "following it to its end"
        } else {
            "looking how it ended"
        };
        let (asked_for, since) = (newest.holder(), rfc3339(newest.since));
        self.context.tell(Note {
            code: EventCode::Resuming,
            text: format!("{name}: the newest change was asked for {asked_for} at {since}; {doing}"),
            fields: json!({"stack": name, "asked_for": asked_for, "since": since, "goes_on": newest.goes_on()}),
        });
    }

    async fn follow_watched(self, newest: Newest) -> anyhow::Result<(UnderWay, Seen)> {
        let (goes_on, stack) = (newest.goes_on(), newest.stack.clone());
        let following = Box::pin(follow_newest(self.context, self.aws, newest, (self.again, self.follow)));
        if goes_on {
            self.watched(&stack, following).await
        } else {
            Ok((following.await?, Seen::default()))
        }
    }

    /// What follows a deployment that failed, where it moved an image.
    async fn after_deployment(
        self,
        error: anyhow::Error,
        deployment: Option<(Scope, Option<String>)>,
        stack: Option<Stack>,
    ) -> anyhow::Error {
        match deployment {
            Some((Scope::All | Scope::Stage(Stage::Onebox | Stage::Fleet), Some(digits))) => {
                let is_new = |onebox: &str| is(onebox, &digits);
                self.after_failure(error, stack.as_ref(), is_new).await
            }
            _ => error,
        }
    }

    /// Goes on with the stages that the deployment had yet to reach.
    async fn go_on(
        self,
        deployment: Option<(Scope, Option<String>)>,
        stack: Stack,
        seen: Seen,
        went_on: bool,
    ) -> anyhow::Result<Done> {
        let name = &self.stacks.service.name;
        let images = Images::named(&stack)?;
        let mut work = self;
        let (mut left, mut image) = (Vec::new(), None);
        match deployment {
            Some((Scope::Back, digits)) => return Err(brought_back(digits.is_some(), &images, self.again).into()),
            Some((scope, Some(digits))) => {
                work.scope = scope;
                let found = work.image_of(&digits, &images).await?;
                left = steps_left(scope, &found, &images)?;
                image = Some(found);
            }
            Some((_, None)) | None => {}
        }
        if left.is_empty() && !went_on {
            work.context.tell(Note {
                code: EventCode::NothingLeft,
                text: format!("nothing to resume: {images}"),
                fields: json!({"onebox": images.onebox, "fleet": images.fleet}),
            });
        }
        if left.iter().any(|step| *step != Step::Judge) {
            work.preflight(&stack, stage_of(work.scope)).await?;
        }
        let progress = Progress {
            stack: Some(stack),
            changed: went_on,
            under_way: false,
            seen,
            verdict: None,
            given_up: BTreeSet::new(),
        };
        let template = patiently(work.context, LEAVING, async || work.aws.template(name).await).await?;
        work.carry_out(left, image, progress, &template).await
    }

    /// The image of which a token gives the first digits: one that runs, or one of the repository's.
    async fn image_of(self, digits: &str, images: &Images) -> anyhow::Result<String> {
        if let Some(image) = [&images.onebox, &images.fleet]
            .into_iter()
            .find(|image| is(image, digits))
        {
            return Ok(image.clone());
        }
        let name = &self.stacks.foundation.name;
        let stack = patiently(self.context, LEAVING, async || self.aws.stack(name).await).await?;
        let stack = stack.ok_or_else(|| gone(name))?;
        let repository = stack.output(foundation::IMAGE_REPOSITORY_URI)?;
        let in_registry = repository.split_once('/').map_or(repository, |(_, name)| name);
        let list = async || self.aws.images(in_registry).await;
        let known = patiently(self.context, LEAVING, list).await?;
        let found = known
            .iter()
            .map(|image| format!("{repository}@{}", image.digest))
            .find(|image| is(image, digits));
        found.ok_or_else(|| {
            let why = format!("the image sha256:{digits}… that it brings is no longer in {repository}");
            nothing(&why, self.again).into()
        })
    }
}

/// What a token says of a deployment: how much of it, and the first digits of its image's digest.
fn deployment(token: &str) -> Option<(Scope, Option<String>)> {
    match Asked::of(token)?.purpose {
        Purpose::Deploy { scope, digits } => Some((scope, digits)),
        Purpose::Other(_) => None,
    }
}

/// Whether these are the first digits of an image's digest.
fn is(image: &str, digits: &str) -> bool {
    image
        .split_once("@sha256:")
        .is_some_and(|(_, digest)| digest.starts_with(digits))
}

fn stage_of(scope: Scope) -> Option<Stage> {
    match scope {
        Scope::Stage(stage) => Some(stage),
        Scope::All | Scope::Back => None,
    }
}

/// The steps that are left once an operation of a deployment has ended as asked. The infrastructure comes first, and so
/// is done.
fn steps_left(scope: Scope, image: &str, images: &Images) -> Result<Vec<Step>, Failure> {
    let mut left = steps(stage_of(scope), image, Some(images))?;
    left.retain(|step| !matches!(step, Step::Create | Step::Infrastructure));
    Ok(left)
}

/// The deployment had failed before, and its last act was to bring Onebox back, or the former template.
fn brought_back(has_image: bool, images: &Images, again: &str) -> Failure {
    let did = if has_image {
        "the deployment's image did badly, and Onebox was brought back"
    } else {
        "the change of the infrastructure did badly, and the former template was brought back"
    };
    let what = format!("{did}: {images}");
    Failure::new(Exit::RolledBack, what).next(format!("fix the cause and run `{again}` again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_deployment() {
        use Step::{Fleet, Judge, Onebox};
        let images = |onebox: &str, fleet: &str| Images {
            onebox: onebox.to_owned(),
            fleet: fleet.to_owned(),
        };
        let (onebox, fleet) = (Scope::Stage(Stage::Onebox), Scope::Stage(Stage::Fleet));
        for (scope, running, expected) in [
            (Scope::All, images("old", "old"), &[Onebox, Judge, Fleet][..]),
            (Scope::All, images("new", "old"), &[Judge, Fleet]),
            (Scope::All, images("new", "new"), &[]),
            (onebox, images("new", "old"), &[Judge]),
            (fleet, images("new", "new"), &[]),
            (Scope::Stage(Stage::Infrastructure), images("old", "old"), &[]),
        ] {
            assert_eq!(
                steps_left(scope, "new", &running).unwrap(),
                expected,
                "{scope:?} {running:?}"
            );
        }
        assert!(steps_left(fleet, "new", &images("other", "old")).is_err());
    }

    #[test]
    fn an_image_by_its_first_digits() {
        assert!(is("repository@sha256:6143503572ab", "6143"));
        assert!(!is("repository@sha256:6143503572ab", "0143"));
        assert!(!is("repository:latest", ""));
    }
}
