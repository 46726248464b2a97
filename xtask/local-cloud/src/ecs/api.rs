//! The calls of ECS. Making and changing goes through CloudFormation; what is here shows, and stops single tasks.

use std::time::SystemTime;

use scheduler::{Event, ServiceDeploymentStatus, TaskId};
use serde_json::{Value, json};

use super::resources::cluster_name;
use super::{Service, show};
use crate::cloud::Cloud;
use crate::properties::{text, texts};
use crate::wire::{self, Fault};

/// CloudFormation alone knows which image runs where: a service that is changed behind its back is changed back by the next
/// update.
const ONLY_BY_ITS_STACK: &str =
    "the local cloud changes a service only through its stack, so that the stack knows what runs: update the stack";

/// Answers one call.
pub(crate) fn call(cloud: &mut Cloud, now: SystemTime, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "ListClusters" => Ok(
            json!({"clusterArns": cloud.ecs.clusters.keys().map(|name| cloud.cluster_arn(name)).collect::<Vec<_>>()}),
        ),
        "DescribeClusters" => Ok(describe_clusters(cloud, input)),
        "ListServices" => list_services(cloud, input),
        "DescribeServices" => describe_services(cloud, input),
        "ListTasks" => list_tasks(cloud, input),
        "DescribeTasks" => describe_tasks(cloud, input),
        "StopTask" => stop_task(cloud, now, input),
        "ListTaskDefinitions" => list_task_definitions(cloud, input),
        "DescribeTaskDefinition" => describe_task_definition(cloud, input),
        "ListServiceDeployments" => list_service_deployments(cloud, input),
        "DescribeServiceDeployments" => Ok(describe_service_deployments(cloud, input)),
        "DescribeServiceRevisions" => Ok(describe_service_revisions(cloud, input)),
        "StopServiceDeployment" => stop_service_deployment(cloud, now, input),
        "UpdateService" => Err(Fault::client("UnsupportedFeatureException", ONLY_BY_ITS_STACK)),
        _ => Err(Fault::unsupported(wire::Service::Ecs, operation)),
    }
}

fn describe_clusters(cloud: &Cloud, input: &Value) -> Value {
    let mut asked = texts(input, "clusters");
    if asked.is_empty() {
        asked.push("default".to_owned());
    }
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in asked.iter().map(|asked| cluster_name(asked)) {
        match cloud.ecs.clusters.get(&name) {
            Some(cluster) => clusters.push(show::cluster(cloud, &name, cluster)),
            None => failures.push(missing(&cloud.cluster_arn(&name))),
        }
    }
    json!({"clusters": clusters, "failures": failures})
}

fn list_services(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let cluster = cluster(cloud, input)?;
    let services = cloud
        .ecs
        .services
        .iter()
        .filter(|(_, service)| service.cluster == cluster && !service.scheduler.is_gone());
    Ok(json!({"serviceArns": services.map(|(arn, _)| arn).collect::<Vec<_>>()}))
}

fn describe_services(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let cluster = cluster(cloud, input)?;
    let asked = texts(input, "services");
    if asked.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in &asked {
        match service(cloud, &cluster, name) {
            Some((arn, service)) => {
                let mut shown = show::service(cloud, arn, service);
                if wants_tags(input) {
                    shown["tags"] = show::tags(&service.properties);
                }
                services.push(shown);
            }
            None => failures.push(missing(
                &cloud
                    .place
                    .arn("ecs", &format!("service/{cluster}/{}", last_part(name))),
            )),
        }
    }
    Ok(json!({"services": services, "failures": failures}))
}

