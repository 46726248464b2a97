//! Why deployments fail.

use serde::{Deserialize, Serialize};

use crate::DeploymentId;

/// Why a deployment failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The circuit breaker's threshold is reached.
    CircuitBreaker,
    /// A deployment alarm is in ALARM.
    Alarm,
    /// `StopServiceDeployment`.
    Stopped,
}

impl Cause {
    /// The end of the service event.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "tasks failed to start",
            Self::Alarm => "alarm detected",
            Self::Stopped => "stopped by user",
        }
    }

    /// The failed deployment's `rolloutStateReason`. The circuit breaker's is ECS's; the others follow it.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html>
    pub(crate) fn reason(self) -> String {
        format!("{}: {}.", self.mechanism(), self.event())
    }

    /// The `rolloutStateReason` of the deployment that is rolled back to.
    pub(crate) fn rollback_reason(self, target: DeploymentId) -> String {
        format!("{}: rolling back to deploymentId {target}.", self.mechanism())
    }

    fn mechanism(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "ECS deployment circuit breaker",
            Self::Alarm => "ECS deployment alarms",
            Self::Stopped => "ECS deployment stop request",
        }
    }
}
