//! What handlers may need that these templates give them no cause for.

/// A permission, the type whose handler needs it, and the property without which it doesn't; no template may have that.
pub(super) const WITHOUT_A_PROPERTY: &[(&str, &str, &str)] = &[
    ("codecommit:CreateCommit", "AWS::CodeCommit::Repository", "Code"),
    ("s3:GetObject", "AWS::CodeCommit::Repository", "Code"),
    ("s3:GetObjectVersion", "AWS::CodeCommit::Repository", "Code"),
    (
        "codecommit:PutRepositoryTriggers",
        "AWS::CodeCommit::Repository",
        "Triggers",
    ),
    (
        "codecommit:UpdateRepositoryEncryptionKey",
        "AWS::CodeCommit::Repository",
        "KmsKeyId",
    ),
    ("s3:PutBucketAbac", "AWS::S3::Bucket", "AbacStatus"),
    (
        "s3:PutAccelerateConfiguration",
        "AWS::S3::Bucket",
        "AccelerateConfiguration",
    ),
    ("s3:PutBucketAcl", "AWS::S3::Bucket", "AccessControl"),
    ("s3:PutObjectAcl", "AWS::S3::Bucket", "AccessControl"),
    (
        "s3:PutAnalyticsConfiguration",
        "AWS::S3::Bucket",
        "AnalyticsConfigurations",
    ),
    (
        "s3:DeleteBucketAnalyticsConfiguration",
        "AWS::S3::Bucket",
        "AnalyticsConfigurations",
    ),
    ("s3:PutBucketCORS", "AWS::S3::Bucket", "CorsConfiguration"),
    ("s3:DeleteBucketCors", "AWS::S3::Bucket", "CorsConfiguration"),
    (
        "s3:PutIntelligentTieringConfiguration",
        "AWS::S3::Bucket",
        "IntelligentTieringConfigurations",
    ),
    (
        "s3:PutInventoryConfiguration",
        "AWS::S3::Bucket",
        "InventoryConfigurations",
    ),
    ("s3:PutBucketLogging", "AWS::S3::Bucket", "LoggingConfiguration"),
    (
        "s3:CreateBucketMetadataTableConfiguration",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3:DeleteBucketMetadataTableConfiguration",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3:UpdateBucketMetadataAnnotationTableConfiguration",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3:UpdateBucketMetadataInventoryTableConfiguration",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3:UpdateBucketMetadataJournalTableConfiguration",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3tables:CreateNamespace",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    ("s3tables:CreateTable", "AWS::S3::Bucket", "MetadataTableConfiguration"),
    (
        "s3tables:CreateTableBucket",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    ("s3tables:GetTable", "AWS::S3::Bucket", "MetadataTableConfiguration"),
    (
        "s3tables:GetTableMetadataLocation",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3tables:PutTableBucketPolicy",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3tables:PutTableEncryption",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3tables:PutTablePolicy",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    (
        "s3tables:UpdateTableMetadataLocation",
        "AWS::S3::Bucket",
        "MetadataTableConfiguration",
    ),
    ("s3:PutMetricsConfiguration", "AWS::S3::Bucket", "MetricsConfigurations"),
    (
        "s3:DeleteBucketMetricsConfiguration",
        "AWS::S3::Bucket",
        "MetricsConfigurations",
    ),
    (
        "s3:PutBucketNotification",
        "AWS::S3::Bucket",
        "NotificationConfiguration",
    ),
    (
        "s3:PutBucketObjectLockConfiguration",
        "AWS::S3::Bucket",
        "ObjectLockConfiguration",
    ),
    (
        "s3:PutObjectLockConfiguration",
        "AWS::S3::Bucket",
        "ObjectLockConfiguration",
    ),
    ("s3:PutBucketReplication", "AWS::S3::Bucket", "ReplicationConfiguration"),
    (
        "s3:PutReplicationConfiguration",
        "AWS::S3::Bucket",
        "ReplicationConfiguration",
    ),
    (
        "s3:DeleteBucketReplication",
        "AWS::S3::Bucket",
        "ReplicationConfiguration",
    ),
    ("s3:PutBucketWebsite", "AWS::S3::Bucket", "WebsiteConfiguration"),
    ("s3:DeleteBucketWebsite", "AWS::S3::Bucket", "WebsiteConfiguration"),
    (
        "logs:PutBearerTokenAuthentication",
        "AWS::Logs::LogGroup",
        "BearerTokenAuthenticationEnabled",
    ),
    ("logs:CreateLogDelivery", "AWS::Logs::LogGroup", "DataProtectionPolicy"),
    (
        "logs:DeleteDataProtectionPolicy",
        "AWS::Logs::LogGroup",
        "DataProtectionPolicy",
    ),
    (
        "logs:PutDataProtectionPolicy",
        "AWS::Logs::LogGroup",
        "DataProtectionPolicy",
    ),
    (
        "firehose:TagDeliveryStream",
        "AWS::Logs::LogGroup",
        "DataProtectionPolicy",
    ),
    (
        "logs:PutLogGroupDeletionProtection",
        "AWS::Logs::LogGroup",
        "DeletionProtectionEnabled",
    ),
    ("logs:DeleteIndexPolicy", "AWS::Logs::LogGroup", "FieldIndexPolicies"),
    ("logs:PutIndexPolicy", "AWS::Logs::LogGroup", "FieldIndexPolicies"),
    ("logs:AssociateKmsKey", "AWS::Logs::LogGroup", "KmsKeyId"),
    ("logs:DisassociateKmsKey", "AWS::Logs::LogGroup", "KmsKeyId"),
    (
        "logs:DeleteResourcePolicy",
        "AWS::Logs::LogGroup",
        "ResourcePolicyDocument",
    ),
    (
        "logs:PutResourcePolicy",
        "AWS::Logs::LogGroup",
        "ResourcePolicyDocument",
    ),
    ("iam:AttachRolePolicy", "AWS::IAM::Role", "ManagedPolicyArns"),
    ("iam:DetachRolePolicy", "AWS::IAM::Role", "ManagedPolicyArns"),
    (
        "iam:DeleteRolePermissionsBoundary",
        "AWS::IAM::Role",
        "PermissionsBoundary",
    ),
    (
        "iam:PutRolePermissionsBoundary",
        "AWS::IAM::Role",
        "PermissionsBoundary",
    ),
    (
        "codepipeline:DisableStageTransition",
        "AWS::CodePipeline::Pipeline",
        "DisableInboundStageTransitions",
    ),
    (
        "codepipeline:EnableStageTransition",
        "AWS::CodePipeline::Pipeline",
        "DisableInboundStageTransitions",
    ),
    ("sns:Subscribe", "AWS::SNS::Topic", "Subscription"),
    ("sns:Unsubscribe", "AWS::SNS::Topic", "Subscription"),
    ("sns:PutDataProtectionPolicy", "AWS::SNS::Topic", "DataProtectionPolicy"),
    ("ec2:AcceptAddressTransfer", "AWS::EC2::EIP", "TransferAddress"),
    ("ec2:AssociateAddress", "AWS::EC2::EIP", "InstanceId"),
    (
        "ec2:AssignPrivateNatGatewayAddress",
        "AWS::EC2::NatGateway",
        "SecondaryPrivateIpAddresses",
    ),
    (
        "ec2:UnassignPrivateNatGatewayAddress",
        "AWS::EC2::NatGateway",
        "SecondaryPrivateIpAddresses",
    ),
    (
        "ec2:AssociateNatGatewayAddress",
        "AWS::EC2::NatGateway",
        "SecondaryAllocationIds",
    ),
    (
        "ec2:DisassociateNatGatewayAddress",
        "AWS::EC2::NatGateway",
        "SecondaryAllocationIds",
    ),
    ("ec2:AssociateSubnetCidrBlock", "AWS::EC2::Subnet", "Ipv6CidrBlock"),
    ("ec2:DisassociateSubnetCidrBlock", "AWS::EC2::Subnet", "Ipv6CidrBlock"),
    ("ec2:AttachVpnGateway", "AWS::EC2::VPCGatewayAttachment", "VpnGatewayId"),
    ("ec2:DetachVpnGateway", "AWS::EC2::VPCGatewayAttachment", "VpnGatewayId"),
    (
        "ec2:CreateVpcEncryptionControl",
        "AWS::EC2::VPC",
        "VpcEncryptionControl",
    ),
    ("ec2:ModifyVpcTenancy", "AWS::EC2::VPC", "InstanceTenancy"),
    (
        "ecr:DeleteRepositoryPolicy",
        "AWS::ECR::Repository",
        "RepositoryPolicyText",
    ),
    (
        "ecr:SetRepositoryPolicy",
        "AWS::ECR::Repository",
        "RepositoryPolicyText",
    ),
    (
        "ec2:DescribeIpamPools",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Ipv4IpamPoolId",
    ),
    (
        "elasticloadbalancing:ModifyIpPools",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Ipv4IpamPoolId",
    ),
    (
        "elasticloadbalancing:SetIpAddressType",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "IpAddressType",
    ),
    (
        "elasticloadbalancing:ModifyCapacityReservation",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "MinimumLoadBalancerCapacity",
    ),
    (
        "elasticloadbalancing:DeregisterTargets",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Targets",
    ),
    (
        "elasticloadbalancing:RegisterTargets",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Targets",
    ),
    (
        "ecs:PutClusterCapacityProviders",
        "AWS::ECS::Cluster",
        "CapacityProviders",
    ),
    (
        "application-autoscaling:DeleteScheduledAction",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "ScheduledActions",
    ),
    (
        "application-autoscaling:PutScheduledAction",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "ScheduledActions",
    ),
];

/// A permission, and why it isn't granted.
pub(super) const OTHERWISE: &[(&str, &str)] = &[
    (
        "s3:REST.PUT.OBJECT",
        "no action of IAM's: its name is that of a request in S3's logs",
    ),
    (
        "s3:DeleteBucketEncryption",
        "no action of IAM's: it is s3:PutEncryptionConfiguration that allows it",
    ),
    (
        "s3:DeleteBucketLifecycle",
        "no action of IAM's: it is s3:PutLifecycleConfiguration that allows it",
    ),
    (
        "s3:DeleteObject",
        "for S3 Tables' metadata and replication; what is in the bucket is the pipeline's, not the deployment's",
    ),
    (
        "cognito-idp:DescribeUserPoolClient",
        "for listeners that sign people in",
    ),
    (
        "codestar-connections:PassConnection",
        "the source isn't reached through a connection",
    ),
    ("kms:CreateGrant", "for repositories encrypted with a key of KMS's"),
    (
        "kms:DescribeKey",
        "for repositories and clusters encrypted with a key of KMS's",
    ),
    ("kms:RetireGrant", "for repositories encrypted with a key of KMS's"),
    (
        "lambda:DeleteProvisionedConcurrencyConfig",
        "for targets that are functions",
    ),
    (
        "lambda:GetProvisionedConcurrencyConfig",
        "for targets that are functions",
    ),
    (
        "lambda:PutProvisionedConcurrencyConfig",
        "for targets that are functions",
    ),
];

/// What a handler that publishes no list needs: the type, and the calls of its operations.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html>
pub(super) const UNPUBLISHED: &[(&str, &[&str])] = &[(
    "AWS::CodeBuild::Project",
    &[
        "codebuild:BatchGetProjects",
        "codebuild:CreateProject",
        "codebuild:DeleteProject",
        "codebuild:UpdateProject",
        "iam:PassRole",
    ],
)];
