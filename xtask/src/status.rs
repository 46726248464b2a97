//! `status`: what an environment runs.

mod health;
mod stages;
mod summary;
mod watch;

use std::time::SystemTime;

use deployment::release::RELEASE_PREFIX;
use health::Problem;
use serde_json::{Value, json};
use stages::Stages;
use summary::{Activity, Summary};

use crate::aws::Aws;
use crate::aws::ecr::Image;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Rendered;
use crate::exit::{Exit, Failure, ended_by_interruption};
use crate::flags::Status;
use crate::progress::wrap;
use crate::services::{Minimum, Service, minimums};
use crate::stack::{Resource, Stack};
use crate::telling::tables;
use crate::unread::readable;
use crate::{cloud, outputs, table};

/// How many of a repository's images are shown to people.
const IMAGES_SHOWN: usize = 5;

impl Status {
    /// Prints whether an environment is healthy, and its stacks, stages, alarms, services, images and endpoint; or goes on
    /// showing what the stages do.
    ///
    /// # Errors
    /// If AWS can't be reached; with `--exit-status`, if something needs attention (exit status 1).
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let aws = cloud::look(context, &self.cloud, &self.target.environments()).await?;
        let [first, second] = self.target.stacks();
        let deploys = self.target.deploys(&self.cloud);
        if self.watch {
            let watched = watch::watch(context, &aws, &second.name, &deploys).await;
            return ended_by_interruption(watched, json!({"environment": self.target.name()}));
        }
        let found = [aws.stack(&first.name).await?, aws.stack(&second.name).await?];
        let mut report = Report {
            environment: self.target.name().to_owned(),
            cloud: self.cloud.arguments(),
            names: [first.name.clone(), second.name.clone()],
            stages: None,
            activity: Activity::Idle,
            unread: Vec::new(),
            services: services(&aws, &second, found[1].as_ref()).await?,
            images: Vec::new(),
            deploys,
            found,
        };
        report.read(&aws).await?;
        self.end(context, &report, aws.now())
    }

    /// Prints the report, and ends as was requested.
    fn end(&self, context: &Context, report: &Report, now: SystemTime) -> anyhow::Result<Value> {
        let summary = Summary::of(report, now);
        let fails = self.fails && !summary.is_healthy;
        // An error repeats the steps to take below it.
        let next: &[String] = if fails { &[] } else { &summary.next };
        let text = report.render(&summary, next, now, context.output.columns());
        context.output.line(&text);
        let record = report.record(&summary);
        if !fails {
            return Ok(record);
        }
        let failure = Failure::new(Exit::Failed, summary.line.trim_end_matches('.')).code(Code::Unhealthy);
        let mut failure = summary.next.into_iter().fold(failure, Failure::next);
        failure.cause = Some(Box::new(record));
        Err(failure.into())
    }
}

/// What an environment runs.
#[derive(Debug, Clone, PartialEq)]
struct Report {
    environment: String,
    /// The flags that choose the cloud, for commands to type.
    cloud: String,
    names: [String; 2],
    found: [Option<Stack>; 2],
    stages: Option<Stages>,
    activity: Activity,
    /// What the credentials may not read, beside the stages.
    unread: Vec<String>,
    services: Vec<(Minimum, Service)>,
    images: Vec<Image>,
    /// The command that deploys it.
    deploys: String,
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

/// Whether these are the tags of a release, or of what refers to one. Every image has a tag of its own.
fn is_artifact(tags: &[String]) -> bool {
    tags.is_empty() || tags.iter().any(|tag| tag.starts_with(RELEASE_PREFIX))
}

/// Whether a resource is an image repository that exists.
pub(crate) fn is_repository(resource: &Resource) -> bool {
    resource.resource_type == "AWS::ECR::Repository"
        && !resource.physical_id.is_empty()
        && resource.status != "DELETE_COMPLETE"
}

impl Report {
    async fn read(&mut self, aws: &Aws) -> anyhow::Result<()> {
        if let Some(stack) = &self.found[1] {
            self.stages = Stages::gather(aws, stack).await?;
            self.activity = Activity::read(aws, stack, &mut self.unread).await?;
        }
        let Some(foundation) = &self.found[0] else {
            return Ok(());
        };
        let resources = aws.resources(&foundation.id).await?;
        for repository in resources.iter().filter(|resource| is_repository(resource)) {
            let name = &repository.physical_id;
            let images = aws.images(name).await;
            let Some(images) = readable(&mut self.unread, &format!("the images of {name}"), images)? else {
                continue;
            };
            let digests = images.iter().map(|image| image.digest.clone()).collect();
            if let Some(stages) = &mut self.stages {
                stages.mark_gone(name, &digests);
            }
            self.images
                .extend(images.into_iter().filter(|image| !is_artifact(&image.tags)));
        }
        Ok(())
    }

