//! Policies for people, made of the list of calls and of what CloudFormation does with a person's own rights.

use std::collections::BTreeMap;

use constants::APPLICATION_NAME;
use constants::pipeline::REPOSITORY_NAME;
use serde_json::{Value, json};

use crate::aws::calls::{By, On, rights};
use crate::environment::{Stacks, Toolchain};
use crate::flags::{Environment, Target};

/// The version of the policy language; there is no later one.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>
const VERSION: &str = "2012-10-17";

/// A policy, ready to attach.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    /// A name that no other policy of the account's should have: `OneBoxDeploymentOnECS-Sandbox-Calls`.
    pub(crate) name: String,
    /// The document.
    pub(crate) document: Value,
}

/// Where the rights are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    partition: &'static str,
    region: String,
    account: String,
}

impl Place {
    /// A region of an account, or of whichever account the policies are attached in.
    pub(crate) fn new(region: &str, account: Option<&str>) -> Self {
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
        let partition = match region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        Self {
            partition,
            region: region.to_owned(),
            account: account.unwrap_or("*").to_owned(),
        }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            self.partition, self.region, self.account
        )
    }

    /// A text of a template's, with the pseudo parameters that stand in it.
    fn fill(&self, text: &str) -> String {
        text.replace("${AWS::Partition}", self.partition)
            .replace("${AWS::Region}", &self.region)
            .replace("${AWS::AccountId}", &self.account)
    }

    /// A part of a template, with its functions worked out.
    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                if let Some(text) = members.get("Fn::Sub").and_then(Value::as_str) {
                    return self.fill(text).into();
                }
                if let Some(name) = members.get("Ref").and_then(Value::as_str) {
                    return self.fill(&format!("${{{name}}}")).into();
                }
                let members = members.iter().map(|(name, value)| (name.clone(), self.resolve(value)));
                Value::Object(members.collect())
            }
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            other => other.clone(),
        }
    }
}

/// The policies that let someone run every command for a target: the calls, and, unless CloudFormation is handed a role,
/// what it does with their own rights.
pub(crate) fn policies(target: Target, place: &Place, role: Option<&str>) -> Vec<Policy> {
    let prefix = format!("{APPLICATION_NAME}-{}", environment(target).suffix());
    let mut policies = vec![Policy {
        name: format!("{prefix}-Calls"),
        document: calls(target, place, role),
    }];
    if role.is_none() {
        let own = stacks::rights_by_hand(environment(target));
        policies.extend(own.into_iter().map(|(name, text)| Policy {
            name: format!("{prefix}-{name}"),
            document: place.resolve(&serde_json::from_str(&text).unwrap_or_default()),
        }));
    }
    policies
}

/// What the commands themselves ask for.
fn calls(target: Target, place: &Place, role: Option<&str>) -> Value {
    let mut actions: BTreeMap<On, Vec<String>> = BTreeMap::new();
    for right in rights().filter(|right| right.by.iter().any(|by| commands(target).contains(by))) {
        actions.entry(right.on).or_default().push(right.action);
    }
    let statement = |(on, mut actions): (On, Vec<String>)| {
        let resources = resources(on, target, place, role);
        actions.sort();
        actions.dedup();
        (!resources.is_empty()).then(|| {
            let mut statement =
                json!({"Sid": format!("{on:?}"), "Effect": "Allow", "Action": actions, "Resource": resources});
            if let Some(condition) = condition(on, target, place) {
                statement["Condition"] = condition;
            }
            statement
        })
    };
    let statements: Vec<Value> = actions.into_iter().filter_map(statement).collect();
    json!({"Version": VERSION, "Statement": statements})
}

/// The environment whose stacks a target changes.
fn environment(target: Target) -> stacks::Environment {
    target
        .environment()
        .map_or(stacks::Environment::Deployments, Into::into)
}

/// The commands that take a target.
pub(super) fn commands(target: Target) -> &'static [By] {
    match target {
        Target::Sandbox | Target::Prod => &[
            By::Deploy,
            By::Resume,
            By::Diff,
            By::Drift,
            By::Status,
            By::Outputs,
            By::Logs,
            By::Load,
            By::Rollback,
            By::Releases,
            By::Destroy,
            By::Doctor,
            By::ImagePush,
        ],
        Target::Toolchain => &[
            By::DeployToolchain,
            By::Resume,
            By::Diff,
            By::Drift,
            By::Status,
            By::Outputs,
            By::Destroy,
            By::Doctor,
            By::Pipeline,
            By::PipelineStatus,
            By::PipelineStop,
            By::PipelineRetry,
        ],
    }
}

