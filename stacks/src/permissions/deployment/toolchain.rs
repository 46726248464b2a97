//! What CloudFormation may do to the toolchain, and nothing else: what the handlers of the types in its template need.
//!
//! The lists are AWS's own, from the schemas; a test compares them both ways.

use cloudformation::{Action, Statement};
use constants::APPLICATION_NAME;
use constants::pipeline::{REPOSITORY_NAME, Source};

use super::{allow, pass_role, roles};
use crate::permissions::deployments_path;
use crate::{arn, source};

/// The handler of `AWS::CodePipeline::Pipeline`.
const PIPELINE: &[Action] = &[
    Action::new("codepipeline:CreatePipeline"),
    Action::new("codepipeline:DeletePipeline"),
    Action::new("codepipeline:GetPipeline"),
    Action::new("codepipeline:GetPipelineState"),
    Action::new("codepipeline:ListTagsForResource"),
    Action::new("codepipeline:StartPipelineExecution"),
    Action::new("codepipeline:TagResource"),
    Action::new("codepipeline:UntagResource"),
    Action::new("codepipeline:UpdatePipeline"),
];

/// The handlers of CodeBuild's types. That of `AWS::CodeBuild::Project` publishes no list; these are the calls of its four
/// operations.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html>
const PROJECTS: &[Action] = &[
    Action::new("codebuild:BatchGetProjects"),
    Action::new("codebuild:BatchGetReportGroups"),
    Action::new("codebuild:CreateProject"),
    Action::new("codebuild:CreateReportGroup"),
    Action::new("codebuild:DeleteProject"),
    Action::new("codebuild:DeleteReportGroup"),
    Action::new("codebuild:UpdateProject"),
    Action::new("codebuild:UpdateReportGroup"),
];

/// The handler of `AWS::Events::Rule`.
const RULES: &[Action] = &[
    Action::new("events:DeleteRule"),
    Action::new("events:DescribeRule"),
    Action::new("events:ListTagsForResource"),
    Action::new("events:ListTargetsByRule"),
    Action::new("events:PutRule"),
    Action::new("events:PutTargets"),
    Action::new("events:RemoveTargets"),
    Action::new("events:TagResource"),
    Action::new("events:UntagResource"),
];

/// The handlers of the bucket and its policy.
const BUCKETS: &[Action] = &[
    Action::new("s3:CreateBucket"),
    Action::new("s3:DeleteBucket"),
    Action::new("s3:DeleteBucketPolicy"),
    Action::new("s3:GetAccelerateConfiguration"),
    Action::new("s3:GetAnalyticsConfiguration"),
    Action::new("s3:GetBucketAbac"),
    Action::new("s3:GetBucketAcl"),
    Action::new("s3:GetBucketCORS"),
    Action::new("s3:GetBucketLogging"),
    Action::new("s3:GetBucketMetadataTableConfiguration"),
    Action::new("s3:GetBucketNotification"),
    Action::new("s3:GetBucketObjectLockConfiguration"),
    Action::new("s3:GetBucketOwnershipControls"),
    Action::new("s3:GetBucketPolicy"),
    Action::new("s3:GetBucketPublicAccessBlock"),
    Action::new("s3:GetBucketTagging"),
    Action::new("s3:GetBucketVersioning"),
    Action::new("s3:GetBucketWebsite"),
    Action::new("s3:GetEncryptionConfiguration"),
    Action::new("s3:GetIntelligentTieringConfiguration"),
    Action::new("s3:GetInventoryConfiguration"),
    Action::new("s3:GetLifecycleConfiguration"),
    Action::new("s3:GetMetricsConfiguration"),
    Action::new("s3:GetReplicationConfiguration"),
    Action::new("s3:ListBucket"),
    Action::new("s3:ListTagsForResource"),
    Action::new("s3:PutBucketOwnershipControls"),
    Action::new("s3:PutBucketPolicy"),
    Action::new("s3:PutBucketPublicAccessBlock"),
    Action::new("s3:PutBucketTagging"),
    Action::new("s3:PutBucketVersioning"),
    Action::new("s3:PutEncryptionConfiguration"),
    Action::new("s3:PutLifecycleConfiguration"),
    Action::new("s3:TagResource"),
    Action::new("s3:UntagResource"),
];

/// The handlers of the topic and its policy.
const TOPICS: &[Action] = &[
    Action::new("sns:CreateTopic"),
    Action::new("sns:DeleteTopic"),
    Action::new("sns:GetDataProtectionPolicy"),
    Action::new("sns:GetTopicAttributes"),
    Action::new("sns:ListSubscriptionsByTopic"),
    Action::new("sns:ListTagsForResource"),
    Action::new("sns:SetTopicAttributes"),
    Action::new("sns:TagResource"),
    Action::new("sns:UntagResource"),
];

/// What the pipeline's handler needs where the source is elsewhere.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/connections-permissions.html>
const PASS_CONNECTION: &[Action] = &[
    Action::new("codeconnections:PassConnection"),
    Action::new("codestar-connections:PassConnection"),
];

/// Who takes the roles that are passed.
const ROLE_TAKERS: &[&str] = &[
    "codebuild.amazonaws.com",
    "codepipeline.amazonaws.com",
    "events.amazonaws.com",
];

/// The statements, by policy.
pub(super) fn policies(source: Source) -> [(&'static str, Vec<Statement>); 2] {
    [("Pipeline", pipeline(source)), ("Surroundings", surroundings())]
}

fn pipeline(source: Source) -> Vec<Statement> {
    let name = APPLICATION_NAME;
    let projects = ["project/", "report-group/"].map(|kind| arn::of("codebuild", &[&kind, &name, &"-*"]));
    let mut statements = vec![
        allow("Pipeline", PIPELINE, [arn::of("codepipeline", &[&name])]),
        allow("Projects", PROJECTS, projects),
        allow("Rules", RULES, [arn::of("events", &[&"rule/", &name, &"-*"])]),
    ];
    if let Source::Connection { .. } = source {
        statements.push(allow("PassConnection", PASS_CONNECTION, [source::connection_arn()]));
    }
    statements
}

fn surroundings() -> Vec<Statement> {
    // The names of buckets are in lower case, like that of the repository.
    let buckets = arn::of_s3(&[&REPOSITORY_NAME, &"-*"]);
    let own_roles = [arn::of_iam(&[&"role", &deployments_path(), &"*"])];
    let mut statements = vec![
        allow("Buckets", BUCKETS, [buckets]),
        allow("Topics", TOPICS, [arn::of("sns", &[&APPLICATION_NAME, &"-*"])]),
        pass_role(own_roles.clone(), ROLE_TAKERS),
    ];
    statements.extend(roles(own_roles));
    let log_groups = arn::of("logs", &[&"log-group:/aws/codebuild/", &APPLICATION_NAME, &"-*"]);
    statements.extend(super::log_groups(log_groups));
    statements
}
