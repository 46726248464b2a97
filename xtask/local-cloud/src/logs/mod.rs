//! CloudWatch Logs: what tasks and builds say, by group and stream. Groups are records; what was said is in the journal.
//!
//! Every line is an event whose time is when it was taken in: a program's own time in it is not looked for.

pub(crate) mod collect;
mod filter;
mod groups;
mod read;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::properties::text;
use crate::wire::{Fault, Service};

/// How long a group keeps its events that says nothing of it: CloudWatch never deletes them, one machine must.
pub(crate) const RETENTION: Duration = Duration::from_hours(14 * 24);

/// Answers one call.
pub(crate) fn call(cloud: &Cloud, now: SystemTime, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "DescribeLogGroups" => groups::describe_log_groups(cloud, input),
        "ListTagsForResource" => groups::list_tags(cloud, input),
        "DescribeLogStreams" => groups::describe_log_streams(cloud, now, input),
        "GetLogEvents" => read::get_log_events(cloud, now, input),
        "FilterLogEvents" => filter::filter_log_events(cloud, now, input),
        _ => Err(Fault::unsupported(Service::Logs, operation)),
    }
}

/// The group that a call is about, by its name or its ARN.
fn group(cloud: &Cloud, input: &Value) -> Result<String, Fault> {
    let identifier = text(input, "logGroupName").or_else(|| text(input, "logGroupIdentifier"));
    let identifier = identifier.ok_or_else(|| invalid("give logGroupName or logGroupIdentifier, and not both"))?;
    let name = match identifier.split_once(":log-group:") {
        Some((_, name)) => name.trim_end_matches(":*").to_owned(),
        None => identifier,
    };
    if cloud.has_log_group(&name) {
        Ok(name)
    } else {
        Err(not_found("The specified log group does not exist."))
    }
}

/// The times that a call asks for, in milliseconds: from the first on, and before the second.
///
/// What is older than the group keeps is left out, as it may be gone at any time.
fn span(cloud: &Cloud, now: SystemTime, group: &str, input: &Value) -> Result<(u64, u64), Fault> {
    let time = |name: &str| match &input[name] {
        Value::Null => Ok(None),
        value => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| invalid(&format!("{name} must be milliseconds since 1970"))),
    };
    let kept = now.checked_sub(cloud.retention(group)).unwrap_or(UNIX_EPOCH);
    let kept = kept.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let kept = u64::try_from(kept).unwrap_or(u64::MAX);
    Ok((
        time("startTime")?.unwrap_or(0).max(kept),
        time("endTime")?.unwrap_or(u64::MAX),
    ))
}

/// How many events a call asks for at the most.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>
fn limit(input: &Value) -> Result<usize, Fault> {
    const MOST: u64 = 10_000;
    let limit = match &input["limit"] {
        Value::Null => Some(MOST),
        value => value.as_u64().filter(|limit| (1..=MOST).contains(limit)),
    };
    let limit = limit.ok_or_else(|| invalid(&format!("limit must be from 1 to {MOST}")))?;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

impl Cloud {
    /// How long a group keeps what was said.
    pub(crate) fn retention(&self, group: &str) -> Duration {
        let record = self.plain.get(groups::TYPE).and_then(|groups| groups.get(group));
        let days = record.and_then(|record| record.properties["RetentionInDays"].as_u64());
        days.map_or(RETENTION, |days| Duration::from_secs(days.saturating_mul(24 * 60 * 60)))
    }
}

fn invalid(message: &str) -> Fault {
    Fault::client("InvalidParameterException", message)
}

fn not_found(message: &str) -> Fault {
    Fault::client("ResourceNotFoundException", message)
}

/// Reading the journal failed: the disk's fault, not the caller's.
fn unreadable(error: &std::io::Error) -> Fault {
    Fault {
        status: http::StatusCode::SERVICE_UNAVAILABLE,
        code: "ServiceUnavailableException".to_owned(),
        message: format!("the local cloud can't read its logs: {error}"),
    }
}

/// An event as both reading calls give it.
fn shown(event: &journal::Event) -> Value {
    json!({
        "timestamp": event.timestamp_millis,
        "message": event.message,
        "ingestionTime": event.timestamp_millis,
    })
}
