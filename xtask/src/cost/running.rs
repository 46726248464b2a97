//! What runs: tasks, the load balancer, the network, logs and alarms.

use anyhow::Context as _;
use serde_json::Value;

use super::kinds::{
    ADDRESS, ALARM, DAYS, LOAD_BALANCER, LOG_GROUP, NAT_GATEWAY, SCALING_POLICY, SERVICE, figure, needed, number, same,
};
use super::scene::{HOURS, Line, Resource, SECONDS, Scene};

/// Bytes that a request leaves in the log: the service's line of JSON, and what CloudWatch adds to each event.
const LOG_BYTES_A_REQUEST: f64 = 300.0;

/// What is left of a log's bytes once CloudWatch has compressed it: the share that it names in its own examples.
const LOG_COMPRESSION: f64 = 0.15;

/// MB that a push's builds leave in their logs.
const LOG_MEGABYTES_A_PUSH: f64 = 1.0;

/// A service's tasks: so many as scaling allows, each of the size in its task definition.
pub(super) fn tasks(scene: Scene<'_>) -> anyhow::Result<Vec<Line>> {
    scene.of(SERVICE).map(|service| tasks_of(scene, service)).collect()
}

fn tasks_of(scene: Scene<'_>, service: Resource<'_>) -> anyhow::Result<Line> {
    let definition = needed(service.properties, "/TaskDefinition/Ref", service.id)?;
    let definition = scene
        .of("AWS::ECS::TaskDefinition")
        .find(|resource| *definition == *resource.id)
        .with_context(|| format!("{} has no task definition", service.id))?;
    let size = |path| needed(definition.properties, path, definition.id).map(|value| figure(value).unwrap_or_default());
    let (cpus, memory) = (size("/Cpu")? / 1024.0, size("/Memory")? / 1024.0);
    let prices = scene.prices;
    let arm = definition.properties.pointer("/RuntimePlatform/CpuArchitecture") == Some(&Value::from("ARM64"));
    let (cpu, gibibyte) = if arm {
        (prices.arm_cpu_hour, prices.arm_memory_hour)
    } else {
        (prices.x86_cpu_hour, prices.x86_memory_hour)
    };
    let hour = cpus * cpu + memory * gibibyte + address_of_task(scene, service);
    let (fewest, most) = limits(scene, service);
    Ok(Line {
        what: format!("{}: {fewest} to {most} tasks", service.id),
        least: fewest * hour * HOURS,
        most: most * hour * HOURS,
        because: format!("Fargate, {cpus} vCPU and {memory} GiB each"),
    })
}

/// What a task's public address costs an hour, if it has one.
fn address_of_task(scene: Scene<'_>, service: Resource<'_>) -> f64 {
    let path = "/NetworkConfiguration/AwsvpcConfiguration/AssignPublicIp";
    let has_one = service.properties.pointer(path) == Some(&Value::from("ENABLED"));
    if has_one { scene.prices.public_address_hour } else { 0.0 }
}

/// The fewest and the most tasks: of the scalable target that names the service, or else as many as are desired.
pub(super) fn limits(scene: Scene<'_>, service: Resource<'_>) -> (f64, f64) {
    let name = service.properties["ServiceName"].as_str().unwrap_or(service.id);
    let target = scene.of("AWS::ApplicationAutoScaling::ScalableTarget").find(|target| {
        let id = &target.properties["ResourceId"];
        id.as_str()
            .or_else(|| id["Fn::Sub"].as_str())
            .is_some_and(|id| id.ends_with(&format!("/{name}")))
    });
    let desired = figure(&service.properties["DesiredCount"]).unwrap_or(1.0);
    target.map_or((desired, desired), |target| {
        let limit = |name: &str| figure(&target.properties[name]).unwrap_or(desired);
        (limit("MinCapacity"), limit("MaxCapacity"))
    })
}

