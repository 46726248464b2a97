//! Several streams of a group, by time.

use std::time::SystemTime;

use journal::{Event, Pattern};
use serde_json::{Value, json};

use super::{group, invalid, limit, not_found, shown, span, unreadable};
use crate::cloud::Cloud;
use crate::properties::{text, texts};
use crate::wire::Fault;

/// An event's place among those of all streams: its time, its stream, and which of the stream's at that time.
type Place<'a> = (u64, &'a str, u64);

/// The events of a group's streams that match a pattern, the earliest first.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
pub(super) fn filter_log_events(cloud: &Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let group = group(cloud, input)?;
    let (from, to) = span(cloud, now, &group, input)?;
    let limit = limit(input)?;
    let pattern = Pattern::parse(&text(input, "filterPattern").unwrap_or_default());
    let pattern = pattern.map_err(|error| invalid(&error.to_string()))?;
    let mut found: Vec<(String, Event)> = Vec::new();
    for stream in streams(cloud, &group, input)? {
        let events = cloud
            .journal
            .events(&group, &stream)
            .map_err(|error| unreadable(&error))?;
        let events = events.into_iter().flatten();
        let events =
            events.filter(|event| (from..to).contains(&event.timestamp_millis) && pattern.matches(&event.message));
        found.extend(events.map(|event| (stream.clone(), event)));
    }
    found.sort_by(|one, other| place(one).cmp(&place(other)));
    let token = text(input, "nextToken");
    let after = token.as_deref().map(parse).transpose()?;
    let start = after.map_or(0, |after| found.partition_point(|one| place(one) <= after));
    let page = &found[start..found.len().min(start + limit)];
    let more = start + page.len() < found.len();
    let mut output = json!({"events": page.iter().map(event).collect::<Vec<_>>(), "searchedLogStreams": []});
    if let Some(last) = page.last().filter(|_| more) {
        let (millis, stream, sequence) = place(last);
        output["nextToken"] = format!("{millis}.{sequence}/{stream}").into();
    }
    Ok(output)
}

/// The streams to look into: those named, those with a prefix, or all.
fn streams(cloud: &Cloud, group: &str, input: &Value) -> Result<Vec<String>, Fault> {
    let (named, prefix) = (texts(input, "logStreamNames"), text(input, "logStreamNamePrefix"));
    if !named.is_empty() && prefix.is_some() {
        return Err(invalid("give logStreamNames or logStreamNamePrefix, and not both"));
    }
    let all = cloud.journal.streams(group).map_err(|error| unreadable(&error))?;
    let all: Vec<String> = all.into_iter().map(|stream| stream.name).collect();
    if named.iter().any(|name| !all.contains(name)) {
        return Err(not_found("The specified log stream does not exist."));
    }
    if !named.is_empty() {
        return Ok(named);
    }
    let wanted = |name: &String| prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix));
    Ok(all.into_iter().filter(wanted).collect())
}

fn place((stream, event): &(String, Event)) -> Place<'_> {
    (event.timestamp_millis, stream, event.sequence)
}

fn event((stream, event): &(String, Event)) -> Value {
    let mut shown = shown(event);
    shown["logStreamName"] = json!(stream);
    shown["eventId"] = format!("{}.{}/{stream}", event.timestamp_millis, event.sequence).into();
    shown
}

fn parse(token: &str) -> Result<Place<'_>, Fault> {
    let parsed = token.split_once('/').and_then(|(mark, stream)| {
        let (millis, sequence) = mark.split_once('.')?;
        Some((millis.parse().ok()?, stream, sequence.parse().ok()?))
    });
    parsed.ok_or_else(|| invalid("The specified nextToken is invalid."))
}
