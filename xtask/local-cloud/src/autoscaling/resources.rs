//! Scalable targets and their policies as CloudFormation makes them.

use std::time::SystemTime;

use provisioner::ResourceRequest;
use serde_json::{Value, json};

use super::{DIMENSION, NAMESPACE, Policy, ScalableTarget};
use crate::cloud::Cloud;
use crate::elb::only;
use crate::kind::{Handler, Kind, not_found};
use crate::properties::{number, required, text};
use crate::{ecs, values};

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        type_name: "AWS::ApplicationAutoScaling::ScalableTarget",
        create_only: &["ResourceId", "ScalableDimension", "ServiceNamespace"],
        attributes: &["Id"],
        timeout: None,
        handler: &ScalableTargets,
    },
    Kind {
        type_name: "AWS::ApplicationAutoScaling::ScalingPolicy",
        create_only: &[
            "PolicyName",
            "ResourceId",
            "ScalableDimension",
            "ScalingTargetId",
            "ServiceNamespace",
        ],
        attributes: &["Arn", "PolicyName"],
        timeout: None,
        handler: &ScalingPolicies,
    },
];

struct ScalableTargets;
struct ScalingPolicies;

impl Handler for ScalableTargets {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = check_namespace(properties);
        faults.extend(values::range(properties, "MinCapacity", 0..=ecs::TASKS_OF_A_SERVICE));
        faults.extend(values::range(properties, "MaxCapacity", 0..=ecs::TASKS_OF_A_SERVICE));
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let resource_id = required(request.properties, "ResourceId")?;
        let (minimum, maximum) = capacity(request.properties)?;
        if cloud.ecs.service_by_resource_id(&resource_id).is_none() {
            return Err(format!("ECS service doesn't exist: {resource_id}"));
        }
        // Registering a target that exists updates it, as RegisterScalableTarget does.
        let before = cloud.scalable_targets.remove(&resource_id);
        let target = ScalableTarget {
            minimum,
            maximum,
            properties: request.properties.clone(),
            ..before.unwrap_or_else(|| ScalableTarget::new(now))
        };
        cloud.scalable_targets.insert(resource_id.clone(), target);
        keep_within(cloud, now, &resource_id);
        Ok(format!("{resource_id}|{DIMENSION}|{NAMESPACE}"))
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let (minimum, maximum) = capacity(request.properties)?;
        let resource_id = resource_id(physical_id);
        let target = cloud.scalable_targets.get_mut(resource_id);
        let target = target.ok_or_else(|| not_found(request.type_name, physical_id))?;
        (target.minimum, target.maximum) = (minimum, maximum);
        target.properties = request.properties.clone();
        keep_within(cloud, now, resource_id);
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        cloud.scalable_targets.remove(resource_id(physical_id));
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud
            .scalable_targets
            .get(resource_id(physical_id))
            .map(|target| &target.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.scalable_targets.get(resource_id(physical_id))?;
        (attribute == "Id").then(|| json!(physical_id))
    }
}

