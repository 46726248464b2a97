//! Resources in a template, and what may be said of each besides its properties.

use std::marker::PhantomData;

use crate::condition::Condition;
use crate::node::{Node, Object, ToNode};
use crate::value::{Text, Value};

/// A resource type.
pub trait Resource: ToNode {
    /// What `Ref` gives for it.
    type Ref: Text;

    /// The type's name, such as `AWS::ECS::Service`.
    const TYPE: &'static str;
}

/// A resource that is in a template. Only [`crate::Template::add`] makes one, so it can't name what isn't there.
///
/// Attributes (`Fn::GetAtt`) are methods, generated for each resource type.
#[derive(Debug)]
pub struct Handle<R> {
    logical_id: String,
    of: PhantomData<fn() -> R>,
}

impl<R> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self::new(self.logical_id.clone())
    }
}

impl<R> Handle<R> {
    pub(crate) fn new(logical_id: String) -> Self {
        Self {
            logical_id,
            of: PhantomData,
        }
    }

    /// The name within the template.
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// `Fn::GetAtt`; the generated methods say which there are.
    pub(crate) fn attribute<T>(&self, name: &'static str) -> Value<T> {
        Value::from_node(Node::GetAtt(self.logical_id.clone().into(), name.into()))
    }
}

impl<R: Resource> Handle<R> {
    /// `Ref`: the resource's own identifier, whose kind depends on the resource type.
    pub fn reference(&self) -> Value<R::Ref> {
        Value::from_node(Node::Ref(self.logical_id.clone().into()))
    }
}

/// What a resource can wait for: a handle of any type.
pub trait Dependency {
    /// The name within the template.
    fn dependency(&self) -> String;
}

impl<R> Dependency for Handle<R> {
    fn dependency(&self) -> String {
        self.logical_id.clone()
    }
}

/// What happens to the thing itself when CloudFormation no longer wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// It is deleted too: CloudFormation's default for most types.
    Delete,
    /// It stays, and is nobody's any more.
    Retain,
    /// It stays, unless its creation is being rolled back.
    RetainExceptOnCreate,
    /// A snapshot stays, for the types that have any.
    Snapshot,
}

impl DeletionPolicy {
    fn name(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Retain => "Retain",
            Self::RetainExceptOnCreate => "RetainExceptOnCreate",
            Self::Snapshot => "Snapshot",
        }
    }
}

/// A resource's attributes that are CloudFormation's, not the resource's.
#[derive(Debug, Clone, Default)]
pub struct Options {
    condition: Option<String>,
    deletion_policy: Option<DeletionPolicy>,
    update_replace_policy: Option<DeletionPolicy>,
    depends_on: Vec<String>,
    metadata: Object,
}

impl Options {
    /// None set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Created only when the condition holds.
    #[must_use]
    pub fn condition(mut self, condition: &Condition) -> Self {
        self.condition = Some(condition.name());
        self
    }

    /// Waits for another resource, where no reference says so already.
    #[must_use]
    pub fn depends_on(mut self, dependency: &dyn Dependency) -> Self {
        self.depends_on.push(dependency.dependency());
        self
    }

    /// What happens when the resource leaves the template, or the stack is deleted.
    #[must_use]
    pub fn deletion_policy(mut self, policy: DeletionPolicy) -> Self {
        self.deletion_policy = Some(policy);
        self
    }

    /// What happens to the old one when the resource is replaced.
    #[must_use]
    pub fn update_replace_policy(mut self, policy: DeletionPolicy) -> Self {
        self.update_replace_policy = Some(policy);
        self
    }

    /// Says something about the resource to whoever reads the template.
    #[must_use]
    pub fn metadata(mut self, key: &'static str, value: impl Into<Node>) -> Self {
        self.metadata = self.metadata.with(key, value);
        self
    }

    pub(crate) fn dependencies(&self) -> &[String] {
        &self.depends_on
    }

    pub(crate) fn condition_name(&self) -> Option<&str> {
        self.condition.as_deref()
    }

    /// The resource's whole entry, keys in the customary order.
    pub(crate) fn entry(self, resource_type: &'static str, properties: Node) -> Object {
        let mut entry = Object::new().with("Type", resource_type);
        if let Some(condition) = self.condition {
            entry = entry.with("Condition", condition);
        }
        if !self.depends_on.is_empty() {
            let names: Vec<Node> = self.depends_on.into_iter().map(Node::from).collect();
            entry = entry.with("DependsOn", names);
        }
        if let Some(policy) = self.deletion_policy {
            entry = entry.with("DeletionPolicy", policy.name());
        }
        if let Some(policy) = self.update_replace_policy {
            entry = entry.with("UpdateReplacePolicy", policy.name());
        }
        entry = entry.section("Metadata", self.metadata);
        match properties {
            Node::Object(entries) if entries.is_empty() => entry,
            properties => entry.with("Properties", properties),
        }
    }
}
