//! Amazon ECS's verbs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::calls::ecs;
use super::{Aws, json};
use crate::services::{Deployment, Service};

/// How many of its last lines a failed container is told of by.
const LAST_LINES: u32 = 10;

impl Aws {
    /// The services of a cluster, in the order asked for; one that isn't there is left out.
    pub(crate) async fn services(&self, cluster: &str, names: &[&str]) -> anyhow::Result<Vec<Service>> {
        let input = json!({"cluster": cluster, "services": names});
        let answer = json::call(&self.config, ecs::DESCRIBE_SERVICES, input).await?;
        let services: Vec<Service> = items(&answer["services"]).map(service).collect();
        Ok(names
            .iter()
            .filter_map(|name| services.iter().find(|service| service.name == *name).cloned())
            .collect())
    }

    /// When the newest deployment of a service began.
    pub(crate) async fn deployment_began(&self, cluster: &str, service: &str) -> anyhow::Result<SystemTime> {
        let described = self.described_service(cluster, service).await?;
        let created = described["deployments"][0]["createdAt"].as_f64();
        let created = created.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let created = created.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
        created.with_context(|| format!("ECS doesn't say when the deployment of {service} began"))
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

    /// The images that a service was deployed with to the end, the newest first, as far back as ECS tells.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>
    pub(crate) async fn images_deployed(&self, cluster: &str, service: &str) -> anyhow::Result<Vec<String>> {
        let input = json!({"cluster": cluster, "service": service, "status": ["SUCCESSFUL"], "maxResults": 100});
        let answer = json::call(&self.config, ecs::LIST_SERVICE_DEPLOYMENTS, input).await?;
        let mut deployments: Vec<&Value> = items(&answer["serviceDeployments"]).collect();
        deployments.sort_by(|a, b| {
            let created = |deployment: &Value| deployment["createdAt"].as_f64().unwrap_or_default();
            created(b).total_cmp(&created(a))
        });
        let mut images: Vec<String> = Vec::new();
        for revision in deployments
            .iter()
            .filter_map(|deployment| deployment["targetServiceRevisionArn"].as_str())
        {
            let image = self.image_of(revision).await?;
            if images.last() != image.as_ref() {
                images.extend(image);
            }
        }
        Ok(images)
    }

    /// The image of a service revision, by its task definition.
    async fn image_of(&self, revision_arn: &str) -> anyhow::Result<Option<String>> {
        let input = json!({"serviceRevisionArns": [revision_arn]});
        let answer = json::call(&self.config, ecs::DESCRIBE_SERVICE_REVISIONS, input).await?;
        let Some(definition) = answer["serviceRevisions"][0]["taskDefinition"].as_str() else {
            return Ok(None);
        };
        let input = json!({"taskDefinition": definition});
        let answer = json::call(&self.config, ecs::DESCRIBE_TASK_DEFINITION, input).await?;
        let image = answer["taskDefinition"]["containerDefinitions"][0]["image"].as_str();
        Ok(image.map(ToOwned::to_owned))
    }

    /// A service as ECS describes it; null where there is none.
    async fn described_service(&self, cluster: &str, service: &str) -> anyhow::Result<Value> {
        let input = json!({"cluster": cluster, "services": [service]});
        let mut answer = json::call(&self.config, ecs::DESCRIBE_SERVICES, input).await?;
        Ok(answer["services"][0].take())
    }

    /// Why the most recently stopped tasks of a service stopped, each reason once, and what one that did last wrote.
    pub(crate) async fn stop_reasons(&self, cluster: &str, service: &str) -> anyhow::Result<Vec<String>> {
        let input = json!({"cluster": cluster, "serviceName": service, "desiredStatus": "STOPPED", "maxResults": 10});
        let answer = json::call(&self.config, ecs::LIST_TASKS, input).await?;
        let tasks: Vec<&str> = items(&answer["taskArns"]).filter_map(Value::as_str).collect();
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let input = json!({"cluster": cluster, "tasks": tasks});
        let answer = json::call(&self.config, ecs::DESCRIBE_TASKS, input).await?;
        let mut reasons: BTreeMap<String, &Value> = BTreeMap::new();
        for task in items(&answer["tasks"]) {
            if let Some(reason) = stop_reason(task) {
                reasons.entry(reason).or_insert(task);
            }
        }
        let mut told = Vec::new();
        for (reason, task) in reasons {
            told.push(format!("a task stopped: {reason}"));
            // The reason alone is worth telling.
            told.extend(self.last_words(task).await.unwrap_or_default());
        }
        Ok(told)
    }

    /// The last lines that a task's failed containers wrote, each with the container's name before it.
    ///
    /// The stream: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html>
    async fn last_words(&self, task: &Value) -> anyhow::Result<Vec<String>> {
        let failed: Vec<&Value> = items(&task["containers"])
            .filter(|container| has_failed(container))
            .collect();
        if failed.is_empty() {
            return Ok(Vec::new());
        }
        let input = json!({"taskDefinition": task["taskDefinitionArn"]});
        let answer = json::call(&self.config, ecs::DESCRIBE_TASK_DEFINITION, input).await?;
        let mut words = Vec::new();
        for container in failed {
            let name = text(&container["name"]);
            if let Some((group, stream)) = log_stream(&answer["taskDefinition"], task, &name) {
                let lines = self.last_log_lines(&group, &stream, LAST_LINES).await?;
                words.extend(lines.into_iter().map(|line| format!("  {name}: {line}")));
            }
        }
        Ok(words)
    }
}

/// Whether a container ended by itself, and not well.
fn has_failed(container: &Value) -> bool {
    container["exitCode"].as_i64().is_some_and(|code| code != 0)
}

/// The group and the stream, `prefix/container/task`, that a task's container writes to.
fn log_stream(definition: &Value, task: &Value, container: &str) -> Option<(String, String)> {
    let defined = items(&definition["containerDefinitions"]).find(|defined| defined["name"] == container)?;
    let options = &defined["logConfiguration"]["options"];
    let (group, prefix) = (
        options["awslogs-group"].as_str()?,
        options["awslogs-stream-prefix"].as_str()?,
    );
    let id = task["taskArn"].as_str()?.rsplit('/').next()?;
    Some((group.to_owned(), format!("{prefix}/{container}/{id}")))
}

fn service(service: &Value) -> Service {
    Service {
        name: text(&service["serviceName"]),
        desired: count(&service["desiredCount"]),
        running: count(&service["runningCount"]),
        pending: count(&service["pendingCount"]),
        deployments: items(&service["deployments"]).map(deployment).collect(),
        last_event: service["events"][0]["message"].as_str().map(ToOwned::to_owned),
    }
}

fn deployment(deployment: &Value) -> Deployment {
    Deployment {
        status: text(&deployment["status"]),
        rollout_state: deployment["rolloutState"].as_str().map(ToOwned::to_owned),
        reason: deployment["rolloutStateReason"].as_str().map(ToOwned::to_owned),
        task_definition: text(&deployment["taskDefinition"]),
        desired: count(&deployment["desiredCount"]),
        running: count(&deployment["runningCount"]),
        pending: count(&deployment["pendingCount"]),
    }
}

/// A stopped task's reason, with its containers' exit codes and reasons.
fn stop_reason(task: &Value) -> Option<String> {
    let mut reason = task["stoppedReason"].as_str()?.to_owned();
    for container in items(&task["containers"]) {
        if let Some(code) = container["exitCode"].as_i64() {
            let _ = write!(
                reason,
                "; container {} exited with code {code}",
                text(&container["name"])
            );
        }
        if let Some(words) = container["reason"].as_str() {
            let _ = write!(reason, " ({words})");
        }
    }
    Some(reason)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;

    #[test]
    fn a_stopped_task_tells_its_exit_code() {
        let task = json!({
            "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "service", "exitCode": 64, "reason": "Error"}],
        });
        let expected = "Essential container in task exited; container service exited with code 64 (Error)";
        assert_eq!(stop_reason(&task).as_deref(), Some(expected));
    }

    #[tokio::test]
    async fn what_a_task_that_failed_last_wrote_stands_under_its_reason() {
        let container = json!({"name": "service", "exitCode": 64});
        let task = json!({
            "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/cluster/abc", "taskDefinitionArn": "definition:1",
            "stoppedReason": "Essential container in task exited", "containers": [container],
        });
        let options = json!({"awslogs-group": "/group", "awslogs-stream-prefix": "onebox"});
        let definition =
            json!({"containerDefinitions": [{"name": "service", "logConfiguration": {"options": options}}]});
        let replay = Replay::new([
            (200, json!({"taskArns": ["a", "b"]}).to_string()),
            (200, json!({"tasks": [task, task]}).to_string()),
            (200, json!({"taskDefinition": definition}).to_string()),
            (200, json!({"events": [{"message": "cannot bind\n"}]}).to_string()),
        ]);
        let told = replay.aws().stop_reasons("cluster", "service").await.unwrap();
        let expected = [
            "a task stopped: Essential container in task exited; container service exited with code 64",
            "  service: cannot bind",
        ];
        assert_eq!(told, expected);
        assert!(replay.requests()[3].contains(r#""logStreamName":"onebox/service/abc""#));
    }

    #[tokio::test]
    async fn a_task_that_was_stopped_has_no_last_words() {
        let task = json!({"stoppedReason": "Scaling activity", "containers": [{"name": "service", "exitCode": 0}]});
        let replay = Replay::new([
            (200, json!({"taskArns": ["a"]}).to_string()),
            (200, json!({"tasks": [task]}).to_string()),
        ]);
        let told = replay.aws().stop_reasons("cluster", "service").await.unwrap();
        assert_eq!(
            told,
            ["a task stopped: Scaling activity; container service exited with code 0"]
        );
    }
}