fn list_tasks(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let cluster = cluster(cloud, input)?;
    let status = text(input, "desiredStatus").unwrap_or_else(|| "RUNNING".to_owned());
    let (of_service, family) = (text(input, "serviceName"), text(input, "family"));
    if let Some(name) = &of_service {
        service(cloud, &cluster, name)
            .ok_or_else(|| Fault::client("ServiceNotFoundException", "Service not found."))?;
    }
    let services = cloud.ecs.services.values().filter(|service| service.cluster == cluster);
    let services = services.filter(|service| of_service.as_deref().is_none_or(|name| service.name == last_part(name)));
    let tasks = services
        .flat_map(|service| service.scheduler.tasks())
        .filter(|task| task.desired_status().as_str() == status);
    let in_family = |id: &str| {
        let definition = cloud
            .ecs
            .tasks
            .get(id)
            .and_then(|task| cloud.ecs.task_definitions.get(&task.task_definition_arn));
        family.is_none() || definition.map(|definition| &definition.family) == family.as_ref()
    };
    let ids = tasks.map(|task| task.id.to_string()).filter(|id| in_family(id));
    Ok(json!({"taskArns": ids.map(|id| show::task_arn(cloud, &cluster, &id)).collect::<Vec<_>>()}))
}

fn describe_tasks(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let cluster = cluster(cloud, input)?;
    let asked = texts(input, "tasks");
    if asked.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for name in &asked {
        let id = last_part(name);
        match show::task(cloud, id) {
            Some(task) => tasks.push(task),
            None => failures.push(missing(&show::task_arn(cloud, &cluster, id))),
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

fn stop_task(cloud: &mut Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    cluster(cloud, input)?;
    let name = text(input, "task").unwrap_or_default();
    let id = last_part(&name).to_owned();
    let service_arn = cloud.ecs.tasks.get(&id).map(|task| task.service_arn.clone());
    let (Some(service_arn), Ok(task)) = (service_arn, id.parse::<TaskId>()) else {
        return Err(invalid("The referenced task was not found."));
    };
    cloud.step_service(
        now,
        &service_arn,
        Event::StopTask {
            task,
            reason: text(input, "reason"),
        },
    );
    Ok(json!({"task": show::task(cloud, &id)}))
}

fn list_task_definitions(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let prefix = text(input, "familyPrefix");
    let status = text(input, "status").unwrap_or_else(|| "ACTIVE".to_owned());
    let wanted = |definition: &super::TaskDefinition| {
        prefix.as_ref().is_none_or(|prefix| definition.family == *prefix)
            && (status == "ALL" || (status == "ACTIVE") == definition.deregistered_at.is_none())
    };
    let mut found = cloud
        .ecs
        .task_definitions
        .iter()
        .filter(|(_, definition)| wanted(definition))
        .collect::<Vec<_>>();
    found.sort_by_key(|(_, definition)| (definition.family.clone(), definition.revision));
    match text(input, "sort").as_deref() {
        None | Some("ASC") => {}
        Some("DESC") => found.reverse(),
        Some(other) => return Err(invalid(&format!("sort must be ASC or DESC, not {other}"))),
    }
    Ok(json!({"taskDefinitionArns": found.into_iter().map(|(arn, _)| arn).collect::<Vec<_>>()}))
}

fn describe_task_definition(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let asked = text(input, "taskDefinition").unwrap_or_default();
    let name = last_part(&asked);
    let unknown = || Fault::client("ClientException", "Unable to describe task definition.");
    let (family, revision) = match name.split_once(':') {
        Some((family, revision)) => (family, Some(revision.parse::<u32>().map_err(|_| unknown())?)),
        None => (name, None),
    };
    let of_family = cloud
        .ecs
        .task_definitions
        .iter()
        .filter(|(_, definition)| definition.family == family);
    let found = of_family
        .filter(|(_, definition)| {
            revision.map_or(definition.deregistered_at.is_none(), |revision| {
                definition.revision == revision
            })
        })
        .max_by_key(|(_, definition)| definition.revision);
    let (arn, definition) = found.ok_or_else(unknown)?;
    let mut output = json!({"taskDefinition": show::task_definition(arn, definition)});
    if wants_tags(input) {
        output["tags"] = show::tags(&definition.properties);
    }
    Ok(output)
}

fn list_service_deployments(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let cluster = cluster(cloud, input)?;
    let name = text(input, "service").unwrap_or_default();
    let (arn, service) = service(cloud, &cluster, &name)
        .ok_or_else(|| Fault::client("ServiceNotFoundException", "Service not found."))?;
    let statuses = texts(input, "status");
    let records = service.scheduler.service_deployments();
    let records =
        records.filter(|record| statuses.is_empty() || statuses.iter().any(|status| status == record.status.as_str()));
    Ok(
        json!({"serviceDeployments": records.map(|record| show::service_deployment_brief(cloud, arn, service, record)).collect::<Vec<_>>()}),
    )
}

fn describe_service_deployments(cloud: &Cloud, input: &Value) -> Value {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for asked in texts(input, "serviceDeploymentArns") {
        let mut all = cloud.ecs.services.iter().flat_map(|(arn, service)| {
            service
                .scheduler
                .service_deployments()
                .map(move |record| (arn, service, record))
        });
        match all.find(|(_, service, record)| show::service_deployment_arn(cloud, service, record) == asked) {
            Some((arn, service, record)) => found.push(show::service_deployment(cloud, arn, service, record)),
            None => failures.push(missing(&asked)),
        }
    }
    json!({"serviceDeployments": found, "failures": failures})
}

/// Ends the running deployment: `ROLLBACK`, which is usual, brings the last completed one back; `ABORT`, which the SDKs have
/// and the guide leaves out, brings nothing back, and the stack's own rollback then does.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html>
fn stop_service_deployment(cloud: &mut Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let asked = text(input, "serviceDeploymentArn").unwrap_or_default();
    let rollback = match text(input, "stopType").as_deref() {
        None | Some("ROLLBACK") => true,
        Some("ABORT") => false,
        Some(other) => return Err(invalid(&format!("stopType must be ROLLBACK or ABORT, not {other}"))),
    };
    let Some((service, status)) = find_service_deployment(cloud, &asked) else {
        let message = "The service deployment was not found.";
        return Err(Fault::client("ServiceDeploymentNotFoundException", message));
    };
    if status != ServiceDeploymentStatus::InProgress {
        let message = format!("The service deployment can't be stopped: it is {}.", status.as_str());
        return Err(Fault::client("ConflictException", message));
    }
    cloud.step_service(now, &service, Event::StopDeployment { rollback });
    Ok(json!({"serviceDeploymentArn": asked}))
}

/// The ARN of the service that a deployment is of, and the deployment's status.
fn find_service_deployment(cloud: &Cloud, asked: &str) -> Option<(String, ServiceDeploymentStatus)> {
    let mut all = cloud.ecs.services.iter().flat_map(|(arn, service)| {
        let records = service.scheduler.service_deployments();
        records.map(move |record| (arn, service, record))
    });
    let (arn, _, record) =
        all.find(|(_, service, record)| show::service_deployment_arn(cloud, service, record) == asked)?;
    Some((arn.clone(), record.status))
}

fn describe_service_revisions(cloud: &Cloud, input: &Value) -> Value {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for asked in texts(input, "serviceRevisionArns") {
        let mut all = cloud
            .ecs
            .services
            .iter()
            .filter_map(|(arn, service)| Some((arn, service, service.revisions.get(&asked)?)));
        match all.next() {
            Some((arn, service, revision)) => found.push(show::service_revision(cloud, arn, service, &asked, revision)),
            None => failures.push(missing(&asked)),
        }
    }
    json!({"serviceRevisions": found, "failures": failures})
}

fn cluster(cloud: &Cloud, input: &Value) -> Result<String, Fault> {
    let name = cluster_name(&text(input, "cluster").unwrap_or_else(|| "default".to_owned()));
    if cloud.ecs.clusters.contains_key(&name) {
        Ok(name)
    } else {
        Err(Fault::client("ClusterNotFoundException", "Cluster not found."))
    }
}

fn service<'a>(cloud: &'a Cloud, cluster: &str, name_or_arn: &str) -> Option<(&'a str, &'a Service)> {
    let name = last_part(name_or_arn);
    let mut services = cloud.ecs.services.iter();
    services
        .find(|(_, service)| service.cluster == cluster && service.name == name)
        .map(|(arn, service)| (arn.as_str(), service))
}

/// Tags are shown only to whoever asks for them.
fn wants_tags(input: &Value) -> bool {
    texts(input, "include").iter().any(|wanted| wanted == "TAGS")
}

/// The last part of an ARN's path, or the whole of a name.
fn last_part(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

fn missing(arn: &str) -> Value {
    json!({"arn": arn, "reason": "MISSING"})
}

fn invalid(message: &str) -> Fault {
    Fault::client("InvalidParameterException", message)
}
