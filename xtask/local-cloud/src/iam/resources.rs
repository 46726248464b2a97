//! Which resources a call is judged on: those that it names, as AWS's own table has them by operation.
//!
//! None stands for what can't be told here, which is judged by its action alone.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>

use provisioner::Stacks;
use serde_json::Value;

use crate::ids::Place;
use crate::properties::{text, texts};
use crate::wire::{Call, Service};

/// What stands for everything, where AWS knows nothing narrower.
const EVERYTHING: &str = "*";

/// The ARNs, one at least.
pub(super) fn of(place: &Place, stacks: &Stacks, call: &Call) -> Vec<Option<String>> {
    let (operation, input) = (call.operation.as_str(), &call.input);
    let named = match call.service {
        Service::CloudFormation => stack(place, stacks, operation, input),
        Service::CodeBuild => projects(place, input),
        Service::CodeCommit => one(text(input, "repositoryName").map(|name| place.arn("codecommit", &name))),
        Service::CodePipeline => pipeline(place, input),
        Service::Ecr => repository(place, operation, input),
        Service::Ecs => in_cluster(place, operation, input),
        Service::Logs => log_group(place, input),
        Service::CloudWatch => alarm(place, operation, input),
        // Its calls here describe, which knows no resources.
        Service::ElasticLoadBalancing => one(Some(EVERYTHING.to_owned())),
        Service::ApplicationAutoScaling | Service::Sts => Vec::new(),
    };
    if named.is_empty() {
        return vec![None];
    }
    named.into_iter().map(Some).collect()
}

fn one(named: Option<String>) -> Vec<String> {
    named.into_iter().collect()
}

/// A stack by its name is any stack of that name.
fn stack(place: &Place, stacks: &Stacks, operation: &str, input: &Value) -> Vec<String> {
    let of_change_set = || stacks.of_change_set(&text(input, "ChangeSetName")?).map(str::to_owned);
    let named = match text(input, "StackName") {
        Some(id) if id.starts_with("arn:") => Some(id),
        Some(name) => Some(place.arn("cloudformation", &format!("stack/{name}/*"))),
        None => of_change_set(),
    };
    one(match (named, operation) {
        (None, "DescribeStacks" | "ListStacks") => Some(place.arn("cloudformation", "stack/*/*")),
        (None, "DescribeStackDriftDetectionStatus" | "ListExports" | "ListImports" | "ValidateTemplate") => {
            Some(EVERYTHING.to_owned())
        }
        (named, _) => named,
    })
}

/// A build is its project's.
fn projects(place: &Place, input: &Value) -> Vec<String> {
    let id = text(input, "id").or_else(|| text(input, "projectName"));
    let named = texts(input, "ids").into_iter().chain(texts(input, "names")).chain(id);
    let project = |name: String| {
        let name = name.split(':').next().unwrap_or_default();
        place.arn("codebuild", &format!("project/{name}"))
    };
    named.map(project).collect()
}

/// A stage is retried and rolled back by itself.
fn pipeline(place: &Place, input: &Value) -> Vec<String> {
    let name = text(input, "pipelineName").or_else(|| text(input, "name"));
    let stage = text(input, "stageName").map_or_else(String::new, |stage| format!("/{stage}"));
    one(name.map(|name| place.arn("codepipeline", &format!("{name}{stage}"))))
}

fn repository(place: &Place, operation: &str, input: &Value) -> Vec<String> {
    let mut names = texts(input, "repositoryNames");
    names.extend(text(input, "repositoryName"));
    if operation == "GetAuthorizationToken" {
        return one(Some(EVERYTHING.to_owned()));
    }
    let arn = |name: String| place.arn("ecr", &format!("repository/{name}"));
    names.into_iter().map(arn).collect()
}

/// The cluster that a call is about, for conditions on it.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html>
pub(super) fn cluster(place: &Place, call: &Call) -> Option<String> {
    let cluster = text(&call.input, "cluster").filter(|_| call.service == Service::Ecs)?;
    let name = cluster.rsplit('/').next().unwrap_or_default();
    Some(place.arn("ecs", &format!("cluster/{name}")))
}

fn in_cluster(place: &Place, operation: &str, input: &Value) -> Vec<String> {
    let cluster = text(input, "cluster").unwrap_or_else(|| "default".to_owned());
    let cluster = cluster.rsplit('/').next().unwrap_or_default();
    let arn = |kind: &str, id: String| {
        if id.starts_with("arn:") {
            id
        } else {
            place.arn("ecs", &format!("{kind}/{cluster}/{id}"))
        }
    };
    let all = |kind: &str, member: &str| texts(input, member).into_iter().map(|id| arn(kind, id)).collect();
    match operation {
        "DescribeServices" => all("service", "services"),
        "DescribeTasks" => all("task", "tasks"),
        "DescribeServiceRevisions" => all("service-revision", "serviceRevisionArns"),
        "DescribeServiceDeployments" => all("service-deployment", "serviceDeploymentArns"),
        "ListServiceDeployments" => one(text(input, "service").map(|id| arn("service", id))),
        // Tasks are listed by the instances that they run on, of which Fargate has none; so their cluster is a condition.
        "DescribeTaskDefinition" | "ListClusters" | "ListServices" | "ListTasks" => one(Some(EVERYTHING.to_owned())),
        _ => Vec::new(),
    }
}

