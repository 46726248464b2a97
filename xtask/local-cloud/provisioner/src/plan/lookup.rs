//! What a template's functions see before there is any resource.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::evaluate::{Found, Lookup, condition};
use crate::plan::Environment;
use crate::template::Template;

/// Sees everything but resources.
pub(super) struct PlanLookup<'a> {
    pub(super) template: &'a Template,
    pub(super) parameters: &'a BTreeMap<String, String>,
    pub(super) environment: &'a Environment,
    /// The exports that were asked for.
    pub(super) imports: RefCell<BTreeSet<String>>,
    /// How many conditions are being evaluated, one inside the other.
    pub(super) depth: Cell<usize>,
}

impl PlanLookup<'_> {
    fn pseudo_parameter(&self, name: &str) -> Option<Found> {
        let value = match name {
            "AWS::AccountId" => self.environment.account_id.as_str(),
            "AWS::NoValue" => return Some(Found::NoValue),
            "AWS::Partition" => "aws",
            "AWS::Region" => self.environment.region.as_str(),
            "AWS::StackId" => self.environment.stack_id.as_str(),
            "AWS::StackName" => self.environment.stack_name.as_str(),
            "AWS::URLSuffix" => "amazonaws.com",
            _ => return None,
        };
        Some(Found::Value(Value::from(value)))
    }
}

impl Lookup for PlanLookup<'_> {
    fn reference(&self, name: &str) -> Result<Found, String> {
        if let Some(found) = self.pseudo_parameter(name) {
            return Ok(found);
        }
        match self.template.parameters.get(name) {
            Some(declaration) => {
                let text = self.parameters.get(name).map_or("", String::as_str);
                Ok(Found::Value(declaration.value(text)))
            }
            None => Ok(Found::Later),
        }
    }

    fn attribute(&self, _logical_id: &str, _attribute: &str) -> Result<Found, String> {
        Ok(Found::Later)
    }

    fn condition(&self, name: &str) -> Result<bool, String> {
        let expression = self
            .template
            .conditions
            .get(name)
            .ok_or_else(|| format!("Template format error: Unresolved condition dependency {name}"))?;
        // Deeper than there are conditions is a circle.
        if self.depth.get() >= self.template.conditions.len() {
            return Err(format!(
                "Template format error: Circular dependency between conditions at {name}"
            ));
        }
        self.depth.set(self.depth.get() + 1);
        let holds = condition(expression, self);
        self.depth.set(self.depth.get() - 1);
        holds
    }

    fn mapping(&self, name: &str, top_key: &str, second_key: &str) -> Result<Value, String> {
        self.template
            .mappings
            .get(name)
            .and_then(|mapping| mapping.get(top_key))
            .and_then(|seconds| seconds.get(second_key))
            .cloned()
            .ok_or_else(|| format!("Template error: Unable to get mapping for {name}::{top_key}::{second_key}"))
    }

    /// An export that is missing may exist by the time the plan is carried out.
    fn import(&self, export_name: &str) -> Result<Found, String> {
        self.imports.borrow_mut().insert(export_name.to_owned());
        Ok(imported(&self.environment.exports, export_name))
    }

    fn region(&self) -> &str {
        &self.environment.region
    }
}

/// Sees exports alone: the rest was resolved when the plan was made, or is resolved when its resources exist.
pub(super) struct ImportLookup<'a> {
    pub(super) exports: &'a BTreeMap<String, String>,
}

impl Lookup for ImportLookup<'_> {
    fn reference(&self, _name: &str) -> Result<Found, String> {
        Ok(Found::Later)
    }

    fn attribute(&self, _logical_id: &str, _attribute: &str) -> Result<Found, String> {
        Ok(Found::Later)
    }

    fn condition(&self, name: &str) -> Result<bool, String> {
        Err(format!("condition {name} was resolved with the plan"))
    }

    fn mapping(&self, name: &str, _top_key: &str, _second_key: &str) -> Result<Value, String> {
        Err(format!("mapping {name} was resolved with the plan"))
    }

    fn import(&self, export_name: &str) -> Result<Found, String> {
        Ok(imported(self.exports, export_name))
    }

    fn region(&self) -> &'static str {
        ""
    }
}

fn imported(exports: &BTreeMap<String, String>, name: &str) -> Found {
    match exports.get(name) {
        Some(value) => Found::Value(Value::from(value.as_str())),
        None => Found::Later,
    }
}
