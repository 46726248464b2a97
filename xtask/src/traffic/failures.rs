//! The requests that failed, one by one: when, and what came of each.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// So many are kept; further ones are only counted.
const MOST_KEPT: usize = 20_000;

/// A request that a client would call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failed {
    /// When it was sent.
    pub(crate) sent: SystemTime,
    /// When its answer was there, or it was clear that none would come.
    pub(crate) ended: SystemTime,
    /// The stage that answered; `none` for the load balancer's own answers and where there was none.
    pub(crate) stage: String,
    /// The answer's status, where there was one.
    pub(crate) status: Option<u16>,
    /// Why there was no answer; empty where there was one.
    pub(crate) why: String,
}

/// The requests that failed since they were last taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    /// The first of them.
    pub(crate) kept: Vec<Failed>,
    /// How many more there were.
    pub(crate) beyond: u64,
}

impl Failures {
    pub(super) fn add(&mut self, failed: Failed) {
        if self.kept.len() < MOST_KEPT {
            self.kept.push(failed);
        } else {
            self.beyond += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_kept_than_memory_is_meant_for() {
        let mut failures = Failures::default();
        for _ in 0..MOST_KEPT + 3 {
            failures.add(Failed {
                sent: SystemTime::UNIX_EPOCH,
                ended: SystemTime::UNIX_EPOCH,
                stage: "onebox".to_owned(),
                status: Some(500),
                why: String::new(),
            });
        }
        assert_eq!((failures.kept.len(), failures.beyond), (MOST_KEPT, 3));
    }
}
