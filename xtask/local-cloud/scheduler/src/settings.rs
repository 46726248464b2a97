//! How a service is to be run: what `CreateService` and `UpdateService` carry, every wait already scaled by the caller.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A service's settings. Every duration is in the caller's time, so a sped-up local cloud passes shorter ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The healthy floor in percent of the desired count, 0 to 100; more counts as 100.
    pub minimum_healthy_percent: u32,
    /// The ceiling of running and pending tasks in percent of the desired count, 100 or more; less counts as 100.
    pub maximum_percent: u32,
    /// The deployment circuit breaker; `None` when it is disabled.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// The deployment alarms; `None` when they are disabled.
    pub alarms: Option<Alarms>,
    /// How long a deployment is watched after its last old task is gone.
    pub bake: Duration,
    /// Whether a deployment bakes that has nothing to roll back to: the first one, and a rollback itself.
    ///
    /// AWS documents nothing here. The default is no: baking only serves to roll back.
    pub bake_first_deployment: bool,
    /// How long after a task runs its unhealthy target is ignored (`healthCheckGracePeriodSeconds`).
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>
    pub health_check_grace: Duration,
    /// The target group that the tasks are registered in; `None` for a service without a load balancer.
    pub load_balancer: Option<LoadBalancer>,
    /// How long a task must have run to count as healthy when there is no load balancer.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
    pub steady_after_running: Duration,
    /// The wait between attempts to start tasks that keep failing.
    pub start_backoff: StartBackoff,
}

impl Default for Settings {
    /// ECS's defaults for a replica service without a load balancer, at AWS's speed.
    fn default() -> Self {
        Self {
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: None,
            alarms: None,
            bake: Duration::ZERO,
            bake_first_deployment: false,
            health_check_grace: Duration::ZERO,
            load_balancer: None,
            steady_after_running: Duration::from_secs(40),
            start_backoff: StartBackoff::default(),
        }
    }
}

impl Settings {
    /// The fewest healthy tasks that the scheduler's own stops may leave: ceil(desired × minimum / 100).
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
    pub fn healthy_floor(&self, desired_count: u32) -> u32 {
        percent_rounded_up(desired_count, self.minimum_healthy_percent.min(100))
    }

    /// The most running and pending tasks that the scheduler's own starts may lead to: floor(desired × maximum / 100).
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
    pub fn task_ceiling(&self, desired_count: u32) -> u32 {
        let ceiling = u64::from(desired_count) * u64::from(self.maximum_percent.max(100)) / 100;
        u32::try_from(ceiling).unwrap_or(u32::MAX)
    }

    /// Whether the count of failed tasks starts again at nought when a new task becomes healthy; so does ECS when nothing is configured.
    pub(crate) fn resets_on_healthy_task(&self) -> bool {
        self.circuit_breaker
            .as_ref()
            .is_none_or(|breaker| breaker.reset_on_healthy_task)
    }
}

/// The target group that a service's tasks are registered in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// The target group's ARN, as service events and stop reasons name it.
    pub target_group: String,
    /// The container port that is registered.
    pub container_port: u16,
}

/// The deployment circuit breaker.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// Whether a deployment that it fails is rolled back to the latest completed one.
    pub rollback: bool,
    /// How many failed tasks fail a deployment.
    pub threshold: Threshold,
    /// Whether only consecutive failures count (ECS's default, yes).
    pub reset_on_healthy_task: bool,
}

impl CircuitBreaker {
    /// ECS's defaults: half of the desired count, between 3 and 200, counted in a row.
    pub fn new(rollback: bool) -> Self {
        Self {
            rollback,
            threshold: Threshold::default(),
            reset_on_healthy_task: true,
        }
    }
}

/// How many failed tasks fail a deployment (`ThresholdConfiguration`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Threshold {
    /// A percentage of the desired count, rounded up, at least 3 and at most 200.
    BoundedPercent(u32),
    /// A percentage of the desired count, rounded up, at least 1.
    UnboundedPercent(u32),
    /// A number of tasks, at least 1.
    Count(u32),
}

impl Default for Threshold {
    fn default() -> Self {
        Self::BoundedPercent(50)
    }
}

impl Threshold {
    /// The number of failed tasks at which a deployment of `desired_count` tasks fails.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
    pub fn tasks(self, desired_count: u32) -> u32 {
        match self {
            Self::BoundedPercent(percent) => percent_rounded_up(desired_count, percent).clamp(3, 200),
            Self::UnboundedPercent(percent) => percent_rounded_up(desired_count, percent).max(1),
            Self::Count(count) => count.max(1),
        }
    }
}

/// The deployment alarms.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarms {
    /// The names of the `CloudWatch` alarms; any of them in ALARM fails the deployment.
    pub names: Vec<String>,
    /// Whether a deployment that they fail is rolled back to the latest completed one.
    pub rollback: bool,
}

/// The wait before the next attempt when tasks fail before they are healthy: it doubles from `initial` to `maximum`.
///
/// ECS documents that the wait grows and its longest; the first wait and the doubling are this crate's choice.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartBackoff {
    /// The wait after the first failure.
    pub initial: Duration,
    /// The longest wait.
    pub maximum: Duration,
}

impl Default for StartBackoff {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(10),
            maximum: Duration::from_mins(27),
        }
    }
}

impl StartBackoff {
    /// The wait after `rounds` failed attempts in a row, none for nought.
    pub(crate) fn wait(&self, rounds: u32) -> Duration {
        let Some(doublings) = rounds.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        self.initial.saturating_mul(factor).min(self.maximum)
    }
}

fn percent_rounded_up(count: u32, percent: u32) -> u32 {
    let scaled = (u64::from(count) * u64::from(percent)).div_ceil(100);
    u32::try_from(scaled).unwrap_or(u32::MAX)
}
