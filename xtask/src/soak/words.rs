//! What a plan's numbers stand for: faults, edits of the template, command lines.

use std::path::Path;

use anyhow::Context as _;

use super::plan::{Bad, Change, State, Step};
use crate::environment::Stacks;
use crate::flags::Environment;
use crate::rehearse::edit::edit;
use crate::rehearse::scenario::Edit;

/// The environment variable by which configurations differ.
pub(crate) const CONFIGURATION_VARIABLE: &str = "SOAKED";

/// Where the service's task definitions have their environment.
const ENVIRONMENTS: [&str; 2] = [
    "/Resources/OneboxTaskDefinition/Properties/ContainerDefinitions/0/Environment/-",
    "/Resources/FleetTaskDefinition/Properties/ContainerDefinitions/0/Environment/-",
];

/// A value that the service refuses at its start.
const REFUSED_CONFIGURATION: &str = r#"{"Name": "SERVICE_LOG", "Value": "loud"}"#;

/// How long targets of Fleet drain, the first of its target group's attributes.
const DRAINING: &str = "/Resources/FleetTargetGroup/Properties/TargetGroupAttributes/0/Value";

/// The fault by which good images differ: so small a share of the requests takes a millisecond more that nobody notices.
pub(crate) fn harmless(image: u32) -> Option<String> {
    (image > 0).then(|| format!("delay=1ms@0.{image:04}%"))
}

/// The fault that a bad image shows; none for what is bad in another way.
fn fault(bad: Bad) -> Option<String> {
    match bad {
        Bad::MissingImage | Bad::Configuration => None,
        Bad::ExitAtStart => Some("exit-at-start".to_owned()),
        Bad::Unhealthy(age) => Some(format!("unhealthy-after={age}ms")),
        Bad::Errors(percent) => Some(format!("error=500@{percent}%")),
        Bad::Crash(percent) => Some(format!("crash@{percent}%")),
        Bad::Slow(delay) => Some(format!("delay={delay}ms")),
        Bad::FleetErrors(percent) => Some(format!("error=500@{percent}%:fleet")),
    }
}

/// The service stack's template in a state, with what a change makes bad about it.
///
/// # Errors
/// When the project's template hasn't the places that are edited.
pub(crate) fn template(state: State, bad: Option<Bad>) -> anyhow::Result<String> {
    let project = Stacks::of(Environment::Sandbox).service.template;
    let variable = format!(
        r#"{{"Name": "{CONFIGURATION_VARIABLE}", "Value": "{}"}}"#,
        state.configuration
    );
    let seconds = constants::load_balancer::DEREGISTRATION_DELAY_SECONDS + i64::from(state.infrastructure);
    let draining = format!("\"{seconds}\"");
    let mut edits = Vec::new();
    for pointer in ENVIRONMENTS {
        if state.configuration > 0 {
            edits.push(Edit {
                pointer,
                value: &variable,
            });
        }
        if bad == Some(Bad::Configuration) {
            edits.push(Edit {
                pointer,
                value: REFUSED_CONFIGURATION,
            });
        }
    }
    if state.infrastructure > 0 {
        edits.push(Edit {
            pointer: DRAINING,
            value: &draining,
        });
    }
    edit(&project, &edits)
}

/// Writes the templates that a step deploys, as `synth --out` does.
///
/// # Errors
/// When they can't be written.
pub(crate) fn write_templates(folder: &Path, service: &str) -> anyhow::Result<()> {
    let stacks = Stacks::of(Environment::Sandbox);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, template) in [
        (&stacks.service.name, service),
        (&stacks.foundation.name, &stacks.foundation.template),
    ] {
        let path = folder.join(format!("{name}.template.json"));
        std::fs::write(&path, template).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

impl Step {
    /// The template that it deploys.
    ///
    /// # Errors
    /// As [`template`].
    pub(crate) fn template(&self) -> anyhow::Result<String> {
        let bad = match self.change {
            Change::Bad(bad) => Some(bad),
            _ => None,
        };
        template(self.goal(), bad)
    }

    /// Its command, given the image that runs and the folder of the templates.
    pub(crate) fn command(&self, running: &str, templates: &str) -> Vec<String> {
        let fault = match self.change {
            Change::Image(image) => harmless(image),
            Change::Bad(bad) => fault(bad),
            Change::Configuration(_) | Change::Infrastructure(_) => None,
        };
        let (repository, _) = running.split_once('@').unwrap_or((running, ""));
        let missing = format!("{repository}@sha256:{:064x}", self.number);
        let mut words = vec!["deploy", "sandbox", "--templates", templates];
        match (self.change, &fault) {
            (Change::Bad(Bad::MissingImage), _) => words.extend(["--image", &missing]),
            (_, Some(fault)) => words.extend(["--fault", fault]),
            (_, None) => words.extend(["--image", running]),
        }
        words.into_iter().map(ToOwned::to_owned).collect()
    }
}

/// The command that resumes a deployment whose command was killed.
pub(crate) fn resuming() -> Vec<String> {
    ["deploy", "sandbox", "--resume"].map(ToOwned::to_owned).to_vec()
}

/// The command that deploys a state where there is none yet.
pub(crate) fn first_command(state: State, templates: &str) -> Vec<String> {
    let fault = harmless(state.image);
    let mut words = vec!["deploy", "sandbox", "--templates", templates];
    words.extend(fault.iter().flat_map(|fault| ["--fault", fault]));
    words.into_iter().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::soak::plan::{CI_COUNT, CI_SEED, plan};

    #[test]
    fn commands_of_a_plan() {
        let command = |step: Step| step.command("registry/service@sha256:abc", "templates").join(" ");
        let commands: Vec<String> = plan(CI_SEED, CI_COUNT).into_iter().map(command).collect();
        insta::assert_snapshot!(commands.join("\n"));
    }

    #[test]
    fn every_template_of_a_long_plan_can_be_made_and_faults_can_be_read() {
        for step in plan(2, 60) {
            let template = step.template().unwrap();
            assert!(
                template.len() <= 51_200,
                "CloudFormation takes no {} bytes",
                template.len()
            );
            let fault = match step.change {
                Change::Image(image) => harmless(image),
                Change::Bad(bad) => fault(bad),
                _ => None,
            };
            let stages = [constants::stage::ONEBOX, constants::stage::FLEET];
            for (fault, stage) in fault.iter().flat_map(|fault| stages.map(|stage| (fault, stage))) {
                fault::Faults::parse(fault, stage).unwrap();
            }
        }
    }

    #[test]
    fn states_differ_in_their_templates() {
        let states = [(0, 0), (1, 0), (2, 0), (0, 1), (0, 2), (1, 1)];
        let of = |(configuration, infrastructure)| State {
            image: 3,
            configuration,
            infrastructure,
        };
        let templates: BTreeSet<String> = states.map(|state| template(of(state), None).unwrap()).into();
        assert_eq!(templates.len(), states.len());
        assert!(!templates.contains(&template(of((0, 0)), Some(Bad::Configuration)).unwrap()));
    }
}
