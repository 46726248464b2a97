//! How far a change of a service has come, by looking at it again and again.

use std::time::SystemTime;

use super::{Deployment, Service};

/// How far the change has come at the stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Phase {
    /// Nothing was seen yet.
    #[default]
    Unknown,
    /// It runs this task definition, and nothing changes.
    Before(String),
    /// New tasks come and old ones go.
    Replacing {
        /// What ran before, where that was seen.
        old: Option<String>,
        /// What the new tasks run.
        new: String,
    },
    /// The new tasks serve alone.
    Alone {
        /// What ran before, where that was seen.
        old: Option<String>,
        /// What they run.
        new: String,
        /// Since when they serve alone.
        since: SystemTime,
        /// Whether their deployment still goes on: alarms watch it.
        watched: bool,
    },
    /// The new tasks go again, and what ran before comes back: this task definition.
    Back(String),
}

impl Phase {
    /// Takes a look at the service into account.
    pub(crate) fn look(&mut self, service: &Service, now: SystemTime) {
        let Some(primary) = service.deployments.first() else {
            return;
        };
        let single = service.deployments.len() == 1;
        let alone = single && primary.running >= primary.desired;
        let definition = &primary.task_definition;
        let is = |known: &Option<String>| known.as_ref() == Some(definition);
        let (old, new, since) = match std::mem::take(self) {
            Self::Unknown if alone => return *self = Self::Before(definition.clone()),
            Self::Before(before) if alone && before == *definition => return *self = Self::Before(before),
            Self::Back(back) if back == *definition => return *self = Self::Back(back),
            Self::Unknown => (None, None, None),
            Self::Before(before) | Self::Back(before) => (Some(before), None, None),
            Self::Replacing { old, new } => (old, Some(new), None),
            // That change is over, and this is another.
            Self::Alone {
                new, watched: false, ..
            } if new != *definition => (Some(new), None, None),
            Self::Alone { old, new, since, .. } => (old, Some(new), Some(since)),
        };
        // ECS puts what ran before in the place of a deployment that failed, as a deployment of its own.
        let failed = primary.rolls_back() || service.deployments[1..].iter().any(Deployment::has_failed);
        let returns = is(&old) || new.is_some() && !is(&new);
        *self = if failed || returns {
            Self::Back(definition.clone())
        } else if single && (alone || since.is_some()) {
            Self::Alone {
                old,
                new: definition.clone(),
                since: since.unwrap_or(now),
                watched: primary.rollout_state.as_deref() != Some("COMPLETED"),
            }
        } else {
            let new = definition.clone();
            Self::Replacing { old, new }
        };
    }

    /// Since when the new tasks serve alone; none where they don't, or nobody saw it.
    pub(crate) fn alone_since(&self) -> Option<SystemTime> {
        match self {
            Self::Alone { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// Since when they do while alarms still watch them; none where none do, as once all is done, or on the way back.
    pub(crate) fn baking_since(&self) -> Option<SystemTime> {
        match self {
            Self::Alone { since, watched, .. } => watched.then_some(*since),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn service(deployments: &[(&str, u64, u64)]) -> Service {
        let deployment = |(definition, desired, running): &(&str, u64, u64)| Deployment {
            id: (*definition).to_owned(),
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
            events: Vec::new(),
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// What is looked at: the service's deployments, as [`service`] takes them.
    type Look<'a> = &'a [(&'a str, u64, u64)];

    /// Looks once a second; since when the new tasks serve alone, and from which look on the change shows.
    fn check(looks: &[Look], alone_since: Option<u64>, begun: Option<u64>) {
        let (mut phase, mut seen) = (Phase::default(), None);
        for (deployments, second) in looks.iter().zip(0..) {
            phase.look(&service(deployments), at(second));
            if !matches!(phase, Phase::Unknown | Phase::Before(_)) {
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
    fn what_was_under_way_from_the_first_look_has_begun() {
        check(&[&[("new", 3, 1), ("old", 3, 3)]], None, Some(0));
    }

    /// Looks once a second; since when the new tasks bake at the end.
    fn bakes(looks: &[(&str, Look)], expected: Option<u64>) {
        let mut phase = Phase::default();
        for ((state, deployments), second) in looks.iter().zip(0..) {
            let mut service = service(deployments);
            service.deployments[0].rollout_state = Some((*state).to_owned());
            for deployment in &mut service.deployments[1..] {
                let failed = deployment.task_definition == "bad";
                deployment.rollout_state = Some(if failed { "FAILED" } else { "COMPLETED" }.to_owned());
            }
            phase.look(&service, at(second));
        }
        assert_eq!(phase.baking_since(), expected.map(at), "{looks:?}");
    }

    #[test]
    fn nothing_bakes_on_the_way_back() {
        let before = ("COMPLETED", &[("old", 3, 3)][..]);
        let replacing = ("IN_PROGRESS", &[("bad", 3, 1), ("old", 3, 3)][..]);
        let alone = ("IN_PROGRESS", &[("bad", 3, 3)][..]);
        let back = ("IN_PROGRESS", &[("old", 3, 1), ("bad", 0, 2)][..]);
        let restored = ("IN_PROGRESS", &[("old", 3, 3)][..]);
        bakes(&[before, replacing, alone], Some(2));
        bakes(&[before, replacing, alone, back], None);
        bakes(&[before, replacing, alone, back, restored], None);
        // Too quick for the failed deployment to be seen beside what comes back.
        bakes(&[before, replacing, alone, restored], None);
        bakes(&[back, restored], None);
    }

    #[test]
    fn a_deployment_that_rolls_back_by_its_own_words() {
        let mut restored = service(&[("old", 3, 1)]);
        let words = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.";
        restored.deployments[0].reason = Some(words.to_owned());
        let mut phase = Phase::default();
        phase.look(&restored, at(0));
        assert_eq!(phase, Phase::Back("old".to_owned()));
    }

    #[test]
    fn nothing_bakes_once_it_is_done_and_what_comes_next_does() {
        let before = ("COMPLETED", &[("old", 3, 3)][..]);
        let alone = ("IN_PROGRESS", &[("good", 3, 3)][..]);
        let done = ("COMPLETED", &[("good", 3, 3)][..]);
        let next = ("IN_PROGRESS", &[("better", 3, 3)][..]);
        bakes(&[before, alone, done], None);
        bakes(&[before, alone, done, next], Some(3));
        check(&[before.1, alone.1, done.1], Some(1), Some(1));
    }
}
