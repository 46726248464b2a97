//! A bad change under real traffic: the alarm, the rollback, and a Fleet that never saw it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cloud::{APPLICATION, CLUSTER, Cloud, SERVICE_STACK, until};
use crate::load::Load;
use crate::update::{begin_update, stack_is};

/// The ids of a stage's running tasks.
fn tasks_of(cloud: &Cloud, stage: &str) -> BTreeSet<String> {
    let input = json!({"cluster": CLUSTER, "serviceName": format!("{APPLICATION}-{stage}")});
    let tasks = cloud.json("ecs", "ListTasks", &input);
    let arns = tasks["taskArns"].as_array().unwrap().iter();
    arns.map(|arn| arn.as_str().unwrap().to_owned()).collect()
}

/// The parts of the XML of one of CloudFormation's or CloudWatch's lists.
fn members(xml: &str) -> impl Iterator<Item = &str> {
    xml.split("<member>").skip(1)
}

/// The newest change to ALARM of an alarm, as its history has it.
fn alarm_of(cloud: &Cloud, alarm: &str) -> Value {
    let fields = [
        ("Action", "DescribeAlarmHistory"),
        ("AlarmName", alarm),
        ("HistoryItemType", "StateUpdate"),
    ];
    let answer = cloud.query("monitoring", &fields);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let to_alarm = members(&answer.body).find(|item| item.contains("to ALARM</HistorySummary>"));
    let to_alarm = to_alarm.unwrap_or_else(|| panic!("{alarm} never was red: {}", answer.body));
    let (_, rest) = to_alarm.split_once("<HistoryData>").unwrap();
    let (data, _) = rest.split_once("</HistoryData>").unwrap();
    serde_json::from_str(&data.replace("&quot;", "\"").replace("&gt;", ">")).unwrap()
}

#[test]
fn a_bad_image_is_rolled_back_by_its_alarm_and_fleet_never_sees_it() {
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    cloud.settle();
    let (onebox, fleet) = (tasks_of(&cloud, "Onebox"), tasks_of(&cloud, "Fleet"));
    let image = cloud.local(&["image", "push", "sandbox", "--fault", "error=500"]);
    let load = Load::start(&endpoint, 8, 5_000_000);
    begin_update(&cloud, image.stdout.trim_end());
    until("the update is undone", || stack_is(&cloud, "UPDATE_ROLLBACK_COMPLETE"));
    let tally = load.end();
    cloud.settle();

    assert_eq!(tasks_of(&cloud, "Fleet"), fleet, "no task of Fleet was touched");
    assert!(
        tasks_of(&cloud, "Onebox").is_disjoint(&onebox),
        "Onebox was replaced, and replaced back"
    );
    let events = cloud
        .query(
            "cloudformation",
            &[("Action", "DescribeStackEvents"), ("StackName", SERVICE_STACK)],
        )
        .body;
    let says = |resource: &str, status: &str| {
        let resource = format!("<LogicalResourceId>{resource}</LogicalResourceId>");
        let status = format!("<ResourceStatus>{status}");
        members(&events)
            .filter(move |event| event.contains(&resource) && event.contains(&status))
            .map(str::to_owned)
    };
    let failed = says("OneboxService", "UPDATE_FAILED")
        .next()
        .unwrap_or_else(|| panic!("{events}"));
    assert!(failed.contains("alarm detected"), "{failed}");
    assert_eq!(says("FleetService", "UPDATE_").count(), 0, "{events}");

    // Only Onebox's share of the requests met the fault, and nothing else failed.
    let kinds = tally.failures.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(kinds, ["500 Internal Server Error"], "{tally:?}");
    let harmed = tally.failures["500 Internal Server Error"];
    assert!(harmed <= tally.total() / 50, "{harmed} of {}", tally.total());

    let change = alarm_of(&cloud, &format!("{APPLICATION}-Sandbox-Onebox-ServerErrors"));
    let evaluated = change["newState"]["stateReasonData"]["evaluatedDatapoints"]
        .as_array()
        .unwrap()
        .iter();
    let breaching = evaluated
        .filter(|point| point["value"].as_f64().unwrap() >= 5.0)
        .count();
    assert_eq!(breaching, 3, "at the third bad minute, and no later: {change}");
}
