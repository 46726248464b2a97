//! Container Insights: metrics of the cluster, of each service and of each kind of task, and the events that they are made of.

use super::kinds::{CLUSTER, SERVICE, number, same};
use super::running::limits;
use super::scene::{Line, SECONDS, Scene};

/// Metrics of a cluster, of a service and of a task definition's family, by the table in AWS's guide.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html>
const METRICS_OF_CLUSTER: usize = 13;
const METRICS_OF_SERVICE: usize = 15;
const METRICS_OF_FAMILY: usize = 10;

/// Bytes of the events of a task and its container, each minute.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-reference-performance-logs-ECS.html>
const EVENT_BYTES_A_TASK: f64 = 2000.0;

/// What Container Insights costs, where a cluster has it.
pub(super) fn insights(scene: Scene<'_>) -> Vec<Line> {
    let setting = |value: &serde_json::Value| value["Name"] == "containerInsights" && value["Value"] != "disabled";
    let clusters = scene.of(CLUSTER).filter(|cluster| {
        let settings = cluster.properties["ClusterSettings"].as_array();
        settings.into_iter().flatten().any(setting)
    });
    let clusters = clusters.count();
    if clusters == 0 {
        return Vec::new();
    }
    let services = scene.count(SERVICE);
    let families = scene.count("AWS::ECS::TaskDefinition");
    let metrics = clusters * METRICS_OF_CLUSTER + services * METRICS_OF_SERVICE + families * METRICS_OF_FAMILY;
    let (fewest, most) = scene
        .of(SERVICE)
        .map(|service| limits(scene, service))
        .fold((0.0, 0.0), |(fewest, most), (least, largest)| {
            (fewest + least, most + largest)
        });
    let gigabytes = |tasks: f64| tasks * SECONDS / 60.0 * EVENT_BYTES_A_TASK / 1e9;
    vec![
        same(
            format!("Container Insights: {metrics} metrics"),
            number(metrics) * scene.prices.metric,
            format!("of {services} services"),
        ),
        Line {
            what: format!(
                "Container Insights: {:.1} to {:.0} GB",
                gigabytes(fewest),
                gigabytes(most)
            ),
            least: gigabytes(fewest) * scene.prices.log_gigabyte,
            most: gigabytes(most) * scene.prices.log_gigabyte,
            because: "events of the tasks, each minute".to_owned(),
        },
    ]
}
