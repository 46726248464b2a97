//! Moments of services that speak several protocols: handlers give them as seconds since 1970, by the names that the
//! models have for them, and each protocol puts them its own way.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::moment::iso8601;

/// Whether a member of that name is a moment, or a list of them.
pub(super) fn is_one(name: &str) -> bool {
    name.ends_with("Timestamp") || name.ends_with("Timestamps")
}

/// The same output as the query protocol has it: moments as text, maps as entries.
pub(super) fn for_query(output: &Value) -> Value {
    put(output, false)
}

fn put(value: &Value, is_moment: bool) -> Value {
    match value {
        Value::Number(number) if is_moment => {
            let moment = Duration::try_from_secs_f64(number.as_f64().unwrap_or_default());
            json!(iso8601(UNIX_EPOCH + moment.unwrap_or_default()))
        }
        Value::Array(items) => items.iter().map(|item| put(item, is_moment)).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| {
                let member = match member {
                    Value::Object(map) if name == "ExtendedStatistics" => entries(map),
                    other => put(other, is_one(name)),
                };
                (name.clone(), member)
            });
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>
fn entries(map: &serde_json::Map<String, Value>) -> Value {
    let entries = map.iter().map(|(key, value)| json!({"key": key, "value": value}));
    json!({"entry": entries.collect::<Vec<_>>()})
}
