//! One stream, a page at a time.

use std::time::SystemTime;

use journal::Event;
use serde_json::{Value, json};

use super::{group, invalid, limit, not_found, shown, span, unreadable};
use crate::cloud::Cloud;
use crate::properties::text;
use crate::wire::Fault;

/// Where a page begins or ends: the time of an event, and which of those of that time.
type Mark = (u64, u64);

/// The events of a stream. Both tokens lead on from the page: the forward one gives what comes after it, and the same
/// token again where nothing has come yet.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>
pub(super) fn get_log_events(cloud: &Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let group = group(cloud, input)?;
    let stream = text(input, "logStreamName").ok_or_else(|| invalid("give logStreamName"))?;
    let (from, to) = span(cloud, now, &group, input)?;
    let limit = limit(input)?;
    let events = cloud
        .journal
        .events(&group, &stream)
        .map_err(|error| unreadable(&error))?;
    let events = events.ok_or_else(|| not_found("The specified log stream does not exist."))?;
    let events: Vec<&Event> = events
        .iter()
        .filter(|event| (from..to).contains(&event.timestamp_millis))
        .collect();
    let token = text(input, "nextToken");
    let (page, place) = match token.as_deref().map(parse).transpose()? {
        Some(Token::Forward(mark)) => {
            let start = events.partition_point(|event| position(event) < mark);
            (&events[start..events.len().min(start + limit)], mark)
        }
        Some(Token::Backward(mark)) => {
            let end = events.partition_point(|event| position(event) < mark);
            (&events[end.saturating_sub(limit)..end], mark)
        }
        None if input["startFromHead"] == true => (&events[..events.len().min(limit)], (from, 0)),
        None => (&events[events.len().saturating_sub(limit)..], (from, 0)),
    };
    let begin = page.first().map_or(place, |event| position(event));
    let end = page
        .last()
        .map_or(place, |event| (event.timestamp_millis, event.sequence + 1));
    Ok(json!({
        "events": page.iter().map(|event| shown(event)).collect::<Vec<_>>(),
        "nextForwardToken": format!("f/{}.{}", end.0, end.1),
        "nextBackwardToken": format!("b/{}.{}", begin.0, begin.1),
    }))
}

fn position(event: &Event) -> Mark {
    (event.timestamp_millis, event.sequence)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// From here on.
    Forward(Mark),
    /// Before here.
    Backward(Mark),
}

fn parse(token: &str) -> Result<Token, Fault> {
    let mark = |text: &str| {
        let (millis, sequence) = text.split_once('.')?;
        Some((millis.parse().ok()?, sequence.parse().ok()?))
    };
    let parsed = match token.split_once('/') {
        Some(("f", text)) => mark(text).map(Token::Forward),
        Some(("b", text)) => mark(text).map(Token::Backward),
        _ => None,
    };
    parsed.ok_or_else(|| invalid("The specified nextToken is invalid."))
}
