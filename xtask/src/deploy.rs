//! `deploy`: foundation, image, release; then the service in steps, each judged before the next.

mod create;
mod driver;
mod finish;
mod left;
pub(crate) mod notices;
pub(crate) mod outcome;
pub(crate) mod place;
pub(crate) mod plan;
mod preflight;
mod resume;
pub(crate) mod rollback;
mod script;
pub(crate) mod sides;
mod tasks;
pub(crate) mod toolchain;
mod unfinished;
mod watch;
mod work;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::build::Images;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::Failure;
use crate::fault::refuse_fault;
use crate::flags::{Cloud, Deploy, Environment, Stage};
use crate::progress::human;
use crate::stack::Stack;
use crate::telling::note::Note;
use crate::{cloud, outputs, runs};

#[cfg(test)]
pub(crate) use preflight::tests::refused_for_a_red_alarm;
use work::Work;

impl Deploy {
    /// Deploys an environment, or a stage of it, and waits until all that it must run runs.
    ///
    /// # Errors
    /// By the exit statuses of [`crate::exit::Exit`].
    pub(crate) async fn run(mut self, context: &Context) -> anyhow::Result<Value> {
        let started = Instant::now();
        let Some(environment) = self.target.environment() else {
            return self.toolchain(context).await;
        };
        self.read_image()?;
        self.check_flags()?;
        if self.surely_builds() {
            context.checkout()?;
        }
        let stacks = self.stacks(environment)?;
        let aws = cloud::connect(context, &self.cloud, &self.target.environments())
            .await?
            .deploying_in(self.role.clone());
        self.check_fault(environment, &aws)?;
        let (again, follow) = (self.again(), self.follow());
        let work = Work {
            context,
            aws: &aws,
            stacks: &stacks,
            deploy: &self,
            again: &again,
            follow: &follow,
        };
        let done = if self.resume {
            work.resume().await?
        } else {
            work.run().await?
        };
        if done.under_way {
            context.tell(Note::under_way(&done.stack.name, &follow, !self.caution.no_probe));
        } else {
            report(context, &done.stack, done.changed, started);
        }
        Ok(json!({
            "environment": environment.name(),
            "stage": self.stage.map(Stage::name),
            "changed": done.changed,
            "under_way": done.under_way,
            "image": done.image,
            "release": done.release,
            "verdicts": done.verdicts,
            "outputs": done.stack.outputs,
            "seconds": started.elapsed().as_secs_f64(),
        }))
    }

    /// Refuses what makes no sense together.
    fn check_flags(&self) -> anyhow::Result<()> {
        let refused = match self.stage {
            Some(Stage::Shared) if self.fault.is_some() => {
                "the stage shared deploys no image: --fault goes with the stage onebox"
            }
            Some(Stage::Fleet) if self.fault.is_some() => {
                "the stage fleet deploys the image that Onebox runs: --fault goes with the stage onebox"
            }
            _ => return Ok(()),
        };
        Err(Failure::refused(refused).code(Code::Flags).into())
    }

    /// Takes the images that a build's file names in place of the file's name.
    fn read_image(&mut self) -> anyhow::Result<()> {
        if let Some(file) = self.image.take_if(|image| !image.contains("@sha256:")) {
            let images = Images::read(Path::new(&file))?;
            self.bootstrap = Some(images.bootstrap);
            self.image = Some(images.service);
        }
        Ok(())
    }

    /// Whether it can't do without the source, whatever runs.
    fn surely_builds(&self) -> bool {
        let moves_new_image = matches!(self.stage, None | Some(Stage::Onebox));
        moves_new_image && self.image.is_none() && self.release.is_none() && !self.resume
    }

    /// A fault that is asked for has no place where customers are.
    fn check_fault(&self, environment: Environment, aws: &Aws) -> anyhow::Result<()> {
        refuse_fault(self.fault.as_deref(), environment, aws)
    }

    /// The stacks, with the templates of a folder if one is named.
    fn stacks(&self, environment: Environment) -> anyhow::Result<Stacks> {
        match &self.templates {
            Some(folder) => Stacks::from_folder(environment, folder),
            None => Ok(Stacks::of(environment)),
        }
    }

    /// The command by which to repeat this one: with the cause fixed, and so without a fault.
    fn again(&self) -> String {
        let mut again = format!("cargo xtask deploy {}", self.target.name());
        let templates = self.templates.as_ref().map(|folder| folder.display().to_string());
        for (flag, value) in [
            ("--stage", self.stage.map(Stage::name)),
            ("--image", self.image.as_deref()),
            ("--release", self.release.as_deref()),
            ("--templates", templates.as_deref()),
            ("--role", self.role.as_deref()),
        ] {
            if let Some(value) = value {
                let _ = write!(again, " {flag} {value}");
            }
        }
        again + &self.cloud.arguments()
    }

    /// The command by which to deploy another image.
    fn another(&self) -> String {
        format!("cargo xtask deploy {}{}", self.target.name(), self.cloud.arguments())
    }

    /// The command by which to follow this one, and to go on with it, from anywhere.
    fn follow(&self) -> String {
        let mut follow = format!("cargo xtask deploy {} --resume", self.target.name());
        for (flag, is_given) in [(" --yes", self.yes), (" --no-probe", self.caution.no_probe)] {
            if is_given {
                follow.push_str(flag);
            }
        }
        for (flag, reason) in [
            ("--accept", &self.caution.accept),
            ("--ignore-red-alarms", &self.caution.ignore_red_alarms),
        ] {
            if let Some(reason) = reason {
                let _ = write!(follow, " {flag} '{}'", reason.replace('\'', "'\\''"));
            }
        }
        follow + &self.cloud.arguments()
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
    let outputs = outputs::table(&stack.outputs, context.output.columns());
    context.output.line(&outputs);
    let did = if changed { "deployed" } else { "nothing to do:" };
    context
        .progress
        .line(&format!("{did} {} in {}", stack.name, human(started.elapsed())));
    if let Some(asks) = runs::asks(stack) {
        context.progress.line(&format!("  {asks}"));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::flags::{Command, Xtask};

    /// The image, and the bootstrap image, that a stage takes from a build's file.
    fn check(stage: Option<&str>, image: Option<&str>, bootstrap: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("image.json");
        let images = Images {
            source: None,
            service: "service@sha256:1".to_owned(),
            bootstrap: "bootstrap@sha256:2".to_owned(),
        };
        images.write(&file).unwrap();
        let mut arguments = vec!["xtask", "deploy", "prod", "--image", file.to_str().unwrap()];
        arguments.extend(stage.iter().flat_map(|stage| ["--stage", stage]));
        let Command::Deploy(mut deploy) = Xtask::try_parse_from(&arguments).unwrap().command else {
            panic!("{arguments:?}");
        };
        deploy.read_image().unwrap();
        deploy.check_flags().unwrap();
        assert_eq!(
            (deploy.image.as_deref(), deploy.bootstrap.as_deref()),
            (image, bootstrap),
            "{stage:?}"
        );
    }

    #[test]
    fn a_builds_file_stands_for_the_image_that_a_stage_moves() {
        let service = Some("service@sha256:1");
        check(None, service, Some("bootstrap@sha256:2"));
        check(Some("shared"), service, Some("bootstrap@sha256:2"));
        check(Some("onebox"), service, Some("bootstrap@sha256:2"));
        check(Some("fleet"), service, Some("bootstrap@sha256:2"));
    }
}