/// The ARNs that a right is given on; none where a target has nothing of the kind.
pub(super) fn resources(on: On, target: Target, place: &Place, role: Option<&str>) -> Vec<String> {
    let service = target.environment().map(stacks::Environment::from);
    let of_service = |found: &dyn Fn(stacks::Environment) -> Vec<String>| service.map(found).unwrap_or_default();
    let of_toolchain = |found: Vec<String>| if service.is_none() { found } else { Vec::new() };
    match on {
        On::Stack => stack_names(target).iter().map(|name| stack_arn(place, name)).collect(),
        On::ProductionStack => of_toolchain(vec![stack_arn(place, &Stacks::of(Environment::Prod).service.name)]),
        On::Repository => of_service(&|environment| {
            vec![place.arn("ecr", &format!("repository/{}", environment.image_repository_name()))]
        }),
        On::InCluster => of_service(&|environment| {
            let kinds = ["service", "task"];
            let arn = |kind| place.arn("ecs", &format!("{kind}/{}/*", environment.cluster_name()));
            kinds.map(arn).to_vec()
        }),
        On::Revisions => of_service(&|environment| {
            vec![place.arn("ecs", &format!("service-revision/{}/*", environment.cluster_name()))]
        }),
        On::TaskLogs => of_service(&|environment| {
            let groups = [stacks::Stage::Onebox, stacks::Stage::Fleet].map(|stage| environment.log_group_name(stage));
            let arn = |group| place.arn("logs", &format!("log-group:{group}:*"));
            groups.map(arn).to_vec()
        }),
        On::TaskStreams => of_service(&|environment| vec![task_streams(place, environment)]),
        On::Metrics | On::Registry | On::TaskList => of_service(&|_| vec!["*".to_owned()]),
        On::AnyStack | On::Quotas => vec!["*".to_owned()],
        On::BuildStreams => of_toolchain(vec![place.arn(
            "logs",
            &format!("log-group:/aws/codebuild/{APPLICATION_NAME}-*:log-stream:*"),
        )]),
        On::Executions => {
            let stages = format!("{APPLICATION_NAME}/*");
            of_toolchain(
                [APPLICATION_NAME, &stages]
                    .map(|name| place.arn("codepipeline", name))
                    .to_vec(),
            )
        }
        On::Projects => of_toolchain(vec![place.arn("codebuild", &format!("project/{APPLICATION_NAME}-*"))]),
        On::Source => of_toolchain(vec![place.arn("codecommit", REPOSITORY_NAME)]),
        On::DeploymentRole => role.map(ToOwned::to_owned).into_iter().collect(),
        On::LocalCloud | On::Nothing => Vec::new(),
    }
}

/// Where IAM knows no narrower resource, the region at least, or the cluster; and a role goes to CloudFormation alone.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html>
fn condition(on: On, target: Target, place: &Place) -> Option<Value> {
    match on {
        On::TaskList => {
            let cluster = format!("cluster/{}", environment(target).cluster_name());
            Some(json!({"ArnEquals": {"ecs:cluster": place.arn("ecs", &cluster)}}))
        }
        On::AnyStack | On::Metrics | On::Registry | On::Quotas => {
            Some(json!({"StringEquals": {"aws:RequestedRegion": place.region}}))
        }
        On::DeploymentRole => Some(json!({"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}})),
        _ => None,
    }
}

/// What the tasks' log groups hold. A stream is a resource of its own.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html>
fn task_streams(place: &Place, environment: stacks::Environment) -> String {
    place.arn(
        "logs",
        &format!("log-group:/{APPLICATION_NAME}/{}/*:log-stream:*", environment.suffix()),
    )
}

/// A stack by its name: what follows is an id of AWS's choice.
fn stack_arn(place: &Place, name: &str) -> String {
    place.arn("cloudformation", &format!("stack/{name}/*"))
}

fn stack_names(target: Target) -> Vec<String> {
    if let Some(environment) = target.environment() {
        let Stacks { foundation, service } = Stacks::of(environment);
        return vec![foundation.name, service.name];
    }
    let Toolchain { foundations, toolchain } = Toolchain::new();
    let foundations = foundations.into_iter().map(|stack| stack.name);
    foundations.chain([toolchain.name]).collect()
}
