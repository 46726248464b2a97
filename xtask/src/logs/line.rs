//! A line of a log as columns: when, which stage, which task, how bad, what, and whatever else it tells.

use serde_json::{Map, Value};

use crate::aws::logs::LogLine;
use crate::aws::whole_milliseconds;
use crate::progress::clean;

/// How much of a task's id tells it from the others.
const TASK_SHOWN: usize = 8;

/// What the columns tell already.
const IN_COLUMNS: [&str; 4] = ["timestamp", "level", "message", "stage"];

/// What comes first of the other fields: what is looked for in a request's line.
const FIRST: [&str; 4] = ["method", "path", "status", "milliseconds"];

/// The line. Its text is the service's JSON; what is none, such as a panic's, stands as it is.
pub(super) fn render(line: &LogLine) -> String {
    // The stream is `stage/container/task`.
    let stage = line.stream.split('/').next().unwrap_or_default();
    let task = line.stream.rsplit('/').next().unwrap_or_default();
    let task: String = task.chars().take(TASK_SHOWN).collect();
    let (level, text) = match serde_json::from_str(&line.text) {
        Ok(Value::Object(fields)) if fields.contains_key("message") => (plain(fields.get("level")), told(&fields)),
        _ => (String::new(), line.text.clone()),
    };
    let time = whole_milliseconds(line.time);
    clean(&format!("{time} {stage:<6} {task} {level:<5} {text}"))
}

/// The message, and the other fields as `name=value`.
fn told(fields: &Map<String, Value>) -> String {
    let known = FIRST.iter().filter_map(|name| fields.get_key_value(*name));
    let others = fields
        .iter()
        .filter(|(name, _)| !IN_COLUMNS.contains(&name.as_str()) && !FIRST.contains(&name.as_str()));
    let message = std::iter::once(plain(fields.get("message")));
    let pairs = known
        .chain(others)
        .map(|(name, value)| format!("{name}={}", quoted(value)));
    message.chain(pairs).collect::<Vec<_>>().join(" ")
}

/// A text as it is; anything else as JSON; nothing for what isn't there.
fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// As [`plain`], but for texts that would run into what stands beside them.
fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.contains([' ', '"']) => value.to_string(),
        other => plain(Some(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn check(text: &str) -> String {
        render(&LogLine {
            id: "id".to_owned(),
            stream: "Fleet/service/0123456789abcdef".to_owned(),
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(16_570),
            text: text.to_owned(),
        })
    }

    #[test]
    fn a_line_of_the_service_is_columns_and_fields() {
        let request = r#"{"timestamp":"1970-01-01T00:00:16.570000Z","level":"ERROR","request_id":"id-1","method":"GET",
            "path":"/a b","status":500,"milliseconds":0.25,"stage":"fleet","message":"request"}"#;
        insta::assert_snapshot!(check(request), @r#"1970-01-01T00:00:16.570Z Fleet  01234567 ERROR request method=GET path="/a b" status=500 milliseconds=0.25 request_id=id-1"#);
        insta::assert_snapshot!(check(r#"{"level":"INFO","message":"ready","empty":"","list":[1]}"#), @r#"1970-01-01T00:00:16.570Z Fleet  01234567 INFO  ready empty="" list=[1]"#);
    }

    #[test]
    fn a_line_that_is_none_of_the_services_stands_as_it_is() {
        insta::assert_snapshot!(check("thread 'main' panicked"), @"1970-01-01T00:00:16.570Z Fleet  01234567       thread 'main' panicked");
        insta::assert_snapshot!(check(r#"{"other": "program"}"#), @r#"1970-01-01T00:00:16.570Z Fleet  01234567       {"other": "program"}"#);
        insta::assert_snapshot!(check(r#"{"level":"INFO","message":"\u001b[31mred\u001b[0m"}"#), @"1970-01-01T00:00:16.570Z Fleet  01234567 INFO  red");
    }
}
