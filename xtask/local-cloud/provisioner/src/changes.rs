//! What a new deployment changes, as a change set tells it.
//!
//! Ordinary change sets compare templates, not live state
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html>). A reference to a resource that
//! is replaced changes for sure: its evaluation is static. One to a resource that may be replaced, or to an attribute of
//! one that is modified in place, may or may not change: its evaluation is dynamic.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>
//!
//! With property values AWS lists other details than without, and leaves out what only an attribute of a resource that is
//! modified in place may change. The rules are those of AWS's answers as `LocalStack` has recorded them
//! (`tests/aws/services/cloudformation/v2/*.snapshot.json` in <https://github.com/localstack/localstack>); the cases are in
//! `tests/change-sets.json`.

mod details;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::engine::ResourceLookup;
use crate::evaluate::{Found, Lookup, evaluate};
use crate::is_unresolved;
use crate::plan::{PlannedResource, members};
use crate::provider::Provider;
use crate::resource::Resource;
use crate::stack::{Stack, StackStatus};
use crate::template::{Policy, Template};

const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";
const HIDDEN: &str = "****";

/// What a new deployment changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// `Change`s as the API gives them without property values, before these are taken out.
    pub(crate) plain: Vec<Value>,
    /// `Change`s as the API gives them with property values; not all that are in `plain`.
    pub(crate) with_values: Vec<Value>,
    /// Logical ids of the resources to add or modify.
    pub(crate) changed: BTreeSet<String>,
    /// Whether anything changes besides resources that makes an update worth while.
    pub(crate) outputs_or_tags: bool,
}

impl Changes {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.plain.is_empty() && !self.outputs_or_tags
    }
}

/// Compares a stack with what it is to become.
pub(crate) fn compare(stack: &Stack, after: &Deployment, provider: &dyn Provider) -> Changes {
    let comparison = |listing| Comparison {
        listing,
        stack,
        before: &stack.deployment,
        after,
        before_template: Template::parse(&stack.deployment.template_body).ok(),
        after_template: Template::parse(&after.template_body).ok(),
        provider,
    };
    let (plain, changed) = comparison(Listing::Plain).all();
    let (with_values, _) = comparison(Listing::WithValues).all();
    Changes {
        plain,
        with_values,
        changed,
        outputs_or_tags: is_failed(stack)
            || after.plan.outputs != stack.deployment.plan.outputs
            || after.tags != stack.deployment.tags,
    }
}

/// A stack that an operation left as it was when it failed: bringing it to an end is a change, whatever the templates say.
fn is_failed(stack: &Stack) -> bool {
    matches!(stack.status, StackStatus::CreateFailed | StackStatus::UpdateFailed)
}

/// How a resource changes, for those that refer to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Added,
    Modified,
    MayBeReplaced,
    Replaced,
}

/// Which of AWS's two answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    Plain,
    /// `IncludePropertyValues`.
    WithValues,
}

struct Comparison<'a> {
    listing: Listing,
    stack: &'a Stack,
    before: &'a Deployment,
    after: &'a Deployment,
    before_template: Option<Template>,
    after_template: Option<Template>,
    provider: &'a dyn Provider,
}

