//! The whole on this machine: the real command line, a real local cloud, real tasks, real requests.
//!
//! Each test has a local cloud of its own, in a folder of its own, and takes its turn: two cores carry one at a time.

#![allow(
    clippy::unwrap_used,
    reason = "a test that finds nothing where something must be has failed"
)]

mod alarm;
mod client;
mod cloud;
mod credentials;
mod diff;
mod disk;
mod docker;
mod documents;
mod faults;
mod inherited;
mod life;
mod load;
mod outage;
mod push;
mod recorder;
mod refusal;
mod resume;
mod runbook;
mod same_source;
mod signals;
mod stages;
mod streams;
mod terminal;
mod update;
mod wire;
