//! Container Insights: what ECS counts of each service, if its cluster has them on.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html>

use monitor::{Distribution, Metric};
use serde_json::Value;

use super::collect::Samples;
use crate::cloud::Cloud;
use crate::ecs::Cluster;
use crate::properties::{list, text};

/// The metrics' namespace.
pub(super) const NAMESPACE: &str = "ECS/ContainerInsights";

impl Cloud {
    /// The counts of every service of a cluster with Container Insights, one sample each. A service without tasks has
    /// samples of 0: an alarm on its running tasks needs them.
    pub(super) fn of_services(&self) -> Samples {
        let services = self.ecs.services.values();
        let observed = services.filter(|service| {
            !service.scheduler.is_gone() && self.ecs.clusters.get(&service.cluster).is_some_and(has_insights)
        });
        let samples = observed.flat_map(|service| {
            let scheduler = &service.scheduler;
            let deployments = u32::try_from(scheduler.deployments().len()).unwrap_or(u32::MAX);
            let counts = [
                ("DesiredTaskCount", scheduler.desired_count()),
                ("RunningTaskCount", scheduler.running_count()),
                ("PendingTaskCount", scheduler.pending_count()),
                ("DeploymentCount", deployments),
            ];
            counts.map(|(name, count)| {
                let dimensions = [
                    ("ClusterName", service.cluster.as_str()),
                    ("ServiceName", service.name.as_str()),
                ];
                let sample = Distribution::of(f64::from(count), 1.0);
                (Metric::new(NAMESPACE, name, dimensions), sample)
            })
        });
        samples.collect()
    }
}

/// Whether the cluster's settings have Container Insights on; without the setting they are off, which is the account's default.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ClusterSetting.html>
fn has_insights(cluster: &Cluster) -> bool {
    list(&cluster.properties, "ClusterSettings")
        .iter()
        .any(|setting| is_insights(setting) && text(setting, "Value").is_some_and(|value| value != "disabled"))
}

fn is_insights(setting: &Value) -> bool {
    text(setting, "Name").as_deref() == Some("containerInsights")
}
