//! How resources differ from what their stack last made of them.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html>

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::provider::Actual;
use crate::resource::Resource;
use crate::template::scalar_text;

/// What one detection found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Drift {
    pub(crate) id: String,
    pub(crate) at: SystemTime,
    /// By logical id; a resource whose type isn't checked isn't in it.
    pub(crate) resources: BTreeMap<String, ResourceDrift>,
}

/// What it found of one resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ResourceDrift {
    pub(crate) status: DriftStatus,
    pub(crate) at: SystemTime,
    pub(crate) expected: Value,
    pub(crate) actual: Option<Value>,
    pub(crate) differences: Vec<Difference>,
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResourceDrift.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum DriftStatus {
    InSync,
    Modified,
    Deleted,
}

/// One property that isn't as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Difference {
    /// As a JSON pointer.
    pub(crate) path: String,
    pub(crate) kind: DifferenceKind,
    pub(crate) expected: Value,
    pub(crate) actual: Value,
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_PropertyDifference.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum DifferenceKind {
    /// A list has an item more.
    Add,
    /// What was set is there no longer.
    Remove,
    /// It has another value.
    NotEqual,
}

impl Drift {
    /// The resources that aren't as expected.
    pub(crate) fn drifted(&self) -> usize {
        let drifted = self
            .resources
            .values()
            .filter(|resource| resource.status != DriftStatus::InSync);
        drifted.count()
    }

    /// The stack's status.
    pub(crate) fn status(&self) -> &'static str {
        match (self.resources.is_empty(), self.drifted()) {
            (true, _) => "NOT_CHECKED",
            (false, 0) => "IN_SYNC",
            (false, _) => "DRIFTED",
        }
    }
}

impl ResourceDrift {
    /// How a resource differs; none where its type isn't checked.
    pub(crate) fn of(resource: &Resource, actual: Actual, at: SystemTime) -> Option<Self> {
        let expected = resource.properties.clone();
        let (status, actual, differences) = match actual {
            Actual::Unsupported => return None,
            Actual::Gone => (DriftStatus::Deleted, None, Vec::new()),
            Actual::Properties(actual) => {
                let differences = differences(&expected, &actual);
                let status = if differences.is_empty() {
                    DriftStatus::InSync
                } else {
                    DriftStatus::Modified
                };
                (status, Some(actual), differences)
            }
        };
        Some(Self {
            status,
            at,
            expected,
            actual,
            differences,
        })
    }
}

/// How properties differ from those that a template sets. What it doesn't set isn't compared.
pub(crate) fn differences(expected: &Value, actual: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", expected, actual, &mut found);
    found
}

fn compare(path: &str, expected: &Value, actual: &Value, found: &mut Vec<Difference>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (name, expected) in expected {
                let path = format!("{path}/{}", escape(name));
                match actual.get(name) {
                    Some(actual) => compare(&path, expected, actual, found),
                    None => found.push(removed(path, expected)),
                }
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            for (index, pair) in expected.iter().zip(actual).enumerate() {
                compare(&format!("{path}/{index}"), pair.0, pair.1, found);
            }
            for (index, expected) in expected.iter().enumerate().skip(actual.len()) {
                found.push(removed(format!("{path}/{index}"), expected));
            }
            for (index, actual) in actual.iter().enumerate().skip(expected.len()) {
                found.push(Difference {
                    path: format!("{path}/{index}"),
                    kind: DifferenceKind::Add,
                    expected: Value::Null,
                    actual: actual.clone(),
                });
            }
        }
        // Numbers and booleans may be texts in a template.
        (expected, actual) if scalar_text(expected).is_some() && scalar_text(expected) == scalar_text(actual) => {}
        (expected, actual) if expected == actual => {}
        (expected, actual) => found.push(Difference {
            path: path.to_owned(),
            kind: DifferenceKind::NotEqual,
            expected: expected.clone(),
            actual: actual.clone(),
        }),
    }
}

fn removed(path: String, expected: &Value) -> Difference {
    Difference {
        path,
        kind: DifferenceKind::Remove,
        expected: expected.clone(),
        actual: Value::Null,
    }
}

/// A name as a part of a JSON pointer: <https://www.rfc-editor.org/rfc/rfc6901#section-3>.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(expected: &Value, actual: &Value, wanted: &[(&str, DifferenceKind)]) {
        let found = differences(expected, actual);
        let found: Vec<(&str, DifferenceKind)> = found
            .iter()
            .map(|difference| (difference.path.as_str(), difference.kind))
            .collect();
        assert_eq!(found, wanted, "{expected} {actual}");
    }

    #[test]
    fn only_what_is_set_is_compared() {
        check(&json!({"A": 1}), &json!({"A": 1, "B": 2}), &[]);
        check(&json!({"A": {"B": 1}}), &json!({"A": {"B": 1, "C": 2}}), &[]);
        check(&json!({}), &json!({"A": 1}), &[]);
    }

    #[test]
    fn values_are_the_same_as_texts_or_not() {
        check(&json!({"A": "3", "B": "true"}), &json!({"A": 3, "B": true}), &[]);
        check(
            &json!({"A": "3"}),
            &json!({"A": 4}),
            &[("/A", DifferenceKind::NotEqual)],
        );
        check(
            &json!({"A": "3"}),
            &json!({"A": [3]}),
            &[("/A", DifferenceKind::NotEqual)],
        );
    }

    #[test]
    fn paths_lead_into_lists_and_objects() {
        let expected = json!({"Tags": [{"Key": "a", "Value": "b"}], "Nested": {"a/b": 1}});
        let changed = json!({"Tags": [{"Key": "a", "Value": "c"}], "Nested": {"a/b": 2}});
        let mut found = differences(&expected, &changed);
        found.sort_by(|one, other| one.path.cmp(&other.path));
        let paths: Vec<&str> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(paths, ["/Nested/a~1b", "/Tags/0/Value"]);
    }

    #[test]
    fn what_a_list_has_more_or_less() {
        check(
            &json!({"A": [1]}),
            &json!({"A": [1, 2]}),
            &[("/A/1", DifferenceKind::Add)],
        );
        check(
            &json!({"A": [1, 2]}),
            &json!({"A": [1]}),
            &[("/A/1", DifferenceKind::Remove)],
        );
        check(
            &json!({"A": 1, "B": {"C": 1}}),
            &json!({"B": {}}),
            &[("/A", DifferenceKind::Remove), ("/B/C", DifferenceKind::Remove)],
        );
    }
}
