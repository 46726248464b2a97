//! A service's properties as its scheduler takes them, and what of them starts a deployment.

use std::time::Duration;

use scheduler::{Alarms, CircuitBreaker, LoadBalancer, Settings, StartBackoff, Threshold};
use serde_json::{Map, Value};

use crate::options::Bake;
use crate::properties::{boolean, list, number, text, texts};
use crate::speed::Speed;

/// ECS's own waits, made shorter; what is counted in tasks or percent stays.
pub(super) fn settings(properties: &Value, speed: Speed, bake: Bake) -> Result<Settings, String> {
    let defaults = Settings::default();
    let deployment = &properties["DeploymentConfiguration"];
    let percent = |name: &str, default: u32| Ok::<_, String>(figure(deployment, name)?.unwrap_or(default));
    let bake_minutes = match bake {
        Bake::Honoured => number(deployment, "BakeTimeInMinutes")?.unwrap_or(0),
        Bake::Ignored => 0,
    };
    let grace = number(properties, "HealthCheckGracePeriodSeconds")?.unwrap_or(0);
    Ok(Settings {
        minimum_healthy_percent: percent("MinimumHealthyPercent", defaults.minimum_healthy_percent)?,
        maximum_percent: percent("MaximumPercent", defaults.maximum_percent)?,
        circuit_breaker: circuit_breaker(&deployment["DeploymentCircuitBreaker"])?,
        alarms: alarms(&deployment["Alarms"]),
        bake: speed.scale(Duration::from_secs(bake_minutes.saturating_mul(60))),
        bake_first_deployment: false,
        health_check_grace: speed.scale(Duration::from_secs(grace)),
        load_balancer: load_balancer(properties)?,
        steady_after_running: speed.scale(defaults.steady_after_running),
        start_backoff: StartBackoff {
            initial: speed.scale(defaults.start_backoff.initial),
            maximum: speed.scale(defaults.start_backoff.maximum),
        },
    })
}

fn circuit_breaker(properties: &Value) -> Result<Option<CircuitBreaker>, String> {
    if !boolean(properties, "Enable").unwrap_or(false) {
        return Ok(None);
    }
    let mut breaker = CircuitBreaker::new(boolean(properties, "Rollback").unwrap_or(false));
    let threshold = &properties["ThresholdConfiguration"];
    if let Some(value) = figure(threshold, "Value")? {
        breaker.threshold = match threshold["Type"].as_str() {
            Some("UNBOUNDED_PERCENT") => Threshold::UnboundedPercent(value),
            Some("COUNT") => Threshold::Count(value),
            _ => Threshold::BoundedPercent(value),
        };
    }
    breaker.reset_on_healthy_task = boolean(properties, "ResetOnHealthyTask").unwrap_or(true);
    Ok(Some(breaker))
}

fn alarms(properties: &Value) -> Option<Alarms> {
    let enabled = boolean(properties, "Enable").unwrap_or(false);
    enabled.then(|| Alarms {
        names: texts(properties, "AlarmNames"),
        rollback: boolean(properties, "Rollback").unwrap_or(false),
    })
}

fn load_balancer(properties: &Value) -> Result<Option<LoadBalancer>, String> {
    let Some(first) = list(properties, "LoadBalancers").first() else {
        return Ok(None);
    };
    let target_group = text(first, "TargetGroupArn").ok_or("a load balancer of the service has no TargetGroupArn")?;
    let container_port = number(first, "ContainerPort")?.and_then(|port| u16::try_from(port).ok());
    let container_port = container_port.ok_or("a load balancer of the service has no ContainerPort")?;
    Ok(Some(LoadBalancer {
        target_group,
        container_port,
    }))
}

fn figure(properties: &Value, name: &str) -> Result<Option<u32>, String> {
    let figure = number(properties, name)?.map(u32::try_from).transpose();
    figure.map_err(|_| format!("Model validation failed (#/{name}: the number is too large)"))
}

/// The properties whose change makes ECS start a deployment; the others are taken over as they are.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>
const DEPLOYED: [&str; 4] = [
    "TaskDefinition",
    "LoadBalancers",
    "NetworkConfiguration",
    "PlatformVersion",
];

/// The part of the properties that a service revision records.
pub(super) fn deployed(properties: &Value) -> Value {
    let members = DEPLOYED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), properties.get(name)?.clone())));
    Value::Object(members.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waits_are_scaled_and_counts_are_not() {
        let properties = json!({
            "HealthCheckGracePeriodSeconds": 60,
            "LoadBalancers": [{"TargetGroupArn": "group", "ContainerName": "service", "ContainerPort": "8080"}],
            "DeploymentConfiguration": {
                "MinimumHealthyPercent": 50, "MaximumPercent": 150, "BakeTimeInMinutes": 5,
                "DeploymentCircuitBreaker": {"Enable": true, "Rollback": true, "ThresholdConfiguration": {"Type": "COUNT", "Value": 7}},
                "Alarms": {"Enable": true, "Rollback": true, "AlarmNames": ["a"]},
            },
        });
        let speed = Speed::new(60.0).unwrap();
        let ignored = settings(&properties, speed, Bake::Ignored).unwrap();
        let settings = settings(&properties, speed, Bake::Honoured).unwrap();
        assert_eq!((settings.bake, ignored.bake), (Duration::from_secs(5), Duration::ZERO));
        assert_eq!(ignored.alarms, settings.alarms);
        assert_eq!(settings.health_check_grace, Duration::from_secs(1));
        assert_eq!((settings.minimum_healthy_percent, settings.maximum_percent), (50, 150));
        assert_eq!(settings.circuit_breaker.unwrap().threshold, Threshold::Count(7));
        assert_eq!(
            settings.alarms,
            Some(Alarms {
                names: vec!["a".to_owned()],
                rollback: true
            })
        );
        assert_eq!(settings.load_balancer.unwrap().container_port, 8080);
    }
}