/// A group's events are all of its streams'.
fn log_group(place: &Place, input: &Value) -> Vec<String> {
    let stream = text(input, "logStreamName").unwrap_or_default();
    let arn = |group: String| place.arn("logs", &format!("log-group:{group}:log-stream:{stream}"));
    one(text(input, "logGroupName").map(arn))
}

/// Alarms and metrics are looked at all together.
fn alarm(place: &Place, operation: &str, input: &Value) -> Vec<String> {
    let arn = |name: String| place.arn("cloudwatch", &format!("alarm:{name}"));
    match operation {
        "SetAlarmState" => one(text(input, "AlarmName").map(arn)),
        _ => one(Some(EVERYTHING.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a call is judged on: `here` begins an ARN of the service in this account and region.
    #[track_caller]
    fn check(service: Service, operation: &str, input: Value, expected: &[Option<&str>]) {
        let place = Place {
            account_id: "1".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        let call = Call {
            service,
            operation: operation.to_owned(),
            input,
            access_key: String::new(),
        };
        let stacks = Stacks::new("1", "eu-west-1", 1);
        let here = place.arn(service.prefix(), "");
        let expected = expected
            .iter()
            .map(|named| named.map(|named| named.replace("here:", &here)))
            .collect::<Vec<_>>();
        assert_eq!(of(&place, &stacks, &call), expected, "{operation}");
    }

    #[test]
    fn a_call_is_judged_on_what_it_names() {
        use Service::{CloudFormation, CloudWatch, CodeBuild, CodeCommit, CodePipeline, Ecr, Ecs, Logs};
        let arn = "arn:aws:cloudformation:eu-west-1:1:stack/a/b";
        for (service, operation, input, expected) in [
            (
                CloudFormation,
                "DescribeStacks",
                json!({"StackName": "a"}),
                &[Some("here:stack/a/*")][..],
            ),
            (
                CloudFormation,
                "DescribeStacks",
                json!({"StackName": arn}),
                &[Some(arn)],
            ),
            (CloudFormation, "DescribeStacks", json!({}), &[Some("here:stack/*/*")]),
            (CloudFormation, "ValidateTemplate", json!({}), &[Some("*")]),
            (
                CloudFormation,
                "DescribeChangeSet",
                json!({"ChangeSetName": "arn:gone"}),
                &[None],
            ),
            (
                CodeBuild,
                "BatchGetBuilds",
                json!({"ids": ["a:1", "b:2"]}),
                &[Some("here:project/a"), Some("here:project/b")],
            ),
            (
                CodeCommit,
                "GetBranch",
                json!({"repositoryName": "a"}),
                &[Some("here:a")],
            ),
            (CodePipeline, "GetPipeline", json!({"name": "a"}), &[Some("here:a")]),
            (
                CodePipeline,
                "RetryStageExecution",
                json!({"pipelineName": "a", "stageName": "B"}),
                &[Some("here:a/B")],
            ),
            (Ecr, "GetAuthorizationToken", json!({}), &[Some("*")]),
            (
                Ecr,
                "DescribeImages",
                json!({"repositoryName": "a"}),
                &[Some("here:repository/a")],
            ),
            (
                Ecs,
                "DescribeServices",
                json!({"cluster": "c", "services": ["a"]}),
                &[Some("here:service/c/a")],
            ),
            (Ecs, "DescribeServices", json!({"services": [arn]}), &[Some(arn)]),
            (
                Ecs,
                "DescribeTasks",
                json!({"cluster": "arn:c/c", "tasks": ["a"]}),
                &[Some("here:task/c/a")],
            ),
            (Ecs, "ListTasks", json!({"cluster": "c"}), &[Some("*")]),
            (
                Ecs,
                "DescribeTaskDefinition",
                json!({"taskDefinition": "a"}),
                &[Some("*")],
            ),
            (Ecs, "UpdateService", json!({"service": "a"}), &[None]),
            (
                Logs,
                "GetLogEvents",
                json!({"logGroupName": "g", "logStreamName": "s"}),
                &[Some("here:log-group:g:log-stream:s")],
            ),
            (
                Logs,
                "FilterLogEvents",
                json!({"logGroupName": "g"}),
                &[Some("here:log-group:g:log-stream:")],
            ),
            (CloudWatch, "DescribeAlarms", json!({}), &[Some("*")]),
            (
                CloudWatch,
                "SetAlarmState",
                json!({"AlarmName": "a"}),
                &[Some("here:alarm:a")],
            ),
        ] {
            check(service, operation, input, expected);
        }
    }
}
