//! ECS's records as its answers show them. Shapes: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Types.html>

use std::time::SystemTime;

use scheduler::{DeploymentDescription, RevisionId, ServiceDeployment, ServiceDeploymentStatus, TaskStatus};
use serde_json::{Value, json};

use super::{Cluster, Revision, Service, TaskDefinition, monitors};
use crate::cloud::Cloud;
use crate::moment::epoch_seconds;
use crate::properties::{camel_case, list, text};

/// The newest version of Fargate for Linux. <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-fargate.html>
const PLATFORM_VERSION: &str = "1.4.0";

/// What a task on Fargate has where its definition asks for nothing.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html>
const EPHEMERAL_STORAGE_GIBIBYTES: u32 = 20;

/// ECS gives this many service events. <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html>
const EVENTS_SHOWN: usize = 100;

pub(super) fn cluster(cloud: &Cloud, name: &str, cluster: &Cluster) -> Value {
    let services = cloud
        .ecs
        .services
        .values()
        .filter(|service| service.cluster == name && !service.scheduler.is_gone());
    let (mut active, mut running, mut pending) = (0, 0, 0);
    for service in services {
        active += 1;
        running += service.scheduler.running_count();
        pending += service.scheduler.pending_count();
    }
    json!({
        "clusterArn": cloud.cluster_arn(name),
        "clusterName": name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": active,
        "statistics": [],
        "tags": camel_case(&json!(list(&cluster.properties, "Tags"))),
        "settings": camel_case(&json!(list(&cluster.properties, "ClusterSettings"))),
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    })
}

pub(super) fn service(cloud: &Cloud, arn: &str, service: &Service) -> Value {
    let scheduler = &service.scheduler;
    let property = |name: &str| service.properties.get(name).map(camel_case);
    let deployments = scheduler
        .deployments()
        .into_iter()
        .map(|found| deployment(service, &found));
    let events = scheduler.events().take(EVENTS_SHOWN).map(|event| {
        json!({"id": event.id.to_string(), "createdAt": epoch_seconds(event.created_at), "message": event.message})
    });
    without_nulls(json!({
        "serviceArn": arn,
        "serviceName": service.name,
        "clusterArn": cloud.cluster_arn(&service.cluster),
        "loadBalancers": property("LoadBalancers").unwrap_or_else(|| json!([])),
        "serviceRegistries": [],
        "status": service.status(),
        "desiredCount": if scheduler.is_deleting() { 0 } else { scheduler.desired_count() },
        "runningCount": scheduler.running_count(),
        "pendingCount": scheduler.pending_count(),
        "launchType": "FARGATE",
        "platformVersion": PLATFORM_VERSION,
        "platformFamily": "Linux",
        "taskDefinition": text(&service.properties, "TaskDefinition"),
        "deploymentConfiguration": property("DeploymentConfiguration"),
        "deployments": deployments.collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
        "createdAt": epoch_seconds(service.created_at),
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": property("NetworkConfiguration"),
        "healthCheckGracePeriodSeconds": scheduler_grace(service),
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": service.properties.get("EnableECSManagedTags").and_then(Value::as_bool).unwrap_or(false),
        "propagateTags": property("PropagateTags").unwrap_or_else(|| json!("NONE")),
        "enableExecuteCommand": service.properties.get("EnableExecuteCommand").and_then(Value::as_bool).unwrap_or(false),
        "availabilityZoneRebalancing": property("AvailabilityZoneRebalancing").unwrap_or_else(|| json!("DISABLED")),
    }))
}

/// As the template has it, not as it is scaled here.
fn scheduler_grace(service: &Service) -> u64 {
    crate::properties::number(&service.properties, "HealthCheckGracePeriodSeconds")
        .ok()
        .flatten()
        .unwrap_or(0)
}

fn deployment(service: &Service, deployment: &DeploymentDescription) -> Value {
    let revision = service.revisions.get(deployment.revision.as_str());
    without_nulls(json!({
        "id": deployment.id.to_string(),
        "status": deployment.status.as_str(),
        "taskDefinition": revision.map(|revision| &revision.task_definition_arn),
        "desiredCount": deployment.desired_count,
        "pendingCount": deployment.pending_count,
        "runningCount": deployment.running_count,
        "failedTasks": deployment.failed_tasks,
        "createdAt": epoch_seconds(deployment.created_at),
        "updatedAt": epoch_seconds(deployment.updated_at),
        "launchType": "FARGATE",
        "platformVersion": PLATFORM_VERSION,
        "platformFamily": "Linux",
        "networkConfiguration": service.properties.get("NetworkConfiguration").map(camel_case),
        "rolloutState": deployment.rollout_state.as_str(),
        "rolloutStateReason": deployment.rollout_state_reason,
    }))
}

pub(super) fn task_arn(cloud: &Cloud, cluster: &str, id: &str) -> String {
    cloud.place.arn("ecs", &format!("task/{cluster}/{id}"))
}

