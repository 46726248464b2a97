//! Who refers to whom: references to nothing, and circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::entry::Entry;
use crate::error::Error;
use crate::node::{Node, SubPart};

/// Finds the first reference to something that isn't there, or circle of resources.
pub(crate) fn check<'a>(
    resources: &'a [Entry],
    parameters: &BTreeSet<&str>,
    conditions: &BTreeSet<&str>,
    outputs: impl Iterator<Item = (&'a str, &'a Node)>,
) -> Result<(), Error> {
    let ids: BTreeSet<&str> = resources.iter().map(|entry| entry.logical_id.as_str()).collect();
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in resources {
        let found = references(&entry.properties);
        dangling(&entry.logical_id, &found, &ids, parameters)?;
        if let Some(condition) = entry.options.condition_name().filter(|name| !conditions.contains(name)) {
            return Err(Error::Dangling(entry.logical_id.clone(), condition.to_owned()));
        }
        let waits_for: Vec<&str> = entry.options.dependencies().iter().map(String::as_str).collect();
        dangling(&entry.logical_id, &waits_for, &ids, &BTreeSet::new())?;
        let to_resources = found.into_iter().chain(waits_for).filter(|name| ids.contains(name));
        edges.insert(&entry.logical_id, to_resources.collect());
    }
    for (name, value) in outputs {
        dangling(name, &references(value), &ids, parameters)?;
    }
    circle(&edges)
}

fn dangling(from: &str, to: &[&str], ids: &BTreeSet<&str>, parameters: &BTreeSet<&str>) -> Result<(), Error> {
    let known = |name: &str| name.starts_with("AWS::") || ids.contains(name) || parameters.contains(name);
    match to.iter().find(|name| !known(name)) {
        Some(name) => Err(Error::Dangling(from.to_owned(), (*name).to_owned())),
        None => Ok(()),
    }
}

/// The names that a node refers to.
fn references(node: &Node) -> Vec<&str> {
    match node {
        Node::Boolean(_) | Node::Integer(_) | Node::Number(_) | Node::Text(_) => Vec::new(),
        Node::Ref(name) | Node::GetAtt(name, _) => vec![name],
        Node::List(items) => items.iter().flat_map(references).collect(),
        Node::Object(entries) => entries.iter().flat_map(|(_, value)| references(value)).collect(),
        Node::Sub(parts) => parts.iter().flat_map(part_references).collect(),
    }
}

fn part_references(part: &SubPart) -> Vec<&str> {
    match part {
        SubPart::Text(_) => Vec::new(),
        SubPart::Expression(node) => references(node),
    }
}

/// Finds a circle by taking away, again and again, what waits for nothing that is left.
fn circle(edges: &BTreeMap<&str, Vec<&str>>) -> Result<(), Error> {
    let mut left: BTreeSet<&str> = edges.keys().copied().collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .copied()
            .filter(|name| !edges[name].iter().any(|to| left.contains(to)))
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    let Some(mut at) = left.first().copied() else {
        return Ok(());
    };
    let mut path = Vec::new();
    while !path.contains(&at) {
        path.push(at);
        at = edges[at].iter().copied().find(|to| left.contains(to)).unwrap_or(at);
    }
    let start = path.iter().position(|name| *name == at).unwrap_or(0);
    let mut names: Vec<String> = path[start..].iter().map(|name| (*name).to_owned()).collect();
    names.push(at.to_owned());
    Err(Error::Circular(names))
}
