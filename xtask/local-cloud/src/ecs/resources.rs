//! Clusters, task definitions and services as CloudFormation makes them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use provisioner::{Operation, Progress, ResourceRequest};
use scheduler::{Cause, DeploymentOutcome, Event, RevisionId};
use serde_json::{Value, json};

use super::settings::{deployed, settings};
use super::{Cluster, Revision, Service, TaskDefinition};
use crate::cloud::Cloud;
use crate::elb::only;
use crate::kind::{Handler, Kind, already_exists, not_found};
use crate::properties::{list, number, required, text, texts};
use crate::values;

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        type_name: "AWS::ECS::Cluster",
        create_only: &["ClusterName"],
        attributes: &["Arn"],
        timeout: None,
        handler: &Clusters,
    },
    Kind {
        type_name: "AWS::ECS::TaskDefinition",
        // Every property but the tags: a task definition never changes, it gets a new revision.
        create_only: &[
            "Family",
            "ContainerDefinitions",
            "Cpu",
            "Memory",
            "ExecutionRoleArn",
            "TaskRoleArn",
            "NetworkMode",
            "RequiresCompatibilities",
            "RuntimePlatform",
            "Volumes",
            "EphemeralStorage",
            "PidMode",
            "IpcMode",
        ],
        attributes: &["TaskDefinitionArn"],
        timeout: None,
        handler: &TaskDefinitions,
    },
    Kind {
        type_name: "AWS::ECS::Service",
        create_only: &["Cluster", "LaunchType", "Role", "SchedulingStrategy", "ServiceName"],
        attributes: &["ServiceArn", "Name"],
        // With an explicit bake time: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html>
        timeout: Some(Duration::from_hours(36)),
        handler: &Services,
    },
];

/// How many service revisions are kept.
const REVISIONS_KEPT: usize = 100;

/// ECS's quota of tasks for a service. <https://docs.aws.amazon.com/general/latest/gr/ecs-service.html>
pub(crate) const TASKS_OF_A_SERVICE: u64 = 5000;

/// A named choice: AWS states no largest percentage.
const PERCENT_MAXIMUM: u64 = 10_000;

struct Clusters;
struct TaskDefinitions;
struct Services;

impl Handler for Clusters {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = values::name(properties, "ClusterName", 255, "_-");
        faults.extend(values::each(properties, "ClusterSettings", |setting| {
            let mut faults = only(setting, "Name", &["containerInsights"]);
            faults.extend(only(setting, "Value", &["enabled", "enhanced", "disabled"]));
            faults
        }));
        faults
    }

    fn create(&self, cloud: &mut Cloud, _: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "ClusterName").unwrap_or_else(|| request.generated_name.to_owned());
        if cloud.ecs.clusters.contains_key(&name) {
            return Err(already_exists(request.type_name, &name));
        }
        cloud.ecs.clusters.insert(
            name.clone(),
            Cluster {
                properties: request.properties.clone(),
            },
        );
        Ok(name)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let cluster = cloud.ecs.clusters.get_mut(physical_id);
        cluster
            .ok_or_else(|| not_found(request.type_name, physical_id))?
            .properties = request.properties.clone();
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let mut services = cloud.ecs.services.values();
        if services.any(|service| service.cluster == physical_id && !service.scheduler.is_gone()) {
            return Err("The Cluster cannot be deleted while Services are active.".to_owned());
        }
        cloud.ecs.clusters.remove(physical_id);
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud.ecs.clusters.get(physical_id).map(|cluster| &cluster.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.ecs.clusters.get(physical_id)?;
        (attribute == "Arn").then(|| json!(cloud.cluster_arn(physical_id)))
    }
}

