//! Event patterns: which events a rule is for.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>

use serde_json::Value;

/// The operators that are known here, beside a value that must be equal.
const OPERATORS: &[&str] = &["prefix", "exists", "anything-but"];

/// What of a pattern isn't understood, each by its path.
pub(super) fn faults(pattern: &Value) -> Vec<String> {
    match pattern {
        Value::Null => Vec::new(),
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !provisioner::is_unresolved(value))
            .flat_map(|(name, value)| crate::values::below(name, of_field(name, value)))
            .collect(),
        _ => vec!["must be a structure".to_owned()],
    }
}

fn of_field(name: &str, value: &Value) -> Vec<String> {
    if name.starts_with('$') {
        return vec!["the local cloud does not support this operator of event patterns".to_owned()];
    }
    match value {
        Value::Object(_) => faults(value),
        Value::Array(alternatives) => alternatives
            .iter()
            .filter(|alternative| !provisioner::is_unresolved(alternative))
            .filter_map(of_alternative)
            .collect(),
        _ => vec!["must be a list of values".to_owned()],
    }
}

fn of_alternative(alternative: &Value) -> Option<String> {
    let Value::Object(operator) = alternative else {
        return None;
    };
    let right = match operator.iter().next() {
        Some((name, value)) if operator.len() == 1 && OPERATORS.contains(&name.as_str()) => match name.as_str() {
            "prefix" => value.is_string(),
            "exists" => value.is_boolean(),
            _ => !value.is_object(),
        },
        _ => false,
    };
    (!right).then(|| format!("the local cloud does not support the operator {alternative} of event patterns"))
}

/// Whether an event matches: every field of the pattern has one of its values.
pub(super) fn matches(pattern: &Value, event: &Value) -> bool {
    let Value::Object(fields) = pattern else {
        return false;
    };
    fields.iter().all(|(name, wanted)| {
        let actual = event.get(name);
        match wanted {
            Value::Object(_) => actual.is_some_and(|actual| matches(wanted, actual)),
            Value::Array(alternatives) => alternatives.iter().any(|wanted| fits(wanted, actual)),
            _ => false,
        }
    })
}

fn fits(wanted: &Value, actual: Option<&Value>) -> bool {
    if let Some(exists) = wanted.get("exists").and_then(Value::as_bool) {
        return actual.is_some() == exists;
    }
    match actual {
        // A list of the event matches where any of its items does.
        Some(Value::Array(items)) => items.iter().any(|item| item_fits(wanted, item)),
        Some(actual) => item_fits(wanted, actual),
        None => false,
    }
}

fn item_fits(wanted: &Value, actual: &Value) -> bool {
    if let Some(prefix) = wanted.get("prefix").and_then(Value::as_str) {
        return actual.as_str().is_some_and(|actual| actual.starts_with(prefix));
    }
    match wanted.get("anything-but") {
        Some(Value::Array(excluded)) => !excluded.contains(actual),
        Some(excluded) => excluded != actual,
        None => wanted == actual,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_is_for_the_events_that_have_what_it_names() {
        let event = json!({
            "source": "aws.codecommit", "resources": ["a", "b"],
            "detail": {"event": "referenceUpdated", "referenceName": "main", "count": 3},
        });
        let check = |pattern: Value, expected: bool| {
            assert_eq!(faults(&pattern), [""; 0], "{pattern}");
            assert_eq!(matches(&pattern, &event), expected, "{pattern}");
        };
        check(json!({}), true);
        check(json!({"source": ["aws.codecommit", "other"]}), true);
        check(json!({"source": ["other"]}), false);
        check(json!({"resources": ["b", "c"]}), true);
        check(json!({"resources": ["c"]}), false);
        check(
            json!({"source": ["aws.codecommit"], "detail": {"referenceName": ["main"], "count": [3]}}),
            true,
        );
        check(
            json!({"source": ["aws.codecommit"], "detail": {"referenceName": ["trunk"]}}),
            false,
        );
        check(json!({"detail": {"missing": ["x"]}}), false);
        check(json!({"missing": {"deeper": ["x"]}}), false);
        check(json!({"detail": {"event": [{"prefix": "reference"}]}}), true);
        check(json!({"detail": {"event": [{"prefix": "branch"}]}}), false);
        check(
            json!({"detail": {"event": [{"exists": true}], "missing": [{"exists": false}]}}),
            true,
        );
        check(json!({"detail": {"event": [{"exists": false}]}}), false);
        check(
            json!({"detail": {"event": [{"anything-but": "referenceDeleted"}]}}),
            true,
        );
        check(
            json!({"detail": {"event": [{"anything-but": ["referenceDeleted", "referenceUpdated"]}]}}),
            false,
        );
        check(json!({"detail": {"missing": [{"anything-but": "x"}]}}), false);
    }

    #[test]
    fn other_operators_are_refused_by_their_place() {
        for (pattern, expected) in [
            (json!({"detail": {"count": [{"numeric": [">", 1]}]}}), "detail/count/"),
            (
                json!({"detail": {"a": [{"prefix": {"equals-ignore-case": "x"}}]}}),
                "detail/a/",
            ),
            (json!({"$or": []}), "$or/"),
            (json!({"source": "a"}), "source/must be a list"),
            (json!({"a": [{"exists": true, "prefix": "b"}]}), "a/"),
        ] {
            let found = faults(&pattern);
            assert!(
                found.len() == 1 && found[0].starts_with(expected),
                "{pattern}: {found:?}"
            );
        }
    }
}
