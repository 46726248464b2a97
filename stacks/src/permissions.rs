//! Who may do what: the roles of the tasks; in the files below, those of the pipeline and of CloudFormation.

pub(crate) mod deployment;
pub(crate) mod toolchain;

use cloudformation::generated::iam_role::{Policy, PolicyRequired, Role};
use cloudformation::generated::logs_log_group::LogGroup;
use cloudformation::{Action, Effect, Handle, PolicyDocument, Principal, Statement, Template, Value, account_id};
use constants::APPLICATION_NAME;

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

/// The roles of the tasks.
pub(crate) struct Roles {
    /// What ECS itself may do to start a task: fetch its image, write its logs.
    pub(crate) execution: Handle<Role>,
    /// What the service may do: nothing, as it calls nothing of AWS's. Here so that a right it needs has its place.
    pub(crate) task: Handle<Role>,
}

impl Roles {
    /// Adds the roles to a template.
    pub(crate) fn add(
        template: &mut Template,
        environment: Environment,
        log_groups: &PerStage<Handle<LogGroup>>,
    ) -> Self {
        let policy = Policy::new(PolicyRequired {
            policy_document: execution_policy(environment, log_groups),
            policy_name: "StartTasks".into(),
        });
        let execution = template.add(
            "ExecutionRole",
            "Lets ECS fetch the image and write logs.",
            Role::new(trust()).policies([policy]),
        );
        let task = template.add("TaskRole", "The service's own rights: none.", Role::new(trust()));
        Self { execution, task }
    }
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

fn execution_policy(environment: Environment, log_groups: &PerStage<Handle<LogGroup>>) -> PolicyDocument {
    PolicyDocument::new([
        // The token is for the whole registry: AWS knows no narrower resource.
        // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        Statement::on("SignIn", Effect::Allow, SIGN_IN, [Value::<String>::from("*")]),
        Statement::on("FetchImage", Effect::Allow, FETCH_IMAGE, [repository_arn(environment)]),
        Statement::on(
            "WriteLogs",
            Effect::Allow,
            WRITE_LOGS,
            [log_groups.onebox.arn(), log_groups.fleet.arn()],
        ),
    ])
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
