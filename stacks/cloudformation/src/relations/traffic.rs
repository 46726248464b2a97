//! How a listener splits requests between target groups.

/// Weights of target groups that are shares in per cent: together 100.
///
/// A load balancer takes any weights from 0 to 999 and divides by their sum, so weights that don't sum to 100 mean other
/// shares than they seem to.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficSplit<const GROUPS: usize>([i64; GROUPS]);

impl<const GROUPS: usize> TrafficSplit<GROUPS> {
    /// The shares in per cent, in the order of the target groups.
    ///
    /// # Panics
    ///
    /// When a share is negative, or the shares don't sum to 100: in a constant, when compiling.
    #[track_caller]
    pub const fn new(percent: [i64; GROUPS]) -> Self {
        assert!(GROUPS <= 5, "a listener forwards to five target groups at most");
        let (mut sum, mut index) = (0, 0);
        while index < GROUPS {
            assert!(0 <= percent[index], "a share of the traffic is negative");
            sum += percent[index];
            index += 1;
        }
        assert!(sum == 100, "the shares of the traffic don't sum to 100 per cent");
        Self(percent)
    }

    pub(super) const fn percent(&self) -> [i64; GROUPS] {
        self.0
    }
}
