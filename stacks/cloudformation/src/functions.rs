//! Intrinsic functions and pseudo parameters.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use crate::condition::Condition;
use crate::node::{Node, SubPart};
use crate::value::{Text, Value};

/// What [`sub`] puts together: text, or a value.
pub trait Part {
    /// The piece.
    fn part(&self) -> SubPart;
}

impl Part for &'static str {
    fn part(&self) -> SubPart {
        SubPart::Text((*self).into())
    }
}

impl Part for String {
    fn part(&self) -> SubPart {
        SubPart::Text(self.clone().into())
    }
}

impl<T> Part for Value<T> {
    fn part(&self) -> SubPart {
        match self.node() {
            Node::Text(text) => SubPart::Text(text.clone()),
            node => SubPart::Expression(node.clone()),
        }
    }
}

/// `Fn::Sub`: the pieces one after another. Plain text when no piece needs resolving.
pub fn sub(parts: &[&dyn Part]) -> Value<String> {
    let mut pieces = Vec::new();
    for part in parts {
        match (part.part(), pieces.last_mut()) {
            (SubPart::Expression(Node::Sub(inner)), _) => pieces.extend(inner),
            (SubPart::Text(text), Some(SubPart::Text(before))) => before.to_mut().push_str(&text),
            (piece, _) => pieces.push(piece),
        }
    }
    Value::from_node(match pieces.as_slice() {
        [] => Node::from(""),
        [SubPart::Text(text)] => Node::Text(text.clone()),
        _ => Node::Sub(pieces),
    })
}

/// `Fn::Join`: a list's items with a delimiter between them.
pub fn join<T: Text>(delimiter: &'static str, items: Value<Vec<T>>) -> Value<String> {
    Value::from_node(Node::call("Fn::Join", [Node::from(delimiter), items.into_node()]))
}

/// `Fn::Split`: text cut at a delimiter.
pub fn split(delimiter: &'static str, text: Value<String>) -> Value<Vec<String>> {
    Value::from_node(Node::call("Fn::Split", [Node::from(delimiter), text.into_node()]))
}

/// `Fn::Select`: the item at an index that starts at 0.
pub fn select<T>(index: u8, items: Value<Vec<T>>) -> Value<T> {
    Value::from_node(Node::call(
        "Fn::Select",
        [Node::from(i64::from(index)), items.into_node()],
    ))
}

/// `Fn::If`: one of two values.
pub fn choose<T>(condition: &Condition, when_true: impl Into<Value<T>>, when_false: impl Into<Value<T>>) -> Value<T> {
    let branches = [
        condition.name().into(),
        when_true.into().into_node(),
        when_false.into().into_node(),
    ];
    Value::from_node(Node::call("Fn::If", branches))
}

/// `Fn::GetAZs`: the availability zones of the region that the stack is in.
pub fn availability_zones() -> Value<Vec<String>> {
    Value::from_node(Node::call("Fn::GetAZs", ""))
}

/// `Fn::ImportValue`: what another stack exports under this name.
pub fn import_value(name: impl Into<Value<String>>) -> Value<String> {
    Value::from_node(Node::call("Fn::ImportValue", name.into().into_node()))
}

/// The partition: `aws`, or `aws-cn`, `aws-us-gov` and their like.
pub fn partition() -> Value<String> {
    pseudo("AWS::Partition")
}

/// The region that the stack is in.
pub fn region() -> Value<String> {
    pseudo("AWS::Region")
}

/// The account that the stack is in.
pub fn account_id() -> Value<String> {
    pseudo("AWS::AccountId")
}

/// The stack's own name.
pub fn stack_name() -> Value<String> {
    pseudo("AWS::StackName")
}

/// The partition's domain: `amazonaws.com` in most.
pub fn url_suffix() -> Value<String> {
    pseudo("AWS::URLSuffix")
}

fn pseudo(name: &'static str) -> Value<String> {
    Value::from_node(Node::Ref(name.into()))
}
