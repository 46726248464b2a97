//! What a task's containers run with.

use std::collections::BTreeMap;

use registry::Registry;
use runtime::{ContainerSpec, ImageOnDisk, ImageReference, Layer, RegistryLogin, TaskSpec};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::iam::task_credentials;
use crate::properties::{boolean, list, number, pairs, text, texts};

/// What to start for a task.
///
/// # Errors
/// ECS's stop reason when its image or its definition isn't there.
pub(crate) fn task_spec(
    cloud: &Cloud,
    registry: &Registry,
    login: RegistryLogin,
    task: &str,
) -> Result<TaskSpec, String> {
    let record = cloud.ecs.tasks.get(task).ok_or("the task is not known any more")?;
    let definition = cloud.ecs.task_definitions.get(&record.task_definition_arn);
    let definition = definition.ok_or_else(|| format!("there is no task definition {}", record.task_definition_arn))?;
    let cluster = cloud
        .ecs
        .services
        .get(&record.service_arn)
        .map(|service| service.cluster.clone());
    let containers = list(&definition.properties, "ContainerDefinitions").iter();
    let containers =
        containers.map(|container| container_spec(cloud, registry, &definition.properties, container, task));
    Ok(TaskSpec {
        id: task.to_owned(),
        cluster: cluster.unwrap_or_default(),
        family: definition.family.clone(),
        containers: containers.collect::<Result<_, _>>()?,
        registry_login: Some(login),
    })
}

fn container_spec(
    cloud: &Cloud,
    registry: &Registry,
    task: &Value,
    container: &Value,
    task_id: &str,
) -> Result<ContainerSpec, String> {
    if let Some(group) = text(&container["LogConfiguration"]["Options"], "awslogs-group")
        && !cloud.has_log_group(&group)
    {
        return Err(format!(
            "ResourceInitializationError: failed to validate logger args: The specified log group does not exist: {group}"
        ));
    }
    let port = list(container, "PortMappings")
        .first()
        .and_then(|mapping| number(mapping, "ContainerPort").ok().flatten());
    // A container's own limits, or else the whole task's.
    let limit = |name: &str, of_task: &str| {
        let own = number(container, name)?;
        let limit = own
            .filter(|own| *own > 0)
            .map_or_else(|| number(task, of_task), |own| Ok(Some(own)))?;
        Ok::<_, String>(u32::try_from(limit.unwrap_or(0)).unwrap_or(u32::MAX))
    };
    Ok(ContainerSpec {
        name: text(container, "Name").unwrap_or_default(),
        image: image(cloud, registry, &text(container, "Image").unwrap_or_default())?,
        entry_point: container.get("EntryPoint").map(|_| texts(container, "EntryPoint")),
        command: container.get("Command").map(|_| texts(container, "Command")),
        environment: environment(cloud, task, container, task_id),
        port: port.and_then(|port| u16::try_from(port).ok()),
        cpu_units: limit("Cpu", "Cpu")?,
        memory_mib: limit("Memory", "Memory")?,
        readonly_root_filesystem: boolean(container, "ReadonlyRootFilesystem").unwrap_or(false),
        user: text(container, "User"),
        working_directory: text(container, "WorkingDirectory"),
        ulimits: Vec::new(),
        stop_timeout: cloud.stop_timeout(task_id),
    })
}

/// The container's own variables, those of ECS's that have a meaning here, and where AWS is.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-metadata.html>
fn environment(cloud: &Cloud, definition: &Value, container: &Value, task: &str) -> BTreeMap<String, String> {
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, cloud.place.region.clone()));
    region
        .into_iter()
        .chain(task_credentials::variables(cloud, definition, task))
        .map(|(name, value)| (name.to_owned(), value))
        .chain(pairs(container, "Environment", "Name"))
        .collect()
}

fn image(cloud: &Cloud, registry: &Registry, reference: &str) -> Result<ImageReference, String> {
    let local = reference
        .strip_prefix(&cloud.registry_host)
        .and_then(|rest| rest.strip_prefix('/'));
    let Some(path) = local else {
        return Err(format!(
            "CannotPullContainerError: {reference}: the local cloud pulls only from its own registry, {}",
            cloud.registry_host
        ));
    };
    let (repository, version) = match path.split_once('@') {
        Some((name, digest)) => (name.split(':').next().unwrap_or(name), digest),
        None => path.split_once(':').unwrap_or((path, "latest")),
    };
    let found = registry
        .resolve(repository, version)
        .map_err(|error| format!("CannotPullContainerError: {reference}: {error}"))?;
    let found = found.ok_or_else(|| format!("CannotPullContainerError: {reference}: not found"))?;
    let configuration = found.configuration;
    let on_disk = ImageOnDisk {
        digest: found.manifest_digest.to_string(),
        architecture: configuration.architecture,
        layers: found
            .layers
            .into_iter()
            .map(|layer| Layer {
                path: layer.path,
                media_type: layer.media_type,
            })
            .collect(),
        entrypoint: configuration.entrypoint,
        cmd: configuration.cmd,
        env: configuration.env,
        user: configuration.user,
        working_dir: configuration.working_dir,
        stop_signal: configuration.stop_signal,
    };
    Ok(ImageReference {
        reference: reference.to_owned(),
        on_disk,
    })
}
