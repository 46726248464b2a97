//! The calls of Application Auto Scaling. Making and changing goes through CloudFormation; what is here shows.
//!
//! Shapes: <https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html>

use serde_json::{Value, json};

use super::{DIMENSION, NAMESPACE, ScalableTarget};
use crate::cloud::Cloud;
use crate::moment::epoch_seconds;
use crate::properties::{text, texts};
use crate::wire::{Fault, Service};

/// Answers one call.
pub(crate) fn call(cloud: &Cloud, operation: &str, input: &Value) -> Result<Value, Fault> {
    let list = match operation {
        "DescribeScalableTargets" => "ScalableTargets",
        "DescribeScalingPolicies" => "ScalingPolicies",
        "DescribeScalingActivities" => "ScalingActivities",
        _ => return Err(Fault::unsupported(Service::ApplicationAutoScaling, operation)),
    };
    let namespace = text(input, "ServiceNamespace").ok_or_else(|| invalid("ServiceNamespace is required"))?;
    let dimension = text(input, "ScalableDimension");
    let mut ids = texts(input, "ResourceIds");
    ids.extend(text(input, "ResourceId"));
    let wanted = |id: &String| {
        namespace == NAMESPACE
            && dimension.as_deref().is_none_or(|dimension| dimension == DIMENSION)
            && (ids.is_empty() || ids.contains(id))
    };
    let targets = cloud.scalable_targets.iter().filter(|(id, _)| wanted(id));
    let shown = targets.flat_map(|(id, target)| match operation {
        "DescribeScalableTargets" => vec![show_target(cloud, id, target)],
        "DescribeScalingPolicies" => show_policies(id, target, &texts(input, "PolicyNames")),
        _ => show_activities(id, target),
    });
    Ok(json!({list: shown.collect::<Vec<_>>()}))
}

fn show_target(cloud: &Cloud, id: &str, target: &ScalableTarget) -> Value {
    // The role that AWS makes for the purpose: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles-instances.html>
    let role = "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService";
    let suspended = json!({"DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false});
    common(
        id,
        json!({
            "MinCapacity": target.minimum,
            "MaxCapacity": target.maximum,
            "RoleARN": cloud.place.global_arn("iam", role),
            "CreationTime": epoch_seconds(target.created_at),
            "SuspendedState": suspended,
        }),
    )
}

fn show_policies(id: &str, target: &ScalableTarget, names: &[String]) -> Vec<Value> {
    let policies = target
        .policies
        .iter()
        .filter(|(name, _)| names.is_empty() || names.contains(name));
    let shown = policies.map(|(name, policy)| {
        let configuration = numbers(&policy.properties["TargetTrackingScalingPolicyConfiguration"]);
        common(
            id,
            json!({
                "PolicyARN": policy.arn,
                "PolicyName": name,
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": configuration,
                "Alarms": [],
                "CreationTime": epoch_seconds(policy.created_at),
            }),
        )
    });
    shown.collect()
}

fn show_activities(id: &str, target: &ScalableTarget) -> Vec<Value> {
    let shown = target.activities.iter().map(|activity| {
        common(
            id,
            json!({
                "ActivityId": activity.id,
                "Description": format!("Setting desired count to {}.", activity.count),
                "Cause": activity.cause,
                "StartTime": epoch_seconds(activity.at),
                "EndTime": epoch_seconds(activity.at),
                "StatusCode": "Successful",
                "StatusMessage": format!("Successfully set desired count to {}.", activity.count),
            }),
        )
    });
    shown.collect()
}

fn common(id: &str, mut shown: Value) -> Value {
    shown["ServiceNamespace"] = json!(NAMESPACE);
    shown["ResourceId"] = json!(id);
    shown["ScalableDimension"] = json!(DIMENSION);
    shown
}

/// Numbers and truths that a template may have as text.
fn numbers(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| (name.clone(), numbers(member)));
            Value::Object(members.collect())
        }
        Value::String(text) => serde_json::from_str::<Value>(text)
            .ok()
            .filter(|value| value.is_number() || value.is_boolean())
            .unwrap_or_else(|| value.clone()),
        other => other.clone(),
    }
}

fn invalid(message: &str) -> Fault {
    Fault::client("ValidationException", message)
}
