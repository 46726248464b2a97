//! Judges what a step of a deployment did, from metrics and probes.
//!
//! Alarms catch what is bad by any standard. The analysis here catches what is worse than before, or worse at Onebox than
//! at Fleet, and says when there was too little evidence. Every time comes from a server; nothing here reads a clock.
//!
//! - [`analysis`]: the verdict at the end of a step, and [`early`] for a revert before metrics arrive;
//! - [`gate`]: when a step has been watched for long enough;
//! - [`probes`] and [`rate`]: what probes found, and how many to send.

pub mod analysis;
mod checks;
mod customers;
pub mod early;
pub mod errors;
pub mod gate;
pub mod latency;
pub mod network;
pub mod probes;
pub mod rate;
pub mod requests;
pub mod rules;
pub mod series;
pub mod targets;
mod text;
pub mod time;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use self::analysis::{Comparison, Evidence, StageEvidence, judge};
pub use self::network::Network;
pub use self::probes::{ProbeFailure, ProbeLog, Tally};
pub use self::rate::probe_rate;
pub use self::rules::Rules;
pub use self::series::{Point, Sample, Series};
pub use self::time::{Minute, ServerTime, Span};
pub use self::verdict::{NotJudged, Ruling, Verdict};
