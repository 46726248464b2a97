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
