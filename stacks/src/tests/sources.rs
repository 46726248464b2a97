//! What the templates' sources may not do: go round the types that keep properties in agreement.

use std::path::{Path, PathBuf};

/// Names of generated parts that a type of `cloudformation::relations` sets, and the type.
const BEHIND_TYPES: &[(&str, &str)] = &[
    ("TargetGroupTuple", "TrafficSplit"),
    ("ForwardConfig", "TrafficSplit"),
    ("ListenerRuleRequired", "Forwarded::add_rule"),
    ("ListenerRequired", "TrafficSplit::listen"),
    (".load_balancers(", "Route::add_service"),
    (".task_definition(", "Route::add_service"),
    ("ContainerDefinitionRequired", "ServingContainer"),
    (".container_definitions(", "ServingContainer"),
    ("PortMapping", "ServingContainer"),
    (".cpu(", "FargateSize"),
    (".memory(", "FargateSize"),
    ("Alarm::new(", "AlarmWindow::watch"),
    (".datapoints_to_alarm(", "AlarmWindow"),
    (".evaluation_periods(", "AlarmWindow"),
    (".period(", "AlarmWindow"),
    ("MetricDataQuery", "AlarmWindow"),
    ("MetricStatRequired", "AlarmWindow"),
    (".statistic(", "Statistic"),
    (".extended_statistic(", "Statistic"),
    ("DeploymentAlarms", "Rollout::watched_by"),
    ("DeploymentConfiguration::new(", "Rollout::watched_by"),
    (".alarms(", "Rollout::watched_by"),
    (".bake_time_in_minutes(", "BakeTime"),
    (".maximum_percent(", "Rollout"),
    (".minimum_healthy_percent(", "Rollout"),
    (".health_check_interval_seconds(", "HealthCheck"),
    (".health_check_timeout_seconds(", "HealthCheck"),
    (".healthy_threshold_count(", "HealthCheck"),
    (".unhealthy_threshold_count(", "HealthCheck"),
    ("ScalableTargetRequired", "Capacity"),
    (".max_capacity(", "Capacity"),
    (".min_capacity(", "Capacity"),
];

/// The sources that templates are made of: everything but the tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let folders = folders.iter().filter(|path| !path.ends_with("tests"));
    let files = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    folders.flat_map(|folder| sources(folder)).chain(files).collect()
}

/// Where a source goes round a type, and which it should use.
fn detours(source: &str) -> Vec<String> {
    let around = BEHIND_TYPES.iter().filter(|(name, _)| source.contains(name));
    around.map(|(name, better)| format!("{name}: use {better}")).collect()
}

#[test]
fn templates_go_through_the_types_that_agree() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 8, "{sources:?}");
    for path in sources {
        let found = detours(&std::fs::read_to_string(&path).unwrap());
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

/// The list has to name what there is: a part that is renamed would slip through.
#[test]
fn every_name_is_one_of_the_generated_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cloudformation/src/generated");
    let generated: String = sources(&folder)
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for (name, _) in BEHIND_TYPES {
        let is_there = match name.strip_prefix('.') {
            Some(method) => generated.contains(&format!("pub fn {method}")),
            None => generated.contains(&format!("pub struct {}", name.trim_end_matches("::new("))),
        };
        assert!(is_there, "{name}");
    }
    assert_eq!(
        detours("service.load_balancers([])"),
        [".load_balancers(: use Route::add_service"]
    );
}
