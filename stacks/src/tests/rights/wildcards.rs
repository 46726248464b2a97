//! Every wildcard in a policy, and why it is there.

use super::Reasons;

/// Role and statement, what is wide, and the reason.
pub(super) const WILDCARDS: &Reasons = &[
    (
        "OneboxExecutionRole SignIn: Resource *",
        "ecr:GetAuthorizationToken knows no narrower resource than the whole registry",
    ),
    (
        "OneboxExecutionRole WriteLogs: Resource OneboxLogGroup.Arn",
        "the streams of the stage's own log group, whose names ECS chooses",
    ),
    (
        "OneboxTaskRole WriteMetrics: Resource *",
        "cloudwatch:PutMetricData knows no resource; a condition limits it to the service's own namespace",
    ),
    (
        "FleetExecutionRole SignIn: Resource *",
        "ecr:GetAuthorizationToken knows no narrower resource than the whole registry",
    ),
    (
        "FleetExecutionRole WriteLogs: Resource FleetLogGroup.Arn",
        "the streams of the stage's own log group, whose names ECS chooses",
    ),
    (
        "FleetTaskRole WriteMetrics: Resource *",
        "cloudwatch:PutMetricData knows no resource; a condition limits it to the service's own namespace",
    ),
    (
        "BuildRole WriteLogs: Resource BuildLogGroup.Arn",
        "the streams of the project's own log group, whose names CodeBuild chooses",
    ),
    (
        "BuildRole ReadArtifacts: Resource ${ArtifactBucket.Arn}/*",
        "objects in the pipeline's own bucket, whose names CodePipeline chooses",
    ),
    (
        "UpdatePipelineRole WriteLogs: Resource UpdatePipelineLogGroup.Arn",
        "the streams of the project's own log group, whose names CodeBuild chooses",
    ),
    (
        "UpdatePipelineRole ReadArtifacts: Resource ${ArtifactBucket.Arn}/*",
        "objects in the pipeline's own bucket, whose names CodePipeline chooses",
    ),
    (
        "DeployRole WriteLogs: Resource DeployLogGroup.Arn",
        "the streams of the project's own log group, whose names CodeBuild chooses",
    ),
    (
        "DeployRole ReadArtifacts: Resource ${ArtifactBucket.Arn}/*",
        "objects in the pipeline's own bucket, whose names CodePipeline chooses",
    ),
    (
        "BuildRole WriteArtifacts: Resource ${ArtifactBucket.Arn}/*",
        "objects in the pipeline's own bucket, whose names CodePipeline chooses",
    ),
    (
        "PipelineRole ReadArtifacts: Resource ${ArtifactBucket.Arn}/*",
        "objects in the pipeline's own bucket, whose names CodePipeline chooses",
    ),
    (
        "PipelineRole WriteArtifacts: Resource ${ArtifactBucket.Arn}/*",
        "objects in the pipeline's own bucket, whose names CodePipeline chooses",
    ),
    (
        "BuildRole SignIn: Resource *",
        "ecr:GetAuthorizationToken knows no narrower resource than the whole registry",
    ),
    (
        "BuildRole FindRepository: Resource arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/OneBoxDeploymentOnECS-Foundation-Prod/*",
        "a stack by its name, whose id AWS chooses",
    ),
    (
        "UpdatePipelineRole CompareFoundations: Resource arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/OneBoxDeploymentOnECS-Foundation-Deployments/*",
        "a stack by its name, whose id AWS chooses",
    ),
    (
        "UpdatePipelineRole ChangeStack: Resource arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/OneBoxDeploymentOnECS-Toolchain-Deployments/*",
        "a stack by its name, whose id AWS chooses",
    ),
    (
        "DeployRole ChangeStacks: Resource arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/OneBoxDeploymentOnECS-Foundation-Prod/*",
        "a stack by its name, whose id AWS chooses",
    ),
    (
        "DeployRole ChangeStacks: Resource arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/OneBoxDeploymentOnECS-Service-Prod/*",
        "a stack by its name, whose id AWS chooses",
    ),
    (
        "DeployRole LookAtCluster: Resource arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:service/OneBoxDeploymentOnECS-Prod/*",
        "what is in production's own cluster, whose ids ECS chooses",
    ),
    (
        "DeployRole LookAtCluster: Resource arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task/OneBoxDeploymentOnECS-Prod/*",
        "what is in production's own cluster, whose ids ECS chooses",
    ),
    (
        "DeployRole SignIn: Resource *",
        "ecr:GetAuthorizationToken knows no narrower resource than the whole registry",
    ),
    (
        "DeployRole ListTasks: Resource *",
        "ecs:ListTasks knows no resource but container instances; a condition limits it to production's own cluster",
    ),
    (
        "DeployRole LookAtMetrics: Resource *",
        "the descriptions of metrics, alarms and task definitions know no narrower resource; they only read",
    ),
    (
        "DeployRole ReadLogs: Resource arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/OneBoxDeploymentOnECS/Prod/*:log-stream:*",
        "the streams of production's own groups, a stream a task, whose ids ECS chooses",
    ),
    (
        "ProductionDeploymentRole Alarms: Resource arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:OneBoxDeploymentOnECS-Prod-*",
        "the alarms of production, by the prefix of their names",
    ),
    (
        "ProductionDeploymentRole Cluster: Resource arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:service-deployment/OneBoxDeploymentOnECS-Prod/*",
        "what is in production's own cluster, whose ids ECS chooses",
    ),
    (
        "ProductionDeploymentRole Cluster: Resource arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:service/OneBoxDeploymentOnECS-Prod/*",
        "what is in production's own cluster, whose ids ECS chooses",
    ),
    (
        "ProductionDeploymentRole Cluster: Resource arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task-definition/OneBoxDeploymentOnECS-Prod-*",
        "the task definitions of production's two stages, whose revisions ECS numbers",
    ),
    (
        "ProductionDeploymentRole LoadBalancers: Resource arn:${AWS::Partition}:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:listener-rule/app/OneBo*",
        "names that CloudFormation makes up, beginning with the stack's first characters",
    ),
    (
        "ProductionDeploymentRole LoadBalancers: Resource arn:${AWS::Partition}:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:listener/app/OneBo*",
        "names that CloudFormation makes up, beginning with the stack's first characters",
    ),
    (
        "ProductionDeploymentRole LoadBalancers: Resource arn:${AWS::Partition}:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:loadbalancer/app/OneBo*",
        "names that CloudFormation makes up, beginning with the stack's first characters",
    ),
    (
        "ProductionDeploymentRole LoadBalancers: Resource arn:${AWS::Partition}:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:targetgroup/OneBo*",
        "names that CloudFormation makes up, beginning with the stack's first characters",
    ),
    (
        "ProductionDeploymentRole LogGroups: Resource arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/OneBoxDeploymentOnECS/Prod/*",
        "the log groups of production's two stages",
    ),
    (
        "ProductionDeploymentRole LookAtLoadBalancers: Resource *",
        "the load balancer's descriptions know no narrower resource; they only read",
    ),
    (
        "ProductionDeploymentRole LookAtLogGroups: Resource *",
        "these descriptions know no narrower resource; they only read",
    ),
    (
        "ProductionDeploymentRole LookAtMetrics: Resource *",
        "CloudWatch's descriptions know no narrower resource; they only read",
    ),
    (
        "ProductionDeploymentRole Network: Resource *",
        "EC2 chooses the ids, so nothing of ours can be named beforehand; the stack's own region only",
    ),
    (
        "ProductionDeploymentRole Scaling: Resource *",
        "Application Auto Scaling chooses the ids; the stack's own region only",
    ),
    (
        "ProductionDeploymentRole TaskDefinitions: Resource *",
        "to register and deregister task definitions, ECS knows no narrower resource",
    ),
    (
        "ProductionDeploymentRole PassRoles: Resource arn:${AWS::Partition}:iam::${AWS::AccountId}:role/OneBoxDeploymentOnECS/Prod/*",
        "the roles of production's tasks, by their path; to ECS's tasks only",
    ),
    (
        "ProductionDeploymentRole Roles: Resource arn:${AWS::Partition}:iam::${AWS::AccountId}:role/OneBoxDeploymentOnECS/Prod/*",
        "the roles of production's tasks, by their path",
    ),
    (
        "ProductionDeploymentRole PassRoles: Resource arn:${AWS::Partition}:iam::${AWS::AccountId}:role/OneBoxDeploymentOnECS-Service-Prod-*",
        "the roles of the service stack, whose names CloudFormation makes up; to ECS's tasks only",
    ),
    (
        "ProductionDeploymentRole Roles: Resource arn:${AWS::Partition}:iam::${AWS::AccountId}:role/OneBoxDeploymentOnECS-Service-Prod-*",
        "the roles of the service stack, whose names CloudFormation makes up",
    ),
    (
        "ToolchainDeploymentRole Buckets: Resource arn:${AWS::Partition}:s3:::oneboxdeploymentonecs-*",
        "the bucket, whose name CloudFormation makes up, beginning with the stack's",
    ),
    (
        "ToolchainDeploymentRole LogGroups: Resource arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/codebuild/OneBoxDeploymentOnECS-*",
        "the log groups of the pipeline's projects",
    ),
    (
        "ToolchainDeploymentRole LookAtLogGroups: Resource *",
        "these descriptions know no narrower resource; they only read",
    ),
    (
        "ToolchainDeploymentRole PassRoles: Resource arn:${AWS::Partition}:iam::${AWS::AccountId}:role/OneBoxDeploymentOnECS/Deployments/*",
        "the pipeline's roles, by their path; to the services that take them only",
    ),
    (
        "ToolchainDeploymentRole Roles: Resource arn:${AWS::Partition}:iam::${AWS::AccountId}:role/OneBoxDeploymentOnECS/Deployments/*",
        "the pipeline's roles, by their path",
    ),
    (
        "ToolchainDeploymentRole Projects: Resource arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/OneBoxDeploymentOnECS-*",
        "the pipeline's projects, by the prefix of their names",
    ),
    (
        "ToolchainDeploymentRole Projects: Resource arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:report-group/OneBoxDeploymentOnECS-*",
        "the test reports, by the prefix of their name",
    ),
    (
        "ToolchainDeploymentRole Rules: Resource arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/OneBoxDeploymentOnECS-*",
        "the pipeline's rules, by the prefix of their names",
    ),
    (
        "ToolchainDeploymentRole Topics: Resource arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:OneBoxDeploymentOnECS-*",
        "the topic of failures, by the prefix of its name",
    ),
];
