//! Patience with a cloud that can't be reached for a while: what goes on there goes on without us.

use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::exit::Failure;
use crate::progress::human;

/// How long a lost connection, or AWS's own trouble, is borne while something is followed.
const LIMIT: Duration = Duration::from_mins(10);

/// How long to wait before asking again where the last answer was none.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

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

    /// What was read; none where it may be readable again, until that has lasted too long.
    ///
    /// # Errors
    /// An error that won't pass, and one that should have but lasts.
    pub(crate) fn bear<T>(&mut self, context: &Context, read: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        let error = match read {
            Ok(read) => {
                self.silent_since = None;
                return Ok(Some(read));
            }
            Err(error) => error,
        };
        let passing = Failure::of(&error).is_some_and(|failure| failure.passing);
        if !passing || self.silent_since.is_some_and(|since| since.elapsed() > LIMIT) {
            return Err(error);
        }
        if self.silent_since.is_none() {
            context
                .progress
                .line(&format!("{error:#}; asking again for up to {}", human(LIMIT)));
            self.silent_since = Some(Instant::now());
        }
        Ok(None)
    }
}
