//! Logs, as calls read them.

use std::time::Duration;

use journal::Journal;
use serde_json::{Value, json};

use super::rig::{Rig, template};
use crate::wire::Service;

const GROUP: &str = "/a/group";

/// A local cloud with a log group that keeps a day, over a folder of its own.
fn rig() -> (Rig, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new();
    rig.world.cloud.journal = Journal::open(folder.path()).unwrap();
    let mut template = template("image", 1);
    template["Resources"] = json!({"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {
        "LogGroupName": GROUP, "RetentionInDays": 1, "Tags": [{"Key": "a", "Value": "b"}],
    }}});
    template.as_object_mut().unwrap().remove("Outputs");
    assert_eq!(rig.create("logs", &template), "CREATE_COMPLETE");
    (rig, folder)
}

fn say(rig: &Rig, stream: &str, lines: &[&str]) {
    let journal = &rig.world.cloud.journal;
    journal.append(GROUP, stream, rig.now, lines.iter().copied()).unwrap();
}

fn call(rig: &mut Rig, operation: &str, mut input: Value) -> Value {
    input["logGroupName"] = GROUP.into();
    rig.call(Service::Logs, operation, input).unwrap()
}

fn messages(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().unwrap().iter();
    events.map(|event| event["message"].as_str().unwrap()).collect()
}

#[test]
fn a_stream_is_read_forwards_and_backwards_to_its_ends() {
    let (mut rig, _folder) = rig();
    say(&rig, "s", &["1", "2", "3"]);
    rig.now += Duration::from_secs(1);
    say(&rig, "s", &["4", "5"]);
    let read = |rig: &mut Rig, input: Value| {
        let mut input = input;
        input["logStreamName"] = "s".into();
        call(rig, "GetLogEvents", input)
    };
    let last = read(&mut rig, json!({"limit": 2}));
    assert_eq!(messages(&last), ["4", "5"]);
    let before = read(&mut rig, json!({"limit": 2, "nextToken": last["nextBackwardToken"]}));
    assert_eq!(messages(&before), ["2", "3"]);
    let first = read(&mut rig, json!({"limit": 2, "startFromHead": true}));
    assert_eq!(messages(&first), ["1", "2"]);
    let end = read(&mut rig, json!({"nextToken": first["nextForwardToken"]}));
    assert_eq!(messages(&end), ["3", "4", "5"]);
    let nothing_yet = read(&mut rig, json!({"nextToken": end["nextForwardToken"]}));
    assert!(messages(&nothing_yet).is_empty());
    assert_eq!(
        nothing_yet["nextForwardToken"], end["nextForwardToken"],
        "the same at the end"
    );
    say(&rig, "s", &["6"]);
    let new = read(&mut rig, json!({"nextToken": nothing_yet["nextForwardToken"]}));
    assert_eq!(messages(&new), ["6"], "also of the same millisecond");
}

#[test]
fn streams_are_searched_together_in_the_order_of_time() {
    let (mut rig, _folder) = rig();
    say(&rig, "onebox/a", &["error one", "fine"]);
    rig.now += Duration::from_secs(1);
    say(&rig, "fleet/b", &["error two"]);
    rig.now += Duration::from_secs(1);
    say(&rig, "onebox/a", &["error three"]);
    let all = call(&mut rig, "FilterLogEvents", json!({"filterPattern": "error"}));
    assert_eq!(messages(&all), ["error one", "error two", "error three"]);
    let page = call(&mut rig, "FilterLogEvents", json!({"limit": 3}));
    assert_eq!(messages(&page), ["error one", "fine", "error two"]);
    let rest = call(
        &mut rig,
        "FilterLogEvents",
        json!({"limit": 3, "nextToken": page["nextToken"]}),
    );
    assert_eq!(messages(&rest), ["error three"]);
    assert_eq!(rest.get("nextToken"), None);
    let onebox = call(&mut rig, "FilterLogEvents", json!({"logStreamNamePrefix": "onebox"}));
    assert_eq!(messages(&onebox), ["error one", "fine", "error three"]);
    let from = page["events"][2]["timestamp"].clone();
    let later = call(&mut rig, "FilterLogEvents", json!({"startTime": from}));
    assert_eq!(messages(&later), ["error two", "error three"]);
}

#[test]
fn what_is_older_than_the_group_keeps_is_gone() {
    let (mut rig, _folder) = rig();
    say(&rig, "old", &["x"]);
    rig.now += Duration::from_hours(25);
    say(&rig, "new", &["y"]);
    assert_eq!(messages(&call(&mut rig, "FilterLogEvents", json!({}))), ["y"]);
    let streams = call(
        &mut rig,
        "DescribeLogStreams",
        json!({"orderBy": "LastEventTime", "descending": true}),
    );
    assert_eq!(streams["logStreams"].as_array().unwrap().len(), 1);
    assert_eq!(streams["logStreams"][0]["logStreamName"], "new");
}

#[test]
fn what_is_not_there_or_not_understood_is_refused() {
    let (mut rig, _folder) = rig();
    let mut check = |operation: &str, input: Value, code: &str| {
        let fault = rig.call(Service::Logs, operation, input).unwrap_err();
        assert_eq!(fault.code, code, "{operation}: {}", fault.message);
    };
    let (missing, invalid) = ("ResourceNotFoundException", "InvalidParameterException");
    check(
        "GetLogEvents",
        json!({"logGroupName": "no", "logStreamName": "s"}),
        missing,
    );
    check(
        "GetLogEvents",
        json!({"logGroupName": GROUP, "logStreamName": "no"}),
        missing,
    );
    check("GetLogEvents", json!({"logGroupName": GROUP}), invalid);
    check(
        "FilterLogEvents",
        json!({"logGroupName": GROUP, "filterPattern": "{ $.a = 1 }"}),
        invalid,
    );
    check(
        "FilterLogEvents",
        json!({"logGroupName": GROUP, "nextToken": "x"}),
        invalid,
    );
    check(
        "FilterLogEvents",
        json!({"logGroupName": GROUP, "limit": 10_001}),
        invalid,
    );
    check("PutLogEvents", json!({}), "UnknownOperationException");
}

#[test]
fn groups_are_shown_and_go_with_all_that_was_said() {
    let (mut rig, _folder) = rig();
    say(&rig, "s", &["x"]);
    let groups = rig
        .call(Service::Logs, "DescribeLogGroups", json!({"logGroupNamePrefix": "/a"}))
        .unwrap();
    let group = &groups["logGroups"][0];
    assert_eq!(
        (&group["logGroupName"], &group["retentionInDays"]),
        (&json!(GROUP), &json!(1))
    );
    assert!(group["creationTime"].as_u64().unwrap() > 0);
    let tags = rig.call(
        Service::Logs,
        "ListTagsForResource",
        json!({"resourceArn": group["logGroupArn"]}),
    );
    assert_eq!(tags.unwrap(), json!({"tags": {"a": "b"}}));
    rig.delete("logs");
    rig.run_until(|rig| !rig.world.cloud.has_log_group(GROUP));
    assert!(rig.world.cloud.journal.streams(GROUP).unwrap().is_empty());
}
