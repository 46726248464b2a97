//! The text of a template as an ordered tree.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

/// One node of a template: JSON in the order in which it was built, references kept apart so that they can be checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// Text.
    Text(Cow<'static, str>),
    /// A list.
    List(Vec<Node>),
    /// An object, in this order.
    Object(Vec<(Cow<'static, str>, Node)>),
    /// `Ref`: a resource, a parameter or a pseudo parameter.
    Ref(Cow<'static, str>),
    /// `Fn::GetAtt`: an attribute of a resource.
    GetAtt(Cow<'static, str>, Cow<'static, str>),
    /// `Fn::Sub`.
    Sub(Vec<SubPart>),
}

/// A piece of [`Node::Sub`].
#[derive(Debug, Clone, PartialEq)]
pub enum SubPart {
    /// Text as it stands.
    Text(Cow<'static, str>),
    /// Something that CloudFormation resolves.
    Expression(Node),
}

impl Node {
    /// Compact JSON, for the properties that AWS wants as JSON inside a string.
    ///
    /// Intended for literals: an intrinsic function inside a string would not be resolved by CloudFormation.
    ///
    /// # Panics
    ///
    /// Never: a node holds nothing that JSON can't.
    pub fn to_compact_json(&self) -> String {
        serde_json::to_string(self).expect("a node holds nothing that JSON can't")
    }

    /// An object that calls one intrinsic function.
    pub(crate) fn call(function: &'static str, argument: impl Into<Node>) -> Self {
        Self::Object(vec![(function.into(), argument.into())])
    }
}

impl From<&'static str> for Node {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Node {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<Vec<Node>> for Node {
    fn from(items: Vec<Node>) -> Self {
        Self::List(items)
    }
}

impl<const LENGTH: usize> From<[Node; LENGTH]> for Node {
    fn from(items: [Node; LENGTH]) -> Self {
        Self::List(items.into())
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Ref(name) => entry(serializer, "Ref", name),
            Self::GetAtt(name, attribute) => entry(serializer, "Fn::GetAtt", &[name, attribute]),
            Self::Sub(parts) => entry(serializer, "Fn::Sub", &sub_argument(parts)),
        }
    }
}

fn entry<S: Serializer, V: Serialize>(serializer: S, key: &str, value: &V) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, value)?;
    map.end()
}

/// The argument of `Fn::Sub`: the text alone, or with the variables that stand for nested functions.
pub(crate) fn sub_argument(parts: &[SubPart]) -> Node {
    let mut text = String::new();
    let mut variables = Object::new();
    let mut count = 0;
    for part in parts {
        match part {
            SubPart::Text(piece) => text.push_str(&piece.replace("${", "${!")),
            SubPart::Expression(Node::Ref(name)) => push_placeholder(&mut text, name),
            SubPart::Expression(Node::GetAtt(name, attribute)) => {
                push_placeholder(&mut text, &format!("{name}.{attribute}"));
            }
            SubPart::Expression(node) => {
                count += 1;
                let variable = format!("Variable{count}");
                push_placeholder(&mut text, &variable);
                variables = variables.with(variable, node.clone());
            }
        }
    }
    if count == 0 {
        Node::from(text)
    } else {
        Node::from([Node::from(text), variables.into()])
    }
}

fn push_placeholder(text: &mut String, name: &str) {
    text.push_str("${");
    text.push_str(name);
    text.push('}');
}

/// What has a place in a template.
pub trait ToNode {
    /// The node that stands for it.
    fn to_node(&self) -> Node;
}

impl ToNode for Node {
    fn to_node(&self) -> Node {
        self.clone()
    }
}

impl<T: ToNode> ToNode for Vec<T> {
    fn to_node(&self) -> Node {
        Node::List(self.iter().map(ToNode::to_node).collect())
    }
}

impl<T: ToNode> ToNode for Box<T> {
    fn to_node(&self) -> Node {
        (**self).to_node()
    }
}

/// Builds [`Node::Object`], key by key.
#[derive(Debug, Clone, Default)]
pub struct Object(Vec<(Cow<'static, str>, Node)>);

impl Object {
    /// No keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Node>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }

    /// Adds a key whose value is always there.
    #[must_use]
    pub fn required(self, key: &'static str, value: &impl ToNode) -> Self {
        self.with(key, value.to_node())
    }

    /// Adds a key when there is a value.
    #[must_use]
    pub fn optional<T: ToNode>(self, key: &'static str, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.required(key, value),
            None => self,
        }
    }

    /// Adds a key unless there is nothing under it.
    #[must_use]
    pub fn section(self, key: &'static str, section: Object) -> Self {
        if section.0.is_empty() {
            self
        } else {
            self.with(key, section)
        }
    }
}

impl From<Object> for Node {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

/// A property whose keys are the user's own, such as labels; in the order given.
#[derive(Debug, Clone, Default)]
pub struct Map<T>(Vec<(Cow<'static, str>, T)>);

impl<T> Map<T> {
    /// No keys yet.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a key.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<T>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }
}

impl<T: ToNode> ToNode for Map<T> {
    fn to_node(&self) -> Node {
        Node::Object(
            self.0
                .iter()
                .map(|(key, value)| (key.clone(), value.to_node()))
                .collect(),
        )
    }
}
