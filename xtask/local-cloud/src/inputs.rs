//! The members of calls' inputs that the local cloud heeds, and the pages of long lists, as the service models name them.
//! A member that it doesn't heed is refused by name: an answer that passes over it would be a wrong answer.
//!
//! CloudFormation's calls look after theirs themselves.

use serde_json::{Value, json};

use crate::properties::{number, text};
use crate::wire::{Fault, Service};

/// How a list is cut into pages.
struct Pages {
    /// The member of the answer that holds the list.
    list: &'static str,
    /// How many members a page has unless the call says so.
    usual: usize,
    /// How many it may ask for.
    most: u64,
}

/// One operation: its name, the inputs it heeds, its pages.
type Operation = (&'static str, &'static [&'static str], Option<Pages>);

const fn pages(list: &'static str, usual: usize, most: u64) -> Pages {
    Pages { list, usual, most }
}

/// Pages as the API references state them, such as
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html>
const ECS: &[Operation] = &[
    ("ListClusters", &[], Some(pages("clusterArns", 100, 100))),
    ("DescribeClusters", &["clusters", "include"], None),
    ("ListServices", &["cluster"], Some(pages("serviceArns", 10, 100))),
    ("DescribeServices", &["cluster", "services", "include"], None),
    (
        "ListTasks",
        &["cluster", "family", "serviceName", "desiredStatus"],
        Some(pages("taskArns", 100, 100)),
    ),
    ("DescribeTasks", &["cluster", "tasks", "include"], None),
    ("StopTask", &["cluster", "task", "reason"], None),
    (
        "ListTaskDefinitions",
        &["familyPrefix", "status", "sort"],
        Some(pages("taskDefinitionArns", 100, 100)),
    ),
    ("DescribeTaskDefinition", &["taskDefinition", "include"], None),
    (
        "ListServiceDeployments",
        &["service", "cluster", "status"],
        Some(pages("serviceDeployments", 20, 100)),
    ),
    ("DescribeServiceDeployments", &["serviceDeploymentArns"], None),
    ("StopServiceDeployment", &["serviceDeploymentArn", "stopType"], None),
    ("DescribeServiceRevisions", &["serviceRevisionArns"], None),
];

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html>
const ECR: &[Operation] = &[
    ("GetAuthorizationToken", &["registryIds"], None),
    (
        "DescribeRepositories",
        &["registryId", "repositoryNames"],
        Some(pages("repositories", 100, 1000)),
    ),
    (
        "DescribeImages",
        &["registryId", "repositoryName", "imageIds", "filter"],
        Some(pages("imageDetails", 100, 1000)),
    ),
    (
        "ListImages",
        &["registryId", "repositoryName", "filter"],
        Some(pages("imageIds", 100, 1000)),
    ),
    ("BatchDeleteImage", &["registryId", "repositoryName", "imageIds"], None),
    (
        "BatchGetImage",
        &["registryId", "repositoryName", "imageIds", "acceptedMediaTypes"],
        None,
    ),
    (
        "PutImage",
        &[
            "registryId",
            "repositoryName",
            "imageManifest",
            "imageManifestMediaType",
            "imageTag",
            "imageDigest",
        ],
        None,
    ),
    (
        "ListImageReferrers",
        &["registryId", "repositoryName", "subjectId", "filter"],
        Some(pages("referrers", 50, 50)),
    ),
    ("ListTagsForResource", &["resourceArn"], None),
];

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html>
const LOGS: &[Operation] = &[
    (
        "DescribeLogGroups",
        &["logGroupNamePrefix", "logGroupNamePattern"],
        Some(pages("logGroups", 50, 50)),
    ),
    ("ListTagsForResource", &["resourceArn"], None),
    (
        "DescribeLogStreams",
        &[
            "logGroupName",
            "logGroupIdentifier",
            "logStreamNamePrefix",
            "orderBy",
            "descending",
        ],
        Some(pages("logStreams", 50, 50)),
    ),
    (
        "GetLogEvents",
        &[
            "logGroupName",
            "logGroupIdentifier",
            "logStreamName",
            "startTime",
            "endTime",
            "nextToken",
            "limit",
            "startFromHead",
        ],
        None,
    ),
    (
        "FilterLogEvents",
        &[
            "logGroupName",
            "logGroupIdentifier",
            "logStreamNames",
            "logStreamNamePrefix",
            "startTime",
            "endTime",
            "filterPattern",
            "nextToken",
            "limit",
            "interleaved",
        ],
        None,
    ),
];

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html>
const ELASTIC_LOAD_BALANCING: &[Operation] = &[
    (
        "DescribeLoadBalancers",
        &["LoadBalancerArns", "Names"],
        Some(pages("LoadBalancers", 400, 400)),
    ),
    ("DescribeLoadBalancerAttributes", &["LoadBalancerArn"], None),
    (
        "DescribeTargetGroups",
        &["LoadBalancerArn", "TargetGroupArns", "Names"],
        Some(pages("TargetGroups", 400, 400)),
    ),
    ("DescribeTargetGroupAttributes", &["TargetGroupArn"], None),
    ("DescribeTargetHealth", &["TargetGroupArn", "Targets"], None),
    (
        "DescribeListeners",
        &["LoadBalancerArn", "ListenerArns"],
        Some(pages("Listeners", 400, 400)),
    ),
    (
        "DescribeRules",
        &["ListenerArn", "RuleArns"],
        Some(pages("Rules", 400, 400)),
    ),
    ("DescribeTags", &["ResourceArns"], None),
];

/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingPolicies.html>
const APPLICATION_AUTO_SCALING: &[Operation] = &[
    (
        "DescribeScalableTargets",
        &["ServiceNamespace", "ResourceIds", "ScalableDimension"],
        Some(pages("ScalableTargets", 50, 50)),
    ),
    (
        "DescribeScalingPolicies",
        &["ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyNames"],
        Some(pages("ScalingPolicies", 10, 50)),
    ),
    (
        "DescribeScalingActivities",
        &["ServiceNamespace", "ResourceId", "ScalableDimension"],
        Some(pages("ScalingActivities", 50, 50)),
    ),
];

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const CLOUDWATCH: &[Operation] = &[
    (
        "DescribeAlarms",
        &[
            "AlarmNames",
            "AlarmNamePrefix",
            "AlarmTypes",
            "StateValue",
            "ActionPrefix",
        ],
        Some(pages("MetricAlarms", 50, 100)),
    ),
    (
        "DescribeAlarmsForMetric",
        &[
            "MetricName",
            "Namespace",
            "Statistic",
            "ExtendedStatistic",
            "Dimensions",
            "Period",
        ],
        None,
    ),
    (
        "DescribeAlarmHistory",
        &[
            "AlarmName",
            "AlarmTypes",
            "HistoryItemType",
            "StartDate",
            "EndDate",
            "ScanBy",
        ],
        Some(pages("AlarmHistoryItems", 100, 100)),
    ),
    (
        "SetAlarmState",
        &["AlarmName", "StateValue", "StateReason", "StateReasonData"],
        None,
    ),
    ("EnableAlarmActions", &["AlarmNames"], None),
    ("DisableAlarmActions", &["AlarmNames"], None),
    (
        "GetMetricData",
        &[
            "MetricDataQueries",
            "StartTime",
            "EndTime",
            "ScanBy",
            "MaxDatapoints",
            "NextToken",
        ],
        None,
    ),
    (
        "GetMetricStatistics",
        &[
            "Namespace",
            "MetricName",
            "Dimensions",
            "StartTime",
            "EndTime",
            "Period",
            "Statistics",
            "ExtendedStatistics",
        ],
        None,
    ),
    (
        "ListMetrics",
        &["Namespace", "MetricName", "Dimensions", "RecentlyActive"],
        Some(pages("Metrics", 500, 500)),
    ),
    ("PutMetricData", &["Namespace", "MetricData"], None),
];

/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuilds.html>
const CODE_BUILD: &[Operation] = &[
    ("BatchGetBuilds", &["ids"], None),
    ("BatchGetProjects", &["names"], None),
    ("BatchGetReportGroups", &["reportGroupArns"], None),
    ("BatchGetReports", &["reportArns"], None),
    ("CreateReportGroup", &["name", "type", "exportConfig", "tags"], None),
    ("DeleteReport", &["arn"], None),
    ("DeleteReportGroup", &["arn", "deleteReports"], None),
    (
        "DescribeTestCases",
        &["reportArn", "filter"],
        Some(pages("testCases", 100, 100)),
    ),
    (
        "ListReportGroups",
        &["sortBy", "sortOrder"],
        Some(pages("reportGroups", 100, 100)),
    ),
    (
        "ListReports",
        &["sortOrder", "filter"],
        Some(pages("reports", 100, 100)),
    ),
    (
        "ListReportsForReportGroup",
        &["reportGroupArn", "sortOrder", "filter"],
        Some(pages("reports", 100, 100)),
    ),
    ("ListBuilds", &["sortOrder"], Some(pages("ids", 100, 100))),
    (
        "ListBuildsForProject",
        &["projectName", "sortOrder"],
        Some(pages("ids", 100, 100)),
    ),
    (
        "ListProjects",
        &["sortBy", "sortOrder"],
        Some(pages("projects", 100, 100)),
    ),
    ("StopBuild", &["id"], None),
];

/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_ListRepositories.html>
const CODE_COMMIT: &[Operation] = &[
    ("GetBranch", &["repositoryName", "branchName"], None),
    ("GetCommit", &["repositoryName", "commitId"], None),
    ("GetRepository", &["repositoryName"], None),
    ("ListBranches", &["repositoryName"], Some(pages("branches", 100, 100))),
    (
        "ListRepositories",
        &["sortBy", "order"],
        Some(pages("repositories", 100, 100)),
    ),
];

/// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListPipelineExecutions.html>
const CODE_PIPELINE: &[Operation] = &[
    (
        "DisableStageTransition",
        &["pipelineName", "stageName", "transitionType", "reason"],
        None,
    ),
    (
        "EnableStageTransition",
        &["pipelineName", "stageName", "transitionType"],
        None,
    ),
    ("GetPipeline", &["name", "version"], None),
    ("GetPipelineExecution", &["pipelineName", "pipelineExecutionId"], None),
    ("GetPipelineState", &["name"], None),
    (
        "ListActionExecutions",
        &["pipelineName", "filter"],
        Some(pages("actionExecutionDetails", 100, 100)),
    ),
    (
        "ListPipelineExecutions",
        &["pipelineName", "filter"],
        Some(pages("pipelineExecutionSummaries", 100, 100)),
    ),
    ("ListPipelines", &[], Some(pages("pipelines", 1000, 1000))),
    (
        "RetryStageExecution",
        &["pipelineName", "stageName", "pipelineExecutionId", "retryMode"],
        None,
    ),
    (
        "RollbackStage",
        &["pipelineName", "stageName", "targetPipelineExecutionId"],
        None,
    ),
    (
        "StartPipelineExecution",
        &["name", "variables", "clientRequestToken", "sourceRevisions"],
        None,
    ),
    (
        "StopPipelineExecution",
        &["pipelineName", "pipelineExecutionId", "abandon", "reason"],
        None,
    ),
];

/// Refuses what the operation doesn't heed. One that isn't known is left to its service.
///
/// # Errors
/// Names the member.
pub(crate) fn check(service: Service, account_id: &str, operation: &str, input: &Value) -> Result<(), Fault> {
    let Some((_, known, pages)) = find(service, operation) else {
        return Ok(());
    };
    let names = page_names(service);
    for (name, value) in input.as_object().into_iter().flatten() {
        let of_page = pages.is_some() && [names.size, names.token].contains(&name.as_str());
        if !of_page && !known.contains(&name.as_str()) && !says_nothing(value) {
            return Err(invalid(
                service,
                format!("the local cloud doesn't support the parameter {name} of {operation}; leave it out"),
            ));
        }
    }
    match text(input, "registryId").filter(|registry| registry != account_id) {
        Some(other) => Err(invalid(
            service,
            format!("the local cloud has the registry {account_id} only, not {other}"),
        )),
        None => Ok(()),
    }
}

/// Cuts an answer's list to the page asked for.
///
/// # Errors
/// When the page's size is out of range, or the token is none that was given.
pub(crate) fn page(service: Service, operation: &str, input: &Value, mut output: Value) -> Result<Value, Fault> {
    let Some((_, _, Some(pages))) = find(service, operation) else {
        return Ok(output);
    };
    let names = page_names(service);
    let size = match number(input, names.size) {
        Ok(None) => pages.usual,
        Ok(Some(size)) if (1..=pages.most).contains(&size) => usize::try_from(size).unwrap_or(pages.usual),
        _ => {
            let message = format!("{} must be from 1 to {}", names.size, pages.most);
            return Err(invalid(service, message));
        }
    };
    let Some(list) = output.get_mut(pages.list).and_then(Value::as_array_mut) else {
        return Ok(output);
    };
    let start = match text(input, names.token) {
        None => 0,
        Some(token) => token
            .parse()
            .ok()
            .filter(|start| *start <= list.len())
            .ok_or_else(|| invalid_token(service, operation, names.token))?,
    };
    let end = start.saturating_add(size).min(list.len());
    let more = end < list.len();
    list.truncate(end);
    list.drain(..start);
    if more {
        output[names.next] = json!(end.to_string());
    }
    Ok(output)
}

fn find(service: Service, operation: &str) -> Option<&'static Operation> {
    let operations = match service {
        Service::CodeBuild => CODE_BUILD,
        Service::CodeCommit => CODE_COMMIT,
        Service::CodePipeline => CODE_PIPELINE,
        Service::Ecs => ECS,
        Service::Ecr => ECR,
        Service::ElasticLoadBalancing => ELASTIC_LOAD_BALANCING,
        Service::CloudWatch => CLOUDWATCH,
        Service::Logs => LOGS,
        Service::ApplicationAutoScaling => APPLICATION_AUTO_SCALING,
        Service::CloudFormation | Service::Sts => return None,
    };
    operations.iter().find(|(name, _, _)| *name == operation)
}

struct PageNames {
    size: &'static str,
    token: &'static str,
    next: &'static str,
}

fn page_names(service: Service) -> PageNames {
    match service {
        Service::ElasticLoadBalancing => PageNames {
            size: "PageSize",
            token: "Marker",
            next: "NextMarker",
        },
        Service::Logs => PageNames {
            size: "limit",
            token: "nextToken",
            next: "nextToken",
        },
        Service::ApplicationAutoScaling => PageNames {
            size: "MaxResults",
            token: "NextToken",
            next: "NextToken",
        },
        Service::CloudWatch => PageNames {
            size: "MaxRecords",
            token: "NextToken",
            next: "NextToken",
        },
        _ => PageNames {
            size: "maxResults",
            token: "nextToken",
            next: "nextToken",
        },
    }
}

fn invalid_token(service: Service, operation: &str, name: &str) -> Fault {
    let message = format!("{name} is not valid; begin again without it");
    match service {
        Service::CloudWatch if operation == "ListMetrics" => Fault::client("InvalidParameterValue", message),
        Service::CloudWatch => Fault::client("InvalidNextToken", message),
        Service::ApplicationAutoScaling => Fault::client("InvalidNextTokenException", message),
        _ => invalid(service, message),
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn invalid(service: Service, message: String) -> Fault {
    let code = match service {
        Service::CloudWatch | Service::ElasticLoadBalancing => "ValidationError",
        Service::CodeBuild => "InvalidInputException",
        Service::CodeCommit => "InvalidContinuationTokenException",
        Service::ApplicationAutoScaling | Service::CodePipeline => "ValidationException",
        _ => "InvalidParameterException",
    };
    Fault::client(code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_heeded_is_refused_by_name() {
        let check = |service, operation, input: &Value, expected: Option<&str>| {
            let fault = check(service, "000000000000", operation, input).err();
            let message = fault.map(|fault| fault.message);
            assert_eq!(
                message.is_some(),
                expected.is_some(),
                "{operation} {input}: {message:?}"
            );
            assert!(message.unwrap_or_default().contains(expected.unwrap_or_default()));
        };
        check(
            Service::Ecs,
            "ListTasks",
            &json!({"cluster": "a", "maxResults": 1, "nextToken": "1"}),
            None,
        );
        check(
            Service::Ecs,
            "ListTasks",
            &json!({"launchType": "EC2"}),
            Some("launchType"),
        );
        check(Service::Ecs, "ListTasks", &json!({"launchType": ""}), None);
        check(
            Service::Ecs,
            "DescribeTasks",
            &json!({"maxResults": 1}),
            Some("maxResults"),
        );
        check(Service::Ecr, "ListImages", &json!({"registryId": "000000000000"}), None);
        check(
            Service::Ecr,
            "ListImages",
            &json!({"registryId": "1"}),
            Some("registry"),
        );
        check(
            Service::ElasticLoadBalancing,
            "DescribeTargetHealth",
            &json!({"Include": ["All"]}),
            Some("Include"),
        );
        check(Service::Ecs, "CreateCluster", &json!({"anything": 1}), None);
    }

    #[test]
    fn pages_follow_one_another_and_end() {
        let whole = json!({"taskArns": ["a", "b", "c"]});
        let page = |input: Value| page(Service::Ecs, "ListTasks", &input, whole.clone());
        assert_eq!(page(json!({})).unwrap(), whole);
        assert_eq!(
            page(json!({"maxResults": 2})).unwrap(),
            json!({"taskArns": ["a", "b"], "nextToken": "2"})
        );
        let last = page(json!({"maxResults": 2, "nextToken": "2"})).unwrap();
        assert_eq!(last, json!({"taskArns": ["c"]}));
        for wrong in [
            json!({"maxResults": 0}),
            json!({"maxResults": 101}),
            json!({"nextToken": "x"}),
            json!({"nextToken": "4"}),
        ] {
            assert_eq!(page(wrong).unwrap_err().code, "InvalidParameterException");
        }
        let groups = super::page(
            Service::ElasticLoadBalancing,
            "DescribeTargetGroups",
            &json!({"PageSize": "1"}),
            json!({"TargetGroups": [1, 2]}),
        );
        assert_eq!(groups.unwrap(), json!({"TargetGroups": [1], "NextMarker": "1"}));
    }
}
