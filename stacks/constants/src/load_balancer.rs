//! The load balancer: who gets which share, and who counts as healthy.

/// The port that clients use.
pub const LISTENER_PORT: u16 = 80;

/// The port of the target groups: a default that nothing uses, as ECS registers each target with its container's own port.
/// Constant, because another port replaces the group, and the listener would send requests to the new one while it is empty.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-targetgroup.html>
pub const TARGET_GROUP_PORT: u16 = 8080;

/// Onebox's share of the requests, in per cent: enough to notice a fault, few enough to bear it.
pub const ONEBOX_WEIGHT: i64 = 1;

/// Fleet's share of the requests, in per cent.
pub const FLEET_WEIGHT: i64 = 99;

/// Where the rule that sends marked requests to Onebox stands among the listener's rules.
pub const ONEBOX_RULE_PRIORITY: i64 = 1;

/// Where the rule that sends marked requests to Fleet stands among the listener's rules.
pub const FLEET_RULE_PRIORITY: i64 = 2;

/// Seconds without data after which the load balancer gives a request up: AWS's default, above the service's own limit,
/// so that it is the service that answers.
pub const IDLE_TIMEOUT_SECONDS: i64 = 60;

/// Seconds that a target which is leaving may still finish requests: more than any request may take, and as short as
/// that allows, because a deployment waits for it at every task.
pub const DEREGISTRATION_DELAY_SECONDS: i64 = 30;

/// Seconds between health checks of a target.
pub const HEALTH_CHECK_INTERVAL_SECONDS: i64 = 15;

/// Seconds after which a health check that has no answer has failed.
pub const HEALTH_CHECK_TIMEOUT_SECONDS: i64 = 10;

/// Successes in a row that make an unhealthy target healthy. A new target needs one only.
pub const HEALTHY_THRESHOLD: i64 = 2;

/// Failures in a row that make a target unhealthy: AWS's default, so that one lost packet costs no task.
pub const UNHEALTHY_THRESHOLD: i64 = 2;

/// The status that a healthy target answers.
pub const HEALTHY_STATUS: &str = "200";

const _: () = assert!(0 < ONEBOX_WEIGHT && ONEBOX_WEIGHT < FLEET_WEIGHT);
const _: () = assert!(ONEBOX_RULE_PRIORITY != FLEET_RULE_PRIORITY);
const _: () = assert!(crate::service::REQUEST_TIMEOUT_SECONDS < IDLE_TIMEOUT_SECONDS as u64);
const _: () = assert!(crate::service::REQUEST_TIMEOUT_SECONDS <= DEREGISTRATION_DELAY_SECONDS as u64);
