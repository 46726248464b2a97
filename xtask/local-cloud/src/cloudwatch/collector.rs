//! What is known while a minute's metrics are being collected.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use balancer::RequestCounts;
use monitor::{Distribution, Minute};

use crate::elb::TargetGroup;

/// What was read before, as the readings are totals.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// The minute that is being collected; none before the first.
    pub(super) minute: Option<Minute>,
    pub(super) counts: RequestCounts,
    /// By target group: how many targets were healthy and unhealthy at each change of one's health in this minute.
    pub(super) hosts: BTreeMap<String, Hosts>,
    /// By task: when it was looked at last, and the CPU time that it had used by then.
    pub(super) looks: BTreeMap<String, (SystemTime, Duration)>,
}

/// How many targets were healthy and unhealthy, a sample a look.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    pub(super) healthy: Distribution,
    pub(super) unhealthy: Distribution,
}

impl super::CloudWatch {
    /// Notes how many of a target group's targets are healthy and unhealthy, as one's health has just changed.
    pub(crate) fn look_at_targets(&mut self, arn: &str, group: &TargetGroup) {
        self.collector.hosts.entry(arn.to_owned()).or_default().look(group);
    }
}

impl Hosts {
    /// Whether any target was registered when the group was looked at.
    pub(super) fn any_registered(&self) -> bool {
        !self.healthy.is_empty()
    }

    /// Only while targets are registered: those that drain count neither way, nor those that were never checked.
    pub(super) fn look(&mut self, group: &TargetGroup) {
        let registered = group.targets.values().filter(|target| target.registered);
        let registered = registered.collect::<Vec<_>>();
        if registered.is_empty() {
            return;
        }
        let count = |state: &str| {
            let found = registered.iter().filter(|target| target.health.state == state).count();
            f64::from(u32::try_from(found).unwrap_or(u32::MAX))
        };
        self.healthy.add(count("healthy"), 1.0);
        self.unhealthy.add(count("unhealthy"), 1.0);
    }
}