impl Comparison<'_> {
    /// Every change, and the logical ids of what is added or modified.
    fn all(&self) -> (Vec<Value>, BTreeSet<String>) {
        let (mut list, mut changed, mut seen) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        for logical_id in self.after.plan.order() {
            if let Some(change) = self.resource(&logical_id, &mut seen) {
                list.push(change);
                changed.insert(logical_id);
            }
        }
        for (logical_id, resource) in &self.stack.resources {
            if !resource.status.is_gone() && !self.after.plan.resources.contains_key(logical_id) {
                list.push(self.removal(logical_id, resource));
            }
        }
        (list, changed)
    }

    fn resource(&self, logical_id: &str, seen: &mut BTreeMap<String, Kind>) -> Option<Value> {
        let planned = &self.after.plan.resources[logical_id];
        let existing = self
            .stack
            .resources
            .get(logical_id)
            .filter(|resource| resource.physical_id.is_some() && !resource.status.is_gone());
        let Some(existing) = existing else {
            seen.insert(logical_id.to_owned(), Kind::Added);
            return Some(self.addition(logical_id, planned, seen));
        };
        let details = self.details(logical_id, existing, planned, seen);
        if details.is_empty() {
            return None;
        }
        let replacement = replacement(&details);
        seen.insert(logical_id.to_owned(), replacement);
        Some(self.modification(logical_id, existing, planned, &details, replacement, seen))
    }

    fn addition(&self, logical_id: &str, planned: &PlannedResource, seen: &BTreeMap<String, Kind>) -> Value {
        change(&json!({
            "Action": "Add",
            "Replacement": "True",
            "LogicalResourceId": logical_id,
            "ResourceType": planned.type_name,
            "Scope": [],
            "Details": [],
            "AfterContext": self.after_context(logical_id, planned, seen),
        }))
    }

    fn removal(&self, logical_id: &str, resource: &Resource) -> Value {
        let policy = match resource.deletion_policy {
            Policy::Delete => "Delete",
            Policy::Retain | Policy::RetainExceptOnCreate => "Retain",
        };
        change(&json!({
            "PolicyAction": policy,
            "Action": "Remove",
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type_name,
            "Scope": [],
            "Details": [],
            "BeforeContext": self.before_context(logical_id, resource),
        }))
    }

    fn modification(
        &self,
        logical_id: &str,
        existing: &Resource,
        planned: &PlannedResource,
        details: &[Value],
        replacement: Kind,
        seen: &BTreeMap<String, Kind>,
    ) -> Value {
        let scope: BTreeSet<&str> = details
            .iter()
            .filter_map(|detail| detail["Target"]["Attribute"].as_str())
            .collect();
        let mut value = json!({
            "Action": "Modify",
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": existing.physical_id,
            "ResourceType": planned.type_name,
            "Replacement": match replacement {
                Kind::Modified => "False",
                Kind::MayBeReplaced => "Conditional",
                Kind::Replaced | Kind::Added => "True",
            },
            "Scope": scope,
            "Details": details,
            "BeforeContext": self.before_context(logical_id, existing),
            "AfterContext": self.after_context(logical_id, planned, seen),
        });
        if replacement == Kind::Replaced {
            value["PolicyAction"] = match planned.update_replace_policy {
                Policy::Delete => "ReplaceAndDelete",
                Policy::Retain | Policy::RetainExceptOnCreate => "ReplaceAndRetain",
            }
            .into();
        }
        change(&value)
    }

    fn before_context(&self, logical_id: &str, resource: &Resource) -> String {
        self.context(logical_id, &resource.properties, resource.metadata.as_ref())
    }

    fn after_context(&self, logical_id: &str, planned: &PlannedResource, seen: &BTreeMap<String, Kind>) -> String {
        let properties = self.known(&planned.properties, seen);
        self.context(logical_id, &properties, planned.metadata.as_ref())
    }

    fn context(&self, logical_id: &str, properties: &Value, metadata: Option<&Value>) -> String {
        let mut properties = members(properties);
        for (property, value) in &mut properties {
            if self.is_hidden(logical_id, property) {
                *value = HIDDEN.into();
            }
        }
        let mut context = json!({ "Properties": properties });
        if let Some(metadata) = metadata {
            context["Metadata"] = metadata.clone();
        }
        sorted(context).to_string()
    }

    /// A value as far as it is known before the change.
    fn known(&self, value: &Value, seen: &BTreeMap<String, Kind>) -> Value {
        let lookup = KnownLookup {
            inner: ResourceLookup {
                stack: self.stack,
                provider: self.provider,
            },
            seen,
        };
        let value = evaluate(value, &lookup).ok().flatten();
        known_after_apply(value.unwrap_or_default())
    }
}

/// Sees only resources that stay as they are.
struct KnownLookup<'a> {
    inner: ResourceLookup<'a>,
    seen: &'a BTreeMap<String, Kind>,
}

impl Lookup for KnownLookup<'_> {
    fn reference(&self, name: &str) -> Result<Found, String> {
        match self.seen.get(name) {
            Some(Kind::Added | Kind::Replaced | Kind::MayBeReplaced) => Ok(Found::Later),
            _ => self.inner.reference(name),
        }
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Found, String> {
        if self.seen.contains_key(logical_id) {
            return Ok(Found::Later);
        }
        self.inner.attribute(logical_id, attribute)
    }

    fn condition(&self, name: &str) -> Result<bool, String> {
        self.inner.condition(name)
    }

    fn mapping(&self, name: &str, top_key: &str, second_key: &str) -> Result<Value, String> {
        self.inner.mapping(name, top_key, second_key)
    }

    fn import(&self, export_name: &str) -> Result<Found, String> {
        self.inner.import(export_name)
    }

    fn region(&self) -> &str {
        self.inner.region()
    }
}

fn known_after_apply(value: Value) -> Value {
    if is_unresolved(&value) {
        return KNOWN_AFTER_APPLY.into();
    }
    match value {
        Value::Array(items) => items.into_iter().map(known_after_apply).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, known_after_apply(value)))
            .collect(),
        scalar => scalar,
    }
}

/// With its keys in order, whatever order the map type keeps: another crate in the build may change that.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let members: BTreeMap<String, Value> =
                members.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.into_iter().collect()
        }
        scalar => scalar,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => sorted(value.clone()).to_string(),
    }
}

fn replacement(details: &[Value]) -> Kind {
    let always = |evaluation: &str| {
        details
            .iter()
            .any(|detail| detail["Evaluation"] == evaluation && detail["Target"]["RequiresRecreation"] == "Always")
    };
    if always("Static") {
        Kind::Replaced
    } else if always("Dynamic") {
        Kind::MayBeReplaced
    } else {
        Kind::Modified
    }
}

fn change(resource_change: &Value) -> Value {
    json!({ "Type": "Resource", "ResourceChange": resource_change })
}
