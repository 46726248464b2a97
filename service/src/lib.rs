//! The backend service.
//!
//! `handlers` is what it answers; the rest is what any service needs around that. The binary `service` is [`run`];
//! the binary `bootstrap`, which stands in for it until the first deployment, is [`run_bootstrap`].

mod admission;
mod aws_call;
mod bootstrap;
pub mod config;
mod connection;
mod edge;
mod handlers;
mod injection;
mod log;
mod request_id;
mod request_log;
mod server;
mod signals;
mod start;

pub use bootstrap::run_bootstrap;
pub use start::run;