pub(super) fn task(cloud: &Cloud, id: &str) -> Option<Value> {
    let record = cloud.ecs.tasks.get(id)?;
    let service = cloud.ecs.services.get(&record.service_arn)?;
    let task = service.scheduler.task(id.parse().ok()?)?;
    let definition = cloud.ecs.task_definitions.get(&record.task_definition_arn);
    let seconds = |moment: Option<SystemTime>| moment.map(epoch_seconds);
    let architecture =
        definition.and_then(|definition| text(&definition.properties["RuntimePlatform"], "CpuArchitecture"));
    Some(without_nulls(json!({
        "taskArn": task_arn(cloud, &service.cluster, id),
        "clusterArn": cloud.cluster_arn(&service.cluster),
        "taskDefinitionArn": record.task_definition_arn,
        "group": format!("service:{}", service.name),
        "startedBy": task.deployment.to_string(),
        "launchType": "FARGATE",
        "platformVersion": PLATFORM_VERSION,
        "platformFamily": "Linux",
        "availabilityZone": record.zone,
        "lastStatus": task.last_status.as_str(),
        "desiredStatus": task.desired_status().as_str(),
        "healthStatus": "UNKNOWN",
        "connectivity": task.started_at.map(|_| "CONNECTED"),
        "connectivityAt": seconds(task.started_at),
        "cpu": definition.and_then(|definition| text(&definition.properties, "Cpu")),
        "memory": definition.and_then(|definition| text(&definition.properties, "Memory")),
        "createdAt": epoch_seconds(task.created_at),
        "startedAt": seconds(task.started_at),
        "stoppingAt": seconds(task.stopping_at),
        "executionStoppedAt": seconds(task.stopped_at.filter(|_| task.started_at.is_some())),
        "stoppedAt": seconds(task.stopped_at),
        "stopCode": task.stop_code.map(scheduler::StopCode::as_str),
        "stoppedReason": task.stopped_reason,
        "attributes": architecture.map(|name| json!([{"name": "ecs.cpu-architecture", "value": name.to_lowercase()}])),
        "attachments": [attachment(record, task.last_status)],
        "containers": containers(cloud, id, definition, record, task),
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
        "enableExecuteCommand": service.properties.get("EnableExecuteCommand").and_then(Value::as_bool).unwrap_or(false),
        "ephemeralStorage": {"sizeInGiB": EPHEMERAL_STORAGE_GIBIBYTES},
        "fargateEphemeralStorage": {"sizeInGiB": EPHEMERAL_STORAGE_GIBIBYTES},
        "tags": [],
        "version": 1,
    })))
}

fn attachment_id(record: &super::Task) -> String {
    record.network_interface.replace("eni-", "attachment-")
}

fn attachment(record: &super::Task, status: TaskStatus) -> Value {
    json!({
        "id": attachment_id(record),
        "type": "ElasticNetworkInterface",
        "status": if status == TaskStatus::Stopped { "DELETED" } else { "ATTACHED" },
        "details": [
            {"name": "subnetId", "value": record.subnet_id},
            {"name": "networkInterfaceId", "value": record.network_interface},
            {"name": "privateIPv4Address", "value": record.private_address},
        ],
    })
}

fn containers(
    cloud: &Cloud,
    id: &str,
    definition: Option<&TaskDefinition>,
    record: &super::Task,
    task: &scheduler::Task,
) -> Vec<Value> {
    let definitions = definition.map_or(&[][..], |definition| {
        list(&definition.properties, "ContainerDefinitions")
    });
    let shown = definitions.iter().map(|container| {
        let image = text(container, "Image").unwrap_or_default();
        without_nulls(json!({
            "containerArn": cloud.place.arn("ecs", &format!("container/{id}")),
            "taskArn": task_arn(cloud, cloud.ecs.services.get(&record.service_arn).map_or("", |service| service.cluster.as_str()), id),
            "name": text(container, "Name"),
            "image": image,
            "imageDigest": digest(&image),
            "lastStatus": if task.last_status < TaskStatus::Running { "PENDING" } else if task.last_status == TaskStatus::Stopped { "STOPPED" } else { "RUNNING" },
            "exitCode": task.exit_code,
            "reason": task.container_reason(),
            "networkBindings": [],
            "networkInterfaces": [{"attachmentId": attachment_id(record), "privateIpv4Address": record.private_address}],
            "healthStatus": "UNKNOWN",
            "cpu": text(container, "Cpu").unwrap_or_else(|| "0".to_owned()),
            "memory": text(container, "Memory"),
            "memoryReservation": text(container, "MemoryReservation"),
        }))
    });
    shown.collect()
}

pub(super) fn task_definition(arn: &str, definition: &TaskDefinition) -> Value {
    let mut shown = camel_case(&definition.properties);
    if let Some(members) = shown.as_object_mut() {
        members.remove("tags");
        members.insert("taskDefinitionArn".to_owned(), json!(arn));
        members.insert("family".to_owned(), json!(definition.family));
        members.insert("revision".to_owned(), json!(definition.revision));
        members.insert(
            "status".to_owned(),
            json!(if definition.deregistered_at.is_some() {
                "INACTIVE"
            } else {
                "ACTIVE"
            }),
        );
        members.insert(
            "registeredAt".to_owned(),
            json!(epoch_seconds(definition.registered_at)),
        );
        if let Some(moment) = definition.deregistered_at {
            members.insert("deregisteredAt".to_owned(), json!(epoch_seconds(moment)));
        }
        members.insert("compatibilities".to_owned(), json!(["EC2", "FARGATE"]));
    }
    shown
}

