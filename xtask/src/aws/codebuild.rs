//! CodeBuild's verbs.

use std::time::Duration;

use serde_json::{Value, json};

use super::calls::codebuild;
use super::{Aws, json};
use crate::pipeline::execution::Build;

impl Aws {
    /// A build, if CodeBuild still knows it.
    pub(crate) async fn build(&self, id: &str) -> anyhow::Result<Option<Build>> {
        let answer = json::call(self, codebuild::BATCH_GET_BUILDS, json!({"ids": [id]})).await?;
        Ok(answer["builds"].get(0).map(build))
    }
}

/// Whether a phase runs the buildspec's commands; the others are CodeBuild's own.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html#view-build-details-phases>
fn runs_commands(phase: &Value) -> bool {
    matches!(
        phase["phaseType"].as_str(),
        Some("INSTALL" | "PRE_BUILD" | "BUILD" | "POST_BUILD")
    )
}

/// How long an ended phase took. Its times are seconds since 1970, with a fraction; `durationInSeconds` has none.
fn took(phase: &Value) -> Duration {
    let seconds = phase["endTime"]
        .as_f64()
        .zip(phase["startTime"].as_f64())
        .map(|(end, start)| end - start);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or_default()
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
        worked: phases.iter().filter(|phase| runs_commands(phase)).map(took).sum(),
    }
}
