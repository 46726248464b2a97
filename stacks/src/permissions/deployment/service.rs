//! What CloudFormation may do to an environment's stacks, and nothing else: what the handlers of the types in its templates need.
//!
//! The lists are AWS's own, from the schemas; a test compares them both ways. Where a resource is `*`, AWS knows no
//! narrower one, or chooses its name; the region is the stack's.

use cloudformation::{Action, Statement};

use super::{allow, allow_anywhere, pass_role, roles};
use crate::permissions::{repository_arn, tasks_path};
use crate::{Environment, Purpose, alarms, arn, logs};

/// The handlers of EC2's types: AWS chooses the ids.
const NETWORK: &[Action] = &[
    Action::new("ec2:AllocateAddress"),
    Action::new("ec2:AssociateRouteTable"),
    Action::new("ec2:AttachInternetGateway"),
    Action::new("ec2:AuthorizeSecurityGroupEgress"),
    Action::new("ec2:AuthorizeSecurityGroupIngress"),
    Action::new("ec2:CreateInternetGateway"),
    Action::new("ec2:CreateNatGateway"),
    Action::new("ec2:CreateRoute"),
    Action::new("ec2:CreateRouteTable"),
    Action::new("ec2:CreateSecurityGroup"),
    Action::new("ec2:CreateSubnet"),
    Action::new("ec2:CreateTags"),
    Action::new("ec2:CreateVpc"),
    Action::new("ec2:DeleteInternetGateway"),
    Action::new("ec2:DeleteNatGateway"),
    Action::new("ec2:DeleteRoute"),
    Action::new("ec2:DeleteRouteTable"),
    Action::new("ec2:DeleteSecurityGroup"),
    Action::new("ec2:DeleteSubnet"),
    Action::new("ec2:DeleteTags"),
    Action::new("ec2:DeleteVpc"),
    Action::new("ec2:DescribeAddresses"),
    Action::new("ec2:DescribeInstances"),
    Action::new("ec2:DescribeInternetGateways"),
    Action::new("ec2:DescribeNatGateways"),
    Action::new("ec2:DescribeNetworkAcls"),
    Action::new("ec2:DescribeNetworkInterfaces"),
    Action::new("ec2:DescribeRouteTables"),
    Action::new("ec2:DescribeSecurityGroupRules"),
    Action::new("ec2:DescribeSecurityGroups"),
    Action::new("ec2:DescribeSubnets"),
    Action::new("ec2:DescribeVpcAttribute"),
    Action::new("ec2:DescribeVpcEncryptionControls"),
    Action::new("ec2:DescribeVpcs"),
    Action::new("ec2:DescribeVpnGateways"),
    Action::new("ec2:DetachInternetGateway"),
    Action::new("ec2:DisassociateAddress"),
    Action::new("ec2:DisassociateRouteTable"),
    Action::new("ec2:ModifySubnetAttribute"),
    Action::new("ec2:ModifyVpcAttribute"),
    Action::new("ec2:ReleaseAddress"),
    Action::new("ec2:ReplaceRoute"),
    Action::new("ec2:ReplaceRouteTableAssociation"),
    Action::new("ec2:RevokeSecurityGroupEgress"),
    Action::new("ec2:RevokeSecurityGroupIngress"),
    Action::new("ec2:UpdateSecurityGroupRuleDescriptionsEgress"),
    Action::new("ec2:UpdateSecurityGroupRuleDescriptionsIngress"),
];

/// The handlers of the load balancer's types, where AWS knows no narrower resource.
const LOOK_AT_LOAD_BALANCERS: &[Action] = &[
    Action::new("elasticloadbalancing:DescribeCapacityReservation"),
    Action::new("elasticloadbalancing:DescribeListenerAttributes"),
    Action::new("elasticloadbalancing:DescribeListeners"),
    Action::new("elasticloadbalancing:DescribeLoadBalancerAttributes"),
    Action::new("elasticloadbalancing:DescribeLoadBalancers"),
    Action::new("elasticloadbalancing:DescribeRules"),
    Action::new("elasticloadbalancing:DescribeTags"),
    Action::new("elasticloadbalancing:DescribeTargetGroupAttributes"),
    Action::new("elasticloadbalancing:DescribeTargetGroups"),
    Action::new("elasticloadbalancing:DescribeTargetHealth"),
];

