//! How values are spelt in the API.

use serde::Serialize;
use serde_json::Value;

/// An enum's name as the API spells it.
pub(crate) fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
