//! Alarms that fail a deployment, in the whole world with its outside played.

use std::collections::BTreeMap;
use std::time::Duration;

use balancer::{Plan, RequestCounts};
use serde_json::{Value, json};

use super::rig::{Rig, template};
use crate::wire::Service;

/// The small service, watched by an alarm on its share of errors.
pub(super) fn watched(image: &str, tasks: u32) -> Value {
    let mut template = template(image, tasks);
    let metric = |name: &str| {
        let dimensions = json!([
            {"Name": "LoadBalancer", "Value": {"Fn::GetAtt": ["LoadBalancer", "LoadBalancerFullName"]}},
            {"Name": "TargetGroup", "Value": {"Fn::GetAtt": ["Group", "TargetGroupFullName"]}},
        ]);
        json!({"Stat": "Sum", "Period": 60, "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions}})
    };
    template["Resources"]["Alarm"] = json!({"Type": "AWS::CloudWatch::Alarm", "Properties": {
        "AlarmName": "errors", "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 5, "EvaluationPeriods": 4,
        "DatapointsToAlarm": 3, "TreatMissingData": "notBreaching",
        "Metrics": [
            {"Id": "share", "Expression": "100 * errors / requests"},
            {"Id": "errors", "ReturnData": false, "MetricStat": metric("HTTPCode_Target_5XX_Count")},
            {"Id": "requests", "ReturnData": false, "MetricStat": metric("RequestCount")},
        ],
    }});
    let deployment = &mut template["Resources"]["Service"]["Properties"]["DeploymentConfiguration"];
    deployment["Alarms"] = json!({"Enable": true, "Rollback": true, "AlarmNames": [{"Ref": "Alarm"}]});
    deployment["BakeTimeInMinutes"] = json!(5);
    template
}

pub(super) fn good(counts: &mut RequestCounts, plan: &Plan) {
    for group in plan.target_groups.keys() {
        let counts = counts.target_groups.entry(group.clone()).or_default();
        counts.requests += 100;
        counts.made_by_targets[1] += 100;
    }
}

pub(super) fn bad(counts: &mut RequestCounts, plan: &Plan) {
    for group in plan.target_groups.keys() {
        let counts = counts.target_groups.entry(group.clone()).or_default();
        counts.requests += 100;
        counts.made_by_targets[1] += 90;
        counts.made_by_targets[4] += 10;
    }
}

pub(super) fn alarm(rig: &mut Rig) -> Value {
    let alarms = rig.call(Service::CloudWatch, "DescribeAlarms", json!({})).unwrap();
    alarms["MetricAlarms"][0].clone()
}

pub(super) fn run_for(rig: &mut Rig, minutes: u64) {
    let end = rig.now + Duration::from_mins(minutes);
    rig.run_until(|rig| rig.now >= end);
}

fn deployments(rig: &mut Rig) -> Value {
    let clusters = rig.ecs("ListClusters", json!({}));
    let input = json!({"cluster": clusters["clusterArns"][0], "service": "service"});
    rig.ecs("ListServiceDeployments", input)["serviceDeployments"].clone()
}

/// The newest service deployment, in full.
pub(super) fn monitored(rig: &mut Rig) -> Value {
    let arn = deployments(rig)[0]["serviceDeploymentArn"].clone();
    let shown = rig.ecs("DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]}));
    shown["serviceDeployments"][0].clone()
}

/// With the watched service, and good traffic until its alarm is OK.
pub(super) fn deployed(mut rig: Rig) -> Rig {
    rig.traffic = good;
    assert_eq!(
        rig.create("stack", &watched("a", 3)),
        "CREATE_COMPLETE",
        "{}",
        rig.reasons("stack")
    );
    run_for(&mut rig, 5);
    rig.run_until(|rig| alarm(rig)["StateValue"] == "OK");
    rig
}

#[test]
fn a_bad_change_is_rolled_back_by_its_alarm_at_the_third_bad_minute() {
    let mut rig = deployed(Rig::new());
    rig.begin_update("stack", &watched("b", 3));
    rig.traffic = bad;
    let began = rig.now;
    rig.run_until(|rig| alarm(rig)["StateValue"] == "ALARM");
    let took = rig.now.duration_since(began).unwrap();
    assert!(
        took > Duration::from_mins(2) && took <= Duration::from_mins(3),
        "{took:?}"
    );
    rig.traffic = good;
    assert_eq!(rig.finish("stack"), "UPDATE_ROLLBACK_COMPLETE");
    let reasons = rig.reasons("stack");
    let reason = "Error occurred during operation 'ECS Deployment Alarm was triggered': ECS deployment alarms: alarm detected. In ALARM: errors.";
    assert!(reasons.contains(reason), "{reasons}");
    let deployments = deployments(&mut rig);
    assert_eq!(deployments[0]["status"], "ROLLBACK_SUCCESSFUL", "{deployments}");
    let shown = monitored(&mut rig);
    let alarms = json!({"status": "TRIGGERED", "alarmNames": ["errors"], "triggeredAlarmNames": ["errors"]});
    assert_eq!(shown["alarms"], alarms);
    assert_eq!(shown["deploymentCircuitBreaker"]["status"], "MONITORING_COMPLETE");
    assert_eq!(shown["rollback"]["reason"], "ECS deployment alarms: alarm detected.");
    run_for(&mut rig, 5);
    assert_eq!(alarm(&mut rig)["StateValue"], "OK");
}

#[test]
fn a_good_change_bakes_and_is_complete() {
    let mut rig = deployed(Rig::new());
    let began = rig.now;
    assert_eq!(rig.update("stack", &watched("b", 3)), "UPDATE_COMPLETE");
    let took = rig.now.duration_since(began).unwrap();
    assert!(took >= Duration::from_mins(5), "{took:?}");
}

#[test]
fn an_alarm_that_is_red_before_lets_the_deployment_pass() {
    let mut rig = deployed(Rig::new());
    rig.traffic = bad;
    run_for(&mut rig, 5);
    assert_eq!(alarm(&mut rig)["StateValue"], "ALARM");
    assert_eq!(
        rig.update("stack", &watched("b", 3)),
        "UPDATE_COMPLETE",
        "{}",
        rig.reasons("stack")
    );
    assert_eq!(alarm(&mut rig)["StateValue"], "ALARM");
}

#[test]
fn a_restart_keeps_states_and_histories_and_the_deployment_fails_all_the_same() {
    let mut rig = deployed(Rig::new());
    rig.begin_update("stack", &watched("b", 3));
    rig.traffic = bad;
    run_for(&mut rig, 2);
    let before = alarm(&mut rig);
    rig.restart(false);
    assert_eq!(alarm(&mut rig), before);
    rig.run_until(|rig| alarm(rig)["StateValue"] == "ALARM");
    rig.traffic = good;
    assert_eq!(rig.finish("stack"), "UPDATE_ROLLBACK_COMPLETE");
    let history = rig.call(
        Service::CloudWatch,
        "DescribeAlarmHistory",
        json!({"HistoryItemType": "StateUpdate", "ScanBy": "TimestampAscending"}),
    );
    let history = history.unwrap();
    let items = history["AlarmHistoryItems"].as_array().unwrap().iter();
    let summaries = items
        .map(|item| item["HistorySummary"].as_str().unwrap().to_owned())
        .collect::<Vec<_>>();
    assert_eq!(
        summaries[..2],
        [
            "Alarm updated from INSUFFICIENT_DATA to OK",
            "Alarm updated from OK to ALARM"
        ]
    );
}

#[test]
fn a_state_set_by_hand_fails_a_deployment_and_lasts_until_the_next_evaluation() {
    let mut rig = deployed(Rig::new());
    rig.begin_update("stack", &watched("b", 3));
    run_for(&mut rig, 1);
    rig.run_until(|rig| rig.waiting.is_empty());
    let input = json!({"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "a rehearsal"});
    rig.call(Service::CloudWatch, "SetAlarmState", input).unwrap();
    assert_eq!(rig.finish("stack"), "UPDATE_ROLLBACK_COMPLETE");
    run_for(&mut rig, 2);
    assert_eq!(alarm(&mut rig)["StateValue"], "OK");
}

#[test]
fn states_have_cloudwatchs_reasons() {
    let mut rig = deployed(Rig::new());
    rig.traffic = bad;
    rig.run_until(|rig| alarm(rig)["StateValue"] == "ALARM");
    let red = alarm(&mut rig);
    rig.traffic = |_, _| {};
    rig.run_until(|rig| alarm(rig)["StateValue"] == "OK");
    let green = alarm(&mut rig);
    let text = |alarm: &Value, name: &str| alarm[name].as_str().unwrap().to_owned();
    insta::assert_snapshot!(text(&red, "StateReason"), @"Threshold Crossed: 3 out of the last 4 datapoints [10.0 (15/01/27 08:07:00), 10.0 (15/01/27 08:06:00), 10.0 (15/01/27 08:05:00)] were greater than or equal to the threshold (5.0) (minimum 3 datapoints for OK -> ALARM transition).");
    // Whether keys keep their order depends on what else is built.
    let data: BTreeMap<String, Value> = serde_json::from_str(&text(&red, "StateReasonData")).unwrap();
    insta::assert_snapshot!(serde_json::to_string(&data).unwrap(), @r#"{"evaluatedDatapoints":[{"timestamp":"2027-01-15T08:07:00.000+0000","value":10.0},{"timestamp":"2027-01-15T08:06:00.000+0000","value":10.0},{"timestamp":"2027-01-15T08:05:00.000+0000","value":10.0}],"period":60,"queryDate":"2027-01-15T08:08:00.000+0000","recentDatapoints":[10.0,10.0,10.0],"startDate":"2027-01-15T08:05:00.000+0000","threshold":5.0,"version":"1.0"}"#);
    insta::assert_snapshot!(text(&green, "StateReason"), @"Threshold Crossed: 2 datapoints were received for 4 periods and 2 missing datapoints were treated as [NonBreaching].");
}