pub(super) fn service_deployment_arn(cloud: &Cloud, service: &Service, record: &ServiceDeployment) -> String {
    cloud.place.arn(
        "ecs",
        &format!("service-deployment/{}/{}/{}", service.cluster, service.name, record.id),
    )
}

pub(super) fn service_deployment_brief(
    cloud: &Cloud,
    arn: &str,
    service: &Service,
    record: &ServiceDeployment,
) -> Value {
    without_nulls(json!({
        "serviceDeploymentArn": service_deployment_arn(cloud, service, record),
        "serviceArn": arn,
        "clusterArn": cloud.cluster_arn(&service.cluster),
        "startedAt": epoch_seconds(record.created_at),
        "createdAt": epoch_seconds(record.created_at),
        "finishedAt": record.finished_at.map(epoch_seconds),
        "targetServiceRevisionArn": record.revision.as_str(),
        "status": record.status.as_str(),
        "statusReason": record.failure.as_ref().map(|failure| &failure.reason),
    }))
}

pub(super) fn service_deployment(cloud: &Cloud, arn: &str, service: &Service, record: &ServiceDeployment) -> Value {
    without_nulls(json!({
        "serviceDeploymentArn": service_deployment_arn(cloud, service, record),
        "serviceArn": arn,
        "clusterArn": cloud.cluster_arn(&service.cluster),
        "createdAt": epoch_seconds(record.created_at),
        "startedAt": epoch_seconds(record.created_at),
        "finishedAt": record.finished_at.map(epoch_seconds),
        "stoppedAt": record.finished_at.filter(|_| record.status == ServiceDeploymentStatus::Stopped).map(epoch_seconds),
        "updatedAt": epoch_seconds(record.updated_at),
        "sourceServiceRevisions": record.sources.iter().map(|source| tasks_of(service, source)).collect::<Vec<_>>(),
        "targetServiceRevision": tasks_of(service, &record.revision),
        "status": record.status.as_str(),
        "statusReason": record.failure.as_ref().map(|failure| &failure.reason),
        "rollback": monitors::rollback(service, record),
        "deploymentCircuitBreaker": monitors::circuit_breaker(service, record),
        "alarms": monitors::alarms(service, record),
        "deploymentConfiguration": service.properties.get("DeploymentConfiguration").map(camel_case),
    }))
}

/// How many tasks of a revision are wanted, run and are on their way.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevisionSummary.html>
fn tasks_of(service: &Service, revision: &RevisionId) -> Value {
    let deployments = service.scheduler.deployments();
    let of_it = deployments.iter().filter(|deployment| deployment.revision == *revision);
    let (mut requested, mut running, mut pending) = (0, 0, 0);
    for deployment in of_it {
        requested += deployment.desired_count;
        running += deployment.running_count;
        pending += deployment.pending_count;
    }
    json!({
        "arn": revision.as_str(),
        "requestedTaskCount": requested,
        "runningTaskCount": running,
        "pendingTaskCount": pending,
    })
}

/// The images of a revision's containers, by tag or digest as its task definition has them.
fn container_images(cloud: &Cloud, revision: &Revision) -> Option<Vec<Value>> {
    let definition = cloud.ecs.task_definitions.get(&revision.task_definition_arn)?;
    let containers = list(&definition.properties, "ContainerDefinitions").iter();
    let images = containers.map(|container| {
        let image = text(container, "Image").unwrap_or_default();
        without_nulls(json!({
            "containerName": text(container, "Name"),
            "image": image,
            "imageDigest": digest(&image),
        }))
    });
    Some(images.collect())
}

/// The digest that an image is named by; none where it is named by a tag.
fn digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}

pub(super) fn service_revision(
    cloud: &Cloud,
    arn: &str,
    service: &Service,
    revision_arn: &str,
    revision: &Revision,
) -> Value {
    without_nulls(json!({
        "serviceRevisionArn": revision_arn,
        "serviceArn": arn,
        "clusterArn": cloud.cluster_arn(&service.cluster),
        "taskDefinition": revision.task_definition_arn,
        "launchType": "FARGATE",
        "platformVersion": PLATFORM_VERSION,
        "platformFamily": "Linux",
        "loadBalancers": revision.properties.get("LoadBalancers").map(camel_case),
        "serviceRegistries": [],
        "networkConfiguration": revision.properties.get("NetworkConfiguration").map(camel_case),
        "containerImages": container_images(cloud, revision),
        "guardDutyEnabled": false,
        "createdAt": epoch_seconds(revision.created_at),
    }))
}

/// The template's tags as ECS shows them.
pub(super) fn tags(properties: &Value) -> Value {
    camel_case(&json!(list(properties, "Tags")))
}

/// JSON services leave out what isn't there.
fn without_nulls(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    value
}
