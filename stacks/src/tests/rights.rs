//! Least privilege: every wildcard, and every door to the world, is in a list with its reason.

mod deployment;
mod policies;
mod security_groups;
mod unneeded;
mod wildcards;

use std::collections::BTreeSet;

use serde_json::Value;

use super::parse;
use crate::all;

/// What is found in a template, and why it may be there.
type Reasons = [(&'static str, &'static str)];

/// Holds what all templates have against a list, both ways: what is no longer there must leave the list.
fn check(find: impl Fn(&Value) -> BTreeSet<String>, reasons: &Reasons) {
    let found: BTreeSet<String> = all().iter().flat_map(|stack| find(&parse(stack))).collect();
    let listed = reasons.iter().map(|(finding, _)| (*finding).to_owned()).collect();
    assert_eq!(found, listed);
    assert!(reasons.iter().all(|(_, reason)| !reason.is_empty()));
}

/// Plants something in a service template, and says what is found besides what was there.
fn planted(find: impl Fn(&Value) -> BTreeSet<String>, pointer: &str, what: Value) -> Vec<String> {
    let mut template = super::service_templates().remove(0);
    let before = find(&template);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match template["Resources"].pointer_mut(parent).unwrap() {
        Value::Object(members) if what.is_null() => {
            members.remove(name).unwrap();
        }
        Value::Object(members) => {
            members.insert(name.to_owned(), what);
        }
        Value::Array(items) => items.push(what),
        _ => panic!("{pointer}"),
    }
    find(&template).difference(&before).cloned().collect()
}
