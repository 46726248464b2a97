//! `diff`: what a deployment would change.

use std::fmt::Write as _;
use std::time::SystemTime;

use clap::ValueEnum as _;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::cloud;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Done, Exit, Failure};
use crate::flags::{Diff, Target};
use crate::stack::compare::{Difference, compare};
use crate::stack::{changes, drift};
use crate::telling::event_code::EventCode;
use crate::token::token;

/// How drift goes: a deployment sees none of it.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html>
const UNDO_DRIFT: &str = "next: a deployment leaves that as it is, as CloudFormation compares templates alone: put back by hand what is \
                          named, or take it into the template";

/// What a difference doesn't tell of, said once.
const ABOUT_IMAGES: &str = "images: the parameters keep their values, so this tells of the templates alone";

impl Diff {
    /// Prints what a deployment would change, by resource and property; the exit status tells whether there is anything.
    ///
    /// # Errors
    /// When no stack or environment has the name, when a stack's state allows no change, or when AWS can't be asked.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        if self.drift {
            return self.drift(context).await;
        }
        let chosen = choose(&self.name)?;
        let environments: Vec<stacks::Environment> = chosen.iter().map(|stack| stack.environment).collect();
        let aws = cloud::connect(context, &self.cloud, &environments).await?;
        let again = format!("cargo xtask diff {}{}", self.name, self.cloud.arguments());
        let mut differences = Vec::new();
        for stack in &chosen {
            differences.push(one(context, &aws, stack, &again).await?);
        }
        context.progress.line(ABOUT_IMAGES);
        for difference in &differences {
            say(context, difference);
        }
        let differs = differences.iter().any(|difference| difference.differs);
        Ok(Done {
            exit: if differs { Exit::Different } else { Exit::Done },
            result: json!({"differs": differs, "stacks": differences.iter().map(record).collect::<Vec<_>>()}),
        })
    }
}

impl Diff {
    /// Prints what differs from what was deployed.
    async fn drift(self, context: &Context) -> anyhow::Result<Done> {
        let chosen = choose(&self.name)?;
        let environments: Vec<stacks::Environment> = chosen.iter().map(|stack| stack.environment).collect();
        let aws = cloud::connect(context, &self.cloud, &environments).await?;
        let again = format!("cargo xtask diff {} --drift{}", self.name, self.cloud.arguments());
        let mut found = Vec::new();
        for stack in &chosen {
            let name = &stack.name;
            if aws.stack(name).await?.is_none() {
                context.progress.line(&format!("{name}: there is no such stack"));
                continue;
            }
            found.push(drift::detect(context, &aws, name, &again).await?);
        }
        for stack in &found {
            for record in stack.records() {
                context.output.event(EventCode::Drift, record);
            }
            context.output.line(&stack.render());
        }
        let drifted = found.iter().any(|stack| !stack.drifted.is_empty());
        if drifted {
            context.progress.line(UNDO_DRIFT);
        }
        let of_stack = |stack: &drift::StackDrift| {
            json!({
                "stack": stack.stack_name,
                "drifted": stack.drifted.len(),
                "checked": stack.checked,
                "resources": stack.resources,
            })
        };
        Ok(Done {
            exit: if drifted { Exit::Different } else { Exit::Done },
            result: json!({"drifted": drifted, "stacks": found.iter().map(of_stack).collect::<Vec<_>>()}),
        })
    }
}

async fn one(context: &Context, aws: &Aws, stack: &stacks::Stack, again: &str) -> anyhow::Result<Difference> {
    let token = token("diff", SystemTime::now());
    compare(context, aws, &stack.name, &stack.compact(), &token, again).await
}

/// The stack of that name, or the stacks of that environment in the order of their deployment.
fn choose(name: &str) -> anyhow::Result<Vec<stacks::Stack>> {
    let all = stacks::all();
    let known: Vec<String> = all.iter().map(|stack| stack.name.clone()).collect();
    let wanted = match Target::from_str(name, false) {
        Ok(target) => target.stacks().map(|stack| stack.name).to_vec(),
        Err(_) => vec![name.to_owned()],
    };
    let chosen: Vec<stacks::Stack> = all.into_iter().filter(|stack| wanted.contains(&stack.name)).collect();
    if chosen.is_empty() {
        let what = format!(
            "no stack or environment is called {name}; there are: sandbox, toolchain, prod, {}",
            known.join(", ")
        );
        return Err(Failure::refused(what).code(Code::UnknownName).into());
    }
    Ok(chosen)
}

fn say(context: &Context, difference: &Difference) {
    for change in &difference.changes {
        let mut fields = change.record();
        fields["stack"] = difference.stack_name.as_str().into();
        context.output.event(EventCode::Change, fields);
    }
    context.output.line(&render(difference));
}

fn render(difference: &Difference) -> String {
    let name = &difference.stack_name;
    if !difference.differs {
        return format!("{name}: no differences");
    }
    let mut text = String::new();
    if let Some(note) = &difference.note {
        let _ = writeln!(text, "{name}: {note}");
    }
    text.push_str(&changes::render_properties(name, &difference.changes));
    text
}

fn record(difference: &Difference) -> Value {
    json!({
        "stack": difference.stack_name,
        "differs": difference.differs,
        "note": difference.note,
        "changes": difference.changes.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::exit_of;

    #[test]
    fn stacks_by_name_or_environment() {
        let names = |name: &str| -> Vec<String> { choose(name).unwrap().into_iter().map(|stack| stack.name).collect() };
        assert_eq!(
            names("prod"),
            [
                "OneBoxDeploymentOnECS-Foundation-Prod",
                "OneBoxDeploymentOnECS-Service-Prod"
            ]
        );
        assert_eq!(
            names("toolchain"),
            [
                "OneBoxDeploymentOnECS-Foundation-Deployments",
                "OneBoxDeploymentOnECS-Toolchain-Deployments"
            ]
        );
        assert_eq!(
            names("OneBoxDeploymentOnECS-Service-Sandbox"),
            ["OneBoxDeploymentOnECS-Service-Sandbox"]
        );
        let error = choose("Service").unwrap_err();
        assert_eq!(exit_of(&error), Exit::Refused);
        insta::assert_snapshot!(error, @"no stack or environment is called Service; there are: sandbox, toolchain, prod, OneBoxDeploymentOnECS-Foundation-Sandbox, OneBoxDeploymentOnECS-Service-Sandbox, OneBoxDeploymentOnECS-Foundation-Prod, OneBoxDeploymentOnECS-Service-Prod, OneBoxDeploymentOnECS-Foundation-Deployments, OneBoxDeploymentOnECS-Toolchain-Deployments");
    }

    #[test]
    fn without_differences_one_line_says_so() {
        let difference = Difference {
            stack_name: "Example".to_owned(),
            note: None,
            changes: Vec::new(),
            differs: false,
        };
        assert_eq!(render(&difference), "Example: no differences");
    }
}
