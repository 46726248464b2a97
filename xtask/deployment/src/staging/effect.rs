//! What an update from one template to another changes.
//!
//! Parameters, conditions and mappings are evaluated, so only differences that reach a resource or an output count.
//! A replaced resource changes everything that refers to it; an attribute that is also a property changes with the property.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::staging::replacement::{is_known, replacement};
use crate::staging::{ChangeKind, Replacement};
use crate::template::{Evaluation, Resource, Template, Truth, named_resource};

/// A template and the values of its parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct World {
    pub(super) template: Template,
    pub(super) values: BTreeMap<String, String>,
}

/// An update and its effect.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// The evaluated resources before the update.
    pub(super) before: BTreeMap<String, Evaluated>,
    /// The evaluated resources after the update. References to added and replaced ones differ from those before.
    pub(super) after: BTreeMap<String, Evaluated>,
    /// What changes, by logical id.
    pub(super) changes: BTreeMap<String, ChangeKind>,
    /// The outputs that change.
    pub(super) outputs: BTreeSet<String>,
    /// Exports before and after: name to value.
    pub(super) exports: [BTreeMap<String, Value>; 2],
}

/// A resource with evaluated properties.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evaluated {
    pub(super) resource_type: String,
    pub(super) properties: Map<String, Value>,
    pub(super) deletion_policy: String,
    pub(super) update_replace_policy: String,
    condition: Option<Value>,
}

impl Comparison {
    /// Compares two states of a stack. The values of `masked` parameters count as equal.
    pub(super) fn new(before: &World, after: &World, masked: &[&str]) -> Self {
        let old = Side::new(before, masked, None);
        old.evaluate_all();
        let new = Side::new(after, masked, Some(&old));
        new.evaluate_all();
        let outputs = changed_outputs(&old.outputs(), &new.outputs());
        let exports = [old.exports(), new.exports()];
        let mut changes: BTreeMap<String, ChangeKind> = new
            .made
            .borrow()
            .iter()
            .filter_map(|(name, made)| Some((name.clone(), made.1.clone()?)))
            .collect();
        let (before, after) = (old.resources(), new.resources());
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            changes.insert(name.clone(), ChangeKind::Remove);
        }
        Self {
            before,
            after,
            changes,
            outputs,
            exports,
        }
    }

    /// Whether the update has no effect.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.outputs.is_empty()
    }

    /// Whether the update may replace the resource.
    pub(super) fn replaces(&self, name: &str) -> bool {
        self.changes.get(name).is_some_and(ChangeKind::may_replace)
    }

    /// The resources whose change makes this one change. Empty if only its own definition changed.
    pub(super) fn causes(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if let (Some(ChangeKind::Modify { properties, .. }), Some(after)) =
            (self.changes.get(name), self.after.get(name))
        {
            let before = self.before.get(name);
            for property in properties {
                let old = before.and_then(|before| before.properties.get(property));
                if let Some(value) = after.properties.get(property) {
                    self.collect_causes(old, value, &mut found);
                }
            }
        }
        found.remove(name);
        found
    }

    fn collect_causes(&self, old: Option<&Value>, value: &Value, found: &mut BTreeSet<String>) {
        if old == Some(value) {
            return;
        }
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.collect_causes(old.and_then(|old| old.get(index)), item, found);
                }
            }
            Value::Object(members) => {
                let same = old.and_then(named_resource) == named_resource(value);
                if let (Some(name), true) = (named_resource(value), same)
                    && self.changes.contains_key(name)
                {
                    found.insert(name.to_owned());
                }
                for (key, item) in members {
                    self.collect_causes(old.and_then(|old| old.get(key)), item, found);
                }
            }
            _ => {}
        }
    }
}

type Made = Rc<(Evaluated, Option<ChangeKind>)>;

struct Side<'a> {
    evaluation: Evaluation<'a>,
    old: Option<&'a Side<'a>>,
    made: RefCell<BTreeMap<String, Made>>,
}

impl<'a> Side<'a> {
    fn new(world: &'a World, masked: &[&str], old: Option<&'a Side<'a>>) -> Self {
        Self {
            evaluation: Evaluation::new(&world.template, &world.values, masked),
            old,
            made: RefCell::default(),
        }
    }

    fn evaluate_all(&self) {
        for name in self.evaluation.template.resources.keys() {
            self.make(name);
        }
    }

    fn resources(&self) -> BTreeMap<String, Evaluated> {
        let made = self.made.borrow();
        made.iter().map(|(name, made)| (name.clone(), made.0.clone())).collect()
    }

