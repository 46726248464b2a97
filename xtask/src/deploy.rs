//! `deploy`: foundation, image, service; each only if it has to change, and each stage after the one before it.

pub(crate) mod plan;
mod work;

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::Failure;
use crate::flags::{Cloud, Deploy, Environment, Stage};
use crate::progress::human;
use crate::stack::Stack;
use crate::{cloud, table};

use work::Work;

impl Deploy {
    /// Deploys an environment, or a stage of it, and waits until all that it must run runs.
    ///
    /// # Errors
    /// By the exit statuses of [`crate::exit::Exit`].
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let started = Instant::now();
        self.check_flags()?;
        let stacks = self.stacks()?;
        let aws = cloud::connect(context, &self.cloud).await?;
        self.check_fault(&aws)?;
        let again = self.again();
        let work = Work {
            context,
            aws: &aws,
            stacks: &stacks,
            deploy: &self,
            again: &again,
        };
        let done = work.run().await?;
        report(context, &done.stack, done.changed, started);
        Ok(json!({
            "environment": self.environment.name(),
            "stage": self.stage.map(Stage::name),
            "changed": done.changed,
            "image": done.image,
            "outputs": done.stack.outputs,
            "seconds": started.elapsed().as_secs_f64(),
        }))
    }

    /// Refuses what makes no sense together.
    fn check_flags(&self) -> anyhow::Result<()> {
        let refused = match self.stage {
            Some(Stage::Infrastructure) if self.image.is_some() || self.fault.is_some() => {
                "the stage infrastructure moves no image: leave --image and --fault away"
            }
            Some(Stage::Fleet) if self.fault.is_some() => {
                "the stage fleet takes the image that Onebox runs: --fault goes with the stage onebox"
            }
            Some(Stage::Onebox | Stage::Fleet) if self.templates.is_some() => {
                "the stages onebox and fleet move an image and nothing else: --templates goes with the stage infrastructure"
            }
            _ => return Ok(()),
        };
        Err(Failure::refused(refused).into())
    }

    /// A fault that is asked for has no place where customers are.
    fn check_fault(&self, aws: &Aws) -> anyhow::Result<()> {
        if self.fault.is_some() && self.environment == Environment::Prod && !aws.is_near() {
            let what = "--fault deploys an image that misbehaves on purpose, and customers use prod";
            return Err(Failure::refused(what)
                .next("show it in the sandbox, or with --local")
                .into());
        }
        Ok(())
    }

    fn stacks(&self) -> anyhow::Result<Stacks> {
        match &self.templates {
            Some(folder) => Stacks::from_folder(self.environment, folder),
            None => Ok(Stacks::of(self.environment)),
        }
    }

    /// The command by which to follow or repeat this one.
    fn again(&self) -> String {
        let mut again = format!("cargo xtask deploy {}", self.environment.name());
        let templates = self.templates.as_ref().map(|folder| folder.display().to_string());
        for (flag, value) in [
            ("--stage", self.stage.map(Stage::name)),
            ("--image", self.image.as_deref()),
            ("--templates", templates.as_deref()),
            ("--fault", self.fault.as_deref()),
        ] {
            if let Some(value) = value {
                let _ = write!(again, " {flag} {value}");
            }
        }
        again + &self.cloud.arguments()
    }
}

impl Cloud {
    /// The arguments that reach the same cloud again.
    pub(crate) fn arguments(&self) -> String {
        let mut arguments = if self.local {
            " --local".to_owned()
        } else {
            String::new()
        };
        for (flag, value) in [("--profile", &self.profile), ("--region", &self.region)] {
            if let Some(value) = value {
                let _ = write!(arguments, " {flag} {value}");
            }
        }
        arguments
    }
}

fn report(context: &Context, stack: &Stack, changed: bool, started: Instant) {
    let rows: Vec<Vec<String>> = stack
        .outputs
        .iter()
        .map(|(name, value)| vec![name.clone(), value.clone()])
        .collect();
    context.output.line(&table::render(&["OUTPUT", "VALUE"], &rows));
    let did = if changed { "deployed" } else { "nothing to do:" };
    context
        .progress
        .line(&format!("{did} {} in {}", stack.name, human(started.elapsed())));
}
