//! The table itself: of each type, what its handler calls.

use super::{Handler, UNNAMED, arn, ec2, unless_arn};
use crate::properties::{text, texts};

macro_rules! handlers {
    ($($type_name:literal, $name:expr, [$($create:literal),*] [$($update:literal),*] [$($delete:literal),*], $on:expr;)*) => {
        &[$(Handler {
            type_name: $type_name,
            calls: [&[$($create),*], &[$($update),*], &[$($delete),*]],
            name: $name,
            on: $on,
        }),*]
    };
}

/// By type: what names a new one, what creates, updates and deletes it, and on what.
pub(super) const HANDLERS: &[Handler] = handlers![
    "AWS::ApplicationAutoScaling::ScalableTarget", UNNAMED,
        ["application-autoscaling:RegisterScalableTarget"]
        ["application-autoscaling:RegisterScalableTarget"]
        ["application-autoscaling:DeregisterScalableTarget"],
        |_, _, _| None;
    "AWS::ApplicationAutoScaling::ScalingPolicy", UNNAMED,
        ["application-autoscaling:PutScalingPolicy"]
        ["application-autoscaling:PutScalingPolicy"]
        ["application-autoscaling:DeleteScalingPolicy"],
        |_, _, _| None;
    "AWS::CloudWatch::Alarm", ("AlarmName", 255),
        ["cloudwatch:PutMetricAlarm"] ["cloudwatch:PutMetricAlarm"] ["cloudwatch:DeleteAlarms"],
        |place, _, name| Some(place.arn("cloudwatch", &format!("alarm:{name}")));
    "AWS::CodeBuild::Project", ("Name", 150),
        ["codebuild:CreateProject"] ["codebuild:UpdateProject"] ["codebuild:DeleteProject"],
        |place, _, name| Some(place.arn("codebuild", &format!("project/{name}")));
    "AWS::CodeBuild::ReportGroup", ("Name", 128),
        ["codebuild:CreateReportGroup"] ["codebuild:UpdateReportGroup"] ["codebuild:DeleteReportGroup"],
        |place, _, name| Some(unless_arn(name, |name| place.arn("codebuild", &format!("report-group/{name}"))));
    "AWS::CodeCommit::Repository", UNNAMED,
        ["codecommit:CreateRepository"] ["codecommit:UpdateRepositoryDescription"] ["codecommit:DeleteRepository"],
        |place, properties, _| Some(place.arn("codecommit", &text(properties, "RepositoryName")?));
    "AWS::CodePipeline::Pipeline", ("Name", 100),
        ["codepipeline:CreatePipeline"] ["codepipeline:UpdatePipeline"] ["codepipeline:DeletePipeline"],
        |place, _, name| Some(place.arn("codepipeline", name));
    "AWS::EC2::EIP", UNNAMED,
        ["ec2:AllocateAddress"] [] ["ec2:ReleaseAddress"],
        |place, _, _| Some(ec2(place, "elastic-ip"));
    "AWS::EC2::InternetGateway", UNNAMED,
        ["ec2:CreateInternetGateway"] [] ["ec2:DeleteInternetGateway"],
        |place, _, _| Some(ec2(place, "internet-gateway"));
    "AWS::EC2::NatGateway", UNNAMED,
        ["ec2:CreateNatGateway"] [] ["ec2:DeleteNatGateway"],
        |place, _, _| Some(ec2(place, "natgateway"));
    "AWS::EC2::Route", UNNAMED,
        ["ec2:CreateRoute"] ["ec2:ReplaceRoute"] ["ec2:DeleteRoute"],
        |place, _, _| Some(ec2(place, "route-table"));
    "AWS::EC2::RouteTable", UNNAMED,
        ["ec2:CreateRouteTable"] [] ["ec2:DeleteRouteTable"],
        |place, _, _| Some(ec2(place, "route-table"));
    "AWS::EC2::SecurityGroup", UNNAMED,
        ["ec2:CreateSecurityGroup"] [] ["ec2:DeleteSecurityGroup"],
        |place, _, _| Some(ec2(place, "security-group"));
    "AWS::EC2::SecurityGroupEgress", UNNAMED,
        ["ec2:AuthorizeSecurityGroupEgress"]
        ["ec2:UpdateSecurityGroupRuleDescriptionsEgress"]
        ["ec2:RevokeSecurityGroupEgress"],
        |place, _, _| Some(ec2(place, "security-group"));
    "AWS::EC2::SecurityGroupIngress", UNNAMED,
        ["ec2:AuthorizeSecurityGroupIngress"]
        ["ec2:UpdateSecurityGroupRuleDescriptionsIngress"]
        ["ec2:RevokeSecurityGroupIngress"],
        |place, _, _| Some(ec2(place, "security-group"));
    "AWS::EC2::Subnet", UNNAMED,
        ["ec2:CreateSubnet"] ["ec2:ModifySubnetAttribute"] ["ec2:DeleteSubnet"],
        |place, _, _| Some(ec2(place, "subnet"));
    "AWS::EC2::SubnetRouteTableAssociation", UNNAMED,
        ["ec2:AssociateRouteTable"] [] ["ec2:DisassociateRouteTable"],
        |place, _, _| Some(ec2(place, "route-table"));
    "AWS::EC2::VPC", UNNAMED,
        ["ec2:CreateVpc"] ["ec2:ModifyVpcAttribute"] ["ec2:DeleteVpc"],
        |place, _, _| Some(ec2(place, "vpc"));
    "AWS::EC2::VPCGatewayAttachment", UNNAMED,
        ["ec2:AttachInternetGateway"] ["ec2:AttachInternetGateway"] ["ec2:DetachInternetGateway"],
        |place, _, _| Some(ec2(place, "internet-gateway"));
    "AWS::ECR::Repository", ("RepositoryName", usize::MAX),
        ["ecr:CreateRepository"] ["ecr:PutImageTagMutability"] ["ecr:DeleteRepository"],
        |place, _, name| Some(place.arn("ecr", &format!("repository/{}", name.to_lowercase())));
    "AWS::ECS::Cluster", ("ClusterName", usize::MAX),
        ["ecs:CreateCluster"] ["ecs:UpdateCluster"] ["ecs:DeleteCluster"],
        |place, _, name| Some(place.arn("ecs", &format!("cluster/{name}")));
    "AWS::ECS::Service", ("ServiceName", usize::MAX),
        ["ecs:CreateService"] ["ecs:UpdateService"] ["ecs:DeleteService"],
        |place, properties, name| {
            let cluster = text(properties, "Cluster").unwrap_or_else(|| "default".to_owned());
            let cluster = cluster.rsplit('/').next().unwrap_or_default();
            Some(unless_arn(name, |name| place.arn("ecs", &format!("service/{cluster}/{name}"))))
        };
    "AWS::ECS::TaskDefinition", ("Family", usize::MAX),
        ["ecs:RegisterTaskDefinition"] [] ["ecs:DeregisterTaskDefinition"],
        |place, _, name| Some(unless_arn(name, |name| place.arn("ecs", &format!("task-definition/{name}:*"))));
    "AWS::ElasticLoadBalancingV2::Listener", UNNAMED,
        ["elasticloadbalancing:CreateListener"]
        ["elasticloadbalancing:ModifyListener"]
        ["elasticloadbalancing:DeleteListener"],
        |_, properties, id| arn(id).or_else(|| text(properties, "LoadBalancerArn"));
    "AWS::ElasticLoadBalancingV2::ListenerRule", UNNAMED,
        ["elasticloadbalancing:CreateRule"] ["elasticloadbalancing:ModifyRule"] ["elasticloadbalancing:DeleteRule"],
        |_, properties, id| arn(id).or_else(|| text(properties, "ListenerArn"));
    "AWS::ElasticLoadBalancingV2::LoadBalancer", ("Name", 32),
        ["elasticloadbalancing:CreateLoadBalancer"]
        ["elasticloadbalancing:ModifyLoadBalancerAttributes"]
        ["elasticloadbalancing:DeleteLoadBalancer"],
        |place, _, name| {
            let new = |name: &str| place.arn("elasticloadbalancing", &format!("loadbalancer/app/{name}/*"));
            Some(unless_arn(name, new))
        };
    "AWS::ElasticLoadBalancingV2::TargetGroup", ("Name", 32),
        ["elasticloadbalancing:CreateTargetGroup"]
        ["elasticloadbalancing:ModifyTargetGroup"]
        ["elasticloadbalancing:DeleteTargetGroup"],
        |place, _, name| {
            let new = |name: &str| place.arn("elasticloadbalancing", &format!("targetgroup/{name}/*"));
            Some(unless_arn(name, new))
        };
    "AWS::Events::Rule", ("Name", 64),
        ["events:PutRule", "events:PutTargets"]
        ["events:PutRule", "events:PutTargets"]
        ["events:RemoveTargets", "events:DeleteRule"],
        |place, _, name| Some(place.arn("events", &format!("rule/{name}")));
    "AWS::IAM::Role", ("RoleName", 64),
        ["iam:CreateRole", "iam:PutRolePolicy"] ["iam:PutRolePolicy"] ["iam:DeleteRolePolicy", "iam:DeleteRole"],
        |place, properties, name| {
            let path = text(properties, "Path").unwrap_or_else(|| "/".to_owned());
            Some(place.global_arn("iam", &format!("role{path}{name}")))
        };
    "AWS::Logs::LogGroup", ("LogGroupName", usize::MAX),
        ["logs:CreateLogGroup"] ["logs:PutRetentionPolicy"] ["logs:DeleteLogGroup"],
        |place, _, name| Some(place.arn("logs", &format!("log-group:{name}:log-stream:")));
    "AWS::S3::Bucket", ("BucketName", 63),
        ["s3:CreateBucket"] ["s3:PutLifecycleConfiguration"] ["s3:DeleteBucket"],
        |_, _, name| Some(format!("arn:aws:s3:::{}", name.to_lowercase()));
    "AWS::S3::BucketPolicy", UNNAMED,
        ["s3:PutBucketPolicy"] ["s3:PutBucketPolicy"] ["s3:DeleteBucketPolicy"],
        |_, properties, _| Some(format!("arn:aws:s3:::{}", text(properties, "Bucket")?));
    "AWS::SNS::Topic", ("TopicName", 256),
        ["sns:CreateTopic"] ["sns:SetTopicAttributes"] ["sns:DeleteTopic"],
        |place, _, name| Some(unless_arn(name, |name| place.arn("sns", name)));
    "AWS::SNS::TopicPolicy", UNNAMED,
        ["sns:SetTopicAttributes"] ["sns:SetTopicAttributes"] ["sns:SetTopicAttributes"],
        |_, properties, _| texts(properties, "Topics").into_iter().next();
];
