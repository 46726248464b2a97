//! How a template's text is laid out: JSON that people compare line by line, and that fits into a call.
//!
//! Down to a resource's attributes everything has a line of its own; below, whatever fits on one line stays there. Plain
//! indentation throughout is a quarter longer, and puts each `Ref` on three lines.

use std::borrow::Cow;

use crate::node::{Node, sub_argument};

/// The longest line, in bytes, unless one text alone is longer.
const WIDTH: usize = 120;

/// Spaces to a level.
const INDENT: usize = 2;

/// Levels that are always spread out: the template, its sections, their entries.
const SPREAD: usize = 3;

/// The text of a node, with a newline at the end.
pub(crate) fn lay_out(node: &Node) -> String {
    let mut text = String::new();
    write(node, 0, 0, &mut text);
    text.push('\n');
    text
}

/// Writes a node that stands at a level, behind so many bytes of its line.
fn write(node: &Node, level: usize, behind: usize, text: &mut String) {
    let node = plain(node);
    let node = node.as_ref();
    if level >= SPREAD || is_leaf(node) {
        let line = inline(node);
        // A comma may follow.
        if is_leaf(node) || level * INDENT + behind + line.len() < WIDTH {
            text.push_str(&line);
            return;
        }
    }
    match node {
        Node::List(items) => {
            let items = items.iter().map(|item| (String::new(), item));
            write_spread("[", items, "]", level, text);
        }
        Node::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| (prefix(key), value));
            write_spread("{", entries, "}", level, text);
        }
        _ => unreachable!("the rest are leaves"),
    }
}

fn write_spread<'a>(
    open: &str,
    items: impl Iterator<Item = (String, &'a Node)>,
    close: &str,
    level: usize,
    text: &mut String,
) {
    let mut separator = open;
    for (prefix, item) in items {
        text.push_str(separator);
        new_line(level + 1, text);
        text.push_str(&prefix);
        write(item, level + 1, prefix.len(), text);
        separator = ",";
    }
    new_line(level, text);
    text.push_str(close);
}

fn new_line(level: usize, text: &mut String) {
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', level * INDENT));
}

fn inline(node: &Node) -> String {
    match plain(node).as_ref() {
        Node::List(items) if !items.is_empty() => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Node::Object(entries) if !entries.is_empty() => {
            let entries = entries.iter().map(|(key, value)| prefix(key) + &inline(value));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        leaf => leaf.to_compact_json(),
    }
}

fn prefix(key: &str) -> String {
    Node::from(key.to_owned()).to_compact_json() + ": "
}

fn is_leaf(node: &Node) -> bool {
    match node {
        Node::List(items) => items.is_empty(),
        Node::Object(entries) => entries.is_empty(),
        _ => true,
    }
}

/// References as the objects that they are in JSON.
fn plain(node: &Node) -> Cow<'_, Node> {
    Cow::Owned(match node {
        Node::Ref(name) => Node::call("Ref", Node::Text(name.clone())),
        Node::GetAtt(name, attribute) => {
            Node::call("Fn::GetAtt", [Node::Text(name.clone()), Node::Text(attribute.clone())])
        }
        Node::Sub(parts) => Node::call("Fn::Sub", sub_argument(parts)),
        node => return Cow::Borrowed(node),
    })
}
