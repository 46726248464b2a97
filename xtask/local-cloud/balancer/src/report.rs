//! What is told about targets: their state, why, and when it changes.

use std::fmt;
use std::net::SocketAddr;

use crate::id::{TargetGroupId, TargetId};

/// A change that someone may wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A target's state or its reason changed.
    TargetHealth(TargetHealth),
}

/// A target and its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// The group.
    pub target_group: TargetGroupId,
    /// The target.
    pub target: TargetId,
    /// Where the target takes requests.
    pub address: SocketAddr,
    /// Its state and why.
    pub health: Health,
}

/// A state with its reason.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The state.
    pub state: TargetState,
    /// Why; none for a healthy target.
    pub reason: Option<Reason>,
}

impl Health {
    pub(crate) const HEALTHY: Self = Self {
        state: TargetState::Healthy,
        reason: None,
    };

    pub(crate) const fn new(state: TargetState, reason: Reason) -> Self {
        Self {
            state,
            reason: Some(reason),
        }
    }

    /// The sentence that goes with the reason.
    pub fn description(&self) -> Option<String> {
        self.reason.map(Reason::description)
    }
}

/// A target's state, by AWS's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetState {
    /// Registered, not yet judged.
    Initial,
    /// Gets requests.
    Healthy,
    /// Gets requests only while no target of its group is healthy.
    Unhealthy,
    /// Deregistered; requests in flight may end.
    Draining,
    /// Not registered any more, or no listener forwards to the group.
    Unused,
    /// Health checks are off; gets requests.
    Unavailable,
}

impl TargetState {
    /// The name in AWS's answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Draining => "draining",
            Self::Unused => "unused",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for TargetState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a target is in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// `Elb.RegistrationInProgress`.
    RegistrationInProgress,
    /// `Elb.InitialHealthChecking`.
    InitialHealthChecking,
    /// `Target.ResponseCodeMismatch`, with the code received.
    ResponseCodeMismatch(u16),
    /// `Target.Timeout`.
    Timeout,
    /// `Target.FailedHealthChecks`: no connection, or an answer that isn't HTTP.
    FailedHealthChecks,
    /// `Target.NotRegistered`.
    NotRegistered,
    /// `Target.NotInUse`.
    NotInUse,
    /// `Target.DeregistrationInProgress`.
    DeregistrationInProgress,
    /// `Target.HealthCheckDisabled`.
    HealthCheckDisabled,
}

impl Reason {
    /// The reason code in AWS's answers.
    pub fn code(self) -> &'static str {
        match self {
            Self::RegistrationInProgress => "Elb.RegistrationInProgress",
            Self::InitialHealthChecking => "Elb.InitialHealthChecking",
            Self::ResponseCodeMismatch(_) => "Target.ResponseCodeMismatch",
            Self::Timeout => "Target.Timeout",
            Self::FailedHealthChecks => "Target.FailedHealthChecks",
            Self::NotRegistered => "Target.NotRegistered",
            Self::NotInUse => "Target.NotInUse",
            Self::DeregistrationInProgress => "Target.DeregistrationInProgress",
            Self::HealthCheckDisabled => "Target.HealthCheckDisabled",
        }
    }

    /// The sentence in AWS's answers.
    pub fn description(self) -> String {
        match self {
            Self::RegistrationInProgress => "Target registration is in progress".to_owned(),
            Self::InitialHealthChecking => "Initial health checks in progress".to_owned(),
            Self::ResponseCodeMismatch(code) => format!("Health checks failed with these codes: [{code}]"),
            Self::Timeout => "Request timed out".to_owned(),
            Self::FailedHealthChecks => "Health checks failed".to_owned(),
            Self::NotRegistered => "Target is not registered to the target group".to_owned(),
            Self::NotInUse => "Target group is not configured to receive traffic from the load balancer".to_owned(),
            Self::DeregistrationInProgress => "Target deregistration is in progress".to_owned(),
            Self::HealthCheckDisabled => "Health checks are disabled for the target group".to_owned(),
        }
    }
}
