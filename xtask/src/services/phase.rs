//! How far a change of a service has come, by looking at it again and again.

use std::time::SystemTime;

use super::Service;

/// How far the change has come at the stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Phase {
    /// Nothing was seen yet.
    #[default]
    Unknown,
    /// It runs this task definition, and nothing changes.
    Before(String),
    /// New tasks come and old ones go.
    Replacing,
    /// The new tasks serve alone, since then.
    Alone(SystemTime),
}

impl Phase {
    /// Takes a look at the service into account.
    pub(crate) fn look(&mut self, service: &Service, now: SystemTime) {
        let Some(primary) = service.deployments.first() else {
            return;
        };
        let alone = service.deployments.len() == 1 && primary.running >= primary.desired;
        *self = match std::mem::take(self) {
            Self::Unknown if alone => Self::Before(primary.task_definition.clone()),
            Self::Before(definition) if alone && definition == primary.task_definition => Self::Before(definition),
            Self::Alone(since) if service.deployments.len() == 1 => Self::Alone(since),
            Self::Replacing | Self::Before(_) if alone => Self::Alone(now),
            _ => Self::Replacing,
        };
    }

    /// Whether a change was seen.
    pub(crate) fn has_begun(&self) -> bool {
        matches!(self, Self::Replacing | Self::Alone(_))
    }

    /// Since when the new tasks serve alone; none where they don't, or nobody saw it.
    pub(crate) fn alone_since(&self) -> Option<SystemTime> {
        match self {
            Self::Alone(since) => Some(*since),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::services::Deployment;

    fn service(deployments: &[(&str, u64, u64)]) -> Service {
        let deployment = |(definition, desired, running): &(&str, u64, u64)| Deployment {
            status: "PRIMARY".to_owned(),
            rollout_state: None,
            reason: None,
            task_definition: (*definition).to_owned(),
            desired: *desired,
            running: *running,
            pending: 0,
            failed: 0,
        };
        Service {
            name: "Onebox".to_owned(),
            desired: 3,
            running: 3,
            pending: 0,
            deployments: deployments.iter().map(deployment).collect(),
            last_event: None,
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Looks once a second; since when the new tasks serve alone, and from which look on probes are sent.
    fn check(looks: &[&[(&str, u64, u64)]], alone_since: Option<u64>, begun: Option<u64>) {
        let (mut phase, mut seen) = (Phase::default(), None);
        for (deployments, second) in looks.iter().zip(0..) {
            phase.look(&service(deployments), at(second));
            if phase.has_begun() {
                seen = seen.or(Some(second));
            }
        }
        assert_eq!((phase.alone_since(), seen), (alone_since.map(at), begun), "{looks:?}");
    }

    #[test]
    fn the_new_tasks_serve_alone_once_the_old_ones_are_gone() {
        let before: &[_] = &[("old", 3, 3)];
        let replacing: &[_] = &[("new", 3, 1), ("old", 3, 3)];
        let ended: &[_] = &[("new", 3, 3), ("old", 0, 1)];
        let alone: &[_] = &[("new", 3, 3)];
        check(&[before, before], None, None);
        check(&[before, replacing], None, Some(1));
        check(&[before, replacing, ended, alone, alone], Some(3), Some(1));
        // Too quick to be seen on the way.
        check(&[before, alone], Some(1), Some(1));
        // A task that crashes and is replaced doesn't begin it anew.
        check(&[before, replacing, alone, &[("new", 3, 2)], alone], Some(2), Some(1));
    }

    #[test]
    fn a_rollback_takes_it_back() {
        let before: &[_] = &[("old", 3, 3)];
        let alone: &[_] = &[("new", 3, 3)];
        let back: &[_] = &[("old", 3, 1), ("new", 3, 3)];
        check(&[before, alone, back], None, Some(1));
    }

    #[test]
    fn what_was_under_way_from_the_first_look_has_begun() {
        check(&[&[("new", 3, 1), ("old", 3, 3)]], None, Some(0));
    }
}
