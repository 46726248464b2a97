//! `status`: what an environment runs.

mod stages;
mod watch;

use serde_json::{Value, json};
use stages::Stages;

use crate::aws::Aws;
use crate::aws::ecr::Image;
use crate::context::Context;
use crate::environment::Rendered;
use crate::exit::ended_by_interruption;
use crate::flags::Status;
use crate::services::{Minimum, Service, minimums};
use crate::stack::{Resource, Stack};
use crate::{cloud, table};

/// How many of a repository's images are shown to people.
const IMAGES_SHOWN: usize = 5;

impl Status {
    /// Prints the stacks, stages, alarms, services and images of an environment, and its endpoint; or goes on showing what
    /// the stages do.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let aws = cloud::look(context, &self.cloud, &self.target.environments()).await?;
        let [first, second] = self.target.stacks();
        if self.watch {
            let watched = watch::watch(context, &aws, &second.name).await;
            return ended_by_interruption(watched, json!({"environment": self.target.name()}));
        }
        let found = [aws.stack(&first.name).await?, aws.stack(&second.name).await?];
        let services = services(&aws, &second, found[1].as_ref()).await?;
        let images = images(&aws, found[0].as_ref()).await?;
        let stages = match &found[1] {
            Some(stack) => Stages::gather(&aws, stack).await?,
            None => None,
        };
        let report = Report {
            names: [first.name, second.name],
            found,
            stages,
            services,
            images,
        };
        context.output.line(&report.render());
        Ok(report.record(self.target.name()))
    }
}

/// What an environment runs.
#[derive(Debug, Clone, PartialEq)]
struct Report {
    names: [String; 2],
    found: [Option<Stack>; 2],
    stages: Option<Stages>,
    services: Vec<(Minimum, Service)>,
    images: Vec<Image>,
}

async fn services(aws: &Aws, rendered: &Rendered, stack: Option<&Stack>) -> anyhow::Result<Vec<(Minimum, Service)>> {
    let Some(stack) = stack else { return Ok(Vec::new()) };
    let template: Value = serde_json::from_str(&rendered.template)?;
    let mut services = Vec::new();
    for minimum in minimums(&template, &aws.resources(&stack.id).await?) {
        let service = aws.services(&minimum.cluster, &[&minimum.service]).await?.pop();
        services.extend(service.map(|service| (minimum, service)));
    }
    Ok(services)
}

async fn images(aws: &Aws, foundation: Option<&Stack>) -> anyhow::Result<Vec<Image>> {
    let Some(stack) = foundation else { return Ok(Vec::new()) };
    let mut images = Vec::new();
    for repository in aws
        .resources(&stack.id)
        .await?
        .iter()
        .filter(|resource| is_repository(resource))
    {
        images.extend(aws.images(&repository.physical_id).await?);
    }
    Ok(images)
}

/// Whether a resource is an image repository that exists.
pub(crate) fn is_repository(resource: &Resource) -> bool {
    resource.resource_type == "AWS::ECR::Repository"
        && !resource.physical_id.is_empty()
        && resource.status != "DELETE_COMPLETE"
}

impl Report {
    fn render(&self) -> String {
        let mut parts = vec![table::render(&["STACK", "STATUS", "REASON"], &self.stack_rows())];
        parts.extend(self.stages.iter().map(|stages| stages.render(None)));
        if !self.services.is_empty() {
            let header = ["SERVICE", "DESIRED", "RUNNING", "PENDING", "MINIMUM", "DEPLOYMENTS"];
            parts.push(table::render(
                &header,
                &self.services.iter().map(service_row).collect::<Vec<_>>(),
            ));
        }
        if !self.images.is_empty() {
            let mut rows: Vec<Vec<String>> = self
                .images
                .iter()
                .take(IMAGES_SHOWN)
                .map(|image| self.image_row(image))
                .collect();
            if self.images.len() > IMAGES_SHOWN {
                rows.push(vec![format!("… and {} more", self.images.len() - IMAGES_SHOWN)]);
            }
            parts.push(table::render(&["IMAGE", "KIB", "TAGS", "RUNS AS"], &rows));
        }
        if let Some(stack) = &self.found[1] {
            let rows: Vec<Vec<String>> = stack
                .outputs
                .iter()
                .map(|(name, value)| vec![name.clone(), value.clone()])
                .collect();
            parts.push(table::render(&["OUTPUT", "VALUE"], &rows));
        }
        parts.join("\n\n")
    }

