//! CloudWatch Logs' verbs.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::calls::logs;
use super::{Aws, json};

/// One line that something wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// What tells it from every other.
    pub(crate) id: String,
    /// The stream that it is in.
    pub(crate) stream: String,
    /// When it was written.
    pub(crate) time: SystemTime,
    /// Its text, without the line's end.
    pub(crate) text: String,
}

impl Aws {
    /// The last lines of a log stream, each with when it was written; the most that may be asked for is 10,000.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>
    pub(crate) async fn last_log_lines(
        &self,
        group: &str,
        stream: &str,
        lines: u32,
    ) -> anyhow::Result<Vec<(SystemTime, String)>> {
        let input = json!({"logGroupName": group, "logStreamName": stream, "limit": lines, "startFromHead": false});
        let answer = json::call(self, logs::GET_LOG_EVENTS, input).await?;
        let lines = events(&answer).iter().map(log_line);
        Ok(lines.map(|line| (line.time, line.text)).collect())
    }

    /// The lines of a log group since a moment, in the order of their times, as far as they match a filter pattern; a
    /// page at a time: the lines, and what to ask the next page by.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
    pub(crate) async fn log_lines(
        &self,
        group: &str,
        since: SystemTime,
        pattern: Option<&str>,
        page: Option<&str>,
    ) -> anyhow::Result<(Vec<LogLine>, Option<String>)> {
        let mut input = json!({"logGroupName": group, "startTime": epoch_milliseconds(since)});
        if let Some(pattern) = pattern {
            input["filterPattern"] = pattern.into();
        }
        if let Some(page) = page {
            input["nextToken"] = page.into();
        }
        let answer = json::call(self, logs::FILTER_LOG_EVENTS, input).await?;
        let lines = events(&answer).iter().map(log_line).collect();
        Ok((lines, answer["nextToken"].as_str().map(ToOwned::to_owned)))
    }
}

fn events(answer: &Value) -> &[Value] {
    answer["events"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn log_line(event: &Value) -> LogLine {
    let text = |name: &str| event[name].as_str().unwrap_or_default().trim_end().to_owned();
    let milliseconds = Duration::from_millis(event["timestamp"].as_u64().unwrap_or_default());
    LogLine {
        id: text("eventId"),
        stream: text("logStreamName"),
        time: SystemTime::UNIX_EPOCH
            .checked_add(milliseconds)
            .unwrap_or(SystemTime::UNIX_EPOCH),
        text: text("message"),
    }
}

fn epoch_milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;

    #[tokio::test]
    async fn a_page_of_lines_and_the_way_to_the_next() {
        let event =
            json!({"eventId": "1", "logStreamName": "onebox/service/a", "timestamp": 1500, "message": "ready\n"});
        let answer = json!({"events": [event], "nextToken": "more", "searchedLogStreams": []});
        let replay = Replay::new([(200, answer.to_string())]);
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let (lines, page) = replay
            .aws()
            .log_lines("group", since, Some("ready"), Some("page"))
            .await
            .unwrap();
        let line = LogLine {
            id: "1".to_owned(),
            stream: "onebox/service/a".to_owned(),
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1500),
            text: "ready".to_owned(),
        };
        assert_eq!((lines, page), (vec![line], Some("more".to_owned())));
        let sent: Value = serde_json::from_str(&replay.requests()[0]).unwrap();
        let expected =
            json!({"logGroupName": "group", "startTime": 1000, "filterPattern": "ready", "nextToken": "page"});
        assert_eq!(sent, expected);
    }
}
