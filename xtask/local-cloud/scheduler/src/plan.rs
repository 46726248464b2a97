//! Which tasks to stop and how many to start, within the healthy floor and the ceiling.
//!
//! Every rule ends in one of two questions, asked of the census each time: may this healthy task go, and is there room for one more?
//! Where both a start and a stop fit, this scheduler starts first; AWS doesn't say which it prefers.

use std::time::SystemTime;

use crate::{
    Health, RolloutState, Service, StopCode, Task,
    census::{Census, Pool},
    deployment::Deployment,
    message::Message,
    outbox::Outbox,
    service::Stop,
};

/// How often one step looks for something to do: what one look starts can make the next one stop an unhealthy task.
const LOOKS: usize = 8;

/// Which tasks a stop may choose from.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// Of the primary deployment, newest first: what has run longest is best known. ECS chooses at random within a zone.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html>
    Primary,
    /// Of all other deployments: those of deployments never completed first, then the oldest.
    Others,
    /// Of other deployments that were never completed.
    UnprovenOthers,
}

/// One step's plan in the making.
struct Planner<'a> {
    service: &'a mut Service,
    census: &'a mut Census,
    outbox: &'a mut Outbox,
    now: SystemTime,
    primary: usize,
    floor: u32,
    ceiling: u32,
    /// Stops and starts so far.
    changes: usize,
}

impl Service {
    /// Stops and starts tasks. Stops come first: they make room.
    pub(crate) fn place_tasks(&mut self, now: SystemTime, census: &mut Census, outbox: &mut Outbox) {
        let Some(primary) = self.primary_index() else { return };
        let mut planner = Planner {
            floor: self.settings.healthy_floor(self.desired_count),
            ceiling: self.settings.task_ceiling(self.desired_count),
            service: self,
            census,
            outbox,
            now,
            primary,
            changes: 0,
        };
        for _ in 0..LOOKS {
            if !planner.look() {
                break;
            }
        }
        planner.report_if_stuck();
    }

    /// Stops every task of a service that is being deleted.
    pub(crate) fn stop_everything(&mut self, now: SystemTime, census: &mut Census, outbox: &mut Outbox) {
        for index in 0..self.tasks.len() {
            if self.tasks[index].is_live() {
                self.stop_by_scheduler(index, now, census, outbox);
            }
        }
    }

    fn stop_by_scheduler(&mut self, index: usize, now: SystemTime, census: &mut Census, outbox: &mut Outbox) {
        let task = &self.tasks[index];
        if let Some(deployment) = self.deployment_index(task.deployment) {
            census.pools[deployment].begin_stop(task);
        }
        let reason = self.stop_reason(task);
        self.begin_stop(
            index,
            Stop {
                code: StopCode::ServiceSchedulerInitiated,
                reason,
            },
            now,
            outbox,
        );
    }

    fn stop_reason(&self, task: &Task) -> String {
        match (&self.settings.load_balancer, self.primary) {
            (Some(balancer), _) if task.health == Health::Unhealthy => {
                format!(
                    "Task failed ELB health checks in (target-group {})",
                    balancer.target_group
                )
            }
            (_, primary) => {
                format!(
                    "Scaling activity initiated by (deployment {})",
                    primary.unwrap_or(task.deployment)
                )
            }
        }
    }
}

