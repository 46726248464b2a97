//! Groups and streams, as calls show them.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{group, invalid, not_found, unreadable};
use crate::cloud::Cloud;
use crate::plain::Record;
use crate::properties::{list, text};
use crate::wire::Fault;

/// The resource type of a group.
pub(super) const TYPE: &str = "AWS::Logs::LogGroup";

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>
pub(super) fn describe_log_groups(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let (prefix, pattern) = (text(input, "logGroupNamePrefix"), text(input, "logGroupNamePattern"));
    if prefix.is_some() && pattern.is_some() {
        return Err(invalid("give logGroupNamePrefix or logGroupNamePattern, and not both"));
    }
    let wanted = |name: &str| {
        prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
            && pattern.as_ref().is_none_or(|pattern| name.contains(pattern))
    };
    let groups = cloud.plain.get(TYPE).into_iter().flatten();
    let groups = groups.filter(|(name, _)| wanted(name));
    Ok(json!({"logGroups": groups.map(|(name, record)| shown(cloud, name, record)).collect::<Vec<_>>()}))
}

fn shown(cloud: &Cloud, name: &str, record: &Record) -> Value {
    let arn = cloud.place.arn("logs", &format!("log-group:{name}"));
    let mut group = json!({
        "logGroupName": name,
        "creationTime": record.created_millis(),
        "metricFilterCount": 0,
        "arn": format!("{arn}:*"),
        "logGroupArn": arn,
        "logGroupClass": "STANDARD",
    });
    if let Some(days) = record.properties["RetentionInDays"].as_u64() {
        group["retentionInDays"] = days.into();
    }
    group
}

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html>
pub(super) fn list_tags(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let arn = text(input, "resourceArn").unwrap_or_default();
    let name = arn
        .split_once(":log-group:")
        .map(|(_, name)| name.trim_end_matches(":*"));
    let record = name.and_then(|name| cloud.plain.get(TYPE)?.get(name));
    let record = record.ok_or_else(|| not_found("The specified resource does not exist."))?;
    let tags = list(&record.properties, "Tags").iter();
    let tags = tags.filter_map(|tag| Some((text(tag, "Key")?, Value::from(text(tag, "Value")?))));
    Ok(json!({"tags": Value::Object(tags.collect())}))
}

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html>
pub(super) fn describe_log_streams(cloud: &Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let group = group(cloud, input)?;
    let prefix = text(input, "logStreamNamePrefix");
    let by_time = match text(input, "orderBy").as_deref() {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") if prefix.is_none() => true,
        Some("LastEventTime") => return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")),
        Some(other) => {
            return Err(invalid(&format!(
                "orderBy must be LogStreamName or LastEventTime, not {other}"
            )));
        }
    };
    // What has expired is as good as gone; it goes for good when someone looks.
    let retention = cloud.retention(&group);
    let expired = cloud.journal.expire(&group, now, retention);
    let streams = expired.and_then(|()| cloud.journal.streams(&group));
    let mut streams = streams.map_err(|error| unreadable(&error))?;
    streams.retain(|stream| prefix.as_ref().is_none_or(|prefix| stream.name.starts_with(prefix)));
    if by_time {
        streams.sort_by_key(|stream| stream.last_millis);
    }
    if input["descending"] == true {
        streams.reverse();
    }
    let group_arn = cloud.place.arn("logs", &format!("log-group:{group}"));
    let shown = |stream: &journal::StreamSummary| {
        json!({
            "logStreamName": stream.name,
            "creationTime": stream.first_millis,
            "firstEventTimestamp": stream.first_millis,
            "lastEventTimestamp": stream.last_millis,
            "lastIngestionTime": stream.last_millis,
            "arn": format!("{group_arn}:log-stream:{}", stream.name),
            "storedBytes": 0,
        })
    };
    Ok(json!({"logStreams": streams.iter().map(shown).collect::<Vec<_>>()}))
}
