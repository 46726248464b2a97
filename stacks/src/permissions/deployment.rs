//! The roles that CloudFormation acts in when the pipeline asks it to: one for production, one for the pipeline itself.

mod by_hand;
mod service;
mod toolchain;

use cloudformation::generated::iam_role::Role;
use cloudformation::{Action, PolicyDocument, Principal, Statement, Template, Value, region};
use constants::pipeline::Source;

use super::{CLOUD_FORMATION, TAKE_ROLE, allow, policy};
pub(crate) use by_hand::policies as by_hand;

use crate::toolchain::projects::Work;
use crate::{Environment, exports};

/// The handler of `AWS::IAM::Role`, on the roles of the templates.
const ROLES: &[Action] = &[
    Action::new("iam:CreateRole"),
    Action::new("iam:DeleteRole"),
    Action::new("iam:DeleteRolePolicy"),
    Action::new("iam:GetRole"),
    Action::new("iam:GetRolePolicy"),
    Action::new("iam:ListAttachedRolePolicies"),
    Action::new("iam:ListRolePolicies"),
    Action::new("iam:PutRolePolicy"),
    Action::new("iam:TagRole"),
    Action::new("iam:UntagRole"),
    Action::new("iam:UpdateAssumeRolePolicy"),
    Action::new("iam:UpdateRole"),
    Action::new("iam:UpdateRoleDescription"),
];

/// The handler of `AWS::Logs::LogGroup`, on the log groups of the templates.
const LOG_GROUPS: &[Action] = &[
    Action::new("logs:CreateLogGroup"),
    Action::new("logs:DeleteLogGroup"),
    Action::new("logs:DeleteRetentionPolicy"),
    Action::new("logs:DescribeIndexPolicies"),
    Action::new("logs:GetDataProtectionPolicy"),
    Action::new("logs:ListTagsForResource"),
    Action::new("logs:PutRetentionPolicy"),
    Action::new("logs:TagResource"),
    Action::new("logs:UntagResource"),
];

/// The same handler, where AWS knows no narrower resource.
const LIST_LOG_GROUPS: &[Action] = &[
    Action::new("logs:DescribeLogGroups"),
    Action::new("logs:DescribeResourcePolicies"),
];

/// What hands a role on to the service that takes it.
const PASS_ROLE: &[Action] = &[Action::new("iam:PassRole")];

/// A role that CloudFormation acts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeploymentRole {
    /// For production's stacks.
    Production,
    /// For the pipeline's own stack.
    Toolchain,
}

impl DeploymentRole {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Production, Self::Toolchain];

    /// The role that a kind of work passes, if it has anything deployed.
    pub(crate) const fn of(work: Work) -> Option<Self> {
        match work {
            Work::Build => None,
            Work::UpdatePipeline => Some(Self::Toolchain),
            Work::Deploy => Some(Self::Production),
        }
    }

    /// Adds the role to the foundation's template.
    ///
    /// CloudFormation alone takes it, and IAM lets it be passed within the account only.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html>
    pub(crate) fn add(self, template: &mut Template, source: Source) {
        let trust = Statement::trust("Take", Principal::Service(CLOUD_FORMATION), TAKE_ROLE);
        let role = Role::new(PolicyDocument::new([trust]));
        let role = match self {
            Self::Production => {
                let policies = service::policies(Environment::Production);
                role.policies(policies.map(|(name, statements)| policy(name, statements)))
            }
            Self::Toolchain => {
                role.policies(toolchain::policies(source).map(|(name, statements)| policy(name, statements)))
            }
        };
        let role = template.add(self.logical_id(), self.why(), role);
        exports::export(template, self.output(), self.why(), role.arn().text());
    }

    /// The role's ARN, in other stacks than the foundation.
    pub(crate) fn imported_arn(self) -> Value<String> {
        exports::imported(self.output())
    }

    /// The role within the foundation's template.
    pub(crate) const fn logical_id(self) -> &'static str {
        match self {
            Self::Production => "ProductionDeploymentRole",
            Self::Toolchain => "ToolchainDeploymentRole",
        }
    }

    const fn output(self) -> &'static str {
        match self {
            Self::Production => "ProductionDeploymentRoleArn",
            Self::Toolchain => "ToolchainDeploymentRoleArn",
        }
    }

    const fn why(self) -> &'static str {
        match self {
            Self::Production => "What CloudFormation may do to production.",
            Self::Toolchain => "What CloudFormation may do to the pipeline.",
        }
    }
}

/// Where AWS knows no narrower resource: in the stack's own region at least.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion>
fn allow_anywhere(sid: &'static str, actions: &'static [Action]) -> Statement {
    allow(sid, actions, [Value::from("*")]).condition("StringEquals", "aws:RequestedRegion", region())
}

fn roles<const N: usize>(arns: [Value<String>; N]) -> [Statement; 1] {
    [allow("Roles", ROLES, arns)]
}

fn pass_role<const N: usize>(arns: [Value<String>; N], to: &[&'static str]) -> Statement {
    allow("PassRoles", PASS_ROLE, arns).condition_of_any("StringEquals", "iam:PassedToService", to)
}

fn log_groups(arn: Value<String>) -> [Statement; 2] {
    [
        allow("LogGroups", LOG_GROUPS, [arn]),
        allow_anywhere("LookAtLogGroups", LIST_LOG_GROUPS),
    ]
}