/// The balancer's hours, its capacity units, its public addresses, and what it sends out.
pub(super) fn load_balancers(scene: Scene<'_>) -> anyhow::Result<Vec<Line>> {
    let (prices, usage) = (scene.prices, scene.usage);
    let mut lines = Vec::new();
    for balancer in scene.of(LOAD_BALANCER) {
        lines.push(same(
            balancer.id.to_owned(),
            prices.load_balancer_hour * HOURS,
            "a load balancer's hours".to_owned(),
        ));
        // What counts is the largest of its dimensions; every request may come on a connection of its own.
        let units = (usage.requests / 25.0).max(usage.gigabytes_out / HOURS);
        lines.push(same(
            format!("{}: {units:.2} capacity units", balancer.id),
            units * prices.capacity_unit_hour * HOURS,
            format!("{} requests/s, 25 new connections/s a unit", usage.requests),
        ));
        if balancer.properties["Scheme"] == "internet-facing" {
            let zones = needed(balancer.properties, "/Subnets", balancer.id)?
                .as_array()
                .map_or(0, Vec::len);
            lines.push(same(
                format!("{}: {zones} public addresses", balancer.id),
                number(zones) * prices.public_address_hour * HOURS,
                "one in each zone".to_owned(),
            ));
            lines.push(same(
                format!("{}: {} GB to the internet", balancer.id, usage.gigabytes_out),
                usage.gigabytes_out * prices.internet_gigabyte,
                "answers".to_owned(),
            ));
        }
    }
    Ok(lines)
}

/// Gateways' hours, and the logs that tasks send through them; images are small beside these.
pub(super) fn nat_gateways(scene: Scene<'_>) -> Vec<Line> {
    let (gateways, gigabytes) = (scene.count(NAT_GATEWAY), log_gigabytes(scene));
    vec![
        same(
            format!("NAT gateways: {gateways}"),
            number(gateways) * scene.prices.nat_gateway_hour * HOURS,
            "hours".to_owned(),
        ),
        same(
            format!("NAT gateways: {gigabytes:.1} GB"),
            gigabytes * scene.prices.nat_gateway_gigabyte,
            "logs of the tasks".to_owned(),
        ),
    ]
}

/// Addresses that stay the same.
pub(super) fn addresses(scene: Scene<'_>) -> Line {
    let addresses = scene.count(ADDRESS);
    same(
        format!("elastic addresses: {addresses}"),
        number(addresses) * scene.prices.public_address_hour * HOURS,
        "public IPv4, in use".to_owned(),
    )
}

/// GB of logs a month that the tasks write.
fn log_gigabytes(scene: Scene<'_>) -> f64 {
    scene.usage.requests * SECONDS * LOG_BYTES_A_REQUEST / 1e9
}

/// What is written, and what is kept of it: of tasks where there are any, otherwise of builds.
pub(super) fn logs(scene: Scene<'_>) -> anyhow::Result<Vec<Line>> {
    let of_tasks = scene.count(SERVICE) > 0;
    let gigabytes = if of_tasks {
        log_gigabytes(scene)
    } else {
        scene.usage.pushes * LOG_MEGABYTES_A_PUSH / 1e3
    };
    // Every group of a stack keeps its logs as long as the others.
    let group = scene.of(LOG_GROUP).next().context("no log group")?;
    let days = needed(group.properties, "/RetentionInDays", group.id)?;
    let days = figure(days).context("a retention that is no number")?;
    let kept = gigabytes * days / DAYS * LOG_COMPRESSION;
    let writer = if of_tasks { "a line a request" } else { "builds" };
    Ok(vec![
        same(
            format!("logs: {gigabytes:.2} GB written"),
            gigabytes * scene.prices.log_gigabyte,
            writer.to_owned(),
        ),
        same(
            format!("logs: {kept:.2} GB kept"),
            kept * scene.prices.log_gigabyte_month,
            format!("{days} days, compressed"),
        ),
    ])
}

/// An alarm costs by the metrics that it looks at.
pub(super) fn alarms(scene: Scene<'_>) -> Line {
    let metrics = |alarm: Resource<'_>| {
        let queries = alarm.properties["Metrics"].as_array();
        queries.map_or(1, |queries| {
            queries.iter().filter(|query| query.get("MetricStat").is_some()).count()
        })
    };
    let metrics: usize = scene.of(ALARM).map(metrics).sum();
    same(
        format!("{} alarms", scene.count(ALARM)),
        number(metrics) * scene.prices.alarm_metric,
        format!("{metrics} metrics"),
    )
}

/// Target tracking makes two alarms of its own: one to scale out by, one to scale in.
pub(super) fn scaling_alarms(scene: Scene<'_>) -> Line {
    let alarms = 2 * scene.count(SCALING_POLICY);
    same(
        format!("{alarms} alarms of scaling"),
        number(alarms) * scene.prices.alarm_metric,
        "two a target that is tracked".to_owned(),
    )
}
