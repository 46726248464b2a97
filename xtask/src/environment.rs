//! The stacks of an environment, as the command line needs them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value};

use crate::code::Code;
use crate::exit::{Coded as _, Failure};
use crate::flags::{Cloud, Environment, Target};
use crate::stack::parameters::kept;
use crate::stack::{Stack, Template, Wanted};

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
        let environment = environment.into();
        Self {
            foundation: stacks::foundation(environment).into(),
            service: stacks::service(environment).into(),
        }
    }

    /// The stacks of an environment, with the templates that `synth --out` wrote to a folder.
    ///
    /// # Errors
    /// When one isn't there: exit status 3.
    pub(crate) fn from_folder(environment: Environment, folder: &Path) -> anyhow::Result<Self> {
        let mut stacks = Self::of(environment);
        stacks.foundation.read(folder)?;
        stacks.service.read(folder)?;
        Ok(stacks)
    }
}

impl Environment {
    /// The command that deploys it to a cloud.
    pub(crate) fn deploys(self, cloud: &Cloud) -> String {
        Target::from(self).deploys(cloud)
    }
}

impl From<Environment> for Target {
    fn from(environment: Environment) -> Self {
        match environment {
            Environment::Sandbox => Self::Sandbox,
            Environment::Prod => Self::Prod,
        }
    }
}

impl Target {
    /// The command that deploys it to a cloud.
    pub(crate) fn deploys(self, cloud: &Cloud) -> String {
        format!("cargo xtask deploy {}{}", self.name(), cloud.arguments())
    }

    /// Its stacks, in the order of deployment: what must exist first, and what it is there for. The image repository that
    /// the pipeline pushes to is production's.
    pub(crate) fn stacks(self) -> [Rendered; 2] {
        if let Some(environment) = self.environment() {
            let Stacks { foundation, service } = Stacks::of(environment);
            return [foundation, service];
        }
        let Toolchain {
            foundations: [source, _],
            toolchain,
        } = Toolchain::new();
        [source, toolchain]
    }

    /// The environments that it changes: the pipeline's image repository and roles are production's.
    pub(crate) fn environments(self) -> Vec<stacks::Environment> {
        match self.environment() {
            Some(environment) => vec![environment.into()],
            None => vec![stacks::Environment::Deployments, stacks::Environment::Production],
        }
    }
}

/// The stacks that the pipeline needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// What must exist before it: the repository that starts it, then the repository that its images are pushed to.
    pub(crate) foundations: [Rendered; 2],
    /// The pipeline itself.
    pub(crate) toolchain: Rendered,
}

impl Toolchain {
    /// The stacks, in the order of deployment.
    pub(crate) fn new() -> Self {
        let foundation = |environment| Rendered::from(stacks::foundation(environment));
        Self {
            foundations: [
                foundation(stacks::Environment::Deployments),
                foundation(stacks::Environment::Production),
            ],
            toolchain: stacks::toolchain().into(),
        }
    }

    /// The same stacks, with the templates that `synth --out` wrote to a folder.
    ///
    /// # Errors
    /// When one isn't there: exit status 3.
    pub(crate) fn from_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut stacks = Self::new();
        for stack in &mut stacks.foundations {
            stack.read(folder)?;
        }
        stacks.toolchain.read(folder)?;
        Ok(stacks)
    }
}

impl From<Environment> for stacks::Environment {
    fn from(environment: Environment) -> Self {
        match environment {
            Environment::Sandbox => Self::Sandbox,
            Environment::Prod => Self::Production,
        }
    }
}

impl From<stacks::Stack> for Rendered {
    fn from(stack: stacks::Stack) -> Self {
        Self {
            template: stack.compact(),
            name: stack.name,
        }
    }
}

impl Rendered {
    /// Takes the template from a folder that `synth --out` wrote it to.
    fn read(&mut self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(format!("{}.template.json", self.name));
        let refuse = |what: String| {
            let next = format!("write it with `cargo xtask synth --out {}`", folder.display());
            Failure::refused(what).code(Code::File).next(next)
        };
        let template = std::fs::read_to_string(&path)
            .map_err(|error| refuse(format!("cannot read {}: {error}", path.display())))?;
        // What is shown of a change is read from it, long before CloudFormation would refuse it.
        if let Err(error) = serde_json::from_str::<Map<String, Value>>(&template) {
            return Err(refuse(format!("{} is no template in JSON: {error}", path.display())).into());
        }
        self.template = stacks::compact(&template);
        Ok(())
    }

    /// What is asked of the stack, with these parameters.
    pub(crate) fn with<const N: usize>(&self, parameters: [(&str, &str); N]) -> Wanted {
        Wanted {
            name: self.name.clone(),
            template: Template::Text(self.template.clone()),
            parameters: owned(parameters),
            kept: Vec::new(),
        }
    }

    /// What is asked of the stack as it is deployed, whose parameters keep their values.
    ///
    /// # Errors
    /// When the template has a parameter that the stack hasn't, and no default for it.
    pub(crate) fn keeping(&self, stack: &Stack) -> anyhow::Result<Wanted> {
        Ok(Wanted {
            kept: kept(stack, &self.template)?,
            ..self.with([])
        })
    }
}

fn owned<const N: usize>(parameters: [(&str, &str); N]) -> BTreeMap<String, String> {
    let parameters = parameters.into_iter();
    parameters
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl Stack {
    /// What is asked of the stack where parameters alone change: its template and its other parameters stay.
    pub(crate) fn changing<const N: usize>(&self, parameters: [(&str, &str); N]) -> Wanted {
        let parameters = owned(parameters);
        let others = self.parameters.keys().filter(|name| !parameters.contains_key(*name));
        Wanted {
            name: self.name.clone(),
            template: Template::Deployed,
            kept: others.cloned().collect(),
            parameters,
        }
    }

    /// An output's value.
    ///
    /// # Errors
    /// When the stack has no such output, naming those that it has.
    pub(crate) fn output(&self, name: &str) -> anyhow::Result<&str> {
        let has = || self.outputs.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let value = self.outputs.get(name).map(String::as_str);
        value
            .with_context(|| format!("{} has no output {name}; it has: {}", self.name, has()))
            .coded(Code::OtherStack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telling::report;

    /// What is said of a template's text, without the folder that it is in.
    fn said_of(template: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = template {
            std::fs::write(folder.path().join("Example.template.json"), text).unwrap();
        }
        let mut stack = Rendered {
            name: "Example".to_owned(),
            template: String::new(),
        };
        let error = stack.read(folder.path()).unwrap_err();
        report::text(&error).replace(&folder.path().display().to_string(), "DIR")
    }

    #[test]
    fn a_template_that_is_none_is_named_before_anything_is_asked() {
        insta::assert_snapshot!(said_of(None), @"
        error[E-FILE]: cannot read DIR/Example.template.json: No such file or directory (os error 2)
          next: write it with `cargo xtask synth --out DIR`
        ");
        insta::assert_snapshot!(said_of(Some("Resources:")), @"
        error[E-FILE]: DIR/Example.template.json is no template in JSON: expected value at line 1 column 1
          next: write it with `cargo xtask synth --out DIR`
        ");
        insta::assert_snapshot!(said_of(Some("[]")), @"
        error[E-FILE]: DIR/Example.template.json is no template in JSON: invalid type: sequence, expected a map at line 1 column 0
          next: write it with `cargo xtask synth --out DIR`
        ");
    }
}