impl Handler for TaskDefinitions {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = only(properties, "NetworkMode", &["awsvpc"]);
        faults.extend(values::name(properties, "Family", 255, "_-"));
        faults.extend(values::range(properties, "Cpu", 1..=16_384));
        faults.extend(values::range(properties, "Memory", 1..=122_880));
        let platform = only(&properties["RuntimePlatform"], "OperatingSystemFamily", &["LINUX"]);
        faults.extend(values::below("RuntimePlatform", platform));
        faults.extend(values::each(properties, "ContainerDefinitions", check_container));
        if let Some(containers) = properties.get("ContainerDefinitions").and_then(Value::as_array)
            && containers.len() != 1
        {
            faults.push(format!(
                "ContainerDefinitions: the local cloud runs tasks of one container, not of {}",
                containers.len()
            ));
        }
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let family = text(request.properties, "Family").unwrap_or_else(|| request.generated_name.to_owned());
        let newest = cloud.ecs.revisions.entry(family.clone()).or_insert(0);
        *newest += 1;
        let revision = *newest;
        let arn = cloud.place.arn("ecs", &format!("task-definition/{family}:{revision}"));
        let definition = TaskDefinition {
            family,
            revision,
            properties: request.properties.clone(),
            registered_at: now,
            deregistered_at: None,
        };
        cloud.ecs.task_definitions.insert(arn.clone(), definition);
        Ok(arn)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let definition = cloud.ecs.task_definitions.get_mut(physical_id);
        definition
            .ok_or_else(|| not_found(request.type_name, physical_id))?
            .properties = request.properties.clone();
        Ok(())
    }

    /// Deregistered, not gone: tasks that run from it go on.
    fn delete(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        if let Some(definition) = cloud.ecs.task_definitions.get_mut(physical_id) {
            definition.deregistered_at = Some(now);
        }
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud
            .ecs
            .task_definitions
            .get(physical_id)
            .map(|definition| &definition.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.ecs.task_definitions.get(physical_id)?;
        (attribute == "TaskDefinitionArn").then(|| json!(physical_id))
    }
}

