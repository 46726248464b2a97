//! What watches a service deployment, and what became of it, as ECS shows them.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>

use scheduler::{Cause, ServiceDeployment};
use serde_json::{Value, json};

use super::Service;
use crate::moment::epoch_seconds;

/// The deployment alarms: which, and which of them were red.
pub(super) fn alarms(service: &Service, record: &ServiceDeployment) -> Value {
    let alarms = service.scheduler.settings().alarms.as_ref();
    let names = alarms.map(|alarms| alarms.names.clone()).unwrap_or_default();
    let failure = record.failure.as_ref();
    let triggered = failure
        .map(|failure| failure.triggered_alarms.clone())
        .unwrap_or_default();
    let is_off = alarms.is_none() || record.alarms_ignored;
    json!({"status": status(record, is_off, Cause::Alarm), "alarmNames": names, "triggeredAlarmNames": triggered})
}

/// The circuit breaker: how many tasks have failed, of how many that fail the deployment.
pub(super) fn circuit_breaker(service: &Service, record: &ServiceDeployment) -> Value {
    let scheduler = &service.scheduler;
    let breaker = scheduler.settings().circuit_breaker.as_ref();
    let mut deployments = scheduler.deployments().into_iter();
    let deployment = deployments.find(|deployment| deployment.id == record.deployment);
    let threshold = breaker.map(|breaker| breaker.threshold.tasks(scheduler.desired_count()));
    let failed_before = record.failure.as_ref().map(|failure| failure.failed_tasks);
    let failed = failed_before.or(deployment.map(|deployment| deployment.failed_tasks));
    json!({
        "status": status(record, breaker.is_none(), Cause::CircuitBreaker),
        "failureCount": failed.unwrap_or_default(),
        "threshold": threshold.unwrap_or_default(),
    })
}

fn status(record: &ServiceDeployment, is_off: bool, cause: Cause) -> &'static str {
    let triggered = record.failure.as_ref().is_some_and(|failure| failure.cause == cause);
    match (triggered, is_off, record.status.is_final()) {
        (true, ..) => "TRIGGERED",
        (_, true, _) => "DISABLED",
        (.., true) => "MONITORING_COMPLETE",
        _ => "MONITORING",
    }
}

/// What it was rolled back to, and why; null if it wasn't.
pub(super) fn rollback(service: &Service, record: &ServiceDeployment) -> Value {
    let (Some(failure), Some(target)) = (&record.failure, record.rollback_to) else {
        return Value::Null;
    };
    let mut records = service.scheduler.service_deployments();
    let revision = records.find(|record| record.deployment == target);
    let mut shown = json!({"reason": failure.reason, "startedAt": epoch_seconds(failure.at)});
    if let Some(record) = revision {
        shown["serviceRevisionArn"] = json!(record.revision.as_str());
    }
    shown
}
