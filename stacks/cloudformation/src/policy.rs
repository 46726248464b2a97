//! IAM policy documents.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

use crate::node::{Node, Object, ToNode};
use crate::value::{Text, Value, list};

/// The version of the policy language; there is no later one.
const VERSION: &str = "2012-10-17";

/// A policy document: statements, in order.
#[derive(Debug, Clone)]
pub struct PolicyDocument {
    statements: Vec<Statement>,
}

impl PolicyDocument {
    /// A document of these statements.
    pub fn new(statements: impl Into<Vec<Statement>>) -> Self {
        Self {
            statements: statements.into(),
        }
    }
}

impl ToNode for PolicyDocument {
    fn to_node(&self) -> Node {
        Object::new()
            .with("Version", VERSION)
            .required("Statement", &self.statements)
            .into()
    }
}

/// An action of an AWS service, such as `ecr:BatchGetImage`. There is none with a wildcard: rights are listed one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action(&'static str);

impl Action {
    /// A service's prefix in lower case, a colon, and the action's name in letters and digits, with a capital first.
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
    ///
    /// # Panics
    ///
    /// When it is written in another way: in a constant, when compiling.
    #[track_caller]
    pub const fn new(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() {
            assert!(
                bytes[index] != b'*',
                "an action with a wildcard: list the actions one by one"
            );
            index += 1;
        }
        index = 0;
        while index < bytes.len() && is_prefix(bytes[index]) {
            index += 1;
        }
        assert!(
            0 < index && index < bytes.len() && bytes[index] == b':',
            "an action isn't a service's prefix, a colon and a name"
        );
        index += 1;
        assert!(
            index < bytes.len() && bytes[index].is_ascii_uppercase(),
            "an action's name doesn't begin with a capital"
        );
        while index < bytes.len() {
            assert!(
                bytes[index].is_ascii_alphanumeric(),
                "an action's name has other characters than letters and digits"
            );
            index += 1;
        }
        Self(text)
    }
}

const fn is_prefix(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// Whether a statement grants or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Forbids, whatever else grants.
    Deny,
}

/// Who a statement of a resource's or a role's own policy speaks of.
#[derive(Debug, Clone)]
pub enum Principal {
    /// An AWS service, by its domain such as `ecs-tasks.amazonaws.com`.
    Service(&'static str),
    /// Everyone, signed in or not: to forbid.
    Everyone,
}

/// One statement: who may do what to which resources, under which conditions.
#[derive(Debug, Clone)]
pub struct Statement {
    sid: &'static str,
    effect: Effect,
    principal: Option<Principal>,
    actions: &'static [Action],
    resources: Option<Value<Vec<String>>>,
    conditions: Vec<(&'static str, &'static str, Node)>,
}

impl Statement {
    /// A statement of an identity's policy: these actions on these resources.
    pub fn on<T: Text>(
        sid: &'static str,
        effect: Effect,
        actions: &'static [Action],
        resources: impl IntoIterator<Item = Value<T>>,
    ) -> Self {
        let resources = list(resources.into_iter().map(Value::text));
        Self {
            resources: Some(resources),
            ..Self::bare(sid, effect, actions)
        }
    }

    /// A statement of a role's trust policy: this principal may take the role.
    pub fn trust(sid: &'static str, principal: Principal, actions: &'static [Action]) -> Self {
        Self {
            principal: Some(principal),
            ..Self::bare(sid, Effect::Allow, actions)
        }
    }

    /// Names whom a statement of a resource's own policy speaks of.
    #[must_use]
    pub fn of(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Adds a condition: an operator such as `StringEquals`, a key, and the value to compare with.
    #[must_use]
    pub fn condition(mut self, operator: &'static str, key: &'static str, value: impl Into<Value<String>>) -> Self {
        self.conditions.push((operator, key, value.into().into_node()));
        self
    }

    /// Adds a condition that any of some values meets.
    #[must_use]
    pub fn condition_of_any(mut self, operator: &'static str, key: &'static str, values: &[&'static str]) -> Self {
        let values = values.iter().map(|value| Node::from(*value)).collect::<Vec<_>>();
        self.conditions.push((operator, key, values.into()));
        self
    }

    fn bare(sid: &'static str, effect: Effect, actions: &'static [Action]) -> Self {
        Self {
            sid,
            effect,
            principal: None,
            actions,
            resources: None,
            conditions: Vec::new(),
        }
    }

    /// Conditions by operator, in the order in which the operators first appear.
    fn condition_node(&self) -> Object {
        let mut operators: Vec<(&'static str, Object)> = Vec::new();
        for (operator, key, value) in &self.conditions {
            match operators.iter_mut().find(|(name, _)| name == operator) {
                Some((_, keys)) => *keys = std::mem::take(keys).required(key, value),
                None => operators.push((operator, Object::new().required(key, value))),
            }
        }
        operators
            .into_iter()
            .fold(Object::new(), |object, (operator, keys)| object.with(operator, keys))
    }
}

impl ToNode for Statement {
    fn to_node(&self) -> Node {
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        let mut statement = Object::new().with("Sid", self.sid).with("Effect", effect);
        statement = match self.principal {
            Some(Principal::Service(domain)) => statement.with("Principal", Object::new().with("Service", domain)),
            Some(Principal::Everyone) => statement.with("Principal", "*"),
            None => statement,
        };
        let actions: Vec<Node> = self.actions.iter().map(|action| Node::from(action.0)).collect();
        statement
            .with("Action", actions)
            .optional("Resource", self.resources.as_ref())
            .section("Condition", self.condition_node())
            .into()
    }
}
