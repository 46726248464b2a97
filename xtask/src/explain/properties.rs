//! A resource's properties, each with what the local cloud does with it.

use local_cloud::fidelity::{Entry, ledger};
use serde_json::{Value, json};

/// How many characters of a value are shown to people.
const SHOWN_CHARACTERS: usize = 60;

/// A property, as deep as it is a text, a number, a boolean or a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    /// The path, `LoadBalancers/0/ContainerPort`.
    path: String,
    /// The value.
    value: Value,
    /// What the local cloud does with it, and why; none where it refuses it.
    locally: Option<(&'static str, &'static str)>,
}

impl Property {
    pub(super) fn row(&self) -> Vec<String> {
        let value = self
            .value
            .as_str()
            .map_or_else(|| self.value.to_string(), ToOwned::to_owned);
        let mut shown: String = value.chars().take(SHOWN_CHARACTERS).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        let (fidelity, reason) = self.locally.unwrap_or(("refused", "the local cloud doesn't know it"));
        vec![self.path.clone(), shown, fidelity.to_owned(), reason.to_owned()]
    }

    pub(super) fn record(&self) -> Value {
        let (fidelity, reason) = self.locally.unzip();
        json!({"path": self.path, "value": self.value, "locally": fidelity, "reason": reason})
    }
}

/// The properties of a resource, in the template's order.
pub(super) fn of(resource_type: &str, properties: &Value) -> Vec<Property> {
    let entries: Vec<Entry> = ledger().filter(|entry| entry.resource_type == resource_type).collect();
    let mut found = Vec::new();
    walk("", properties, &mut |path, value| {
        let entry = entries.iter().find(|entry| covers(entry.property, path));
        found.push(Property {
            path: path.to_owned(),
            value: value.clone(),
            locally: entry.map(|entry| (entry.fidelity.as_str(), entry.reason)),
        });
    });
    found
}

fn walk(path: &str, value: &Value, found: &mut dyn FnMut(&str, &Value)) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}/{name}")
        }
    };
    match value {
        Value::Object(members) if !members.is_empty() && !is_function(value) => {
            for (name, member) in members {
                walk(&below(name), member, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                match attribute(path, item) {
                    Some((key, value)) => walk(&below(key), value, found),
                    None => walk(&below(&index.to_string()), item, found),
                }
            }
        }
        Value::Null => {}
        value => found(path, value),
    }
}

fn is_function(value: &Value) -> bool {
    let members = value.as_object().filter(|members| members.len() == 1);
    let key = members.and_then(|members| members.keys().next());
    key.is_some_and(|key| key == "Ref" || key.starts_with("Fn::"))
}

/// The ledger has an attribute of a load balancer or a target group below the list by its key.
fn attribute<'a>(path: &str, item: &'a Value) -> Option<(&'a str, &'a Value)> {
    let listed = matches!(path, "LoadBalancerAttributes" | "TargetGroupAttributes");
    listed.then_some(())?;
    Some((item["Key"].as_str()?, item.get("Value")?))
}

/// Whether an entry of the ledger is about a property: `*` stands for an index, a last `**` for everything below. A
/// function takes the place of what the ledger has below it.
fn covers(entry: &str, path: &str) -> bool {
    let mut path = path.split('/');
    for wanted in entry.split('/') {
        match (wanted, path.next()) {
            ("**", _) | (_, None) => return true,
            ("*", Some(index)) if index.parse::<usize>().is_ok() => {}
            (wanted, Some(name)) if wanted == name => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_covers_paths() {
        for (entry, path, expected) in [
            ("Cpu", "Cpu", true),
            ("Cpu", "Memory", false),
            ("Cpu", "Cpu/0", false),
            ("Tags/**", "Tags/0/Key", true),
            ("LoadBalancers/*/ContainerPort", "LoadBalancers/0/ContainerPort", true),
            ("LoadBalancers/*/ContainerPort", "LoadBalancers/0/ContainerName", false),
            ("LoadBalancers/*/ContainerPort", "LoadBalancers", true),
        ] {
            assert_eq!(covers(entry, path), expected, "{entry} {path}");
        }
    }

    #[test]
    fn every_property_that_we_deploy_is_in_the_ledger() {
        for environment in [stacks::Environment::Sandbox, stacks::Environment::Production] {
            let template: Value = serde_json::from_str(&stacks::service(environment).template).unwrap();
            for resource in template["Resources"].as_object().unwrap().values() {
                let resource_type = resource["Type"].as_str().unwrap();
                for property in of(resource_type, &resource["Properties"]) {
                    assert!(property.locally.is_some(), "{resource_type} {}", property.path);
                }
            }
        }
    }

    #[test]
    fn an_attribute_goes_by_its_key() {
        let properties = json!({"TargetGroupAttributes": [{"Key": "stickiness.enabled", "Value": "false"}]});
        let found = of("AWS::ElasticLoadBalancingV2::TargetGroup", &properties);
        assert_eq!(found[0].path, "TargetGroupAttributes/stickiness.enabled");
    }
}
