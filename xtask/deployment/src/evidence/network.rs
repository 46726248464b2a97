//! Whether the deploying machine reached AWS, second by second.

use std::collections::BTreeMap;

use constants::judgement::NETWORK_REACH_SECONDS;
use serde::{Deserialize, Serialize};

use super::time::ServerTime;

/// Which calls to AWS got a response. An error that AWS returned is a response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Network {
    /// By the second: whether all calls got one.
    calls: BTreeMap<u64, bool>,
}

impl Network {
    /// Records a call that ended at a time, and whether it got a response.
    pub fn record(&mut self, at: ServerTime, responded: bool) {
        let all = self.calls.entry(at.second()).or_insert(true);
        *all &= responded;
    }

    /// Whether the network worked in a second: the next call got a response soon after, and the last call before didn't
    /// fail shortly before.
    ///
    /// `false` until that next call: a network that is lost fails probes before it fails a call.
    pub fn works(&self, second: u64) -> bool {
        let until = second.saturating_add(NETWORK_REACH_SECONDS);
        let from = second.saturating_sub(NETWORK_REACH_SECONDS);
        let next = self.calls.range(second..=until).next();
        let last = self.calls.range(from..second).next_back();
        next.is_some_and(|(_, responded)| *responded) && last.is_none_or(|(_, responded)| *responded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_works_between_two_calls_with_a_response() {
        let mut network = Network::default();
        for (second, responded) in [(100, true), (110, true), (112, false), (120, true), (122, true)] {
            network.record(ServerTime::from_seconds(second), responded);
        }
        let works: Vec<u64> = (80..140).filter(|second| network.works(*second)).collect();
        let expected: Vec<u64> = (85..=110).chain(121..=122).collect();
        assert_eq!(works, expected);
        assert!(!Network::default().works(0));
    }

    #[test]
    fn one_failed_call_in_a_second_is_a_failure() {
        let mut network = Network::default();
        for responded in [true, false, true] {
            network.record(ServerTime::from_seconds(5), responded);
        }
        assert!(!network.works(5));
    }
}
