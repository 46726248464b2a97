//! What the foundation of the deployments hands on to the stacks that are deployed after it.

use cloudformation::{Output, Template, Value, import_value};

use crate::{Environment, Purpose};

/// Adds an output that other stacks import.
pub(crate) fn export(template: &mut Template, name: &'static str, description: &'static str, value: Value<String>) {
    template.output(name, Output::new(description, value).export(export_name(name)));
}

/// What is exported under an output's name.
pub(crate) fn imported(name: &str) -> Value<String> {
    import_value(export_name(name))
}

fn export_name(name: &str) -> String {
    format!("{}-{name}", Environment::Deployments.stack_name(Purpose::Foundation))
}
