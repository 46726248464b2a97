//! The stacks of an environment, as the command line needs them.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::flags::Environment;
use crate::stack::{Stack, Wanted};

/// The name and template of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// The stack's name.
    pub(crate) name: String,
    /// The template's text.
    pub(crate) template: String,
}

/// The stacks of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stacks {
    /// What must exist before an image can be pushed.
    pub(crate) foundation: Rendered,
    /// The service.
    pub(crate) service: Rendered,
}

impl Stacks {
    /// The stacks of an environment.
    pub(crate) fn of(environment: Environment) -> Self {
        let environment = match environment {
            Environment::Sandbox => stacks::Environment::Sandbox,
            Environment::Prod => stacks::Environment::Production,
        };
        let rendered = |stack: stacks::Stack| Rendered {
            name: stack.name,
            template: stack.template,
        };
        Self {
            foundation: rendered(stacks::foundation(environment)),
            service: rendered(stacks::service(environment)),
        }
    }

    /// The names, in the order of deployment.
    pub(crate) fn names(&self) -> [&str; 2] {
        [&self.foundation.name, &self.service.name]
    }
}

impl Rendered {
    /// What is asked of the stack, with these parameters.
    pub(crate) fn with<const N: usize>(&self, parameters: [(&str, &str); N]) -> Wanted {
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Wanted {
            name: self.name.clone(),
            template: self.template.clone(),
            parameters: parameters.collect::<BTreeMap<_, _>>(),
            kept: Vec::new(),
        }
    }
}

impl Stack {
    /// An output's value.
    ///
    /// # Errors
    /// When the stack has no such output, naming those that it has.
    pub(crate) fn output(&self, name: &str) -> anyhow::Result<&str> {
        let has = || self.outputs.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let value = self.outputs.get(name).map(String::as_str);
        value.with_context(|| format!("{} has no output {name}; it has: {}", self.name, has()))
    }
}