    fn render(&self, summary: &Summary, next: &[String], now: SystemTime, width: Option<usize>) -> String {
        let fit = |text: String| width.map_or_else(|| text.clone(), |width| wrap(&text, width));
        let also = summary.also.iter().map(|words| fit(format!("also: {words}")));
        let first: Vec<String> = std::iter::once(fit(summary.line.clone())).chain(also).collect();
        let mut parts = vec![first.join("\n"), self.stack_table(width)];
        let stages = self.stages.iter();
        parts.extend(stages.map(|stages| stages.render([None, None], now, width)));
        if !self.services.is_empty() {
            parts.push(self.service_table(width));
        }
        if !self.images.is_empty() {
            parts.push(self.image_table(width));
        }
        parts.extend(self.found[1].iter().map(|stack| outputs::table(&stack.outputs, width)));
        let why = summary.why.iter().map(|why| fit(format!("why: {why}")));
        let next = next.iter().map(|step| fit(format!("next: {step}")));
        let last: Vec<String> = why.chain(next).collect();
        if !last.is_empty() {
            parts.push(last.join("\n"));
        }
        parts.join("\n\n")
    }

    fn stack_table(&self, width: Option<usize>) -> String {
        let rows = self.stack_rows();
        let worthless: &[usize] = if rows.iter().all(|row| row[2].is_empty()) {
            &[2]
        } else {
            &[]
        };
        table::fit(&["STACK", "STATUS", "REASON"], &[rows], width, worthless)
    }

    fn service_table(&self, width: Option<usize>) -> String {
        let header = ["SERVICE", "DESIRED", "RUNNING", "PENDING", "MINIMUM", "DEPLOYMENTS"];
        let rows = |words: bool| -> Vec<Vec<String>> {
            let services = self.services.iter();
            services.map(|service| service_row(service, words)).collect()
        };
        table::fit(&header, &[rows(true), rows(false)], width, &[3, 4])
    }

    fn image_table(&self, width: Option<usize>) -> String {
        let rows = |words: bool| -> Vec<Vec<String>> {
            let shown = self.images.iter().take(IMAGES_SHOWN);
            let more = self.images.len().saturating_sub(IMAGES_SHOWN);
            let more = (more > 0).then(|| vec![format!("… and {more} more")]);
            shown.map(|image| self.image_row(image, words)).chain(more).collect()
        };
        let header = ["IMAGE", "KIB", "TAGS", "RUNS AS"];
        table::fit(&header, &[rows(true), rows(false)], width, &[1, 2])
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

    fn image_row(&self, image: &Image, words: bool) -> Vec<String> {
        let size = image.size_bytes.div_ceil(1024).to_string();
        let short = image.digest.get(..19).filter(|_| !words);
        // A tag is a digest of its source, without a prefix.
        let tag = |tag: &String| tag.get(..12).filter(|_| !words).unwrap_or(tag).to_owned();
        let tags: Vec<String> = image.tags.iter().map(tag).collect();
        vec![
            short.unwrap_or(&image.digest).to_owned(),
            size,
            tags.join(", "),
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

    fn record(&self, summary: &Summary) -> Value {
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
            "environment": self.environment,
            "healthy": summary.is_healthy,
            "verdict": summary.line,
            "problems": summary.problems.iter().map(Problem::record).collect::<Vec<_>>(),
            "next": summary.next,
            "stacks": self.names.iter().zip(&self.found).map(stack).collect::<Vec<_>>(),
            "stages": self.stages.as_ref().map(Stages::record),
            "services": self.services.iter().map(service_record).collect::<Vec<_>>(),
            "images": self.images.iter().map(image).collect::<Vec<_>>(),
        })
    }
}

/// A name, or what tells it from others of its stack.
fn named(name: &str, whole: bool) -> &str {
    if whole { name } else { tables::short(name) }
}

fn service_row((minimum, service): &(Minimum, Service), words: bool) -> Vec<String> {
    let deployment = |deployment: &crate::services::Deployment| {
        let state = deployment.rollout_state.as_deref().unwrap_or("-");
        let revision = named(tables::revision(deployment), words);
        format!(
            "{} {state} {revision} {}/{}",
            deployment.status, deployment.running, deployment.desired
        )
    };
    let deployments: Vec<String> = service.deployments.iter().map(deployment).collect();
    let mut row = vec![named(&service.name, words).to_owned()];
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
        "last_event": service.events.first().map(|event| &event.message),
    })
}

#[cfg(test)]
mod tests;