    fn stack_rows(&self) -> Vec<Vec<String>> {
        let row = |(name, stack): (&String, &Option<Stack>)| match stack {
            Some(stack) => vec![
                name.clone(),
                stack.status.clone(),
                stack.reason.clone().unwrap_or_default(),
            ],
            None => vec![name.clone(), "not deployed".to_owned(), String::new()],
        };
        self.names.iter().zip(&self.found).map(row).collect()
    }

    fn image_row(&self, image: &Image) -> Vec<String> {
        let size = image.size_bytes.div_ceil(1024).to_string();
        vec![
            image.digest.clone(),
            size,
            image.tags.join(", "),
            self.parameters_of(image).join(", "),
        ]
    }

    /// The parameters of the service stack that name an image.
    fn parameters_of(&self, image: &Image) -> Vec<String> {
        let parameters = self.found[1].iter().flat_map(|stack| &stack.parameters);
        parameters
            .filter(|(_, value)| value.ends_with(&image.digest))
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn record(&self, environment: &str) -> Value {
        let stack = |(name, stack): (&String, &Option<Stack>)| match stack {
            Some(stack) => {
                json!({"name": name, "status": stack.status, "reason": stack.reason, "parameters": stack.parameters, "outputs": stack.outputs})
            }
            None => json!({"name": name, "status": null}),
        };
        let image = |image: &Image| {
            let pushed = image.pushed.map(crate::aws::rfc3339);
            json!({"digest": image.digest, "tags": image.tags, "size_bytes": image.size_bytes, "pushed": pushed})
        };
        json!({
            "environment": environment,
            "stacks": self.names.iter().zip(&self.found).map(stack).collect::<Vec<_>>(),
            "stages": self.stages.as_ref().map(Stages::record),
            "services": self.services.iter().map(service_record).collect::<Vec<_>>(),
            "images": self.images.iter().map(image).collect::<Vec<_>>(),
        })
    }
}

fn service_row((minimum, service): &(Minimum, Service)) -> Vec<String> {
    let deployment = |deployment: &crate::services::Deployment| {
        let state = deployment.rollout_state.as_deref().unwrap_or("-");
        let revision = deployment.task_definition.rsplit('/').next().unwrap_or_default();
        format!(
            "{} {state} {revision} {}/{}",
            deployment.status, deployment.running, deployment.desired
        )
    };
    let deployments: Vec<String> = service.deployments.iter().map(deployment).collect();
    let mut row = vec![service.name.clone()];
    row.extend([service.desired, service.running, service.pending, minimum.tasks].map(|count| count.to_string()));
    row.push(deployments.join("; "));
    row
}

fn service_record((minimum, service): &(Minimum, Service)) -> Value {
    let deployment = |deployment: &crate::services::Deployment| {
        json!({
            "status": deployment.status,
            "rollout_state": deployment.rollout_state,
            "reason": deployment.reason,
            "task_definition": deployment.task_definition,
            "desired": deployment.desired,
            "running": deployment.running,
            "pending": deployment.pending,
        })
    };
    json!({
        "name": service.name,
        "cluster": minimum.cluster,
        "desired": service.desired,
        "running": service.running,
        "pending": service.pending,
        "minimum": minimum.tasks,
        "deployments": service.deployments.iter().map(deployment).collect::<Vec<_>>(),
        "last_event": service.last_event,
    })
}
