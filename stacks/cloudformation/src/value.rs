//! Values of properties: literals and expressions, by type.

use std::fmt;
use std::marker::PhantomData;

use crate::node::{Node, ToNode};

/// A value of type `T`: a literal, or an expression that CloudFormation resolves to one.
///
/// `T` is `String`, a marker of [`crate::formats`], `bool`, `i64`, `f64`, [`Integer`], an enum of the generated
/// types, or a `Vec` of one of these.
pub struct Value<T> {
    node: Node,
    of: PhantomData<fn() -> T>,
}

impl<T> Value<T> {
    /// Takes a node at its word.
    pub(crate) fn from_node(node: Node) -> Self {
        Self { node, of: PhantomData }
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn into_node(self) -> Node {
        self.node
    }
}

impl<T: Text> Value<T> {
    /// The same text, where any text will do.
    pub fn text(self) -> Value<String> {
        Value::from_node(self.node)
    }
}

impl Value<String> {
    /// The same text as the name of something particular: for what only CloudFormation knows, such as an import.
    pub fn assume<T: Text>(self) -> Value<T> {
        Value::from_node(self.node)
    }
}

impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Self::from_node(self.node.clone())
    }
}

impl<T> PartialEq for Value<T> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(formatter)
    }
}

impl<T> ToNode for Value<T> {
    fn to_node(&self) -> Node {
        self.node.clone()
    }
}

/// Types that are text in a template.
pub trait Text {}

impl Text for String {}

impl<T: Text> From<&'static str> for Value<T> {
    fn from(text: &'static str) -> Self {
        Self::from_node(Node::from(text))
    }
}

impl<T: Text> From<String> for Value<T> {
    fn from(text: String) -> Self {
        Self::from_node(Node::from(text))
    }
}

/// Types whose values are literals as they stand.
pub trait Literal {
    /// The literal in a template.
    fn literal(self) -> Node;
}

impl<T: Literal> From<T> for Value<T> {
    fn from(value: T) -> Self {
        Self::from_node(value.literal())
    }
}

impl Literal for bool {
    fn literal(self) -> Node {
        Node::Boolean(self)
    }
}

impl Literal for i64 {
    fn literal(self) -> Node {
        Node::Integer(self)
    }
}

impl Literal for f64 {
    /// A whole number is written without a fraction, as AWS writes it.
    #[expect(clippy::cast_possible_truncation, reason = "only where nothing is lost")]
    fn literal(self) -> Node {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.fract() == 0.0 && self.abs() < EXACT {
            Node::Integer(self as i64)
        } else {
            Node::Number(self)
        }
    }
}

/// A list of literals or expressions.
pub fn list<T, V: Into<Value<T>>>(items: impl IntoIterator<Item = V>) -> Value<Vec<T>> {
    Value::from_node(Node::List(
        items.into_iter().map(|item| item.into().into_node()).collect(),
    ))
}

/// A whole number from `MINIMUM` to `MAXIMUM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Integer<const MINIMUM: i64, const MAXIMUM: i64>(i64);

impl<const MINIMUM: i64, const MAXIMUM: i64> Integer<MINIMUM, MAXIMUM> {
    /// A number for a `const` item, where one out of range fails `cargo check`.
    ///
    /// # Panics
    ///
    /// When the number is out of range: in a constant, when compiling.
    #[track_caller]
    pub const fn constant(number: i64) -> Self {
        assert!(
            MINIMUM <= number && number <= MAXIMUM,
            "the number is out of the range that AWS allows"
        );
        Self(number)
    }

    /// A number known when compiling; one out of range doesn't build, though `cargo check`, which doesn't look into
    /// functions, lets it pass.
    pub const fn of<const NUMBER: i64>() -> Self {
        const {
            assert!(
                MINIMUM <= NUMBER && NUMBER <= MAXIMUM,
                "the number is out of the range that AWS allows"
            );
        }
        Self(NUMBER)
    }

    /// A number known only at run time; none when out of range.
    pub const fn new(number: i64) -> Option<Self> {
        if MINIMUM <= number && number <= MAXIMUM {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl<const MINIMUM: i64, const MAXIMUM: i64> Literal for Integer<MINIMUM, MAXIMUM> {
    fn literal(self) -> Node {
        Node::Integer(self.0)
    }
}
