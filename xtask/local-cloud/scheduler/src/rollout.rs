//! The course of a deployment: failures counted, circuit breaker, alarms, rollback, bake, completion.

use std::time::SystemTime;

use crate::{
    Action, DeploymentId, RolloutState, Service, Task,
    cause::Cause,
    census::Census,
    deployment::{AlarmWatch, completed_reason},
    message::Message,
    outbox::Outbox,
    service_deployment::Failure,
};

/// From this many failed attempts in a row on, the service says that it can't start its tasks.
const ATTEMPTS_UNTIL_IMPAIRED: u32 = 3;

impl Service {
    /// A task of this deployment has become healthy for the first time.
    pub(crate) fn count_success(&mut self, deployment: DeploymentId) {
        let resets = self.settings.resets_on_healthy_task();
        if let Some(index) = self.deployment_index(deployment) {
            let deployment = &mut self.deployments[index];
            deployment.backoff.reset();
            deployment.replacement_failed = false;
            if resets {
                deployment.failed_tasks = 0;
            }
        }
    }

    /// A task has ended by itself before it was healthy.
    ///
    /// ECS's first stage counts tasks that never reach RUNNING, its second failed health checks; a task that runs and exits before
    /// any check is in neither by the letter. Here it counts, and both kinds count in both stages: otherwise a process that
    /// exits at once would never trip the breaker.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
    pub(crate) fn count_failure_to_start(&mut self, task: &mut Task, now: SystemTime, outbox: &mut Outbox) {
        self.count_failure(task);
        let (settings, last_started) = (self.settings.start_backoff, self.last_sequence);
        let Some(index) = self.deployment_index(task.deployment) else {
            return;
        };
        let backoff = &mut self.deployments[index].backoff;
        let new_round = backoff.record_failure(task.sequence, last_started, settings, now);
        if new_round && backoff.rounds == ATTEMPTS_UNTIL_IMPAIRED {
            self.say(&Message::UnableToStart, now, outbox);
        }
    }

    /// A task has failed its health checks.
    pub(crate) fn count_failed_health_check(&mut self, task: &mut Task) {
        self.count_failure(task);
    }

    fn count_failure(&mut self, task: &mut Task) {
        if std::mem::replace(&mut task.counted_as_failed, true) {
            return;
        }
        if let Some(index) = self.deployment_index(task.deployment) {
            let deployment = &mut self.deployments[index];
            deployment.replacement_failed |= !task.proven;
            if deployment.is_in_progress() {
                deployment.failed_tasks = deployment.failed_tasks.saturating_add(1);
            }
        }
    }

    /// Fails the deployment in progress if the circuit breaker or an alarm says so; whichever is first uses its own rollback flag.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
    pub(crate) fn check_for_failure(&mut self, now: SystemTime, census: &Census, outbox: &mut Outbox) {
        if let Some(rollback) = self.circuit_breaker_trips() {
            self.fail_deployment(Cause::CircuitBreaker, rollback, now, outbox);
        }
        if let Some(rollback) = self.alarms_trip(census) {
            self.fail_deployment(Cause::Alarm, rollback, now, outbox);
        }
    }

    /// Ends the deployment in progress and, if asked to and able to, brings back the latest completed one.
    pub(crate) fn fail_deployment(&mut self, cause: Cause, rollback: bool, now: SystemTime, outbox: &mut Outbox) {
        let Some(index) = self
            .primary_index()
            .filter(|&index| self.deployments[index].is_in_progress())
        else {
            return;
        };
        self.remember_sustained_tasks();
        let reason = cause.reason();
        let failed = self.deployments[index].id;
        self.set_rollout(index, RolloutState::Failed, reason.clone(), now, outbox);
        self.say(
            &Message::Failed {
                deployment: failed,
                cause: cause.event(),
            },
            now,
            outbox,
        );
        let target = if rollback { self.last_completed.take() } else { None };
        let triggered_alarms = if cause == Cause::Alarm {
            self.listed_in_alarm()
        } else {
            Vec::new()
        };
        let failure = Failure {
            cause,
            reason,
            triggered_alarms,
            failed_tasks: self.deployments[index].failed_tasks,
            at: now,
        };
        self.records.fail(failure, target, now);
        if let Some(target) = target {
            self.roll_back(target, cause, now, outbox);
        }
    }

    fn roll_back(&mut self, target: DeploymentId, cause: Cause, now: SystemTime, outbox: &mut Outbox) {
        let Some(index) = self.deployment_index(target) else {
            return;
        };
        let reason = cause.rollback_reason(target);
        self.deployments[index].reactivate(reason.clone(), now);
        self.primary = Some(target);
        self.say(&Message::RollingBack { deployment: target }, now, outbox);
        outbox.actions.push(Action::DeploymentStateChanged {
            deployment: target,
            state: RolloutState::InProgress,
            reason,
        });
    }

    /// Notes how many tasks the primary deployment has, before another takes its place.
    pub(crate) fn remember_sustained_tasks(&mut self) {
        let Some(index) = self.primary_index() else { return };
        let id = self.deployments[index].id;
        let tasks = self
            .tasks
            .iter()
            .filter(|task| task.deployment == id && task.is_live())
            .count();
        self.deployments[index].sustained_tasks = u32::try_from(tasks).unwrap_or(u32::MAX);
    }

