//! Every minute: the policies of every scalable target are asked, by its service's own metrics.

use std::time::{Duration, SystemTime};

use monitor::{Metric, Minute, Statistic};
use serde_json::Value;

use super::tracking::{MINUTES_BELOW, Situation, Target};
use super::{ACTIVITIES_KEPT, Activity};
use crate::cloud::Cloud;
use crate::properties::{boolean, number, text};
use crate::speed::Speed;

/// Both cooldowns, unless a policy says otherwise.
/// <https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html>
const DEFAULT_COOLDOWN_SECONDS: u64 = 300;

impl Cloud {
    /// Adds and removes tasks by the metrics of the minutes before `end`. Says whether any number has changed.
    pub(crate) fn scale_services(&mut self, now: SystemTime, end: Minute) -> bool {
        let mut changed = false;
        for resource_id in self.scalable_targets.keys().cloned().collect::<Vec<_>>() {
            changed |= self.scale_service(now, end, &resource_id).is_some();
        }
        changed
    }

    fn scale_service(&mut self, now: SystemTime, end: Minute, resource_id: &str) -> Option<()> {
        let arn = self.ecs.service_by_resource_id(resource_id)?.to_owned();
        let service = self.ecs.services.get(&arn)?;
        let (count, deploying) = (service.scheduler.desired_count(), service.scheduler.is_deploying());
        let target = self.scalable_targets.get(resource_id)?;
        let policies = target.policies.iter().map(|(name, policy)| {
            let configuration = &policy.properties["TargetTrackingScalingPolicyConfiguration"];
            let metric = metric(configuration, &service.cluster, &service.name)?;
            Some((name, target_of(configuration, self.speed)?, self.averages(&metric, end)))
        });
        let policies = policies.collect::<Option<Vec<_>>>()?;
        let situations = policies.iter().map(|(_, target_value, minutes)| {
            let situation = Situation {
                now,
                minutes,
                count,
                minimum: target.minimum,
                maximum: target.maximum,
                deploying,
            };
            (*target_value, situation)
        });
        let situations = situations.collect::<Vec<_>>();
        let mut tracking = target.tracking.clone();
        let wanted = tracking.step(&situations)?;
        let names = policies
            .iter()
            .map(|(name, ..)| name.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        let activity = Activity {
            id: self.ids.uuid(),
            at: now,
            count: wanted,
            cause: format!("the policy {names} changed the desired count from {count} to {wanted}"),
        };
        tracing::info!(resource_id, count, wanted, "scaling");
        let target = self.scalable_targets.get_mut(resource_id)?;
        target.tracking = tracking;
        target.activities.push_front(activity);
        target.activities.truncate(ACTIVITIES_KEPT);
        self.set_desired_count(now, &arn, wanted);
        Some(())
    }

    fn averages(&self, metric: &Metric, end: Minute) -> Vec<Option<f64>> {
        let minutes = end.saturating_sub(MINUTES_BELOW as u64)..end;
        let averages = minutes.map(|minute| {
            let samples = self.cloudwatch.store.samples(metric, minute, minute + 1);
            Statistic::Average.of(&samples)
        });
        averages.collect()
    }
}

/// The metric that a policy's specification names.
fn metric(configuration: &Value, cluster: &str, service: &str) -> Option<Metric> {
    let name = match text(&configuration["PredefinedMetricSpecification"], "PredefinedMetricType")?.as_str() {
        "ECSServiceAverageCPUUtilization" => "CPUUtilization",
        "ECSServiceAverageMemoryUtilization" => "MemoryUtilization",
        _ => return None,
    };
    Some(Metric::new(
        "AWS/ECS",
        name,
        [("ClusterName", cluster), ("ServiceName", service)],
    ))
}

fn target_of(configuration: &Value, speed: Speed) -> Option<Target> {
    let cooldown = |name: &str| {
        let seconds = number(configuration, name)
            .ok()
            .flatten()
            .unwrap_or(DEFAULT_COOLDOWN_SECONDS);
        speed.scale(Duration::from_secs(seconds))
    };
    Some(Target {
        value: text(configuration, "TargetValue")?.parse().ok()?,
        scale_out_cooldown: cooldown("ScaleOutCooldown"),
        scale_in_cooldown: cooldown("ScaleInCooldown"),
        scale_in_disabled: boolean(configuration, "DisableScaleIn").unwrap_or(false),
    })
}