impl Handler for Services {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = only(properties, "LaunchType", &["FARGATE"]);
        faults.extend(only(properties, "SchedulingStrategy", &["REPLICA"]));
        faults.extend(only(&properties["DeploymentConfiguration"], "Strategy", &["ROLLING"]));
        faults.extend(only(&properties["DeploymentController"], "Type", &["ECS"]));
        faults.extend(check_counts(properties));
        faults.extend(values::name(properties, "ServiceName", 255, "_-"));
        let several = list(properties, "LoadBalancers").len() > 1;
        faults.extend(
            several.then(|| "LoadBalancers: the local cloud supports one target group for a service".to_owned()),
        );
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let cluster = cluster_name(&text(request.properties, "Cluster").unwrap_or_else(|| "default".to_owned()));
        if !cloud.ecs.clusters.contains_key(&cluster) {
            return Err("Cluster not found.".to_owned());
        }
        check_references(cloud, request.properties, None)?;
        let name = text(request.properties, "ServiceName").unwrap_or_else(|| request.generated_name.to_owned());
        let arn = cloud.place.arn("ecs", &format!("service/{cluster}/{name}"));
        match cloud.ecs.services.get(&arn).map(Service::status) {
            Some("ACTIVE") => return Err(already_exists(request.type_name, &arn)),
            Some("DRAINING") => return Err("Unable to Start a service that is still Draining.".to_owned()),
            _ => {}
        }
        let settings = settings(request.properties, cloud.speed, cloud.bake)?;
        let desired_count = desired_count(request.properties)?;
        let scheduler = scheduler::Service::new(name.clone(), cloud.ids.next());
        let service = Service {
            name,
            cluster,
            properties: request.properties.clone(),
            created_at: now,
            scheduler,
            revisions: BTreeMap::new(),
            awaited: None,
        };
        cloud.ecs.services.insert(arn.clone(), service);
        let revision = revision(cloud, now, &arn, request.properties)?;
        cloud.step_service(
            now,
            &arn,
            Event::Deploy {
                revision,
                settings,
                desired_count,
            },
        );
        cloud.await_primary(&arn);
        Ok(arn)
    }

    /// Starts a deployment only if something changed that a deployment carries; settings change at once.
    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let service = cloud
            .ecs
            .services
            .get(physical_id)
            .filter(|service| service.status() == "ACTIVE");
        let running = service
            .ok_or("Service was not ACTIVE.")?
            .scheduler
            .deployments()
            .into_iter()
            .next()
            .map(|primary| primary.revision);
        check_references(cloud, request.properties, cloud.ecs.services.get(physical_id))?;
        let settings = settings(request.properties, cloud.speed, cloud.bake)?;
        let desired_count = desired_count(request.properties)?;
        let revision = revision(cloud, now, physical_id, request.properties)?;
        if let Some(service) = cloud.ecs.services.get_mut(physical_id) {
            service.properties = request.properties.clone();
        }
        if running.as_ref() == Some(&revision) {
            cloud.step_service(now, physical_id, Event::UpdateSettings { settings });
            if let Some(desired_count) = desired_count {
                cloud.set_desired_count(now, physical_id, desired_count);
            }
        } else {
            cloud.step_service(
                now,
                physical_id,
                Event::Deploy {
                    revision,
                    settings,
                    desired_count,
                },
            );
        }
        cloud.await_primary(physical_id);
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        cloud.step_service(now, physical_id, Event::Delete);
        Ok(())
    }

    fn progress(&self, cloud: &Cloud, physical_id: &str, operation: Operation) -> Progress {
        let Some(service) = cloud.ecs.services.get(physical_id) else {
            return match operation {
                Operation::Delete => Progress::Done,
                _ => Progress::Failed(not_found("AWS::ECS::Service", physical_id)),
            };
        };
        if operation == Operation::Delete {
            return if service.scheduler.is_gone() {
                Progress::Done
            } else {
                Progress::InProgress
            };
        }
        match service
            .awaited
            .and_then(|deployment| service.scheduler.outcome(deployment))
        {
            None | Some(DeploymentOutcome::Completed) => Progress::Done,
            Some(DeploymentOutcome::InProgress | DeploymentOutcome::RollingBack { .. }) => Progress::InProgress,
            Some(DeploymentOutcome::Stopped) => Progress::Failed("the deployment was stopped".to_owned()),
            Some(
                DeploymentOutcome::Failed { .. }
                | DeploymentOutcome::RolledBack { .. }
                | DeploymentOutcome::RollbackFailed { .. },
            ) => Progress::Failed(deployment_failed(service)),
        }
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud.ecs.services.get(physical_id).map(|service| &service.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        let service = cloud.ecs.services.get(physical_id)?;
        match attribute {
            "ServiceArn" => Some(json!(physical_id)),
            "Name" => Some(json!(service.name)),
            _ => None,
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
fn check_container(container: &Value) -> Vec<String> {
    let driver = only(&container["LogConfiguration"], "LogDriver", &["awslogs"]);
    let mut faults = values::below("LogConfiguration", driver);
    faults.extend(values::range(container, "Cpu", 0..=16_384));
    faults.extend(values::range(container, "Memory", 0..=122_880));
    // Fargate's longest: 120 s.
    faults.extend(values::range(container, "StopTimeout", 0..=120));
    faults.extend(values::flag(container, "ReadonlyRootFilesystem"));
    faults.extend(values::passes(
        container,
        "Essential",
        "true, as it is the only container",
        |text| text == "true",
    ));
    faults.extend(values::each(container, "PortMappings", |mapping| {
        let mut faults = values::range(mapping, "ContainerPort", 1..=65_535);
        faults.extend(only(mapping, "Protocol", &["tcp"]));
        faults
    }));
    if list(container, "PortMappings").len() > 1 {
        faults.push("PortMappings: the local cloud supports one port for a container".to_owned());
    }
    faults
}

/// Counts, waits and switches of a service.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
fn check_counts(properties: &Value) -> Vec<String> {
    let deployment = &properties["DeploymentConfiguration"];
    let (breaker, alarms) = (&deployment["DeploymentCircuitBreaker"], &deployment["Alarms"]);
    let switches = |switches: &Value, names: &[&str]| {
        let faults = names.iter().flat_map(|name| values::flag(switches, name));
        faults.collect::<Vec<_>>()
    };
    let threshold = &breaker["ThresholdConfiguration"];
    let mut of_threshold = only(threshold, "Type", &["COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT"]);
    of_threshold.extend(values::range(threshold, "Value", 0..=TASKS_OF_A_SERVICE));
    let mut of_breaker = switches(breaker, &["Enable", "Rollback", "ResetOnHealthyTask"]);
    of_breaker.extend(values::below("ThresholdConfiguration", of_threshold));
    let mut of_deployment = values::range(deployment, "BakeTimeInMinutes", 0..=1440);
    of_deployment.extend(values::range(deployment, "MinimumHealthyPercent", 0..=PERCENT_MAXIMUM));
    of_deployment.extend(values::range(deployment, "MaximumPercent", 0..=PERCENT_MAXIMUM));
    of_deployment.extend(values::below("DeploymentCircuitBreaker", of_breaker));
    of_deployment.extend(values::below("Alarms", switches(alarms, &["Enable", "Rollback"])));
    let mut faults = values::range(properties, "DesiredCount", 0..=TASKS_OF_A_SERVICE);
    faults.extend(values::range(
        properties,
        "HealthCheckGracePeriodSeconds",
        0..=2_147_483_647,
    ));
    faults.extend(values::each(properties, "LoadBalancers", |load_balancer| {
        values::range(load_balancer, "ContainerPort", 0..=65_535)
    }));
    faults.extend(values::below("DeploymentConfiguration", of_deployment));
    faults
}

/// CloudFormation's words for a deployment that ECS gave up: the circuit breaker's are known, the others a named choice
/// that follows them.
/// <https://repost.aws/knowledge-center/ecs-deployment-roll-back-failure>
fn deployment_failed(service: &Service) -> String {
    let mut records = service.scheduler.service_deployments();
    let awaited = records.find(|record| Some(record.deployment) == service.awaited);
    let Some(failure) = awaited.and_then(|record| record.failure.as_ref()) else {
        return "the deployment failed".to_owned();
    };
    let (what, more) = match failure.cause {
        Cause::CircuitBreaker => ("ECS Deployment Circuit Breaker was triggered", last_stopped(service)),
        Cause::Alarm => {
            let names = failure.triggered_alarms.join(", ");
            ("ECS Deployment Alarm was triggered", format!(" In ALARM: {names}."))
        }
        Cause::Stopped => ("ECS Deployment was stopped", String::new()),
    };
    format!(
        "Error occurred during operation '{what}': {}.{more}",
        failure.reason.trim_end_matches('.')
    )
}

fn last_stopped(service: &Service) -> String {
    let mut tasks = service.scheduler.tasks();
    let stopped = tasks.find(|task| task.stopped_reason.is_some() && task.stopped_at.is_some());
    let reason = stopped.and_then(|task| task.stopped_reason.as_deref());
    reason
        .map(|reason| format!(" Last stopped task: {reason}"))
        .unwrap_or_default()
}

/// A cluster's name, out of its name or its ARN.
pub(super) fn cluster_name(name_or_arn: &str) -> String {
    name_or_arn
        .rsplit_once(":cluster/")
        .map_or(name_or_arn, |(_, name)| name)
        .to_owned()
}

/// A target group that the service was behind before needn't be reached by a load balancer still:
/// a rollback brings the service back before the listener that it depends on.
fn check_references(cloud: &Cloud, properties: &Value, service: Option<&Service>) -> Result<(), String> {
    let task_definition = required(properties, "TaskDefinition")?;
    let definition = cloud
        .ecs
        .task_definitions
        .get(&task_definition)
        .filter(|definition| definition.deregistered_at.is_none());
    let definition = definition.ok_or("TaskDefinition is inactive")?;
    let network = &properties["NetworkConfiguration"]["AwsvpcConfiguration"];
    let subnet_ids = texts(network, "Subnets");
    if subnet_ids.is_empty() {
        return Err("Network Configuration must be provided when networkMode 'awsvpc' is specified.".to_owned());
    }
    if let Some(unknown) = subnet_ids.iter().find(|id| cloud.vpc_of(id).is_none()) {
        return Err(format!("The subnet ID '{unknown}' does not exist"));
    }
    for load_balancer in list(properties, "LoadBalancers") {
        let group = required(load_balancer, "TargetGroupArn")?;
        let mut revisions = service.into_iter().flat_map(|service| service.revisions.values());
        let known = revisions.any(|revision| list(&revision.properties, "LoadBalancers").contains(load_balancer));
        if !known && cloud.elb.load_balancers_of(&group).is_empty() {
            return Err(format!(
                "The target group with targetGroupArn {group} does not have an associated load balancer."
            ));
        }
        let (name, port) = (
            required(load_balancer, "ContainerName")?,
            number(load_balancer, "ContainerPort")?,
        );
        let container = list(&definition.properties, "ContainerDefinitions")
            .iter()
            .find(|container| text(container, "Name").as_ref() == Some(&name));
        let container =
            container.ok_or_else(|| format!("The container {name} does not exist in the task definition."))?;
        if !list(container, "PortMappings")
            .iter()
            .any(|mapping| number(mapping, "ContainerPort").ok().flatten() == port)
        {
            let port = port.unwrap_or_default();
            return Err(format!(
                "The container {name} did not have a container port {port} defined."
            ));
        }
    }
    Ok(())
}

fn desired_count(properties: &Value) -> Result<Option<u32>, String> {
    let count = number(properties, "DesiredCount")?.map(u32::try_from).transpose();
    count.map_err(|_| "Model validation failed (#/DesiredCount: the number is too large)".to_owned())
}

/// The service revision for these properties: an existing one if it is the same, otherwise a new one.
fn revision(cloud: &mut Cloud, now: SystemTime, service_arn: &str, properties: &Value) -> Result<RevisionId, String> {
    let task_definition_arn = required(properties, "TaskDefinition")?;
    let place = cloud.place.clone();
    let service = cloud.ecs.services.get_mut(service_arn).ok_or("Service not found.")?;
    let properties = deployed(properties);
    if let Some((arn, _)) = service
        .revisions
        .iter()
        .find(|(_, known)| known.properties == properties)
    {
        return Ok(RevisionId::new(arn.as_str()));
    }
    let number = service
        .revisions
        .values()
        .map(|revision| revision.number)
        .max()
        .unwrap_or(0)
        + 1;
    let arn = place.arn(
        "ecs",
        &format!("service-revision/{}/{}/{number}", service.cluster, service.name),
    );
    // Before the new one is there, which nothing names yet.
    forget_old_revisions(service);
    service.revisions.insert(
        arn.clone(),
        Revision {
            number,
            task_definition_arn,
            properties,
            created_at: now,
        },
    );
    Ok(RevisionId::new(arn))
}

/// Makes room for one more. A revision that a deployment or a task still names stays, however old.
fn forget_old_revisions(service: &mut Service) {
    let in_use = service
        .scheduler
        .deployments()
        .into_iter()
        .map(|deployment| deployment.revision);
    let in_use = in_use
        .chain(
            service
                .scheduler
                .service_deployments()
                .map(|record| record.revision.clone()),
        )
        .collect::<Vec<_>>();
    while service.revisions.len() >= REVISIONS_KEPT {
        let unused = service
            .revisions
            .iter()
            .filter(|(arn, _)| !in_use.iter().any(|used| used.as_str() == arn.as_str()));
        let Some(oldest) = unused
            .min_by_key(|(_, revision)| revision.number)
            .map(|(arn, _)| arn.clone())
        else {
            return;
        };
        service.revisions.remove(&oldest);
    }
}

impl Cloud {
    /// A cluster's ARN.
    pub(crate) fn cluster_arn(&self, name: &str) -> String {
        self.place.arn("ecs", &format!("cluster/{name}"))
    }

    /// From now on CloudFormation waits for the deployment that is now the primary one.
    fn await_primary(&mut self, service_arn: &str) {
        if let Some(service) = self.ecs.services.get_mut(service_arn) {
            service.awaited = service.scheduler.primary_deployment();
        }
    }

    /// Deregistered definitions stay for as long as a task or a revision names them.
    pub(super) fn forget_old_task_definitions(&mut self) {
        let by_tasks = self.ecs.tasks.values().map(|task| task.task_definition_arn.clone());
        let active = self
            .ecs
            .services
            .values()
            .filter(|service| !service.scheduler.is_gone());
        let by_revisions = active
            .flat_map(|service| service.revisions.values())
            .map(|revision| revision.task_definition_arn.clone());
        let named = by_tasks.chain(by_revisions).collect::<std::collections::BTreeSet<_>>();
        self.ecs
            .task_definitions
            .retain(|arn, definition| definition.deregistered_at.is_none() || named.contains(arn));
    }
}
