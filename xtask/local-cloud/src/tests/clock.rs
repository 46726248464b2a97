//! AWS's clock: metrics that are late, gaps in them, and bake times that ECS doesn't honour.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::alarms::{alarm, bad, deployed, good, monitored, run_for, watched};
use super::rig::{Rig, template};
use crate::moment::{epoch_seconds, read};
use crate::options::Bake;
use crate::wire::Service;

const MINUTE: Duration = Duration::from_mins(1);

/// The watched service in its steady state, where metrics are so many minutes late.
fn late(minutes: f64) -> Rig {
    let mut rig = Rig::new();
    rig.world.set_metric_lag(Some(minutes)).unwrap();
    deployed(rig)
}

/// The beginning of the metric minute under way.
fn this_minute(rig: &Rig) -> SystemTime {
    let pace = rig.world.cloud.pace();
    pace.start(pace.minute(rig.now))
}

/// The timestamps of a metric's data points in the last quarter of an hour, with the sums of their minutes, the oldest first.
fn series(rig: &mut Rig, namespace: &str, name: &str) -> Vec<(SystemTime, f64)> {
    let listed = rig.call(
        Service::CloudWatch,
        "ListMetrics",
        json!({"Namespace": namespace, "MetricName": name}),
    );
    let Some(metric) = listed.unwrap()["Metrics"].as_array().unwrap().last().cloned() else {
        return Vec::new();
    };
    let (start, end) = (epoch_seconds(rig.now - 15 * MINUTE), epoch_seconds(rig.now));
    let query = json!({"Id": "m", "MetricStat": {"Metric": metric, "Stat": "Sum", "Period": 60}});
    let input =
        json!({"StartTime": start, "EndTime": end, "ScanBy": "TimestampAscending", "MetricDataQueries": [query]});
    let data = rig.call(Service::CloudWatch, "GetMetricData", input).unwrap();
    let result = &data["MetricDataResults"][0];
    let timestamps = result["Timestamps"].as_array().unwrap().iter();
    let values = result["Values"].as_array().unwrap().iter();
    timestamps
        .zip(values)
        .map(|(timestamp, value)| (read(timestamp).unwrap(), value.as_f64().unwrap()))
        .collect()
}

fn sums(rig: &mut Rig, namespace: &str, name: &str) -> Vec<f64> {
    series(rig, namespace, name).into_iter().map(|(_, sum)| sum).collect()
}

#[test]
fn an_alarm_goes_off_as_early_as_its_rule_and_the_lag_allow() {
    for lag in [0.0, 0.5, 2.0, 4.0, 10.0] {
        let mut rig = late(lag);
        rig.traffic = bad;
        let first_bad = this_minute(&rig);
        rig.run_until(|rig| alarm(rig)["StateValue"] == "ALARM");
        let took = rig.now.duration_since(first_bad).unwrap();
        assert_eq!(took, 3 * MINUTE + MINUTE.mul_f64(lag), "{lag}");
        rig.traffic = good;
        let first_good = this_minute(&rig);
        rig.run_until(|rig| alarm(rig)["StateValue"] == "OK");
        let took = rig.now.duration_since(first_good).unwrap();
        // Without errors there is no data point, so the bad ones count until they leave the range of 6.
        assert_eq!(took, 4 * MINUTE + MINUTE.mul_f64(lag), "{lag}");
    }
}

#[test]
fn data_can_be_read_once_its_minute_is_published() {
    for lag in [0.0, 0.5, 2.0, 4.0] {
        let mut rig = late(lag);
        run_for(&mut rig, 5);
        for _ in 0..4 {
            rig.round();
            if !rig.waiting.is_empty() {
                continue;
            }
            let newest = series(&mut rig, "AWS/ApplicationELB", "RequestCount").last().unwrap().0;
            let age = rig.now.duration_since(newest + MINUTE).unwrap();
            let lag = MINUTE.mul_f64(lag);
            assert!(lag <= age && age < lag + MINUTE, "{age:?}, {lag:?}");
            let statistics = json!({
                "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Period": 300, "Statistics": ["Sum"],
                "StartTime": epoch_seconds(rig.now - 10 * MINUTE), "EndTime": epoch_seconds(rig.now),
            });
            let shown = rig
                .call(Service::CloudWatch, "GetMetricStatistics", statistics)
                .unwrap();
            assert_eq!(shown["Datapoints"], json!([]), "that metric has dimensions");
        }
    }
}

#[test]
fn what_others_measure_is_as_late() {
    let mut rig = late(2.0);
    let put = json!({"Namespace": "mine", "MetricData": [{"MetricName": "orders", "Value": 5}]});
    rig.call(Service::CloudWatch, "PutMetricData", put).unwrap();
    let measured = this_minute(&rig);
    rig.run_until(|rig| !series(rig, "mine", "orders").is_empty());
    assert_eq!(rig.now.duration_since(measured).unwrap(), 3 * MINUTE);
    assert_eq!(series(&mut rig, "mine", "orders"), [(measured, 5.0)]);
}

#[test]
fn a_bad_change_is_rolled_back_during_its_bake_at_lags_that_the_bake_allows() {
    for (lag, expected) in [
        (0.0, "UPDATE_ROLLBACK_COMPLETE"),
        (2.0, "UPDATE_ROLLBACK_COMPLETE"),
        (4.0, "UPDATE_COMPLETE"),
    ] {
        let mut rig = late(lag);
        rig.begin_update("stack", &watched("b", 3));
        rig.traffic = bad;
        assert_eq!(
            rig.finish("stack"),
            expected,
            "the bake is 5 min, the alarm takes 3 and {lag}"
        );
    }
}

