//! Which alarms there are, what they look at, and whose deployment they watch.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{resources, service_templates};
use crate::Stage;

const STAGES: [Stage; 2] = [Stage::Onebox, Stage::Fleet];

/// The metrics that one alarm may refer to.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html>
const METRICS_MAXIMUM: usize = 10;

/// What a stage's own deployment isn't watched by, as ECS's circuit breaker is quicker.
const BESIDE: [&str; 2] = ["UnhealthyTargetAlarm", "TooFewTasksAlarm"];

const ALARM: &str = "AWS::CloudWatch::Alarm";

fn properties(template: &Value, stage: Stage, resource: &str) -> Value {
    template["Resources"][stage.logical_id(resource)]["Properties"].clone()
}

/// The alarms of a stage, but for some.
fn alarms<'a>(template: &'a Value, stage: Stage, but: &[&str]) -> BTreeSet<&'a str> {
    let ids = resources(template, ALARM).into_iter().map(|(id, _)| id);
    let own = ids.filter(|id| id.strip_prefix(stage.name()).is_some_and(|name| !but.contains(&name)));
    own.collect()
}

fn metrics(alarm: &Value) -> Vec<&Value> {
    let queries = alarm["Metrics"].as_array().unwrap().iter();
    queries.filter_map(|query| query["MetricStat"].get("Metric")).collect()
}

#[test]
fn a_service_is_watched_by_its_own_stages_alarms_and_fleet_by_oneboxs_too() {
    for template in service_templates() {
        let own = |stage, but: &[&'static str]| alarms(&template, stage, but);
        let expected = |stage| match stage {
            Stage::Onebox => own(Stage::Onebox, &BESIDE),
            Stage::Fleet => &own(Stage::Fleet, &BESIDE) | &own(Stage::Onebox, &[]),
        };
        for stage in STAGES {
            let configuration = &properties(&template, stage, "Service")["DeploymentConfiguration"];
            let names = configuration["Alarms"]["AlarmNames"].as_array().unwrap();
            let watched: BTreeSet<&str> = names.iter().map(|name| name["Ref"].as_str().unwrap()).collect();
            assert_eq!(watched, expected(stage));
            assert!(watched.len() >= 4);
            let bake_minutes = configuration["BakeTimeInMinutes"].as_i64().unwrap();
            for id in watched {
                assert_window_fits(&template["Resources"][id]["Properties"], bake_minutes);
            }
        }
    }
}

/// The window, 4 minutes until its last minute is published, one until the alarm is evaluated.
fn assert_window_fits(alarm: &Value, bake_minutes: i64) {
    let (points, periods) = (
        alarm["DatapointsToAlarm"].as_i64().unwrap(),
        alarm["EvaluationPeriods"].as_i64().unwrap(),
    );
    assert!(points <= periods);
    let [lag, evaluation] = [4, 1];
    assert!(bake_minutes >= periods + lag + evaluation, "periods of a minute");
}

/// Exactly one query is judged, and missing data never raise an alarm: none is red while a stack is first created.
#[test]
fn an_alarm_is_what_cloudwatch_takes() {
    for template in service_templates() {
        for (id, alarm) in resources(&template, ALARM) {
            let alarm = &alarm["Properties"];
            let queries = alarm["Metrics"].as_array().unwrap();
            assert_eq!(
                queries.iter().filter(|query| query["ReturnData"] == true).count(),
                1,
                "{id}"
            );
            assert!(metrics(alarm).len() <= METRICS_MAXIMUM, "{id}");
            assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
            let ids: BTreeSet<&str> = queries.iter().map(|query| query["Id"].as_str().unwrap()).collect();
            assert_eq!(ids.len(), queries.len(), "{id}");
        }
    }
}

/// Every metric is that of the stage's own targets or service, but what Onebox compares itself with.
#[test]
fn an_alarm_looks_at_its_own_stage() {
    for template in service_templates() {
        for stage in STAGES {
            for id in alarms(&template, stage, &[]) {
                let alarm = &template["Resources"][id]["Properties"];
                for metric in metrics(alarm) {
                    let own = is_of(metric, stage);
                    let compared = id == "OneboxUnansweredAlarm" && is_of(metric, Stage::Fleet);
                    assert!(own || compared, "{id}: {metric}");
                }
            }
        }
    }
}

fn is_of(metric: &Value, stage: Stage) -> bool {
    let dimensions = metric["Dimensions"].as_array().unwrap();
    let group = json!({ "Fn::GetAtt": [stage.logical_id("TargetGroup"), "TargetGroupFullName"] });
    let own = match metric["Namespace"].as_str().unwrap() {
        "AWS/ApplicationELB" => json!({ "Name": "TargetGroup", "Value": group }),
        "ECS/ContainerInsights" => json!({ "Name": "ServiceName", "Value": stage.service_name() }),
        namespace => panic!("{namespace}"),
    };
    dimensions.contains(&own)
}

/// A target group's metrics don't count what the load balancer responds itself; that has one dimension only.
#[test]
fn the_shared_alarm_looks_at_all_requests_and_comes_after_the_services() {
    for template in service_templates() {
        let alarm = &template["Resources"]["LoadBalancerErrorAlarm"];
        assert_eq!(alarm["DependsOn"], json!(["FleetService"]));
        for metric in metrics(&alarm["Properties"]) {
            assert_eq!(metric["Dimensions"].as_array().unwrap().len(), 1);
        }
    }
}

/// Container Insights makes the metrics of the services.
#[test]
fn the_cluster_has_container_insights() {
    for template in service_templates() {
        let settings = &template["Resources"]["Cluster"]["Properties"]["ClusterSettings"];
        assert_eq!(*settings, json!([{ "Name": "containerInsights", "Value": "enabled" }]));
    }
}

#[test]
fn what_the_expressions_say() {
    let template = service_templates().remove(0);
    let check = |id: &str, expected: &[&str]| {
        let queries = template["Resources"][id]["Properties"]["Metrics"].as_array().unwrap();
        let found: Vec<&str> = queries
            .iter()
            .filter_map(|query| query["Expression"].as_str())
            .collect();
        assert_eq!(found, expected, "{id}");
    };
    let own = "IF(requests >= 30, 100 * (requests - FILL(own2xx, 0) - FILL(own3xx, 0) - FILL(own4xx, 0) \
               - FILL(own5xx, 0)) / requests, 0)";
    let fleet = own.replace("own", "fleet").replace("requests", "fleetRequests");
    check("FleetUnansweredAlarm", &[own]);
    check("OneboxUnansweredAlarm", &["own - FILL(fleet, 0)", own, &fleet]);
    check("OneboxTooFewTasksAlarm", &["IF(desired >= 3, 3 - running, 0)"]);
    check("FleetTooFewTasksAlarm", &["IF(desired >= 10, 10 - running, 0)"]);
    check(
        "LoadBalancerErrorAlarm",
        &["IF(FILL(requests, 0) + errors >= 30, 100 * errors / (FILL(requests, 0) + errors), 0)"],
    );
}
