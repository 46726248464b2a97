//! Decides how a deployment proceeds: staged templates, releases, evidence and the state machine.
//!
//! Pure: time is an argument, and nothing here does I/O, awaits or knows an SDK.

pub mod evidence;
pub mod machine;
pub mod release;
pub mod stage;
pub mod staging;
pub mod template;