    /// Completes the deployment once all is in place and the bake is over, and tells of the steady state.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
    pub(crate) fn check_for_completion(&mut self, now: SystemTime, census: &Census, outbox: &mut Outbox) {
        let in_place = self
            .primary_index()
            .filter(|&index| !self.deleting && self.is_in_place(index, census));
        let Some(index) = in_place else {
            self.steady = false;
            return;
        };
        if self.deployments[index].is_in_progress() {
            self.deployments[index].bake_started_at.get_or_insert(now);
            if self.bake_ends_at(index).is_some_and(|end| now >= end) {
                self.complete(index, now, outbox);
            }
        }
        let steady = self.deployments[index].rollout == RolloutState::Completed && census.total().leaving == 0;
        if steady && !self.steady {
            self.say(&Message::SteadyState, now, outbox);
        }
        self.steady = steady;
    }

    /// Whether the deployment has every desired task healthy, and no other deployment has a task left.
    fn is_in_place(&self, index: usize, census: &Census) -> bool {
        let pool = census.pools.get(index).copied().unwrap_or_default();
        pool.healthy == self.desired_count && pool.live() == self.desired_count && census.others(index).is_empty()
    }

    fn complete(&mut self, index: usize, now: SystemTime, outbox: &mut Outbox) {
        let id = self.deployments[index].id;
        self.set_rollout(index, RolloutState::Completed, completed_reason(id), now, outbox);
        self.deployments[index].proven = true;
        self.last_completed = Some(id);
        self.records.complete(now);
        self.say(&Message::Completed { deployment: id }, now, outbox);
    }

    /// Drops deployments without tasks that nothing can bring back.
    pub(crate) fn forget_what_is_over(&mut self, now: SystemTime, census: &Census) {
        let mut pools = census.pools.iter();
        let (primary, last_completed) = (self.primary, self.last_completed);
        self.deployments.retain(|deployment| {
            let has_tasks = pools.next().is_some_and(|pool| !pool.is_empty());
            has_tasks || Some(deployment.id) == primary || Some(deployment.id) == last_completed
        });
        let (tasks, records) = (&self.tasks, &mut self.records);
        records.finish_stopped(now, |id| tasks.iter().any(|task| task.deployment == id));
    }

    /// When time alone will change something.
    pub(crate) fn deadline(&self, now: SystemTime, census: &Census) -> Option<SystemTime> {
        if self.deleting {
            return None;
        }
        let bake_end = self
            .primary_index()
            .filter(|&index| self.deployments[index].is_in_progress())
            .and_then(|index| self.bake_ends_at(index))
            .filter(|&end| end > now);
        let retries = self
            .deployments
            .iter()
            .filter_map(|deployment| deployment.backoff.blocked_until(now));
        retries.chain(bake_end).chain(census.next_judgement).min()
    }

    fn bake_ends_at(&self, index: usize) -> Option<SystemTime> {
        let can_roll_back = self.last_completed.is_some();
        let bakes = can_roll_back || self.settings.bake_first_deployment;
        let started_at = self.deployments[index].bake_started_at?;
        Some(if bakes {
            started_at + self.settings.bake
        } else {
            started_at
        })
    }

    fn circuit_breaker_trips(&self) -> Option<bool> {
        let breaker = self.settings.circuit_breaker.as_ref()?;
        let deployment = &self.deployments[self.primary_index()?];
        let threshold = breaker.threshold.tasks(self.desired_count);
        (deployment.is_in_progress() && deployment.failed_tasks >= threshold).then_some(breaker.rollback)
    }

    /// Watching begins with the first running task of the deployment. An alarm that is in ALARM by then can't be the deployment's doing,
    /// and switches the alarms off for this deployment. AWS documents the second rule, and of the first only what its launch blog says.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
    /// <https://www.infoq.com/news/2023/01/ecs-automated-rollbacks/>
    fn alarms_trip(&mut self, census: &Census) -> Option<bool> {
        let in_alarm = !self.listed_in_alarm().is_empty();
        let rollback = self.settings.alarms.as_ref()?.rollback;
        let index = self.primary_index()?;
        let running = census.pools.get(index).is_some_and(|pool| pool.running > 0);
        let deployment = &mut self.deployments[index];
        match deployment.alarm_watch {
            AlarmWatch::NotStarted if running && deployment.is_in_progress() => {
                deployment.alarm_watch = if in_alarm {
                    AlarmWatch::Ignored
                } else {
                    AlarmWatch::Watching
                };
                if in_alarm {
                    self.records.ignore_alarms(deployment.id);
                }
                None
            }
            AlarmWatch::Watching if in_alarm && deployment.is_in_progress() => Some(rollback),
            _ => None,
        }
    }

    /// The service's alarms that are in ALARM.
    fn listed_in_alarm(&self) -> Vec<String> {
        let names = self.settings.alarms.iter().flat_map(|alarms| &alarms.names);
        names.filter(|name| self.in_alarm.contains(name)).cloned().collect()
    }

    fn set_rollout(&mut self, index: usize, state: RolloutState, reason: String, now: SystemTime, outbox: &mut Outbox) {
        let deployment = &mut self.deployments[index];
        deployment.rollout = state;
        deployment.rollout_reason.clone_from(&reason);
        deployment.updated_at = now;
        outbox.actions.push(Action::DeploymentStateChanged {
            deployment: deployment.id,
            state,
            reason,
        });
    }
}
