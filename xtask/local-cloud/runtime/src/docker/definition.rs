//! A container's definition in the engine's words.

use crate::spec::{ContainerSpec, TaskSpec};
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, PortBinding, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum,
};
use std::collections::HashMap;

pub(super) const LABEL_HOME: &str = "local-cloud.home";
pub(super) const LABEL_TASK: &str = "local-cloud.task";
const LABEL_CLUSTER: &str = "local-cloud.cluster";
const LABEL_FAMILY: &str = "local-cloud.family";
/// One virtual CPU, in ECS's units (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>).
const CPU_UNITS_PER_PROCESSOR: u64 = 1024;
const NANO_CPUS_PER_PROCESSOR: u64 = 1_000_000_000;
/// The engine keeps so much of a container's output; our own copy has its own bound.
const LOG_SIZE_MAX: &str = "16m";

pub(super) fn name(home_id: &str, task: &str) -> String {
    format!("local-cloud-{home_id}-{task}")
}

pub(super) fn container(
    spec: &TaskSpec,
    container: &ContainerSpec,
    home_id: &str,
    processors: u32,
) -> ContainerCreateBody {
    let environment = container
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    ContainerCreateBody {
        image: Some(container.image.reference.clone()),
        // The engine combines them with the image's by the rule that the process runtime follows too.
        entrypoint: container.entry_point.clone(),
        cmd: container.command.clone(),
        env: Some(environment.collect()),
        user: container.user.clone(),
        working_dir: container.working_directory.clone(),
        exposed_ports: container.port.map(|port| vec![format!("{port}/tcp")]),
        labels: Some(labels(spec, home_id)),
        stop_signal: container.image.on_disk.stop_signal.clone(),
        stop_timeout: i64::try_from(container.stop_timeout.as_secs()).ok(),
        host_config: Some(host(container, processors)),
        ..ContainerCreateBody::default()
    }
}

fn labels(spec: &TaskSpec, home_id: &str) -> HashMap<String, String> {
    let labels = [
        (LABEL_HOME, home_id),
        (LABEL_TASK, &spec.id),
        (LABEL_CLUSTER, &spec.cluster),
        (LABEL_FAMILY, &spec.family),
    ];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn host(container: &ContainerSpec, processors: u32) -> HostConfig {
    let memory_bytes = (container.memory_mib > 0).then(|| i64::from(container.memory_mib) << 20);
    HostConfig {
        nano_cpus: nano_cpus(container.cpu_units, processors),
        memory: memory_bytes,
        // The same as the memory means no swap, as on Fargate.
        memory_swap: memory_bytes,
        readonly_rootfs: Some(container.readonly_root_filesystem),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        init: Some(false),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        log_config: Some(log()),
        port_bindings: container
            .port
            .map(|port| HashMap::from([(format!("{port}/tcp"), Some(vec![loopback()]))])),
        ulimits: Some(ulimits(container)),
        ..HostConfig::default()
    }
}

/// The engine refuses more than the machine has; a machine with less than the task may use is the limit then.
fn nano_cpus(cpu_units: u32, processors: u32) -> Option<i64> {
    let wanted = u64::from(cpu_units) * NANO_CPUS_PER_PROCESSOR / CPU_UNITS_PER_PROCESSOR;
    let most = u64::from(processors) * NANO_CPUS_PER_PROCESSOR;
    (cpu_units > 0).then(|| wanted.min(most).cast_signed())
}

fn loopback() -> PortBinding {
    // No port means any that is free.
    PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(String::new()),
    }
}

fn log() -> HostConfigLogConfig {
    let options = [("max-size", LOG_SIZE_MAX), ("max-file", "1")];
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
    }
}

fn ulimits(container: &ContainerSpec) -> Vec<ResourcesUlimits> {
    let limit = |value: u64| i64::try_from(value).ok();
    let ulimits = container.ulimits.iter().map(|ulimit| ResourcesUlimits {
        name: Some(ulimit.name.clone()),
        soft: limit(ulimit.soft),
        hard: limit(ulimit.hard),
    });
    ulimits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_units_become_a_share_of_what_there_is() {
        let check = |units: u32, processors: u32, expected: Option<i64>| {
            assert_eq!(nano_cpus(units, processors), expected, "{units} of {processors}");
        };
        check(0, 2, None);
        check(512, 2, Some(500_000_000));
        check(2048, 2, Some(2_000_000_000));
        check(4096, 2, Some(2_000_000_000));
    }
}