impl Handler for ScalingPolicies {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = check_namespace(properties);
        faults.extend(only(properties, "PolicyType", &["TargetTrackingScaling"]));
        faults.extend(check_tracking(properties));
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = required(request.properties, "PolicyName")?;
        let target = match text(request.properties, "ScalingTargetId") {
            Some(id) => resource_id(&id).to_owned(),
            None => required(request.properties, "ResourceId")?,
        };
        let arn = cloud.place.arn(
            "autoscaling",
            &format!(
                "scalingPolicy:{}:resource/{NAMESPACE}/{target}:policyName/{name}",
                cloud.ids.uuid()
            ),
        );
        let Some(target) = cloud.scalable_targets.get_mut(&target) else {
            return Err(format!(
                "No scalable target registered for service namespace: {NAMESPACE}, resource ID: {target}"
            ));
        };
        let policy = Policy {
            arn: arn.clone(),
            properties: request.properties.clone(),
            created_at: now,
        };
        target.policies.insert(name, policy);
        Ok(arn)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let policy = policy_mut(cloud, physical_id).ok_or_else(|| not_found(request.type_name, physical_id))?;
        policy.properties = request.properties.clone();
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        if let Some((target, name)) = policy_path(physical_id)
            && let Some(target) = cloud.scalable_targets.get_mut(target)
        {
            target.policies.remove(name);
        }
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        let (target, name) = policy_path(physical_id)?;
        let policy = cloud.scalable_targets.get(target)?.policies.get(name);
        policy.map(|policy| &policy.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        let (target, name) = policy_path(physical_id)?;
        cloud.scalable_targets.get(target)?.policies.get(name)?;
        match attribute {
            "Arn" => Some(json!(physical_id)),
            "PolicyName" => Some(json!(name)),
            _ => None,
        }
    }
}

fn check_namespace(properties: &Value) -> Vec<String> {
    let mut faults = only(properties, "ServiceNamespace", &[NAMESPACE]);
    faults.extend(only(properties, "ScalableDimension", &[DIMENSION]));
    faults
}

/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html>
fn check_tracking(properties: &Value) -> Vec<String> {
    let configuration = &properties["TargetTrackingScalingPolicyConfiguration"];
    let mut faults = values::passes(configuration, "TargetValue", "a number above 0", |text| {
        text.parse::<f64>().is_ok_and(|value| value.is_finite() && value > 0.0)
    });
    for name in ["ScaleInCooldown", "ScaleOutCooldown"] {
        faults.extend(values::range(configuration, name, 0..=2_147_483_647));
    }
    faults.extend(values::flag(configuration, "DisableScaleIn"));
    let metrics = ["ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"];
    let specification = only(
        &configuration["PredefinedMetricSpecification"],
        "PredefinedMetricType",
        &metrics,
    );
    faults.extend(values::below("PredefinedMetricSpecification", specification));
    values::below("TargetTrackingScalingPolicyConfiguration", faults)
}

fn capacity(properties: &Value) -> Result<(u32, u32), String> {
    let figure = |name: &str| match number(properties, name)?.map(u32::try_from) {
        Some(Ok(figure)) => Ok(figure),
        _ => Err(format!("Model validation failed (#: required key [{name}] not found)")),
    };
    let (minimum, maximum) = (figure("MinCapacity")?, figure("MaxCapacity")?);
    if minimum > maximum {
        return Err("Maximum capacity cannot be less than minimum capacity".to_owned());
    }
    Ok((minimum, maximum))
}

/// A count outside the bounds is brought to the nearer one, as a change of the bounds does on AWS.
/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>
fn keep_within(cloud: &mut Cloud, now: SystemTime, resource_id: &str) {
    let Some(target) = cloud.scalable_targets.get(resource_id) else {
        return;
    };
    let (minimum, maximum) = (target.minimum, target.maximum);
    let Some(arn) = cloud.ecs.service_by_resource_id(resource_id).map(str::to_owned) else {
        return;
    };
    let desired = cloud.ecs.desired_count(&arn);
    let wanted = desired.clamp(minimum, maximum);
    if wanted != desired {
        cloud.set_desired_count(now, &arn, wanted);
    }
}

fn resource_id(physical_id: &str) -> &str {
    physical_id.split('|').next().unwrap_or(physical_id)
}

/// The scalable target and the name of a policy, out of its ARN.
fn policy_path(arn: &str) -> Option<(&str, &str)> {
    let (_, path) = arn.split_once(":resource/ecs/")?;
    path.split_once(":policyName/")
}

fn policy_mut<'a>(cloud: &'a mut Cloud, arn: &str) -> Option<&'a mut Policy> {
    let (target, name) = policy_path(arn)?;
    cloud.scalable_targets.get_mut(target)?.policies.get_mut(name)
}
