//! What a resource refers to.

use std::collections::BTreeSet;

use serde_json::Value;

/// The resources that a resource depends on: by `DependsOn`, `Ref`, `Fn::GetAtt` and `Fn::Sub`.
pub(super) fn dependencies(resource: &Value, resources: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match &resource["DependsOn"] {
        Value::String(name) => drop(names.insert(name.clone())),
        listed => names.extend(texts(listed)),
    }
    collect(&resource["Properties"], &mut names);
    // A parameter and a pseudo parameter are no resources.
    names.retain(|name| resources.get(name).is_some());
    names
}

fn texts(listed: &Value) -> impl Iterator<Item = String> {
    let items = listed.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(ToOwned::to_owned)
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), member) {
                    ("Ref", Value::String(name)) => drop(names.insert(name.clone())),
                    ("Fn::GetAtt", Value::Array(path)) => names.extend(path.first().and_then(text)),
                    ("Fn::GetAtt", Value::String(path)) => names.extend(path.split('.').next().map(ToOwned::to_owned)),
                    ("Fn::Sub", Value::String(text)) => names.extend(substituted(text)),
                    ("Fn::Sub", Value::Array(parts)) => {
                        names.extend(parts.first().and_then(Value::as_str).into_iter().flat_map(substituted));
                        parts.iter().skip(1).for_each(|part| collect(part, names));
                    }
                    _ => collect(member, names),
                }
            }
        }
        _ => {}
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

/// The names within `${Name}` and `${Name.Attribute}`; `${!Name}` stands for itself.
fn substituted(text: &str) -> Vec<String> {
    let parts = text.split("${").skip(1).filter_map(|part| part.split_once('}'));
    parts
        .map(|(inside, _)| inside)
        .filter(|inside| !inside.starts_with('!'))
        .map(|inside| inside.split('.').next().unwrap_or(inside).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_of_referring_counts_once() {
        let resources = json!({"A": {}, "B": {}, "C": {}, "D": {}, "E": {}, "F": {}});
        let resource = json!({
            "DependsOn": ["A", "B"],
            "Properties": {
                "One": {"Ref": "B"},
                "Two": [{"Fn::GetAtt": ["C", "Arn"]}, {"Fn::GetAtt": "D.Arn"}],
                "Three": {"Fn::Sub": "${E.Arn}/${AWS::Region}/${!F}"},
                "Four": {"Ref": "Parameter"},
                "Five": {"Fn::Sub": ["${X}", {"X": {"Ref": "A"}}]},
            },
        });
        let names: Vec<String> = dependencies(&resource, &resources).into_iter().collect();
        assert_eq!(names, ["A", "B", "C", "D", "E"]);
        assert_eq!(dependencies(&json!({"DependsOn": "F"}), &resources).len(), 1);
    }
}
