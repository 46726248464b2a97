//! `deploy --resume`: a deployment that somebody left, followed and continued to its end.

use super::unfinished::Unfinished;
use super::work::{Done, Work};
use crate::code::Code;
use crate::exit::Failure;
use crate::stack::apply::{UnderWay, follow_under_way, newest, updatable};
use crate::stack::{Stack, gone};

/// There is nothing to resume.
pub(super) fn nothing(why: &str, again: &str) -> Failure {
    Failure::preflight(format!("there is nothing to resume: {why}"))
        .code(Code::NothingToResume)
        .next(format!("deploy with `{again}`"))
}

impl Work<'_> {
    /// Follows the newest deployment to its end, and continues with the steps that it had yet to reach.
    ///
    /// # Errors
    /// If there is none (exit status 4), and those of the deployment itself.
    pub(super) async fn resume(self) -> anyhow::Result<Done> {
        let name = &self.stacks.service.name;
        self.follow_foundation().await?;
        if let Some(unfinished) = Unfinished::find(self).await? {
            return Box::pin(unfinished.resume(self)).await;
        }
        let following = follow_under_way(self.context, self.aws, name, (self.again, self.follow));
        if let Some(under_way) = following.await? {
            return match under_way.failure {
                Some(failure) => Err(failure.into()),
                None => Ok(Done::unchanged(under_way.stack, String::new())),
            };
        }
        let why = match newest(self.context, self.aws, name).await? {
            Some(newest) => format!(
                "{name} was last changed {}, and is {}",
                newest.holder(),
                newest.stack.status
            ),
            None => format!("there is no stack {name}, or its events name no operation"),
        };
        Err(nothing(&why, self.again).into())
    }

    /// While what must exist before an image can be pushed is deployed, CloudFormation knows of no release yet.
    async fn follow_foundation(self) -> anyhow::Result<()> {
        let name = &self.stacks.foundation.name;
        let following = follow_under_way(self.context, self.aws, name, (self.again, self.follow));
        match following.await? {
            None => Ok(()),
            Some(UnderWay {
                failure: Some(failure), ..
            }) => Err(failure.into()),
            Some(_) => {
                let why = format!("{name} is deployed now, and CloudFormation knows of no release yet");
                Err(nothing(&why, self.again).into())
            }
        }
    }
}

/// Waits until nothing runs in a stack.
pub(super) async fn settle(work: Work<'_>, stack: Stack) -> anyhow::Result<Stack> {
    let settled = updatable(work.context, work.aws, &stack.name, work.again).await?;
    settled.ok_or_else(|| gone(&stack.name).into())
}
