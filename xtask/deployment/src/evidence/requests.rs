//! Whether a stage receives fewer requests than it should.

use super::errors::at_most;
use super::rules::Drop;

/// A stage's requests, and what was expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// The stage's requests.
    pub requests: u64,
    /// The requests of both stages.
    pub of: u64,
    /// The share that the stage should have received.
    pub expected: f64,
}

impl Share {
    /// The share that it received; 0 without requests.
    pub fn share(self) -> f64 {
        super::errors::Errors {
            errors: self.requests,
            requests: self.of,
        }
        .share()
    }

    /// How many requests it should have received.
    pub fn expected_requests(self) -> f64 {
        count(self.of) * self.expected
    }
}

impl Drop {
    /// Whether enough requests were expected to tell.
    pub fn can_tell(self, share: Share) -> bool {
        share.expected_requests() >= self.minimum_expected
    }

    /// Whether a stage receives so few of both stages' requests that it isn't chance.
    pub fn is_worse(self, share: Share) -> bool {
        let missing = share.expected_requests() - count(share.requests);
        self.can_tell(share)
            && missing >= self.smallest * share.expected_requests()
            && at_most(share.requests, share.of, share.expected) <= self.significance
    }

    /// Whether the requests a minute fell by nearly all since before the step.
    pub fn is_worse_than_before(self, before: f64, since: f64) -> bool {
        before >= self.minimum_expected && before - since >= self.smallest_of_all * before
    }
}

#[expect(clippy::cast_precision_loss, reason = "fewer requests than 2^53")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::super::Rules;
    use super::*;

    #[test]
    fn what_is_too_few() {
        let check = |requests, of, expected: bool| {
            let share = Share {
                requests,
                of,
                expected: 0.01,
            };
            assert_eq!(Rules::default().drop.is_worse(share), expected, "{requests} of {of}");
        };
        check(0, 900, false);
        check(0, 1_000, true);
        check(3, 1_000, false);
        check(100, 10_000, false);
        check(51, 10_000, false);
        check(50, 10_000, true);
        check(0, 1_000_000, true);
    }

    #[test]
    fn of_all_requests_nearly_all_must_be_missing() {
        let rule = Rules::default().drop;
        assert!(rule.is_worse_than_before(1_000.0, 100.0));
        assert!(!rule.is_worse_than_before(1_000.0, 101.0));
        assert!(!rule.is_worse_than_before(9.0, 0.0));
    }
}
