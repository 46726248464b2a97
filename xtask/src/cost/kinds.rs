//! The types that cost something, and what every rule needs: numbers from templates, lines.

use anyhow::Context as _;
use serde_json::Value;

use super::scene::Line;

pub(super) const SERVICE: &str = "AWS::ECS::Service";
pub(super) const CLUSTER: &str = "AWS::ECS::Cluster";
pub(super) const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
pub(super) const NAT_GATEWAY: &str = "AWS::EC2::NatGateway";
pub(super) const ADDRESS: &str = "AWS::EC2::EIP";
pub(super) const LOG_GROUP: &str = "AWS::Logs::LogGroup";
pub(super) const ALARM: &str = "AWS::CloudWatch::Alarm";
pub(super) const SCALING_POLICY: &str = "AWS::ApplicationAutoScaling::ScalingPolicy";
pub(super) const IMAGE_REPOSITORY: &str = "AWS::ECR::Repository";
pub(super) const PIPELINE: &str = "AWS::CodePipeline::Pipeline";
pub(super) const BUILD_PROJECT: &str = "AWS::CodeBuild::Project";
pub(super) const BUCKET: &str = "AWS::S3::Bucket";

/// Days of a month.
pub(super) const DAYS: f64 = 30.0;

/// A number of resources as floating point; there are never so many that it loses any.
#[expect(clippy::cast_precision_loss, reason = "a template has at most 500 resources")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

/// A line that scaling doesn't change.
pub(super) fn same(what: String, cost: f64, because: String) -> Line {
    Line {
        what,
        least: cost,
        most: cost,
        because,
    }
}

/// A property that a rule needs.
///
/// # Errors
/// When it isn't there.
pub(super) fn needed<'a>(value: &'a Value, path: &str, id: &str) -> anyhow::Result<&'a Value> {
    value.pointer(path).with_context(|| format!("{id} has no {path}"))
}

/// A number, which templates write as a number or as text.
pub(super) fn figure(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}
