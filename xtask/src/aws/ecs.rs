//! Amazon ECS's verbs.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::calls::ecs;
use super::json::{items, text};
use super::{Aws, json};
use crate::services::last_words::telling;
use crate::services::stopped::{StoppedContainer, StoppedTask};
use crate::services::{Deployment, Service, ServiceEvent};

/// How many of its last lines a failed container is told of by.
const LAST_LINES: u32 = 10;

impl Aws {
    /// The services of a cluster, in the order asked for; one that isn't there is left out.
    pub(crate) async fn services(&self, cluster: &str, names: &[&str]) -> anyhow::Result<Vec<Service>> {
        let input = json!({"cluster": cluster, "services": names});
        let answer = json::call(self, ecs::DESCRIBE_SERVICES, input).await?;
        let services: Vec<Service> = items(&answer["services"]).map(service).collect();
        Ok(names
            .iter()
            .filter_map(|name| services.iter().find(|service| service.name == *name).cloned())
            .collect())
    }

    /// The names of the alarms that watch a service's deployments.
    pub(crate) async fn deployment_alarms(&self, cluster: &str, service: &str) -> anyhow::Result<Vec<String>> {
        let described = self.described_service(cluster, service).await?;
        let names = items(&described["deploymentConfiguration"]["alarms"]["alarmNames"]);
        Ok(names.map(text).collect())
    }

    /// How many minutes a service's alarms go on watching once the new tasks alone serve.
    pub(crate) async fn bake_minutes(&self, cluster: &str, service: &str) -> anyhow::Result<Option<u64>> {
        let described = self.described_service(cluster, service).await?;
        Ok(described["deploymentConfiguration"]["bakeTimeInMinutes"].as_u64())
    }

    /// The image of a task definition.
    pub(crate) async fn image_of_definition(&self, definition: &str) -> anyhow::Result<Option<String>> {
        let input = json!({"taskDefinition": definition});
        let answer = json::call(self, ecs::DESCRIBE_TASK_DEFINITION, input).await?;
        let image = answer["taskDefinition"]["containerDefinitions"][0]["image"].as_str();
        Ok(image.map(ToOwned::to_owned))
    }

    /// A service as ECS describes it; null where there is none.
    async fn described_service(&self, cluster: &str, service: &str) -> anyhow::Result<Value> {
        let input = json!({"cluster": cluster, "services": [service]});
        let mut answer = json::call(self, ecs::DESCRIBE_SERVICES, input).await?;
        Ok(answer["services"][0].take())
    }

    /// The ARNs of the tasks of a service that stopped lately, at most 100: ECS tells of them for about an hour.
    pub(crate) async fn stopped_tasks(&self, cluster: &str, service: &str) -> anyhow::Result<Vec<String>> {
        let input = json!({"cluster": cluster, "serviceName": service, "desiredStatus": "STOPPED", "maxResults": 100});
        let answer = json::call(self, ecs::LIST_TASKS, input).await?;
        Ok(items(&answer["taskArns"]).map(text).collect())
    }

    /// Why tasks stopped, for at most 100; one that runs on is left out.
    pub(crate) async fn describe_stopped(&self, cluster: &str, arns: &[String]) -> anyhow::Result<Vec<StoppedTask>> {
        let input = json!({"cluster": cluster, "tasks": arns});
        let answer = json::call(self, ecs::DESCRIBE_TASKS, input).await?;
        Ok(items(&answer["tasks"]).filter_map(stopped_task).collect())
    }

    /// The last lines that a task's failed containers wrote, each with the container's name before it.
    ///
    /// The stream: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html>
    pub(crate) async fn last_words(&self, task: &StoppedTask) -> anyhow::Result<Vec<String>> {
        let input = json!({"taskDefinition": task.definition});
        let answer = json::call(self, ecs::DESCRIBE_TASK_DEFINITION, input).await?;
        let mut words = Vec::new();
        for name in task.failed_containers() {
            if let Some((group, stream)) = log_stream(&answer["taskDefinition"], &task.arn, name) {
                let lines = self.last_log_lines(&group, &stream, LAST_LINES).await?;
                let lines = telling(lines.into_iter().map(|(_, line)| line).collect());
                words.extend(lines.iter().map(|line| format!("{name}: {line}")));
            }
        }
        Ok(words)
    }
}

/// The group and the stream, `prefix/container/task`, that a task's container writes to.
fn log_stream(definition: &Value, task_arn: &str, container: &str) -> Option<(String, String)> {
    let defined = items(&definition["containerDefinitions"]).find(|defined| defined["name"] == container)?;
    let options = &defined["logConfiguration"]["options"];
    let (group, prefix) = (
        options["awslogs-group"].as_str()?,
        options["awslogs-stream-prefix"].as_str()?,
    );
    let id = task_arn.rsplit('/').next()?;
    Some((group.to_owned(), format!("{prefix}/{container}/{id}")))
}

/// A service by ECS's description of it.
pub(crate) fn service(service: &Value) -> Service {
    Service {
        name: text(&service["serviceName"]),
        desired: count(&service["desiredCount"]),
        running: count(&service["runningCount"]),
        pending: count(&service["pendingCount"]),
        deployments: items(&service["deployments"]).map(deployment).collect(),
        events: items(&service["events"]).map(event).collect(),
    }
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceEvent.html>
fn event(event: &Value) -> ServiceEvent {
    ServiceEvent {
        at: moment(&event["createdAt"]),
        message: text(&event["message"]),
    }
}

fn deployment(deployment: &Value) -> Deployment {
    Deployment {
        id: text(&deployment["id"]),
        status: text(&deployment["status"]),
        rollout_state: deployment["rolloutState"].as_str().map(ToOwned::to_owned),
        reason: deployment["rolloutStateReason"].as_str().map(ToOwned::to_owned),
        task_definition: text(&deployment["taskDefinition"]),
        desired: count(&deployment["desiredCount"]),
        running: count(&deployment["runningCount"]),
        pending: count(&deployment["pendingCount"]),
        failed: count(&deployment["failedTasks"]),
    }
}

/// A task that stopped; none where it gives no reason, as it still runs.
fn stopped_task(task: &Value) -> Option<StoppedTask> {
    let container = |container: &Value| StoppedContainer {
        name: text(&container["name"]),
        exit_code: container["exitCode"].as_i64(),
        reason: container["reason"].as_str().map(ToOwned::to_owned),
    };
    Some(StoppedTask {
        arn: text(&task["taskArn"]),
        definition: text(&task["taskDefinitionArn"]),
        at: moment(&task["stoppedAt"]),
        reason: task["stoppedReason"].as_str()?.to_owned(),
        containers: items(&task["containers"]).map(container).collect(),
    })
}

/// A time as the protocol has it: seconds since 1970.
fn moment(value: &Value) -> Option<SystemTime> {
    let seconds = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(seconds)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
