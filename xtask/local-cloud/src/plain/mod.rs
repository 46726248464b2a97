//! Resources that are records only: kept, shown and referred to, with nothing on this machine behind them.
//!
//! Networks and the like change nothing where every task is a process on loopback; the ledger says so property by
//! property. Roles are what `iam` judges by.

mod lookup;
mod resources;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use resources::KINDS;

/// What a record keeps beside its attributes: when it was made. No template can ask for it.
const CREATED_MILLIS: &str = "CreatedMillis";

/// The type of roles.
pub(crate) const ROLE: &str = "AWS::IAM::Role";

/// Records by resource type and physical id.
pub(crate) type Records = BTreeMap<String, BTreeMap<String, Record>>;

/// One such resource.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The resolved properties of the template.
    pub(crate) properties: Value,
    attributes: BTreeMap<String, Value>,
}

impl Record {
    /// When it was made, in milliseconds since 1970, for the types of which calls tell it; otherwise 0.
    pub(crate) fn created_millis(&self) -> u64 {
        self.attributes.get(CREATED_MILLIS).and_then(Value::as_u64).unwrap_or(0)
    }
}
