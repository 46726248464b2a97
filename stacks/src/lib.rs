//! Renders the CloudFormation templates; does no I/O.
//!
//! One file a concern: [`foundation`] is what must exist before an image or source can be pushed, [`service`] puts
//! together `network`, `reverse_proxy`, `compute`, `alarms`, `logs` and `permissions`, and [`toolchain`] is the pipeline.

mod alarms;
mod arn;
mod compute;
mod endpoint;
mod environment;
mod exports;
pub mod foundation;
mod logs;
mod network;
mod permissions;
mod purpose;
mod reverse_proxy;
pub mod service;
pub mod source;
mod stage;
pub mod toolchain;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::Location;

use cloudformation::Template;

pub use cloudformation::compact;
pub use environment::Environment;
pub use purpose::Purpose;
pub use stage::{METADATA_KEY, Stage};

/// A stack, ready to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The stack's name, such as `OneBoxDeploymentOnECS-Service-Sandbox`.
    pub name: String,
    /// The environment that it belongs to.
    pub environment: Environment,
    /// The template's text: JSON, with a newline at the end.
    pub template: String,
    /// The parameters without a default, which a first deployment must give.
    pub parameters: &'static [&'static str],
    /// Where each resource is defined, by its logical id: file and line, from the workspace's root.
    pub definitions: BTreeMap<String, &'static Location<'static>>,
}

impl Stack {
    fn new(name: String, environment: Environment, template: Template, parameters: &'static [&'static str]) -> Self {
        let definitions = template.definitions();
        let template = template
            .render()
            .expect("made of constants only, and rendered by every test run");
        Self {
            name,
            environment,
            template,
            parameters,
            definitions,
        }
    }

    /// The template in the fewest bytes, as a release has it.
    pub fn compact(&self) -> String {
        compact(&self.template)
    }
}

/// Every stack of every environment, in the order in which they can be deployed.
pub fn all() -> Vec<Stack> {
    let environments = [Environment::Sandbox, Environment::Production];
    let services = environments.map(|environment| [foundation::stack(environment), service::stack(environment)]);
    let deployments = [foundation::stack(Environment::Deployments), toolchain::stack()];
    services.into_iter().flatten().chain(deployments).collect()
}

/// What must exist before an image or source can be pushed.
pub fn foundation(environment: Environment) -> Stack {
    foundation::stack(environment)
}

/// The pipeline.
pub fn toolchain() -> Stack {
    toolchain::stack()
}

/// What whoever deploys an environment by hand must be allowed besides the calls: CloudFormation acts with their rights
/// unless it is handed a role. Policies by name; their documents are as in a template, with its functions.
pub fn rights_by_hand(environment: Environment) -> Vec<(&'static str, String)> {
    permissions::deployment::by_hand(environment)
}

/// The service, both stages of it.
pub fn service(environment: Environment) -> Stack {
    service::stack(environment)
}
