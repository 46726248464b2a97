//! Conditions: what is created, or chosen, only in some deployments.

use crate::node::Node;
use crate::value::Value;

/// A condition of a template, by name. Only [`crate::Template::condition`] makes one.
#[derive(Debug, Clone)]
pub struct Condition {
    name: String,
}

impl Condition {
    pub(crate) fn new(name: String) -> Self {
        Self { name }
    }

    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }
}

/// What a condition says.
#[derive(Debug, Clone)]
pub struct ConditionExpression(Node);

/// What `Fn::And`, `Fn::Or` and `Fn::Not` take: another condition, or an expression.
pub trait Operand {
    /// The node that stands for it.
    fn operand(&self) -> Node;
}

impl Operand for Condition {
    fn operand(&self) -> Node {
        Node::call("Condition", self.name())
    }
}

impl Operand for ConditionExpression {
    fn operand(&self) -> Node {
        self.0.clone()
    }
}

impl ConditionExpression {
    /// `Fn::Equals`: whether two values of one type are the same.
    pub fn equals<T>(left: impl Into<Value<T>>, right: impl Into<Value<T>>) -> Self {
        Self(Node::call(
            "Fn::Equals",
            [left.into().into_node(), right.into().into_node()],
        ))
    }

    /// `Fn::And` of two.
    pub fn and(left: &dyn Operand, right: &dyn Operand) -> Self {
        Self(Node::call("Fn::And", [left.operand(), right.operand()]))
    }

    /// `Fn::Or` of two.
    pub fn or(left: &dyn Operand, right: &dyn Operand) -> Self {
        Self(Node::call("Fn::Or", [left.operand(), right.operand()]))
    }

    /// `Fn::Not`.
    pub fn negate(operand: &dyn Operand) -> Self {
        Self(Node::call("Fn::Not", [operand.operand()]))
    }

    pub(crate) fn into_node(self) -> Node {
        self.0
    }
}
