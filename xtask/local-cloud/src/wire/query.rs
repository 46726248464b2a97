//! The query protocol's input: flat form fields (`Tags.member.1.Key=a`) that stand for nested structures and lists.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Fault;

const FIELDS_LIMIT: usize = 10_000;
const DEPTH_LIMIT: usize = 16;

enum Node {
    Text(String),
    Branch(BTreeMap<String, Node>),
}

/// Decodes a form into one nested value; every leaf is a string, as the protocol has no other type.
///
/// # Errors
/// `MalformedQueryString` when it isn't a form, names one field as a text and as a structure, or is over the limits.
pub(crate) fn decode(form: &str) -> Result<Value, Fault> {
    let mut root = BTreeMap::new();
    for (count, field) in form.split('&').filter(|field| !field.is_empty()).enumerate() {
        if count == FIELDS_LIMIT {
            return Err(malformed("more than 10,000 fields"));
        }
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        insert(&mut root, &unescape(name)?, unescape(value)?)?;
    }
    Ok(value_of(Node::Branch(root)))
}

fn insert(root: &mut BTreeMap<String, Node>, path: &str, text: String) -> Result<(), Fault> {
    let mut segments = path.split('.').collect::<Vec<_>>();
    if segments.len() > DEPTH_LIMIT {
        return Err(malformed("a field nests deeper than 16 levels"));
    }
    let last = segments.pop().unwrap_or_default();
    let mut branch = root;
    for segment in segments {
        match branch
            .entry(segment.to_owned())
            .or_insert_with(|| Node::Branch(BTreeMap::new()))
        {
            Node::Branch(inner) => branch = inner,
            Node::Text(_) => return Err(malformed("a field is both a text and a structure")),
        }
    }
    match branch.insert(last.to_owned(), Node::Text(text)) {
        None => Ok(()),
        Some(_) => Err(malformed("a field stands twice")),
    }
}

fn value_of(node: Node) -> Value {
    match node {
        Node::Text(text) => Value::String(text),
        Node::Branch(mut branch) => match branch.remove("member") {
            Some(Node::Branch(members)) if branch.is_empty() => list_of(members),
            Some(member) => {
                branch.insert("member".to_owned(), member);
                structure_of(branch)
            }
            None => structure_of(branch),
        },
    }
}

fn structure_of(branch: BTreeMap<String, Node>) -> Value {
    Value::Object(branch.into_iter().map(|(name, node)| (name, value_of(node))).collect())
}

/// Members in the order of their numbers, which needn't be without gaps.
fn list_of(members: BTreeMap<String, Node>) -> Value {
    let mut numbered = members
        .into_iter()
        .map(|(number, node)| (number.parse::<u32>().unwrap_or(u32::MAX), node))
        .collect::<Vec<_>>();
    numbered.sort_by_key(|(number, _)| *number);
    Value::Array(numbered.into_iter().map(|(_, node)| value_of(node)).collect())
}

fn unescape(text: &str) -> Result<String, Fault> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| malformed("a field is not UTF-8"))
}

fn malformed(message: &str) -> Fault {
    Fault::client("MalformedQueryString", message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_nest() {
        let form = "Action=CreateStack&StackName=a+b%2Bc&Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.2.Key=l\
                    &Capabilities.member.10=ten&Capabilities.member.2=two&Empty=";
        let expected = json!({
            "Action": "CreateStack",
            "StackName": "a b+c",
            "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l"}],
            "Capabilities": ["two", "ten"],
            "Empty": "",
        });
        assert_eq!(decode(form).unwrap(), expected);
    }

    #[test]
    fn contradictions_are_refused() {
        for form in ["a=1&a=2", "a=1&a.b=2", "a.b=1&a=2", "a=%ff", &"x.".repeat(20)] {
            assert_eq!(decode(form).unwrap_err().code, "MalformedQueryString", "{form}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(form in "[a-c.&=%+0-9member]{0,80}") {
            let _ = decode(&form);
        }
    }
}
