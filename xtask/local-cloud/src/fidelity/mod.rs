//! The ledger of what the local cloud does with each property of a template. What isn't in it is refused.

/// The reason of a property that has a single value here.
macro_rules! only {
    ($value:literal) => {
        concat!("only ", $value, " is taken, any other is refused")
    };
}

mod code;
mod document;
mod ledger;

pub use document::markdown;

use std::collections::BTreeSet;

use serde_json::Value;

/// What the local cloud does with a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fidelity {
    /// It behaves as on AWS.
    Exercised,
    /// It behaves nearly as on AWS; the reason says in what it differs.
    Approximated,
    /// It is kept and shown but changes nothing; the reason says why that is right on one machine.
    Inert,
}

impl Fidelity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exercised => "exercised",
            Self::Approximated => "approximated",
            Self::Inert => "inert",
        }
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The resource type, `AWS::ECS::Service`.
    pub resource_type: &'static str,
    /// The property's path: `*` stands for every element of a list, a last `**` for everything below.
    /// An attribute of a load balancer or a target group stands below the list by its key.
    pub property: &'static str,
    /// What the local cloud does with it.
    pub fidelity: Fidelity,
    /// Why, or in what it differs; empty when exercised.
    pub reason: &'static str,
}

/// Every property that a template may have here, by resource type and property.
pub fn ledger() -> impl Iterator<Item = Entry> {
    let mut chapters = ledger::LEDGER.iter().chain(code::LEDGER).collect::<Vec<_>>();
    chapters.sort_by_key(|(resource_type, _)| *resource_type);
    chapters.into_iter().flat_map(|(resource_type, properties)| {
        properties.iter().map(|&(property, fidelity, reason)| Entry {
            resource_type,
            property,
            fidelity,
            reason,
        })
    })
}

/// The properties that the ledger doesn't have, each with the reason for the refusal.
pub(crate) fn check(resource_type: &str, properties: &Value) -> Vec<String> {
    let known = ledger()
        .filter(|entry| entry.resource_type == resource_type)
        .map(|entry| entry.property);
    let mut walk = Walk {
        known: known.collect(),
        unknown: BTreeSet::new(),
        misshapen: BTreeSet::new(),
    };
    walk.value("", properties);
    let unknown = walk.unknown.into_iter();
    let unknown = unknown.map(|path| format!("{path}: the local cloud does not support this property"));
    let misshapen = walk.misshapen.into_iter();
    let misshapen = misshapen.map(|(path, expected)| format!("{path}: must be {expected}"));
    unknown.chain(misshapen).collect()
}

struct Walk {
    known: Vec<&'static str>,
    unknown: BTreeSet<String>,
    /// What has another shape than the ledger knows, with the right one: nothing would look into it.
    misshapen: BTreeSet<(String, &'static str)>,
}

impl Walk {
    fn value(&mut self, path: &str, value: &Value) {
        if let Some(branches) = branches(value) {
            for branch in branches {
                self.value(path, branch);
            }
        } else if provisioner::is_unresolved(value) || self.everything_below(path) {
            // Nothing to look at yet, or nothing to look for.
        } else if let Some(attributes) = attributes(path, value) {
            for (key, value) in attributes {
                self.member(path, key, value);
            }
        } else {
            match (value, self.shape(path)) {
                (Value::Object(members), Shape::Structure) => members
                    .iter()
                    .for_each(|(name, member)| self.member(path, name, member)),
                (Value::Array(items), Shape::List) => {
                    for item in items {
                        self.value(&join(path, "*"), item);
                    }
                }
                (Value::String(_) | Value::Number(_) | Value::Bool(_), Shape::Scalar) => {}
                (_, expected) => drop(self.misshapen.insert((path.to_owned(), expected.as_str()))),
            }
        }
    }

    /// What a property is, by what the ledger has below it.
    fn shape(&self, path: &str) -> Shape {
        let list = join(path, "*");
        let below = |known: &&str, path: &str| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        if self.known.iter().any(|known| **known == list || below(known, &list)) {
            Shape::List
        } else if path.is_empty() || self.known.iter().any(|known| below(known, path)) {
            Shape::Structure
        } else {
            Shape::Scalar
        }
    }

    fn member(&mut self, path: &str, name: &str, member: &Value) {
        let path = join(path, name);
        let below = format!("{path}/");
        if self
            .known
            .iter()
            .any(|known| *known == path || known.starts_with(&below))
        {
            self.value(&path, member);
        } else {
            self.unknown.insert(path);
        }
    }

    fn everything_below(&self, path: &str) -> bool {
        self.known.iter().any(|known| known.strip_suffix("/**") == Some(path))
    }
}

enum Shape {
    Structure,
    List,
    Scalar,
}

impl Shape {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Structure => "a structure",
            Self::List => "a list",
            Self::Scalar => "a text, a number or a boolean",
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    }
}

/// Both values of an `Fn::If`: either may come to be.
fn branches(value: &Value) -> Option<&[Value]> {
    value.get("Fn::If")?.as_array()?.get(1..3)
}

