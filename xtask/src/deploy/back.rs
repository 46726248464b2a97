//! Onebox goes back to what Fleet runs: no stage keeps an image that the other didn't bear, or that nobody judged.

use stacks::service;

use super::outcome;
use super::plan::Images;
use super::work::{Asking, Work};
use crate::exit::{Exit, exit_of};
use crate::stack::Stack;
use crate::stack::apply::Applied;
use crate::telling::note::Note;
use crate::token::{Purpose, Scope};

impl Work<'_> {
    /// Follows up a change that failed. Where it was rolled back, and the stages then run different images, Onebox has one
    /// that Fleet didn't bear, if it `is_new`, and otherwise one that was left there before anybody judged it: it goes on
    /// back to what Fleet runs. `stack` is as the rollback leaves it.
    pub(super) async fn after_failure(
        self,
        error: anyhow::Error,
        stack: Option<&Stack>,
        is_new: impl Fn(&str) -> bool,
    ) -> anyhow::Error {
        let now = stack.and_then(|stack| Some((stack, Images::of(stack)?)));
        match now {
            Some((stack, images)) if exit_of(&error) == Exit::RolledBack && !images.agree() => {
                let because = if is_new(&images.onebox) {
                    "Fleet didn't bear the image"
                } else {
                    "what Onebox ran before was never judged"
                };
                self.back(error, (stack, &images), because).await
            }
            _ => error,
        }
    }

    /// Brings Onebox back to what Fleet runs, and adds to the error what came of that.
    pub(super) async fn back(
        self,
        error: anyhow::Error,
        (stack, images): (&Stack, &Images),
        because: &str,
    ) -> anyhow::Error {
        self.context.tell(Note::putting_back(&images.fleet, because));
        outcome::after_putting_back(error, self.put_back(stack, &images.fleet).await)
    }

    /// It asks nobody: it is what was promised.
    async fn put_back(self, stack: &Stack, image: &str) -> anyhow::Result<Applied> {
        let asking = Asking {
            yes: true,
            detach: false,
            purpose: Purpose::deploy(Scope::Back, Some(image)),
            part: Some(stacks::Stage::Onebox.name()),
        };
        self.apply(&stack.changing([(service::ONEBOX_IMAGE, image)]), asking)
            .await
    }
}
