//! CodeBuild's verbs.

use serde_json::{Value, json};

use super::{Aws, json};
use crate::pipeline::execution::Build;

impl Aws {
    /// A build, if CodeBuild still knows it.
    pub(crate) async fn build(&self, id: &str) -> anyhow::Result<Option<Build>> {
        let answer = json::call(&self.config, json::CODE_BUILD, "BatchGetBuilds", json!({"ids": [id]})).await?;
        Ok(answer["builds"].get(0).map(build))
    }

    /// The last lines of a log stream.
    pub(crate) async fn last_log_lines(&self, group: &str, stream: &str, lines: u32) -> anyhow::Result<Vec<String>> {
        let input = json!({"logGroupName": group, "logStreamName": stream, "limit": lines, "startFromHead": false});
        let answer = json::call(&self.config, json::LOGS, "GetLogEvents", input).await?;
        let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let messages = events.iter().filter_map(|event| event["message"].as_str());
        Ok(messages.map(|message| message.trim_end().to_owned()).collect())
    }
}

fn build(build: &Value) -> Build {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let phases = build["phases"].as_array().map(Vec::as_slice).unwrap_or_default();
    let failed = phases.iter().find(|phase| {
        let status = phase["phaseStatus"].as_str().unwrap_or("IN_PROGRESS");
        !matches!(status, "SUCCEEDED" | "IN_PROGRESS" | "QUEUED")
    });
    Build {
        phase: text(&build["currentPhase"]),
        failure: failed.and_then(|phase| text(&phase["contexts"][0]["message"])),
        log_group: text(&build["logs"]["groupName"]),
        log_stream: text(&build["logs"]["streamName"]),
    }
}