/// The keys of an attribute list are names of properties in all but form.
fn attributes<'a>(path: &str, value: &'a Value) -> Option<Vec<(&'a str, &'a Value)>> {
    if !matches!(path, "LoadBalancerAttributes" | "TargetGroupAttributes") {
        return None;
    }
    let pairs = value
        .as_array()?
        .iter()
        .map(|pair| Some((pair.get("Key")?.as_str()?, pair.get("Value")?)));
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_service(properties: &Value, expected: &[&str]) {
        let unknown = check("AWS::ECS::Service", properties);
        let unknown = unknown
            .iter()
            .map(|fault| fault.split(':').next().unwrap())
            .collect::<Vec<_>>();
        assert_eq!(unknown, expected);
    }

    #[test]
    fn what_the_ledger_lacks_is_named_by_its_path() {
        check_service(
            &json!({"ServiceName": "a", "LoadBalancers": [{"ContainerName": "b"}]}),
            &[],
        );
        check_service(&json!({"Colour": "red"}), &["Colour"]);
        check_service(
            &json!({"LoadBalancers": [{"Colour": "red"}]}),
            &["LoadBalancers/*/Colour"],
        );
        check_service(&json!({"LoadBalancers": {"Ref": "Later"}}), &[]);
        for shapeless in [json!("one"), json!({}), json!(1)] {
            check_service(&json!({"LoadBalancers": shapeless}), &["LoadBalancers"]);
        }
        check_service(&json!({"DeploymentConfiguration": []}), &["DeploymentConfiguration"]);
        check_service(&json!({"ServiceName": []}), &["ServiceName"]);
        check_service(&json!({"LoadBalancers": ["one"]}), &["LoadBalancers/*"]);
        check_service(
            &json!({"LoadBalancers": {"Fn::If": ["C", [{"Colour": "red"}], {"Ref": "AWS::NoValue"}]}}),
            &["LoadBalancers/*/Colour"],
        );
    }

    #[test]
    fn an_attribute_counts_as_a_property() {
        let group = |key: &str| json!({"TargetGroupAttributes": [{"Key": key, "Value": "1"}]});
        let kind = "AWS::ElasticLoadBalancingV2::TargetGroup";
        assert_eq!(check(kind, &group("deregistration_delay.timeout_seconds")), [""; 0]);
        assert_eq!(check(kind, &group("colour")).len(), 1);
    }

    /// Puts a value at a path of the ledger, in the first element of every list on the way.
    fn put(properties: &mut Value, path: &[&str], value: &str) {
        match path {
            [] => *properties = json!(value),
            ["*", rest @ ..] => {
                if !properties.is_array() {
                    *properties = json!([null]);
                }
                put(&mut properties[0], rest, value);
            }
            [name, rest @ ..] => put(&mut properties[*name], rest, value),
        }
    }

    /// What a pipeline must have before a single action of it is looked at.
    fn pipeline() -> Value {
        let action = |name, category, provider| {
            json!({"Name": name, "ActionTypeId": {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"},
                "Configuration": {}})
        };
        json!({"Name": "a", "RoleArn": "b", "Stages": [
            {"Name": "c", "Actions": [action("d", "Source", "CodeCommit")]},
            {"Name": "e", "Actions": [action("f", "Build", "CodeBuild")]},
        ]})
    }

    #[test]
    fn where_one_value_is_taken_any_other_is_refused() {
        let mut tried = 0;
        for entry in ledger() {
            let Some((value, _)) = entry
                .reason
                .strip_prefix("only ")
                .and_then(|rest| rest.split_once(" is taken, any other is refused"))
            else {
                continue;
            };
            let kind = crate::provider::kind(entry.resource_type).unwrap();
            let base = match entry.resource_type {
                "AWS::CodePipeline::Pipeline" => pipeline(),
                _ => json!({}),
            };
            let faults = |value: &str| {
                let mut properties = base.clone();
                put(&mut properties, &entry.property.split('/').collect::<Vec<_>>(), value);
                provisioner::ResourceType::check(kind, &properties)
                    .err()
                    .unwrap_or_default()
            };
            assert!(
                faults("another").len() > faults(value).len(),
                "{entry:?}: {:?}",
                faults("another")
            );
            tried += 1;
        }
        assert!(tried > 20, "{tried}");
    }

    #[test]
    fn the_ledger_names_each_property_once_and_gives_its_reasons() {
        let mut seen = BTreeSet::new();
        for entry in ledger() {
            assert!(seen.insert((entry.resource_type, entry.property)), "twice: {entry:?}");
            assert_eq!(
                entry.reason.is_empty(),
                entry.fidelity == Fidelity::Exercised,
                "{entry:?}"
            );
            assert!(
                crate::provider::kind(entry.resource_type).is_some(),
                "no such kind: {entry:?}"
            );
        }
        for kind in crate::provider::kinds() {
            assert!(
                seen.iter().any(|(resource_type, _)| *resource_type == kind.type_name),
                "{}",
                kind.type_name
            );
        }
    }
}
