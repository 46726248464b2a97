//! A whole template: its sections, and its text.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use crate::condition::{Condition, ConditionExpression};
use crate::entry::Entry;
use crate::error::{Error, RESOURCES_MAXIMUM};
use crate::graph;
use crate::handle::{Handle, Options, Resource};
use crate::layout::lay_out;
use crate::node::{Node, Object};
use crate::output::Output;
use crate::parameter::{Parameter, ParameterHandle, ParameterType};

/// The only version of the template format.
const FORMAT_VERSION: &str = "2010-09-09";

/// The key of metadata that says why a resource is there, and how a template hangs together.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-metadata.html#aws-attribute-metadata-context-schema>
const CONTEXT: &str = "com.aws.cloudformation.Context";

/// A template in the making. Everything keeps the order in which it was added.
#[derive(Debug, Clone, Default)]
pub struct Template {
    description: &'static str,
    metadata: Object,
    /// Metadata of the resources that are being added.
    label: Option<(&'static str, &'static str)>,
    parameters: Vec<(String, Object)>,
    conditions: Vec<(String, Node)>,
    resources: Vec<Entry>,
    outputs: Vec<(String, Output)>,
}

impl Template {
    /// An empty template with a description, at most 1,024 bytes of it.
    pub fn new(description: &'static str) -> Self {
        Self {
            description,
            ..Self::default()
        }
    }

    /// Says how the resources hang together.
    pub fn architecture(&mut self, summary: &'static str) {
        self.metadata(CONTEXT, Object::new().with("arch", summary));
    }

    /// Says something to whoever reads the template.
    pub fn metadata(&mut self, key: &'static str, value: impl Into<Node>) {
        self.metadata = std::mem::take(&mut self.metadata).with(key, value);
    }

    /// Adds a parameter.
    pub fn parameter<T: ParameterType>(&mut self, name: &'static str, parameter: Parameter<T>) -> ParameterHandle<T> {
        self.parameters.push((name.to_owned(), parameter.into_object()));
        ParameterHandle::new(name)
    }

    /// Adds a condition.
    pub fn condition(&mut self, name: &'static str, says: ConditionExpression) -> Condition {
        self.conditions.push((name.to_owned(), says.into_node()));
        Condition::new(name.to_owned())
    }

    /// Adds resources whose metadata have an entry in common, such as the stage that they belong to.
    pub fn labelled<T>(&mut self, key: &'static str, value: &'static str, add: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.label.replace((key, value));
        let added = add(self);
        self.label = before;
        added
    }

    /// Adds a resource, and says why it is there.
    #[track_caller]
    pub fn add<R: Resource>(&mut self, logical_id: impl Into<String>, why: &'static str, resource: R) -> Handle<R> {
        self.add_with(logical_id, why, resource, Options::new())
    }

    /// Adds a resource with attributes of CloudFormation's own.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "a resource goes into one template once")]
    pub fn add_with<R: Resource>(
        &mut self,
        logical_id: impl Into<String>,
        why: &'static str,
        resource: R,
        options: Options,
    ) -> Handle<R> {
        let logical_id = logical_id.into();
        let options = options.metadata(CONTEXT, Object::new().with("why", why));
        self.resources.push(Entry {
            logical_id: logical_id.clone(),
            resource_type: R::TYPE,
            properties: resource.to_node(),
            options: match self.label {
                Some((key, value)) => options.metadata(key, value),
                None => options,
            },
            defined: Location::caller(),
        });
        Handle::new(logical_id)
    }

    /// Adds an output.
    pub fn output(&mut self, name: &'static str, output: Output) {
        self.outputs.push((name.to_owned(), output));
    }

    /// Where each resource was added, by its logical id. The text knows nothing of it.
    pub fn definitions(&self) -> BTreeMap<String, &'static Location<'static>> {
        let entries = self.resources.iter();
        entries.map(|entry| (entry.logical_id.clone(), entry.defined)).collect()
    }

    /// The template's text: JSON, laid out for people to compare, a newline at the end.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the template as a whole; see [`Error`].
    pub fn render(self) -> Result<String, Error> {
        self.check()?;
        Ok(lay_out(&self.into_node()))
    }

    fn check(&self) -> Result<(), Error> {
        let ids = || self.resources.iter().map(|entry| entry.logical_id.as_str());
        check_names(ids().chain(self.parameters.iter().map(|(name, _)| name.as_str())))?;
        check_names(self.conditions.iter().map(|(name, _)| name.as_str()))?;
        check_names(self.outputs.iter().map(|(name, _)| name.as_str()))?;
        if self.resources.len() > RESOURCES_MAXIMUM {
            return Err(Error::TooManyResources(self.resources.len()));
        }
        let parameters = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        let conditions = self.conditions.iter().map(|(name, _)| name.as_str()).collect();
        let outputs = self
            .outputs
            .iter()
            .map(|(name, output)| (name.as_str(), output.value()));
        graph::check(&self.resources, &parameters, &conditions, outputs)
    }

    fn into_node(self) -> Node {
        let resources = self.resources.into_iter().map(|entry| {
            (
                entry.logical_id,
                entry.options.entry(entry.resource_type, entry.properties),
            )
        });
        let outputs = self
            .outputs
            .into_iter()
            .map(|(name, output)| (name, output.into_object()));
        Object::new()
            .with("AWSTemplateFormatVersion", FORMAT_VERSION)
            .with("Description", self.description)
            .section("Metadata", self.metadata)
            .section("Parameters", section(self.parameters))
            .section("Conditions", section(self.conditions))
            .section("Resources", section(resources))
            .section("Outputs", section(outputs))
            .into()
    }
}

fn section<V: Into<Node>>(entries: impl IntoIterator<Item = (String, V)>) -> Object {
    entries
        .into_iter()
        .fold(Object::new(), |section, (name, entry)| section.with(name, entry))
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for name in names {
        let fits = (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits {
            return Err(Error::InvalidName(name.to_owned()));
        }
        if !seen.insert(name) {
            return Err(Error::Duplicate(name.to_owned()));
        }
    }
    Ok(())
}
