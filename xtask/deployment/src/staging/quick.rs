//! Templates that go back without waiting: Fleet doesn't depend on Onebox, and ECS's rollback on alarms is off.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::staging::effect::{Comparison, World};
use crate::template::Resource;

const SERVICE: &str = "AWS::ECS::Service";

/// The ECS services that an update changes.
pub(super) fn changed_services(comparison: &Comparison) -> BTreeSet<String> {
    comparison
        .changes
        .keys()
        .filter(|name| {
            let resource = comparison.after.get(*name).or_else(|| comparison.before.get(*name));
            resource.is_some_and(|resource| resource.resource_type == SERVICE)
        })
        .cloned()
        .collect()
}

/// The template without what could hold up the way back of these services. Otherwise a late alarm would restore the bad release.
///
/// `Enable` is off as well as `Rollback`: otherwise an alarm would fail the deployment and, with it, the update.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentAlarms.html>
pub(super) fn quick(target: &World, services: &BTreeSet<String>) -> World {
    let mut quick = target.clone();
    let onebox: BTreeSet<&String> = target
        .template
        .resources
        .iter()
        .filter(|(_, resource)| resource.stage == Stage::Onebox)
        .map(|(name, _)| name)
        .collect();
    for (name, resource) in &mut quick.template.resources {
        if !services.contains(name) {
            continue;
        }
        ignore_alarms(resource);
        if resource.stage == Stage::Fleet {
            resource.depends_on.retain(|name| !onebox.contains(name));
            let names = resource.depends_on.iter().cloned().map(Value::String).collect();
            resource.definition.insert("DependsOn".to_owned(), names);
        }
    }
    quick
}

/// Without alarms there is nothing to bake for, and the update would last as long.
fn ignore_alarms(service: &mut Resource) {
    let configuration = service
        .definition
        .get_mut("Properties")
        .and_then(|properties| properties.pointer_mut("/DeploymentConfiguration"))
        .and_then(Value::as_object_mut);
    let Some(configuration) = configuration else { return };
    if configuration.contains_key("BakeTimeInMinutes") {
        configuration.insert("BakeTimeInMinutes".to_owned(), json!(0));
    }
    if let Some(alarms) = configuration.get_mut("Alarms").and_then(Value::as_object_mut) {
        alarms.insert("Enable".to_owned(), json!(false));
        alarms.insert("Rollback".to_owned(), json!(false));
    }
}
