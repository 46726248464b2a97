//! What a deployment does, and in which order: decided from what runs and what is asked for.

use std::fmt;

use stacks::service;

use crate::code::Code;
use crate::exit::{Exit, Failure};
use crate::flags::Stage;
use crate::stack::Stack;

/// The image that each stage runs, as the service stack's parameters have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Images {
    /// Onebox's.
    pub(crate) onebox: String,
    /// Fleet's.
    pub(crate) fleet: String,
}

impl Images {
    /// The images of a service stack; none where it has no such parameters.
    pub(crate) fn of(stack: &Stack) -> Option<Self> {
        let image = |parameter: &str| stack.parameters.get(parameter).cloned();
        Some(Self {
            onebox: image(service::ONEBOX_IMAGE)?,
            fleet: image(service::FLEET_IMAGE)?,
        })
    }

    /// Whether both stages run the same: otherwise Onebox's has not been judged, or not well enough for Fleet.
    pub(crate) fn agree(&self) -> bool {
        self.onebox == self.fleet
    }
}

impl Images {
    /// The images of a service stack.
    ///
    /// # Errors
    /// Where it has no such parameters.
    pub(crate) fn named(stack: &Stack) -> anyhow::Result<Self> {
        let images = Self::of(stack);
        images.ok_or_else(|| {
            let what = format!("{} names no images", stack.name);
            Failure::new(Exit::Failed, what).code(Code::OtherStack).into()
        })
    }
}

impl fmt::Display for Images {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.agree() {
            return write!(formatter, "Onebox and Fleet run {}", short(&self.onebox));
        }
        let (onebox, fleet) = (short(&self.onebox), short(&self.fleet));
        write!(formatter, "Onebox runs {onebox}, Fleet {fleet}")
    }
}

/// An image as people tell it from others: by the first digits of its digest.
pub(crate) fn short(image: &str) -> &str {
    let Some((_, digest)) = image.split_once('@') else {
        return image;
    };
    digest.get(..19).unwrap_or(digest)
}

/// A step of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Create the service stack, with one image on both stages: nothing runs yet that a bad one could harm.
    Create,
    /// Bring the service stack to its template; the images stay.
    Infrastructure,
    /// Move Onebox to the image.
    Onebox,
    /// Judge the image by what Onebox made of it.
    Judge,
    /// Move Fleet to the image.
    Fleet,
}

/// The steps of a stage, or of a whole deployment, towards an image.
///
/// # Errors
/// When the stage can't be deployed as things stand: exit status 4.
pub(crate) fn steps(stage: Option<Stage>, image: &str, running: Option<&Images>) -> Result<Vec<Step>, Failure> {
    let Some(running) = running else {
        return match stage {
            None | Some(Stage::Infrastructure) => Ok(vec![Step::Create]),
            Some(Stage::Onebox | Stage::Fleet) => Err(Failure::preflight("there is no service stack yet")
                .code(Code::NoStack)
                .next("deploy it first: `--stage infrastructure`, or without --stage")),
        };
    };
    let onebox = (running.onebox != image).then_some(Step::Onebox);
    let fleet = (running.fleet != image).then_some(Step::Fleet);
    // What Fleet runs has been judged before.
    let judge = fleet.map(|_| Step::Judge);
    let steps = match stage {
        None => [Some(Step::Infrastructure), onebox, judge, fleet],
        Some(Stage::Infrastructure) => [Some(Step::Infrastructure), None, None, None],
        Some(Stage::Onebox) => [None, onebox, judge, None],
        Some(Stage::Fleet) if onebox.is_some() => return Err(unjudged(image, running)),
        Some(Stage::Fleet) => [None, None, judge, fleet],
    };
    Ok(steps.into_iter().flatten().collect())
}

fn unjudged(image: &str, running: &Images) -> Failure {
    let what = format!(
        "Onebox doesn't run {}, so that nobody has judged it; {running}",
        short(image)
    );
    Failure::preflight(what)
        .code(Code::Unjudged)
        .next("let Onebox meet it first: `--stage onebox`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stage: Option<Stage>, running: Option<(&str, &str)>, expected: Result<&[Step], &str>) {
        let running = running.map(|(onebox, fleet)| Images {
            onebox: onebox.to_owned(),
            fleet: fleet.to_owned(),
        });
        let seen = steps(stage, "new", running.as_ref()).map_err(|failure| failure.what);
        assert_eq!(
            seen,
            expected.map(<[Step]>::to_vec).map_err(ToOwned::to_owned),
            "{stage:?} {running:?}"
        );
    }

    #[test]
    fn the_steps_of_each_stage() {
        use Step::{Create, Fleet, Infrastructure, Judge, Onebox};
        let absent = "there is no service stack yet";
        let unjudged = |onebox| format!("Onebox doesn't run new, so that nobody has judged it; {onebox}");
        let (old, half, done) = (Some(("old", "old")), Some(("new", "old")), Some(("new", "new")));
        check(None, None, Ok(&[Create]));
        check(None, old, Ok(&[Infrastructure, Onebox, Judge, Fleet]));
        check(None, half, Ok(&[Infrastructure, Judge, Fleet]));
        check(None, done, Ok(&[Infrastructure]));
        // Back to what Fleet runs: judged before.
        check(None, Some(("bad", "new")), Ok(&[Infrastructure, Onebox]));
        check(Some(Stage::Infrastructure), None, Ok(&[Create]));
        check(Some(Stage::Infrastructure), half, Ok(&[Infrastructure]));
        check(Some(Stage::Onebox), None, Err(absent));
        check(Some(Stage::Onebox), old, Ok(&[Onebox, Judge]));
        check(Some(Stage::Onebox), half, Ok(&[Judge]));
        check(Some(Stage::Onebox), done, Ok(&[]));
        check(Some(Stage::Fleet), None, Err(absent));
        check(Some(Stage::Fleet), half, Ok(&[Judge, Fleet]));
        check(Some(Stage::Fleet), done, Ok(&[]));
        check(Some(Stage::Fleet), old, Err(&unjudged("Onebox and Fleet run old")));
        check(
            Some(Stage::Fleet),
            Some(("other", "old")),
            Err(&unjudged("Onebox runs other, Fleet old")),
        );
    }

    #[test]
    fn no_order_of_stages_skips_onebox() {
        for stage in [
            None,
            Some(Stage::Infrastructure),
            Some(Stage::Onebox),
            Some(Stage::Fleet),
        ] {
            for onebox in ["old", "new", "other"] {
                let running = Images {
                    onebox: onebox.to_owned(),
                    fleet: "old".to_owned(),
                };
                let steps = steps(stage, "new", Some(&running)).unwrap_or_default();
                let place = |step| steps.iter().position(|seen| *seen == step);
                if let Some(fleet) = place(Step::Fleet) {
                    assert!(
                        onebox == "new" || place(Step::Onebox) < Some(fleet),
                        "{stage:?} {onebox}"
                    );
                    assert!(
                        place(Step::Judge).is_some_and(|judge| judge < fleet),
                        "{stage:?} {onebox}"
                    );
                }
            }
        }
    }
}
