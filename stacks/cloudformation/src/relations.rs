//! What must agree between properties, made so that it can't disagree.
//!
//! AWS refuses these mistakes late, or takes them and misbehaves; linters see one property at a time.
//! - Numbers that must fit each other are made by a `const fn` that panics, and taken as `&'static`: a value that isn't a
//!   constant doesn't live long enough, and a `const` item that panics fails `cargo check`.
//! - Names and ports that must be the same are written once, in an [`Endpoint`], and carried by the type.
//! - An order that must be kept is a chain of types: only a listener makes a target group into a [`Forwarded`] one, and
//!   only that makes a [`Route`] that a service can stand behind.

mod alarm;
mod capacity;
mod container;
mod fargate;
mod forwarding;
mod health_check;
mod rollout;
mod statistic;
mod traffic;

#[cfg(test)]
mod tests;

pub use alarm::{AlarmWindow, BakeTime, Query, Watch, WatchingAlarm, Window};
pub use capacity::Capacity;
pub use container::{Container, Endpoint, FargateTask, ServingContainer, Task};
pub use fargate::FargateSize;
pub use forwarding::{Forwarded, Route, Targets};
pub use health_check::HealthCheck;
pub use rollout::Rollout;
pub use statistic::Statistic;
pub use traffic::TrafficSplit;
