//! `deploy`: foundation, image, service; each only if it has to change.

use std::fmt::Write as _;

use std::time::{Instant, SystemTime};

use serde_json::{Value, json};
use stacks::{foundation, service};

use crate::aws::Aws;
use crate::context::Context;
use crate::environment::Stacks;
use crate::flags::{Binary, Cloud, Deploy};
use crate::progress::human;
use crate::stack::Stack;
use crate::stack::apply::{Applied, Terms, apply};
use crate::{cloud, publish, services, table};

impl Deploy {
    /// Deploys an environment and waits until all that it must run runs.
    ///
    /// # Errors
    /// By the exit statuses of [`crate::exit::Exit`].
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let started = Instant::now();
        let aws = cloud::connect(context, &self.cloud).await?;
        let stacks = Stacks::of(self.environment);
        let again = self.again();
        let foundation_stack = self.apply(context, &aws, &stacks.foundation.with([]), &again).await?;
        let repository = foundation_stack.stack.output(foundation::IMAGE_REPOSITORY_URI)?;
        let image = publish::publish(context, &aws, repository, Binary::Service).await?;
        let parameters = [
            (service::ONEBOX_IMAGE, image.as_str()),
            (service::FLEET_IMAGE, image.as_str()),
        ];
        let service_stack = self
            .apply(context, &aws, &stacks.service.with(parameters), &again)
            .await?;
        wait_for_tasks(context, &aws, &stacks.service.template, &service_stack.stack).await?;
        let changed = foundation_stack.changed || service_stack.changed;
        report(context, &service_stack.stack, changed, started);
        Ok(json!({
            "environment": self.environment.name(),
            "changed": changed,
            "image": image,
            "outputs": service_stack.stack.outputs,
            "seconds": started.elapsed().as_secs_f64(),
        }))
    }

    async fn apply(
        &self,
        context: &Context,
        aws: &Aws,
        wanted: &crate::stack::Wanted,
        again: &str,
    ) -> anyhow::Result<Applied> {
        let token = crate::token::token("deploy", SystemTime::now());
        apply(
            context,
            aws,
            wanted,
            Terms {
                yes: self.yes,
                token: &token,
                again,
            },
        )
        .await
    }

    /// The command by which to follow or repeat this one.
    fn again(&self) -> String {
        format!(
            "cargo xtask deploy {}{}",
            self.environment.name(),
            self.cloud.arguments()
        )
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

/// Waits until the services run what their scalable targets ask for: the templates give no desired count, so a new
/// service is complete before its first task runs.
async fn wait_for_tasks(context: &Context, aws: &Aws, template: &str, stack: &Stack) -> anyhow::Result<()> {
    let template: Value = serde_json::from_str(template)?;
    let minimums = services::minimums(&template, &aws.resources(&stack.id).await?);
    services::wait::until_settled(context, aws, &minimums).await
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
