//! The ECS service scheduler as a pure state machine.
//!
//! One [`Service`] holds all that the scheduler knows of one ECS service.
//! Its caller tells it what happened ([`Event`]) and what time it is, and performs the [`Action`]s that come back, in their order.
//! Nothing here reads a clock, opens a socket or starts a process, so the same events give the same actions, in a test and in the local cloud.
//!
//! ```text
//!                 Deploy, SetDesiredCount, …            StartTask, StopTask
//!   API calls ──────────────┐                      ┌──────────────────────► task runtime
//!                           ▼                      │
//!   task runtime ────► Service::step(now, event) ──┤
//!    TaskRunning, …         ▲                      │ RegisterTarget, DeregisterTarget
//!   load balancer ──────────┘                      └──────────────────────► load balancer
//!    TargetHealth, TargetUnused
//! ```
//!
//! The caller's duties:
//!
//! - save the service before it performs the actions; after a restart perform [`Service::unfinished`] again (every action is idempotent)
//!   and report what it finds: [`Event::TaskStopped`] for each task that is gone, [`Event::TargetHealth`] for each that lives;
//! - send [`Event::Tick`] no later than [`Service::next_deadline`].
//!
//! Events may repeat, come late or out of order; an event about a task that the service doesn't know changes nothing.

mod cause;
mod census;
mod deployment;
mod event;
mod identifier;
mod message;
mod observe;
mod outbox;
mod plan;
mod rollout;
mod service;
mod service_deployment;
mod settings;
mod task;
#[cfg(test)]
mod tests;
mod view;

pub use cause::Cause;
pub use deployment::RolloutState;
pub use event::{Action, Event, TargetState};
pub use identifier::{DeploymentId, InvalidIdentifier, RevisionId, ServiceDeploymentId, ServiceEventId, TaskId};
pub use message::{SERVICE_EVENTS_KEPT, ServiceEvent};
pub use service::{STOPPED_TASKS_KEPT, Service};
pub use service_deployment::{
    DeploymentOutcome, Failure, SERVICE_DEPLOYMENTS_KEPT, ServiceDeployment, ServiceDeploymentStatus,
};
pub use settings::{Alarms, CircuitBreaker, LoadBalancer, Settings, StartBackoff, Threshold};
pub use task::{DesiredStatus, Health, StopCode, Task, TaskStatus};
pub use view::{DeploymentDescription, DeploymentStatus};