/// The handlers of the load balancer's types.
const LOAD_BALANCERS: &[Action] = &[
    Action::new("elasticloadbalancing:AddTags"),
    Action::new("elasticloadbalancing:CreateListener"),
    Action::new("elasticloadbalancing:CreateLoadBalancer"),
    Action::new("elasticloadbalancing:CreateRule"),
    Action::new("elasticloadbalancing:CreateTargetGroup"),
    Action::new("elasticloadbalancing:DeleteListener"),
    Action::new("elasticloadbalancing:DeleteLoadBalancer"),
    Action::new("elasticloadbalancing:DeleteRule"),
    Action::new("elasticloadbalancing:DeleteTargetGroup"),
    Action::new("elasticloadbalancing:ModifyListener"),
    Action::new("elasticloadbalancing:ModifyListenerAttributes"),
    Action::new("elasticloadbalancing:ModifyLoadBalancerAttributes"),
    Action::new("elasticloadbalancing:ModifyRule"),
    Action::new("elasticloadbalancing:ModifyTargetGroup"),
    Action::new("elasticloadbalancing:ModifyTargetGroupAttributes"),
    Action::new("elasticloadbalancing:RemoveTags"),
    Action::new("elasticloadbalancing:SetRulePriorities"),
    Action::new("elasticloadbalancing:SetSecurityGroups"),
    Action::new("elasticloadbalancing:SetSubnets"),
];

/// The handlers of the scaling types: AWS chooses the ids.
const SCALING: &[Action] = &[
    Action::new("application-autoscaling:DeleteScalingPolicy"),
    Action::new("application-autoscaling:DeregisterScalableTarget"),
    Action::new("application-autoscaling:DescribeScalableTargets"),
    Action::new("application-autoscaling:DescribeScalingPolicies"),
    Action::new("application-autoscaling:DescribeScheduledActions"),
    Action::new("application-autoscaling:ListTagsForResource"),
    Action::new("application-autoscaling:PutScalingPolicy"),
    Action::new("application-autoscaling:RegisterScalableTarget"),
    Action::new("application-autoscaling:TagResource"),
    Action::new("application-autoscaling:UntagResource"),
];

/// The handlers of alarms and scaling policies, where AWS knows no narrower resource.
const LOOK_AT_METRICS: &[Action] = &[
    Action::new("cloudwatch:DescribeAlarms"),
    Action::new("cloudwatch:GetMetricData"),
];

/// The handler of `AWS::CloudWatch::Alarm`.
const ALARMS: &[Action] = &[
    Action::new("cloudwatch:DeleteAlarms"),
    Action::new("cloudwatch:ListTagsForResource"),
    Action::new("cloudwatch:PutMetricAlarm"),
    Action::new("cloudwatch:TagResource"),
    Action::new("cloudwatch:UntagResource"),
];

/// The handler of `AWS::ECR::Repository`.
const IMAGES: &[Action] = &[
    Action::new("ecr:CreateRepository"),
    Action::new("ecr:DeleteLifecyclePolicy"),
    Action::new("ecr:DeleteRepository"),
    Action::new("ecr:DescribeRepositories"),
    Action::new("ecr:GetLifecyclePolicy"),
    Action::new("ecr:GetRepositoryPolicy"),
    Action::new("ecr:ListTagsForResource"),
    Action::new("ecr:PutImageScanningConfiguration"),
    Action::new("ecr:PutImageTagMutability"),
    Action::new("ecr:PutLifecyclePolicy"),
    Action::new("ecr:TagResource"),
    Action::new("ecr:UntagResource"),
];

/// The handlers of ECS's types, where AWS knows no narrower resource.
const TASK_DEFINITIONS: &[Action] = &[
    Action::new("ecs:CreateCluster"),
    Action::new("ecs:DeregisterTaskDefinition"),
    Action::new("ecs:DescribeTaskDefinition"),
    Action::new("ecs:PutAccountSetting"),
    Action::new("ecs:PutAccountSettingDefault"),
    Action::new("ecs:RegisterTaskDefinition"),
];