impl Planner<'_> {
    /// Stops and starts what can be stopped and started now, and says whether that was anything.
    fn look(&mut self) -> bool {
        let before = self.changes;
        self.stop_surplus();
        self.make_room();
        self.start();
        self.changes > before
    }

    fn primary_deployment(&self) -> &Deployment {
        &self.service.deployments[self.primary]
    }

    fn primary_pool(&self) -> Pool {
        self.census.pools[self.primary]
    }

    fn others(&self) -> Pool {
        self.census.others(self.primary)
    }

    fn desired(&self) -> u32 {
        self.service.desired_count
    }

    fn room(&self) -> u32 {
        self.ceiling.saturating_sub(self.census.total().live())
    }

    /// How many healthy tasks may go.
    fn spare_healthy(&self) -> u32 {
        self.census.total().healthy.saturating_sub(self.floor)
    }

    /// How many tasks the primary deployment lacks that it may start now.
    fn wanted(&self) -> u32 {
        let deployment = self.primary_deployment();
        if deployment.rollout == RolloutState::Failed || deployment.backoff.blocked_until(self.now).is_some() {
            return 0;
        }
        self.desired().saturating_sub(self.primary_pool().promising())
    }

    /// Stops what is no longer needed: more tasks than desired, unhealthy ones that have been replaced, old ones that new ones stand in for.
    fn stop_surplus(&mut self) {
        self.stop_surplus_of(Choice::Primary, self.desired());
        // A failed deployment stands still: its tasks replace no more old ones.
        let replaced = match self.primary_deployment().rollout {
            RolloutState::Failed => 0,
            RolloutState::InProgress | RolloutState::Completed => self.primary_pool().healthy,
        };
        self.stop_surplus_of(Choice::Others, self.desired().saturating_sub(replaced));
    }

    fn stop_surplus_of(&mut self, choice: Choice, keep: u32) {
        let pool = self.pool(choice);
        self.stop(choice, Health::Unhealthy, pool.judged().saturating_sub(keep));
        let surplus = pool.promising().saturating_sub(keep);
        let stopped = self.stop(choice, Health::Unknown, surplus);
        self.stop(choice, Health::Healthy, (surplus - stopped).min(self.spare_healthy()));
    }

    fn pool(&self, choice: Choice) -> Pool {
        match choice {
            Choice::Primary => self.primary_pool(),
            Choice::Others | Choice::UnprovenOthers => self.others(),
        }
    }

    /// Stops what must go before something better can start, if the ceiling leaves no room for it.
    fn make_room(&mut self) {
        self.make_room_for_own_replacement();
        let needed = self
            .desired()
            .saturating_sub(self.primary_pool().live())
            .min(self.wanted());
        let others = Choice::Others;
        let mut needed = needed.saturating_sub(self.room());
        needed -= self.stop(others, Health::Unhealthy, needed);
        needed -= self.stop(Choice::UnprovenOthers, Health::Unknown, needed);
        // What is left of unjudged tasks are replacements that keep the floor.
        let standing = self.others().promising() + self.primary_pool().healthy;
        needed -= self.stop(others, Health::Unknown, needed.min(standing.saturating_sub(self.floor)));
        self.stop(others, Health::Healthy, needed.min(self.spare_healthy()));
    }

    /// With no room for a replacement of an unhealthy task, one such task goes at a time.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
    fn make_room_for_own_replacement(&mut self) {
        if self.room() == 0 && self.wanted() > 0 && self.primary_pool().unknown == 0 {
            self.stop(Choice::Primary, Health::Unhealthy, 1);
        }
        if self.room() == 0 && self.others().unknown == 0 && self.source_replacements().is_some() {
            self.stop(Choice::Others, Health::Unhealthy, 1);
        }
    }

    /// Starts tasks while there is room: one of the primary deployment, so that it can always go on;
    /// then replacements that an old deployment needs to keep the floor; then the rest.
    fn start(&mut self) {
        if self.primary_pool().live() == 0 {
            self.start_some(self.primary, self.wanted().min(1));
        }
        if let Some((source, count)) = self.source_replacements() {
            self.start_some(source, count);
        }
        self.start_some(self.primary, self.wanted());
    }

    /// Which old deployment should replace how many of its tasks: the latest that was completed once, if its replacements don't fail too.
    ///
    /// Tasks are replaced from their own revision.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
    fn source_replacements(&self) -> Option<(usize, u32)> {
        let standing = self.others().promising() + self.primary_pool().healthy;
        let missing = self.floor.saturating_sub(standing);
        let deployments = self.service.deployments.iter().enumerate();
        let (index, source) = deployments
            .filter(|(index, _)| *index != self.primary)
            .find(|(_, source)| {
                source.proven && !source.replacement_failed && source.backoff.blocked_until(self.now).is_none()
            })?;
        let count = missing.min(
            source
                .sustained_tasks
                .saturating_sub(self.census.pools[index].promising()),
        );
        (count > 0).then_some((index, count))
    }

    fn start_some(&mut self, deployment: usize, count: u32) {
        for _ in 0..count.min(self.room()) {
            self.service.start_task(deployment, self.now, self.outbox);
            self.census.pools[deployment].unknown += 1;
            self.changes += 1;
        }
    }

    /// Stops up to `count` tasks with this health, and says how many.
    fn stop(&mut self, choice: Choice, health: Health, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let mut candidates = self.candidates(choice, health);
        candidates.truncate(count as usize);
        for &index in &candidates {
            self.service
                .stop_by_scheduler(index, self.now, self.census, self.outbox);
        }
        self.changes += candidates.len();
        u32::try_from(candidates.len()).unwrap_or(u32::MAX)
    }

    /// Indices of the live tasks to choose from, the first to go first.
    fn candidates(&self, choice: Choice, health: Health) -> Vec<usize> {
        let primary = self.primary_deployment().id;
        let of_primary = matches!(choice, Choice::Primary);
        let mut candidates: Vec<(bool, u64, usize)> = Vec::new();
        for (index, task) in self.service.tasks.iter().enumerate() {
            if task.health != health || (task.deployment == primary) != of_primary || !task.is_live() {
                continue;
            }
            match choice {
                Choice::Primary => candidates.push((false, u64::MAX - task.sequence, index)),
                Choice::UnprovenOthers if self.is_proven(task) => {}
                Choice::Others | Choice::UnprovenOthers => {
                    candidates.push((self.is_proven(task), task.sequence, index));
                }
            }
        }
        candidates.sort_unstable();
        candidates.into_iter().map(|(_, _, index)| index).collect()
    }

    fn is_proven(&self, task: &Task) -> bool {
        let index = self.service.deployment_index(task.deployment);
        index.is_some_and(|index| self.service.deployments[index].proven)
    }

    /// Says once for each deployment that the percentages leave no way on.
    fn report_if_stuck(&mut self) {
        let total = self.census.total();
        let stuck = self.wanted() > 0 && self.room() == 0 && self.others().live() > 0 && total.unknown == 0;
        if stuck && !std::mem::replace(&mut self.service.deployments[self.primary].stuck_reported, true) {
            self.service.say(&Message::Stuck, self.now, self.outbox);
        }
    }
}
