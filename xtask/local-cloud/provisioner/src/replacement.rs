//! Whether a change of properties needs a new resource.

use serde_json::Value;

use crate::evaluate::same;

/// Whether the value at any create-only path differs.
pub(crate) fn needs_replacement(create_only: &[&str], before: &Value, after: &Value) -> bool {
    create_only.iter().any(|path| {
        let segments: Vec<&str> = path.split('/').collect();
        !same_at(&segments, Some(before), Some(after))
    })
}

/// Whether a change of this top-level property needs a new resource.
pub(crate) fn property_needs_replacement(
    create_only: &[&str],
    property: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) -> bool {
    create_only.iter().any(|path| {
        let mut segments = path.split('/');
        let rest = match segments.next() {
            Some(first) if first == property => segments.collect::<Vec<_>>(),
            _ => return false,
        };
        !same_at(&rest, before, after)
    })
}

/// A path's `*` stands for every item of a list, as in the schemas.
fn same_at(path: &[&str], before: Option<&Value>, after: Option<&Value>) -> bool {
    let (Some(first), rest) = (path.first(), path.get(1..).unwrap_or_default()) else {
        return match (before, after) {
            (Some(before), Some(after)) => same(before, after),
            (before, after) => before.is_none() && after.is_none(),
        };
    };
    if *first == "*" {
        let count = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, Vec::len);
        let items = count(before).max(count(after));
        return (0..items).all(|index| {
            let item = |value: Option<&Value>| value.and_then(|value| value.get(index)).cloned();
            same_at(rest, item(before).as_ref(), item(after).as_ref())
        });
    }
    let member = |value: Option<&Value>| value.and_then(|value| value.get(*first)).cloned();
    same_at(rest, member(before).as_ref(), member(after).as_ref())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::needs_replacement;

    #[test]
    fn only_a_change_at_a_create_only_path_replaces() {
        let rows = [
            ("Name", json!({ "Name": "a" }), json!({ "Name": "b" }), true),
            ("Name", json!({ "Name": "a" }), json!({}), true),
            (
                "Name",
                json!({ "Name": "a", "Size": 1 }),
                json!({ "Name": "a", "Size": 2 }),
                false,
            ),
            ("Port", json!({ "Port": 80 }), json!({ "Port": "80" }), false),
            (
                "A/B",
                json!({ "A": { "B": 1, "C": 1 } }),
                json!({ "A": { "B": 1, "C": 2 } }),
                false,
            ),
            ("A/B", json!({ "A": { "B": 1 } }), json!({ "A": { "B": 2 } }), true),
            ("A/B", json!({ "A": { "B": 1 } }), json!({}), true),
            (
                "A/*/B",
                json!({ "A": [{ "B": 1 }, { "C": 1 }] }),
                json!({ "A": [{ "B": 1 }, { "C": 2 }] }),
                false,
            ),
            (
                "A/*/B",
                json!({ "A": [{ "B": 1 }] }),
                json!({ "A": [{ "B": 1 }, { "B": 2 }] }),
                true,
            ),
        ];
        for (path, before, after, expected) in rows {
            assert_eq!(
                needs_replacement(&[path], &before, &after),
                expected,
                "{path}: {before} -> {after}"
            );
        }
    }
}
