//! Who may do what: the roles of the tasks; in the files below, those of the pipeline and of CloudFormation.

pub(crate) mod deployment;
pub(crate) mod toolchain;

use cloudformation::generated::iam_role::{Policy, PolicyRequired, Role};
use cloudformation::generated::logs_log_group::LogGroup;
use cloudformation::{Action, Effect, Handle, PolicyDocument, Principal, Statement, Template, Value, account_id};
use constants::APPLICATION_NAME;
use constants::service::METRIC_NAMESPACE;

use crate::stage::PerStage;
use crate::{Environment, arn};

/// Who takes the tasks' roles.
const TASKS: &str = "ecs-tasks.amazonaws.com";

/// Who changes stacks.
const CLOUD_FORMATION: &str = "cloudformation.amazonaws.com";

/// Who sends events.
pub(crate) const EVENTS: &str = "events.amazonaws.com";

const TAKE_ROLE: &[Action] = &[Action::new("sts:AssumeRole")];
const SIGN_IN: &[Action] = &[Action::new("ecr:GetAuthorizationToken")];
const FETCH_IMAGE: &[Action] = &[
    Action::new("ecr:BatchCheckLayerAvailability"),
    Action::new("ecr:BatchGetImage"),
    Action::new("ecr:GetDownloadUrlForLayer"),
];
const WRITE_LOGS: &[Action] = &[Action::new("logs:CreateLogStream"), Action::new("logs:PutLogEvents")];

const PUT_METRICS: &[Action] = &[Action::new("cloudwatch:PutMetricData")];

/// The roles of a stage's tasks: each stage has its own, so that a right changes in one without touching the other.
pub(crate) struct Roles {
    /// What ECS itself may do to start a task: fetch its image, write its logs.
    pub(crate) execution: Handle<Role>,
    /// What the service may do: write metrics of its own.
    pub(crate) task: Handle<Role>,
}

impl Roles {
    /// Adds the roles of each stage to a template.
    pub(crate) fn add(
        template: &mut Template,
        environment: Environment,
        log_groups: &PerStage<Handle<LogGroup>>,
    ) -> PerStage<Self> {
        PerStage::add(template, |template, stage| {
            let start = policy("StartTasks", execution_statements(environment, log_groups.of(stage)));
            let execution = template.add(
                stage.logical_id("ExecutionRole"),
                "Lets ECS fetch the image and write logs.",
                task_role(environment).policies([start]),
            );
            let metrics = policy("WriteMetrics", task_statements());
            let task = template.add(
                stage.logical_id("TaskRole"),
                "The service's own rights: metrics of its own.",
                task_role(environment).policies([metrics]),
            );
            Self { execution, task }
        })
    }
}

/// A role of tasks. It has a path, by which rights on it are given: of the names that CloudFormation makes up, these would
/// be so long that it shortens the stack's in them.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html>
fn task_role(environment: Environment) -> Role {
    Role::new(trust()).path(tasks_path(environment))
}

/// Where the roles of an environment's tasks are.
fn tasks_path(environment: Environment) -> String {
    format!("/{APPLICATION_NAME}/{}/", environment.suffix())
}

/// Only ECS takes the role, and only on behalf of this account.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>
fn trust() -> PolicyDocument {
    PolicyDocument::new([
        Statement::trust("EcsTasks", Principal::Service(TASKS), TAKE_ROLE).condition(
            "StringEquals",
            "aws:SourceAccount",
            account_id(),
        ),
    ])
}

fn execution_statements(environment: Environment, log_group: &Handle<LogGroup>) -> Vec<Statement> {
    vec![
        // The token is for the whole registry: AWS knows no narrower resource.
        // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        allow("SignIn", SIGN_IN, [Value::from("*")]),
        allow("FetchImage", FETCH_IMAGE, [repository_arn(environment)]),
        allow("WriteLogs", WRITE_LOGS, [log_group.arn()]),
    ]
}

/// Of metrics IAM knows no resources, but their namespace.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html>
fn task_statements() -> Vec<Statement> {
    let write = allow("WriteMetrics", PUT_METRICS, [Value::from("*")]);
    vec![write.condition("StringEquals", "cloudwatch:namespace", METRIC_NAMESPACE)]
}

fn repository_arn(environment: Environment) -> Value<String> {
    arn::of("ecr", &[&"repository/", &environment.image_repository_name()])
}

/// Where the pipeline's roles are, so that rights on them can be given by where they are: their names are AWS's choice.
fn deployments_path() -> String {
    format!("/{APPLICATION_NAME}/Deployments/")
}

/// What a role may do to resources.
fn allow(
    sid: &'static str,
    actions: &'static [Action],
    resources: impl IntoIterator<Item = Value<String>>,
) -> Statement {
    Statement::on(sid, Effect::Allow, actions, resources)
}

/// A role's own policy.
fn policy(name: &'static str, statements: Vec<Statement>) -> Policy {
    Policy::new(PolicyRequired {
        policy_document: PolicyDocument::new(statements),
        policy_name: name.into(),
    })
}
