//! Outputs: what a stack tells those who deploy it, and other stacks.

use crate::condition::Condition;
use crate::node::{Node, Object};
use crate::value::{Text, Value};

/// An output of a template.
#[derive(Debug, Clone)]
pub struct Output {
    condition: Option<String>,
    description: &'static str,
    value: Node,
    export: Option<Node>,
}

impl Output {
    /// A value and what it is.
    pub fn new<T: Text>(description: &'static str, value: Value<T>) -> Self {
        Self {
            condition: None,
            description,
            value: value.into_node(),
            export: None,
        }
    }

    /// Lets other stacks of the account and region import it under this name.
    #[must_use]
    pub fn export(mut self, name: impl Into<Value<String>>) -> Self {
        self.export = Some(name.into().into_node());
        self
    }

    /// There only when the condition holds.
    #[must_use]
    pub fn condition(mut self, condition: &Condition) -> Self {
        self.condition = Some(condition.name());
        self
    }

    pub(crate) fn value(&self) -> &Node {
        &self.value
    }

    pub(crate) fn into_object(self) -> Object {
        let mut object = Object::new();
        if let Some(condition) = self.condition {
            object = object.with("Condition", condition);
        }
        object = object.with("Description", self.description).with("Value", self.value);
        match self.export {
            Some(name) => object.with("Export", Object::new().with("Name", name)),
            None => object,
        }
    }
}
