//! An AWS endpoint on one machine: provisions CloudFormation templates with real tasks and real load balancing.
//!
//! It knows templates only as text, as AWS does, and is spoken to over AWS's own protocols on loopback.
//!
//! Deciding is apart from doing: [`world`] (with the crates `provisioner` and `scheduler`) is pure, [`engine`] is the one
//! loop around it, [`effects`] and [`server`] are the hands and the ears.

mod autoscaling;
mod body;
mod cloud;
mod cloudwatch;
mod code;
mod codebuild;
mod codecommit;
mod codepipeline;
mod delivery;
mod ecr;
mod ecs;
mod effects;
mod elb;
mod engine;
mod events;
mod faults;
mod home;
mod iam;
mod ids;
mod inbox;
mod inputs;
mod kept;
mod kind;
mod local_api;
mod logs;
mod metrics_file;
mod moment;
mod options;
mod plain;
mod properties;
mod provider;
mod server;
mod speed;
mod start;
mod stop;
mod store;
mod values;
mod wire;
mod world;

#[cfg(test)]
mod tests;

pub mod fidelity;

pub use effects::FIRST_LOAD_BALANCER_PORT;
pub use home::{AlreadyRuns, Home, Running};
pub use kept::Kept;
pub use options::{Bake, CacheSeed, DEFAULT_METRIC_LAG_MINUTES, DEFAULT_SPEED, Options, RuntimeChoice};
pub use speed::SPEED_VARIABLE;
pub use start::{DEFAULT_PORT, serve};