#[test]
fn an_ignored_bake_ends_a_deployment_and_its_watch_at_once() {
    let mut rig = Rig::new();
    rig.world.set_bake(Some(Bake::Ignored));
    let mut rig = deployed(rig);
    let began = rig.now;
    rig.begin_update("stack", &watched("b", 3));
    rig.traffic = bad;
    assert_eq!(rig.finish("stack"), "UPDATE_COMPLETE", "no alarm is red yet");
    let took = rig.now.duration_since(began).unwrap();
    assert!(took < Duration::from_mins(5), "{took:?}");
    rig.run_until(|rig| alarm(rig)["StateValue"] == "ALARM");
    run_for(&mut rig, 5);
    let deployment = monitored(&mut rig);
    assert_eq!(deployment["status"], "SUCCESSFUL");
    assert_eq!(deployment["alarms"]["status"], "MONITORING_COMPLETE");
}

#[test]
fn metric_lag_and_bake_are_kept_over_a_restart() {
    let mut rig = late(2.5);
    rig.world.set_bake(Some(Bake::Ignored));
    rig.restart(false);
    assert!((rig.world.set_metric_lag(None).unwrap() - 2.5).abs() < f64::EPSILON);
    assert_eq!(rig.world.set_bake(None), Bake::Ignored);
    assert_eq!(rig.world.cloud.metric_lag, Duration::from_secs(150));
    for wrong in [-1.0, 10.5, f64::NAN] {
        assert!(rig.world.set_metric_lag(Some(wrong)).is_err(), "{wrong}");
    }
    assert_eq!(rig.world.set_bake(Some(Bake::Honoured)), Bake::Honoured);
}

#[test]
fn data_that_was_not_published_is_published_after_a_restart() {
    let mut rig = late(4.0);
    rig.traffic = bad;
    let first_bad = this_minute(&rig);
    run_for(&mut rig, 3);
    rig.run_until(|rig| rig.waiting.is_empty());
    rig.restart(false);
    rig.run_until(|rig| alarm(rig)["StateValue"] == "ALARM");
    assert_eq!(rig.now.duration_since(first_bad).unwrap(), 7 * MINUTE);
}

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
#[test]
fn a_target_group_without_targets_has_no_data() {
    let mut rig = Rig::new();
    rig.traffic = good;
    rig.create("stack", &template("a", 1));
    run_for(&mut rig, 15);
    let hosts = "HealthyHostCount";
    for name in [hosts, "RequestCount", "HTTPCode_Target_2XX_Count"] {
        assert!(sums(&mut rig, "AWS/ApplicationELB", name).len() > 10, "{name}");
    }
    rig.update("stack", &template("a", 0));
    rig.run_until(|rig| rig.targets() == 0);
    run_for(&mut rig, 17);
    for name in [hosts, "UnHealthyHostCount", "RequestCount", "HTTPCode_Target_2XX_Count"] {
        assert_eq!(sums(&mut rig, "AWS/ApplicationELB", name), [0.0; 0], "{name}");
    }
}

/// The small service in a cluster with this setting.
fn observed(tasks: u32, value: &str) -> Value {
    let mut template = template("a", tasks);
    let settings = json!([{"Name": "containerInsights", "Value": value}]);
    template["Resources"]["Cluster"]["Properties"] = json!({"ClusterSettings": settings});
    template
}

#[test]
fn container_insights_count_the_tasks_of_a_service_also_if_there_are_none() {
    const INSIGHTS: &str = "ECS/ContainerInsights";
    for value in ["enabled", "enhanced"] {
        let mut rig = Rig::new();
        rig.world.set_metric_lag(Some(2.0)).unwrap();
        rig.create("stack", &observed(2, value));
        run_for(&mut rig, 10);
        let newest = series(&mut rig, INSIGHTS, "RunningTaskCount").last().copied();
        assert_eq!(newest, Some((this_minute(&rig) - 3 * MINUTE, 2.0)), "{value}");
        for (name, expected) in [
            ("DesiredTaskCount", 2.0),
            ("PendingTaskCount", 0.0),
            ("DeploymentCount", 1.0),
        ] {
            assert_eq!(sums(&mut rig, INSIGHTS, name).last(), Some(&expected), "{name}");
        }
        rig.update("stack", &observed(0, value));
        run_for(&mut rig, 20);
        let running = sums(&mut rig, INSIGHTS, "RunningTaskCount");
        assert!(
            running.len() > 10 && running.iter().all(|count| *count == 0.0),
            "{running:?}"
        );
    }
}

#[test]
fn without_the_setting_there_are_no_container_insights() {
    let mut rig = Rig::new();
    for template in [observed(1, "disabled"), template("a", 1)] {
        rig.create("stack", &template);
        run_for(&mut rig, 5);
        assert_eq!(sums(&mut rig, "ECS/ContainerInsights", "RunningTaskCount"), [0.0; 0]);
        rig.delete("stack");
    }
    let check = |name: &str, value: &str, expected: &str| {
        let settings = json!([{"Name": name, "Value": value}]);
        let template = json!({"Resources": {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterSettings": settings}}}});
        let mut rig = Rig::new();
        let input = json!({"StackName": "stack", "TemplateBody": template.to_string()});
        let fault = rig.call(Service::CloudFormation, "CreateStack", input).unwrap_err();
        assert!(fault.message.contains(expected), "{}", fault.message);
    };
    check("fastLaunch", "enabled", "ClusterSettings/0/Name");
    check("containerInsights", "on", "ClusterSettings/0/Value");
}
