//! Names, ports, weights and thresholds, each with its reason.
//!
//! Everything that two of the service, the templates and the command line must agree on stands here once.
//! Units are in the names; relations between values are asserted at compile time: here what is this project's own choice,
//! in the types that `stacks` makes of them what AWS demands.

pub mod alarm;
pub mod architecture;
pub mod capacity;
pub mod deployment;
pub mod environment;
pub mod image_repository;
pub mod judgement;
pub mod load_balancer;
pub mod network;
pub mod pipeline;
pub mod service;
pub mod stage;

/// The application's name: the prefix of every stack, cluster and service name.
pub const APPLICATION_NAME: &str = "OneBoxDeploymentOnECS";

/// The region used when neither a flag, the environment nor a profile names one.
pub const DEFAULT_REGION: &str = "us-east-1";
