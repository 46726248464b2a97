//! CodeBuild's verbs.

use serde_json::{Value, json};

use super::calls::codebuild;
use super::{Aws, json};
use crate::pipeline::execution::Build;

impl Aws {
    /// A build, if CodeBuild still knows it.
    pub(crate) async fn build(&self, id: &str) -> anyhow::Result<Option<Build>> {
        let answer = json::call(&self.config, codebuild::BATCH_GET_BUILDS, json!({"ids": [id]})).await?;
        Ok(answer["builds"].get(0).map(build))
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
