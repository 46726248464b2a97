//! `EventBridge`: rules that a change elsewhere sets off, and what they do.

mod deliver;
mod message;
mod pattern;
mod resources;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use resources::KINDS;

/// A rule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) properties: Value,
}