/// The handlers of ECS's types, on the cluster and what is in it.
const CLUSTER: &[Action] = &[
    Action::new("ecs:CreateService"),
    Action::new("ecs:DeleteCluster"),
    Action::new("ecs:DeleteService"),
    Action::new("ecs:DescribeClusters"),
    Action::new("ecs:DescribeServiceDeployments"),
    Action::new("ecs:DescribeServices"),
    Action::new("ecs:ListServiceDeployments"),
    Action::new("ecs:ListTagsForResource"),
    Action::new("ecs:StopServiceDeployment"),
    Action::new("ecs:TagResource"),
    Action::new("ecs:UntagResource"),
    Action::new("ecs:UpdateCluster"),
    Action::new("ecs:UpdateClusterSettings"),
    Action::new("ecs:UpdateService"),
];

/// The handlers that let a service of AWS's take its own role, which the account may not have yet.
const SERVICE_ROLES: &[Action] = &[Action::new("iam:CreateServiceLinkedRole")];

/// The roles that services of AWS's take here.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>
const SERVICE_ROLE_NAMES: [&str; 3] = [
    "ecs.amazonaws.com/AWSServiceRoleForECS",
    "ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
    "elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
];

/// How the names of load balancers and target groups begin that CloudFormation makes up: with the stack's first five
/// characters, as they may have 32 only.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html>
const NAME_CHARACTERS: usize = 5;

/// The statements, by policy.
pub(super) fn policies(environment: Environment) -> [(&'static str, Vec<Statement>); 3] {
    [
        ("Network", network(environment)),
        ("Compute", compute(environment)),
        ("Surroundings", surroundings(environment)),
    ]
}

/// The statement for image repositories alone.
pub(super) fn images(environment: Environment) -> Statement {
    allow("Images", IMAGES, [repository_arn(environment)])
}

fn network(environment: Environment) -> Vec<Statement> {
    let stack = environment.stack_name(Purpose::Service);
    let name = stack[..NAME_CHARACTERS].to_owned();
    let load_balancers = [
        "loadbalancer/app/",
        "listener/app/",
        "listener-rule/app/",
        "targetgroup/",
    ];
    let load_balancers = load_balancers.map(|kind| arn::of("elasticloadbalancing", &[&kind, &name, &"*"]));
    vec![
        allow_anywhere("Network", NETWORK),
        allow_anywhere("LookAtLoadBalancers", LOOK_AT_LOAD_BALANCERS),
        allow("LoadBalancers", LOAD_BALANCERS, load_balancers),
    ]
}

fn compute(environment: Environment) -> Vec<Statement> {
    let cluster = environment.cluster_name();
    let of_cluster = [
        arn::of("ecs", &[&"cluster/", &cluster]),
        arn::of("ecs", &[&"service/", &cluster, &"/*"]),
        arn::of("ecs", &[&"service-deployment/", &cluster, &"/*"]),
        arn::of("ecs", &[&"task-definition/", &cluster, &"-*"]),
    ];
    vec![
        allow_anywhere("TaskDefinitions", TASK_DEFINITIONS),
        allow("Cluster", CLUSTER, of_cluster),
        images(environment),
        allow_anywhere("Scaling", SCALING),
    ]
}

fn surroundings(environment: Environment) -> Vec<Statement> {
    // The second are those of stacks from before the roles had a path.
    let task_roles = [
        arn::of_iam(&[&"role", &tasks_path(environment), &"*"]),
        arn::of_iam(&[&"role/", &environment.stack_name(Purpose::Service), &"-*"]),
    ];
    let service_roles = SERVICE_ROLE_NAMES.map(|name| arn::of_iam(&[&"role/aws-service-role/", &name]));
    let mut statements = vec![
        allow("Alarms", ALARMS, [alarms::arn(environment)]),
        allow_anywhere("LookAtMetrics", LOOK_AT_METRICS),
        allow("ServiceRoles", SERVICE_ROLES, service_roles),
        pass_role(task_roles.clone(), &["ecs-tasks.amazonaws.com"]),
    ];
    statements.extend(roles(task_roles));
    statements.extend(super::log_groups(logs::groups_arn(environment)));
    statements
}
