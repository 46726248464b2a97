//! Patience with a cloud that can't be reached for a while: what goes on there goes on without us.

use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::exit::Failure;
use crate::telling::note::Note;

/// How long a lost connection, or AWS's own trouble, is borne while something is under way.
pub(crate) const LIMIT: Duration = Duration::from_mins(10);

/// How long to wait before asking again where the last answer was none, on the average: half as long up to half as long
/// again, so that those who lost the same network don't all come back at once.
const PAUSE: Duration = Duration::from_secs(2);

/// How long nothing could be read.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    silent_since: Option<Instant>,
}

impl Patience {
    /// Whether the last answer was none.
    pub(crate) fn is_tried(&self) -> bool {
        self.silent_since.is_some()
    }

    /// How long there has been no answer.
    pub(crate) fn silence(&self) -> Option<Duration> {
        self.silent_since.map(|since| since.elapsed())
    }

    /// What was read; none where it may be readable again, until that has lasted too long.
    ///
    /// # Errors
    /// An error that won't pass, and one that should have but lasts.
    pub(crate) fn bear<T>(&mut self, context: &Context, read: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        let error = match read {
            Ok(read) => {
                if let Some(since) = self.silent_since.take() {
                    context.tell(Note::aws_answers(since.elapsed()));
                }
                return Ok(Some(read));
            }
            Err(error) => error,
        };
        let passing = Failure::of(&error).is_some_and(|failure| failure.passing);
        if !passing || self.silent_since.is_some_and(|since| since.elapsed() > LIMIT) {
            return Err(error);
        }
        if self.silent_since.is_none() {
            context.tell(Note::aws_silent(&format!("{error:#}"), LIMIT));
            self.silent_since = Some(Instant::now());
        }
        Ok(None)
    }
}

/// How long to wait before asking again where the last answer was none.
pub(crate) fn pause() -> Duration {
    PAUSE.mul_f64(0.5 + fastrand::f64())
}

/// Asks, and asks again while there is no answer, up to the limit. What is asked must be such as may be asked twice, as
/// all of `crate::aws` is.
///
/// # Errors
/// AWS's refusal; an answer that stays away; `leaving` when interrupted.
pub(crate) async fn patiently<T>(
    context: &Context,
    leaving: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut patience = Patience::default();
    loop {
        // Boxed: what is asked is large, and whatever awaits this would be larger yet.
        let read = context.interrupt.or(leaving, Box::pin(ask())).await?;
        if let Some(read) = patience.bear(context, read)? {
            return Ok(read);
        }
        context.interrupt.sleep(leaving, pause()).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;
    use crate::stack::script::{lost, refusal, stack};

    /// Asks for a stack where `silent` answers are lost first; the outcome, what was said, and how long it took.
    async fn check(silent: usize, then: (u16, String)) -> (anyhow::Result<String>, String, Duration) {
        let replay = Replay::new(std::iter::repeat_n(lost(), silent).chain([then]));
        let (aws, context) = (replay.aws(), Context::hidden());
        let started = Instant::now();
        let found = patiently(&context, "interrupted", async || aws.stack("Example").await).await;
        let found = found.map(|stack| stack.map(|stack| stack.status).unwrap_or_default());
        (found, context.progress.said(), started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_lost_for_minutes_is_borne() {
        let (found, said, took) = check(200, stack("UPDATE_COMPLETE")).await;
        assert_eq!(found.unwrap(), "UPDATE_COMPLETE");
        // 200 pauses of 1 to 3 s.
        assert!((Duration::from_mins(4)..LIMIT).contains(&took), "{took:?}");
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(
            lines[0],
            "cannot describe the stack Example: connection reset by peer; asking again for up to 10 min 0 s"
        );
        assert!(lines[1].starts_with("AWS answers again, after "), "{said}");
        assert_eq!(lines.len(), 2, "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_stays_lost_is_borne_up_to_the_limit() {
        let (found, _, took) = check(1000, stack("UPDATE_COMPLETE")).await;
        assert_eq!(
            found.unwrap_err().to_string(),
            "cannot describe the stack Example: connection reset by peer"
        );
        assert!((LIMIT..LIMIT + 2 * PAUSE).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_asked_for_again() {
        let (found, said, took) = check(0, refusal(403, "AccessDenied", "no")).await;
        assert!(found.unwrap_err().to_string().contains("AccessDenied"));
        assert_eq!((said.as_str(), took), ("", Duration::ZERO));
    }
}
