//! Counting the tasks, and judging their health while at it: one pass over all tasks a step.

use std::time::SystemTime;

use crate::{Health, Service, Task, TaskStatus, message::Message, outbox::Outbox};

/// How many tasks of one deployment are in which condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    /// Live tasks that aren't judged yet, from PROVISIONING on.
    pub(crate) unknown: u32,
    /// Live tasks that count towards the healthy floor.
    pub(crate) healthy: u32,
    /// Live tasks to be replaced.
    pub(crate) unhealthy: u32,
    /// Live tasks in RUNNING.
    pub(crate) running: u32,
    /// Tasks from DEACTIVATING on.
    pub(crate) leaving: u32,
}

impl Pool {
    /// Tasks that are or may become healthy.
    pub(crate) fn promising(self) -> u32 {
        self.unknown + self.healthy
    }

    /// Tasks that count towards the ceiling: ECS's rule speaks of RUNNING and PENDING, so a draining task doesn't.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
    pub(crate) fn live(self) -> u32 {
        self.unknown + self.healthy + self.unhealthy
    }

    /// Tasks with a verdict.
    pub(crate) fn judged(self) -> u32 {
        self.healthy + self.unhealthy
    }

    pub(crate) fn is_empty(self) -> bool {
        self.live() + self.leaving == 0
    }

    fn plus(self, other: Self) -> Self {
        Self {
            unknown: self.unknown + other.unknown,
            healthy: self.healthy + other.healthy,
            unhealthy: self.unhealthy + other.unhealthy,
            running: self.running + other.running,
            leaving: self.leaving + other.leaving,
        }
    }

    fn count(&mut self, task: &Task) {
        if !task.is_live() {
            self.leaving += 1;
            return;
        }
        *self.of(task.health) += 1;
        self.running += u32::from(matches!(task.last_status, TaskStatus::Running));
    }

    pub(crate) fn begin_stop(&mut self, task: &Task) {
        *self.of(task.health) -= 1;
        self.running -= u32::from(task.last_status == TaskStatus::Running);
        self.leaving += 1;
    }

    fn of(&mut self, health: Health) -> &mut u32 {
        match health {
            Health::Unknown => &mut self.unknown,
            Health::Healthy => &mut self.healthy,
            Health::Unhealthy => &mut self.unhealthy,
        }
    }
}

/// All tasks of a service, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// One for each of the service's deployments, in their order.
    pub(crate) pools: Vec<Pool>,
    /// When time alone will change a task's health.
    pub(crate) next_judgement: Option<SystemTime>,
}

impl Census {
    pub(crate) fn total(&self) -> Pool {
        self.pools.iter().fold(Pool::default(), |sum, &pool| sum.plus(pool))
    }

    /// All but one deployment's.
    pub(crate) fn others(&self, index: usize) -> Pool {
        let others = self.pools.iter().enumerate().filter(|&(other, _)| other != index);
        others.fold(Pool::default(), |sum, (_, &pool)| sum.plus(pool))
    }
}

impl Service {
    /// Counts the tasks after bringing their health up to date; who became healthy or unhealthy counts for the deployment.
    pub(crate) fn take_census(&mut self, now: SystemTime, outbox: &mut Outbox) -> Census {
        let mut census = Census {
            pools: vec![Pool::default(); self.deployments.len()],
            next_judgement: None,
        };
        let mut changed = Vec::new();
        // Neighbours are often of one deployment: look it up only when it changes.
        let mut current = None;
        for (index, task) in self.tasks.iter_mut().enumerate() {
            if task.is_live() {
                let health = task.judge(&self.settings, now);
                if health == Health::Unknown
                    && let Some(at) = task.judged_at(&self.settings)
                {
                    census.next_judgement = Some(census.next_judgement.map_or(at, |earliest| earliest.min(at)));
                }
                if health != task.health {
                    task.health = health;
                    changed.push(index);
                }
            }
            let deployment = match current {
                Some((id, deployment)) if id == task.deployment => deployment,
                _ => {
                    let id = task.deployment;
                    let Some(place) = self.deployments.iter().position(|deployment| deployment.id == id) else {
                        continue;
                    };
                    current = Some((id, place));
                    place
                }
            };
            census.pools[deployment].count(task);
        }
        for index in changed {
            self.health_changed(index, now, outbox);
        }
        census
    }

    fn health_changed(&mut self, index: usize, now: SystemTime, outbox: &mut Outbox) {
        let task = &mut self.tasks[index];
        let newly_proven = task.health == Health::Healthy && !task.proven;
        match task.health {
            Health::Healthy => {
                task.proven = true;
                if newly_proven {
                    let deployment = task.deployment;
                    self.count_success(deployment);
                }
            }
            Health::Unhealthy => self.report_unhealthy(index, now, outbox),
            Health::Unknown => {}
        }
    }

    fn report_unhealthy(&mut self, index: usize, now: SystemTime, outbox: &mut Outbox) {
        let mut task = self.tasks[index].clone();
        self.count_failed_health_check(&mut task);
        self.tasks[index].counted_as_failed = task.counted_as_failed;
        if let Some(balancer) = self.settings.load_balancer.clone() {
            let message = Message::Unhealthy {
                task: task.id,
                port: balancer.container_port,
                target_group: &balancer.target_group,
                reason: task.target_reason.as_deref().unwrap_or("Health checks failed"),
            };
            self.say(&message, now, outbox);
        }
    }
}