    /// Evaluates a resource after everything that it refers to. `None` if it doesn't exist.
    fn make(&self, name: &str) -> Option<Made> {
        if let Some(made) = self.made.borrow().get(name) {
            return Some(Rc::clone(made));
        }
        let resource = self.evaluation.template.resources.get(name)?;
        if !self.evaluation.exists(resource.condition.as_deref()) {
            return None;
        }
        let evaluated = self.evaluate(resource);
        let kind = self.old.and_then(|old| {
            let made = old.made.borrow();
            difference(made.get(name).map(|before| &before.0), &evaluated)
        });
        let made = Rc::new((evaluated, kind));
        self.made.borrow_mut().insert(name.to_owned(), Rc::clone(&made));
        Some(made)
    }

    fn evaluate(&self, resource: &Resource) -> Evaluated {
        let lookup = |name: &str, attribute: Option<&str>| self.symbol(name, attribute);
        let condition = resource
            .condition
            .as_deref()
            .and_then(|name| self.evaluation.condition(name));
        Evaluated {
            resource_type: resource.resource_type.clone(),
            properties: resource
                .properties()
                .map(|properties| self.evaluation.members(properties, &lookup))
                .unwrap_or_default(),
            deletion_policy: resource.deletion_policy().to_owned(),
            update_replace_policy: resource.update_replace_policy().to_owned(),
            condition: match condition {
                Some(Truth::Unknown(value)) => Some(value.clone()),
                _ => None,
            },
        }
    }

    fn symbol(&self, name: &str, attribute: Option<&str>) -> Value {
        let mut symbol = Map::new();
        symbol.insert("$resource".to_owned(), json!(name));
        if let Some(attribute) = attribute {
            symbol.insert("$attribute".to_owned(), json!(attribute));
        }
        let Some(made) = self.make(name) else {
            symbol.insert("$absent".to_owned(), Value::Bool(true));
            return Value::Object(symbol);
        };
        let (evaluated, kind) = made.as_ref();
        if let Some(property) = attribute.and_then(|attribute| evaluated.properties.get(attribute)) {
            symbol.insert("$is".to_owned(), property.clone());
        }
        match kind {
            Some(kind) if kind.may_replace() || *kind == ChangeKind::Add => {
                symbol.insert("$new".to_owned(), Value::Bool(true));
            }
            // Nothing is known about the type, so any attribute may change with any property.
            Some(_) if attribute.is_some() && !is_known(&evaluated.resource_type) => {
                symbol.insert("$new".to_owned(), Value::Bool(true));
            }
            _ => {}
        }
        Value::Object(symbol)
    }

    fn outputs(&self) -> BTreeMap<String, (Value, Value)> {
        let lookup = |name: &str, attribute: Option<&str>| self.symbol(name, attribute);
        let evaluate = |value: Option<&Value>| value.and_then(|value| self.evaluation.value(value, &lookup));
        self.evaluation
            .template
            .outputs
            .iter()
            .filter(|(_, output)| self.evaluation.exists(output.condition.as_deref()))
            .map(|(name, output)| {
                let value = evaluate(output.definition.get("Value")).unwrap_or_default();
                (
                    name.clone(),
                    (value, evaluate(output.export_name()).unwrap_or_default()),
                )
            })
            .collect()
    }

    fn exports(&self) -> BTreeMap<String, Value> {
        self.outputs()
            .into_values()
            .filter(|(_, export)| !export.is_null())
            .map(|(value, export)| (export.as_str().map_or_else(|| export.to_string(), str::to_owned), value))
            .collect()
    }
}

/// Outputs of masked values only (the release parameters) never count.
fn changed_outputs(
    before: &BTreeMap<String, (Value, Value)>,
    after: &BTreeMap<String, (Value, Value)>,
) -> BTreeSet<String> {
    let masked = |output: Option<&(Value, Value)>| output.is_none_or(|(value, _)| value.get("$masked").is_some());
    before
        .keys()
        .chain(after.keys())
        .filter(|name| before.get(*name) != after.get(*name))
        .filter(|name| !(masked(before.get(*name)) && masked(after.get(*name))))
        .cloned()
        .collect()
}

fn difference(before: Option<&Evaluated>, after: &Evaluated) -> Option<ChangeKind> {
    let Some(before) = before else {
        return Some(ChangeKind::Add);
    };
    if before == after {
        return None;
    }
    let mut properties: BTreeSet<String> = before
        .properties
        .keys()
        .chain(after.properties.keys())
        .filter(|name| before.properties.get(*name) != after.properties.get(*name))
        .cloned()
        .collect();
    let replacement = if properties.is_empty() {
        Replacement::No
    } else {
        replacement(&after.resource_type, &before.properties, &after.properties)
    };
    if before.deletion_policy != after.deletion_policy {
        properties.insert("DeletionPolicy".to_owned());
    }
    if before.update_replace_policy != after.update_replace_policy {
        properties.insert("UpdateReplacePolicy".to_owned());
    }
    if before.condition != after.condition {
        properties.insert("Condition".to_owned());
    }
    Some(ChangeKind::Modify {
        replacement,
        properties,
    })
}
