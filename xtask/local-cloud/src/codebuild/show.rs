//! Projects and builds as the API shows them.

use serde_json::{Map, Value, json};

use super::{Build, PhaseRecord, Project, Status, resources};
use crate::cloud::Cloud;
use crate::moment::epoch_seconds;
use crate::properties::{boolean, list, number, text};

/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html>
pub(super) fn build(cloud: &Cloud, id: &str, build: &Build) -> Value {
    let place = &cloud.place;
    let current = build.phases.last().map_or("SUBMITTED", |last| last.phase.as_str());
    let (group, stream) = resources::log_of(id, build);
    let log_arn = place.arn("logs", &format!("log-group:{group}:log-stream:{stream}"));
    let exported = build
        .exported
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}));
    let mut shown = json!({
        "id": id,
        "arn": place.arn("codebuild", &format!("build/{id}")),
        "buildNumber": build.number,
        "startTime": epoch_seconds(build.started_at),
        "currentPhase": current,
        "buildStatus": build.status.as_str(),
        "projectName": build.project,
        "phases": build.phases.iter().map(phase).collect::<Vec<_>>(),
        "source": {"type": "CODEPIPELINE", "buildspec": resources::buildspec(&build.properties)},
        "secondarySources": [],
        "secondarySourceVersions": [],
        "artifacts": {"location": location(build, 0)},
        "cache": cache(&build.properties),
        "environment": environment(&build.properties),
        "logs": {
            "groupName": group,
            "streamName": stream,
            "cloudWatchLogsArn": log_arn,
            "cloudWatchLogs": {"status": "ENABLED", "groupName": group},
        },
        "timeoutInMinutes": resources::timeout(&build.properties).as_secs() / 60,
        "queuedTimeoutInMinutes": queued_timeout(&build.properties),
        "buildComplete": build.status != Status::InProgress,
        "initiator": format!("codepipeline/{}", build.order.pipeline),
        "reportArns": cloud.reports_of(id),
        "exportedEnvironmentVariables": exported.collect::<Vec<_>>(),
    });
    let optional = [
        ("endTime", build.ended_at.map(|ended| json!(epoch_seconds(ended)))),
        (
            "resolvedSourceVersion",
            build.order.revision.as_ref().map(|revision| json!(revision)),
        ),
        (
            "sourceVersion",
            build.order.revision.as_ref().map(|revision| json!(revision)),
        ),
        ("serviceRole", text(&build.properties, "ServiceRole").map(Value::from)),
    ];
    add(&mut shown, optional);
    shown
}

fn location(build: &Build, place: usize) -> Value {
    build
        .order
        .outputs
        .get(place)
        .map_or(json!(""), |output| json!(output.key))
}

fn phase(record: &PhaseRecord) -> Value {
    let mut shown = json!({"phaseType": record.phase.as_str(), "startTime": epoch_seconds(record.started_at)});
    if let Some(ended) = record.ended_at {
        let lasted = ended.duration_since(record.started_at).unwrap_or_default();
        shown["phaseStatus"] = json!(record.status.as_str());
        shown["endTime"] = json!(epoch_seconds(ended));
        shown["durationInSeconds"] = json!(lasted.as_secs());
        let (code, message) = record.context.clone().unwrap_or_default();
        shown["contexts"] = json!([{"statusCode": code, "message": message}]);
    }
    shown
}

/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Project.html>
pub(super) fn project(cloud: &Cloud, name: &str, project: &Project) -> Value {
    let properties = &project.properties;
    let tags = list(properties, "Tags").iter();
    let tags = tags.map(|tag| json!({"key": text(tag, "Key"), "value": text(tag, "Value")}));
    let mut shown = json!({
        "name": name,
        "arn": cloud.place.arn("codebuild", &format!("project/{name}")),
        "source": {"type": "CODEPIPELINE", "buildspec": resources::buildspec(properties)},
        "artifacts": {"type": "CODEPIPELINE", "name": name, "packaging": "NONE"},
        "cache": cache(properties),
        "environment": environment(properties),
        "timeoutInMinutes": resources::timeout(properties).as_secs() / 60,
        "queuedTimeoutInMinutes": queued_timeout(properties),
        "created": epoch_seconds(project.created_at),
        "lastModified": epoch_seconds(project.modified_at),
        "badge": {"badgeEnabled": false},
        "tags": tags.collect::<Vec<_>>(),
    });
    let logs = &properties["LogsConfig"]["CloudWatchLogs"];
    let group = text(logs, "GroupName");
    let logs = group.map(|group| json!({"cloudWatchLogs": {"status": "ENABLED", "groupName": group}}));
    let optional = [
        ("description", text(properties, "Description").map(Value::from)),
        ("serviceRole", text(properties, "ServiceRole").map(Value::from)),
        ("logsConfig", logs),
    ];
    add(&mut shown, optional);
    shown
}

fn add<const COUNT: usize>(shown: &mut Value, optional: [(&str, Option<Value>); COUNT]) {
    for (name, value) in optional {
        if let Some(value) = value {
            shown[name] = value;
        }
    }
}

fn queued_timeout(properties: &Value) -> u64 {
    let minutes = number(properties, "QueuedTimeoutInMinutes").ok().flatten();
    minutes.unwrap_or(resources::QUEUED_TIMEOUT_MINUTES)
}

fn cache(properties: &Value) -> Value {
    let cache = &properties["Cache"];
    let mut shown = Map::from_iter([(
        "type".to_owned(),
        json!(text(cache, "Type").unwrap_or_else(|| "NO_CACHE".to_owned())),
    )]);
    if !list(cache, "Modes").is_empty() {
        shown.insert("modes".to_owned(), cache["Modes"].clone());
    }
    Value::Object(shown)
}

fn environment(properties: &Value) -> Value {
    let environment = &properties["Environment"];
    let variables = resources::variables(properties).into_iter();
    let variables = variables.map(|(name, value)| json!({"name": name, "value": value, "type": "PLAINTEXT"}));
    let pull = text(environment, "ImagePullCredentialsType").unwrap_or_else(|| "CODEBUILD".to_owned());
    json!({
        "type": text(environment, "Type").unwrap_or_default(),
        "image": resources::image(properties),
        "computeType": text(environment, "ComputeType").unwrap_or_default(),
        "environmentVariables": variables.collect::<Vec<_>>(),
        "privilegedMode": boolean(environment, "PrivilegedMode").unwrap_or(false),
        "imagePullCredentialsType": pull,
    })
}
