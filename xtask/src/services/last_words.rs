//! Of what a task wrote last, the lines that tell why it ended.

use serde_json::Value;

/// How many lines are told where none stands out.
const WITHOUT_COMPLAINT: usize = 2;

/// The lines of a log's end that tell something: all but the service's ordinary ones; the last ones where all are.
pub(crate) fn telling(mut lines: Vec<String>) -> Vec<String> {
    if lines.iter().all(|line| is_ordinary(line)) {
        return lines.split_off(lines.len().saturating_sub(WITHOUT_COMPLAINT));
    }
    lines.retain(|line| !is_ordinary(line));
    lines
}

/// Whether it is one of the service's own lines, in JSON, of a level that complains of nothing.
fn is_ordinary(line: &str) -> bool {
    let Ok(Value::Object(event)) = serde_json::from_str(line) else {
        return false;
    };
    let level = event.get("level").and_then(Value::as_str);
    level.is_some_and(|level| ["INFO", "DEBUG", "TRACE"].contains(&level))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(telling(lines), expected);
    }

    #[test]
    fn what_complains_comes_before_what_goes_well() {
        let (info, error) = (
            r#"{"level":"INFO","status":200}"#,
            r#"{"level":"ERROR","message":"crash"}"#,
        );
        check(&[], &[]);
        check(&[info, info, info], &[info, info]);
        check(&[info, error, info], &[error]);
        check(&[info, "thread 'main' panicked", info], &["thread 'main' panicked"]);
        check(&["[]", "INFO"], &["[]", "INFO"]);
    }
}
