//! Parameters: what a deployment chooses.

use std::marker::PhantomData;

use crate::node::{Node, Object};
use crate::value::{Literal, Value};

/// The types that a parameter can have.
pub trait ParameterType {
    /// The type's name in a template.
    const TYPE: &'static str;
}

impl ParameterType for String {
    const TYPE: &'static str = "String";
}

impl ParameterType for i64 {
    const TYPE: &'static str = "Number";
}

impl ParameterType for Vec<String> {
    const TYPE: &'static str = "CommaDelimitedList";
}

/// A parameter of a template.
#[derive(Debug, Clone)]
pub struct Parameter<T> {
    description: &'static str,
    default: Option<Node>,
    constraints: Object,
    of: PhantomData<fn() -> T>,
}

impl<T: ParameterType> Parameter<T> {
    /// A parameter without a default: a first deployment has to choose.
    pub fn new(description: &'static str) -> Self {
        Self {
            description,
            default: None,
            constraints: Object::new(),
            of: PhantomData,
        }
    }

    /// What to tell somebody whose value doesn't fit the constraints.
    #[must_use]
    pub fn constraint_description(self, text: &'static str) -> Self {
        self.constraint("ConstraintDescription", text)
    }

    /// Keeps the value out of consoles and logs.
    #[must_use]
    pub fn no_echo(self) -> Self {
        self.constraint("NoEcho", true)
    }

    pub(crate) fn into_object(self) -> Object {
        let object = Object::new()
            .with("Type", T::TYPE)
            .with("Description", self.description);
        let object = match self.default {
            Some(default) => object.with("Default", default),
            None => object,
        };
        let Node::Object(constraints) = self.constraints.into() else {
            return object;
        };
        constraints
            .into_iter()
            .fold(object, |object, (key, value)| object.with(key, value))
    }

    fn constraint(mut self, key: &'static str, value: impl Into<Node>) -> Self {
        self.constraints = self.constraints.with(key, value);
        self
    }
}

impl Parameter<String> {
    /// The value unless a deployment chooses another.
    #[must_use]
    pub fn default_value(mut self, text: impl Into<String>) -> Self {
        self.default = Some(Node::from(text.into()));
        self
    }

    /// A regular expression, Java's dialect, that the whole value must match.
    #[must_use]
    pub fn allowed_pattern(self, pattern: &'static str) -> Self {
        self.constraint("AllowedPattern", pattern)
    }

    /// The only values allowed.
    #[must_use]
    pub fn allowed_values(self, values: &[&'static str]) -> Self {
        let values: Vec<Node> = values.iter().map(|value| Node::from(*value)).collect();
        self.constraint("AllowedValues", values)
    }

    /// The greatest length in characters.
    #[must_use]
    pub fn max_length(self, characters: u16) -> Self {
        self.constraint("MaxLength", i64::from(characters))
    }
}

impl Parameter<i64> {
    /// The value unless a deployment chooses another.
    #[must_use]
    pub fn default_value(mut self, number: i64) -> Self {
        self.default = Some(number.literal());
        self
    }

    /// The range allowed, both ends included.
    #[must_use]
    pub fn range(self, minimum: i64, maximum: i64) -> Self {
        self.constraint("MinValue", minimum).constraint("MaxValue", maximum)
    }
}

/// A parameter that is in a template. Only [`crate::Template::parameter`] makes one.
#[derive(Debug, Clone)]
pub struct ParameterHandle<T> {
    name: &'static str,
    of: PhantomData<fn() -> T>,
}

impl<T> ParameterHandle<T> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, of: PhantomData }
    }

    /// `Ref`: the parameter's value.
    pub fn reference(&self) -> Value<T> {
        Value::from_node(Node::Ref(self.name.into()))
    }
}
