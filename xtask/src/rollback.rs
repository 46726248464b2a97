//! `rollback`: back to the image that ran before, Onebox first.

use std::time::SystemTime;

use serde_json::{Value, json};
use stacks::Stage;
use stacks::service::{self, FLEET_IMAGE, ONEBOX_IMAGE};

use crate::aws::Aws;
use crate::cloud;
use crate::code::Code;
use crate::context::Context;
use crate::deploy::outcome::with_what_runs;
use crate::deploy::plan::{Images, short};
use crate::environment::Stacks;
use crate::exit::Failure;
use crate::flags::Rollback;
use crate::stack::Stack;
use crate::stack::absent::absent;
use crate::stack::apply::{Applied, Terms, apply, updatable};

impl Rollback {
    /// Brings Onebox back to what Fleet runs; where both run the same, both back to what Fleet ran before.
    ///
    /// # Errors
    /// When there is nothing to go back to (exit status 4), or when the way back fails (5 or 6).
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let aws = cloud::connect(context, &self.cloud, &[self.environment.into()]).await?;
        let name = Stacks::of(self.environment).service.name;
        let again = format!(
            "cargo xtask rollback {}{}",
            self.environment.name(),
            self.cloud.arguments()
        );
        let stack = updatable(context, &aws, &name, &again).await?;
        let stack = stack.ok_or_else(|| absent(&name, &self.environment.deploys(&self.cloud)))?;
        let running = Images::named(&stack)?;
        let image = self.image(&aws, &stack, &running).await?;
        context
            .progress
            .line(&format!("{running}: going back to {}", short(&image)));
        let mut done = stack;
        for (parameter, runs) in [(ONEBOX_IMAGE, &running.onebox), (FLEET_IMAGE, &running.fleet)] {
            if *runs != image {
                let moved = self.move_to(context, &aws, &done, (parameter, &image), &again).await;
                done = match moved {
                    Ok(applied) => applied.stack,
                    Err(error) => return Err(with_what_runs(&aws, &name, error).await),
                };
            }
        }
        let images = Images::of(&done).map(|images| images.to_string());
        context.output.line(&images.unwrap_or_default());
        Ok(json!({"environment": self.environment.name(), "image": image, "parameters": done.parameters}))
    }

    /// The image to go back to.
    async fn image(&self, aws: &Aws, stack: &Stack, running: &Images) -> anyhow::Result<String> {
        if let Some(image) = &self.image {
            return Ok(image.clone());
        }
        if running.onebox != running.fleet {
            return Ok(running.fleet.clone());
        }
        let cluster = stack.output(service::CLUSTER_NAME)?;
        let images = aws
            .images_deployed(cluster, stack.output(service::FLEET_SERVICE_NAME)?)
            .await?;
        let before = images.into_iter().find(|image| *image != running.fleet);
        before.ok_or_else(|| {
            Failure::preflight(format!("Fleet has run no other image than {}", short(&running.fleet)))
                .code(Code::NoEarlierImage)
                .next("name the image to go back to: --image REPOSITORY@sha256:DIGEST")
                .into()
        })
    }

    async fn move_to(
        &self,
        context: &Context,
        aws: &Aws,
        stack: &Stack,
        parameter: (&str, &str),
        again: &str,
    ) -> anyhow::Result<Applied> {
        let token = crate::token::token("rollback", SystemTime::now());
        let stage = if parameter.0 == ONEBOX_IMAGE {
            Stage::Onebox
        } else {
            Stage::Fleet
        };
        let terms = Terms {
            yes: self.yes,
            token: &token,
            again,
            follow: again,
            detach: false,
            part: Some(stage.name()),
        };
        apply(context, aws, &stack.changing([parameter]), terms).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser as _;

    use super::*;
    use crate::aws::replay::Replay;
    use crate::flags::{Command, Xtask};
    use crate::telling::report::text as report;

    #[tokio::test]
    async fn without_an_earlier_image_there_is_nothing_to_go_back_to() {
        let Command::Rollback(rollback) = Xtask::try_parse_from(["xtask", "rollback", "prod"]).unwrap().command else {
            panic!("it is a rollback")
        };
        let outputs = [
            (service::CLUSTER_NAME, "Cluster"),
            (service::FLEET_SERVICE_NAME, "Fleet"),
        ];
        let stack = Stack {
            name: "Example".to_owned(),
            id: "arn".to_owned(),
            status: "UPDATE_COMPLETE".to_owned(),
            reason: None,
            since: None,
            parameters: BTreeMap::new(),
            outputs: outputs.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        };
        let running = Images {
            onebox: "r@sha256:1".to_owned(),
            fleet: "r@sha256:1".to_owned(),
        };
        let aws = Replay::new([(200, r#"{"serviceDeployments": []}"#.to_owned())]).aws();
        let error = rollback.image(&aws, &stack, &running).await.unwrap_err();
        insta::assert_snapshot!(report(&error), @"
        error[E-NO-EARLIER-IMAGE]: Fleet has run no other image than sha256:1
          next: name the image to go back to: --image REPOSITORY@sha256:DIGEST
        ");
    }
}
