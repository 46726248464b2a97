//! The ledger itself.

use super::Fidelity::{self, Approximated, Exercised, Inert};

/// A resource type with its properties.
pub(super) type Chapter = (&'static str, &'static [(&'static str, Fidelity, &'static str)]);

const NO_NETWORK: &str = "every task and load balancer of this machine is on loopback, where nothing is routed";
const NO_FIREWALL: &str = "loopback has no firewall between tasks; nothing outside this machine reaches them";
const PASSED_ON: &str = "whether CloudFormation may pass the role on is judged; what ECS does in it isn't";
const TASK_ROLE: &str = "a task's calls are judged by the role's own policies, and whether CloudFormation may pass it on; its trust policy isn't";
pub(super) const OF_RESOURCES: &str = "policies of resources aren't judged: nobody reaches these but their own service";
pub(super) const TAG: &str = "a tag changes nothing; it is shown where AWS shows it";
pub(super) const NAME: &str = "the name is kept and shown";
const ONE_REGION: &str = "one machine has no zones: the zone is shown with the task";

pub(super) const LEDGER: &[Chapter] = &[
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        &[
            ("MaxCapacity", Exercised, ""),
            ("MinCapacity", Exercised, ""),
            ("ResourceId", Exercised, ""),
            ("ScalableDimension", Exercised, ""),
            ("ServiceNamespace", Exercised, ""),
        ],
    ),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        &[
            ("PolicyName", Exercised, ""),
            ("PolicyType", Inert, only!("TargetTrackingScaling")),
            ("ResourceId", Exercised, ""),
            ("ScalableDimension", Exercised, ""),
            ("ScalingTargetId", Exercised, ""),
            ("ServiceNamespace", Exercised, ""),
            ("TargetTrackingScalingPolicyConfiguration/DisableScaleIn", Exercised, ""),
            (
                "TargetTrackingScalingPolicyConfiguration/PredefinedMetricSpecification/PredefinedMetricType",
                Approximated,
                "the services' CPU or memory utilisation, measured on this machine: with processes a task may use more CPU than it reserves",
            ),
            (
                "TargetTrackingScalingPolicyConfiguration/ScaleInCooldown",
                Exercised,
                "",
            ),
            (
                "TargetTrackingScalingPolicyConfiguration/ScaleOutCooldown",
                Exercised,
                "",
            ),
            (
                "TargetTrackingScalingPolicyConfiguration/TargetValue",
                Approximated,
                "tasks are added after 3 minutes above it and taken away after 15 minutes more than a tenth below it, as users report of AWS; the alarms that AWS makes for it aren't shown",
            ),
        ],
    ),
    (
        "AWS::CloudWatch::Alarm",
        &[
            ("ActionsEnabled", Inert, NO_ACTIONS),
            ("AlarmActions/*", Inert, NO_ACTIONS),
            ("AlarmDescription", Inert, NAME),
            ("AlarmName", Exercised, ""),
            ("ComparisonOperator", Exercised, ""),
            ("DatapointsToAlarm", Exercised, ""),
            ("Dimensions/*/Name", Exercised, ""),
            ("Dimensions/*/Value", Exercised, ""),
            ("EvaluationPeriods", Approximated, RANGE),
            ("ExtendedStatistic", Approximated, HISTOGRAM),
            ("InsufficientDataActions/*", Inert, NO_ACTIONS),
            ("MetricName", Exercised, ""),
            ("Metrics/*/Expression", Approximated, METRIC_MATH),
            ("Metrics/*/Id", Exercised, ""),
            ("Metrics/*/Label", Inert, NAME),
            ("Metrics/*/MetricStat/Metric/Dimensions/*/Name", Exercised, ""),
            ("Metrics/*/MetricStat/Metric/Dimensions/*/Value", Exercised, ""),
            ("Metrics/*/MetricStat/Metric/MetricName", Exercised, ""),
            ("Metrics/*/MetricStat/Metric/Namespace", Exercised, ""),
            ("Metrics/*/MetricStat/Period", Approximated, PERIOD),
            ("Metrics/*/MetricStat/Stat", Approximated, HISTOGRAM),
            ("Metrics/*/ReturnData", Exercised, ""),
            ("Namespace", Exercised, ""),
            ("OKActions/*", Inert, NO_ACTIONS),
            ("Period", Approximated, PERIOD),
            ("Statistic", Exercised, ""),
            ("Tags/**", Inert, TAG),
            ("Threshold", Exercised, ""),
            ("TreatMissingData", Exercised, ""),
        ],
    ),
    (
        "AWS::EC2::EIP",
        &[("Domain", Inert, NO_NETWORK), ("Tags/**", Inert, TAG)],
    ),
    ("AWS::EC2::InternetGateway", &[("Tags/**", Inert, TAG)]),
    (
        "AWS::EC2::NatGateway",
        &[
            ("AllocationId", Inert, NO_NETWORK),
            ("ConnectivityType", Inert, NO_NETWORK),
            ("SubnetId", Inert, NO_NETWORK),
            ("Tags/**", Inert, TAG),
        ],
    ),
    (
        "AWS::EC2::Route",
        &[
            ("DestinationCidrBlock", Inert, NO_NETWORK),
            ("GatewayId", Inert, NO_NETWORK),
            ("NatGatewayId", Inert, NO_NETWORK),
            ("RouteTableId", Inert, NO_NETWORK),
        ],
    ),
    (
        "AWS::EC2::RouteTable",
        &[("Tags/**", Inert, TAG), ("VpcId", Inert, NO_NETWORK)],
    ),
    (
        "AWS::EC2::SecurityGroup",
        &[
            ("GroupDescription", Inert, NO_FIREWALL),
            ("GroupName", Inert, NO_FIREWALL),
            ("SecurityGroupEgress/**", Inert, NO_FIREWALL),
            ("SecurityGroupIngress/**", Inert, NO_FIREWALL),
            ("Tags/**", Inert, TAG),
            ("VpcId", Inert, NO_FIREWALL),
        ],
    ),
    (
        "AWS::EC2::SecurityGroupEgress",
        &[
            ("CidrIp", Inert, NO_FIREWALL),
            ("Description", Inert, NO_FIREWALL),
            ("DestinationSecurityGroupId", Inert, NO_FIREWALL),
            ("FromPort", Inert, NO_FIREWALL),
            ("GroupId", Inert, NO_FIREWALL),
            ("IpProtocol", Inert, NO_FIREWALL),
            ("ToPort", Inert, NO_FIREWALL),
        ],
    ),
    (
        "AWS::EC2::SecurityGroupIngress",
        &[
            ("CidrIp", Inert, NO_FIREWALL),
            ("Description", Inert, NO_FIREWALL),
            ("FromPort", Inert, NO_FIREWALL),
            ("GroupId", Inert, NO_FIREWALL),
            ("IpProtocol", Inert, NO_FIREWALL),
            ("SourceSecurityGroupId", Inert, NO_FIREWALL),
            ("ToPort", Inert, NO_FIREWALL),
        ],
    ),
    (
        "AWS::EC2::Subnet",
        &[
            ("AvailabilityZone", Approximated, ONE_REGION),
            (
                "CidrBlock",
                Approximated,
                "tasks are given addresses out of it, which are shown; they are reached on loopback",
            ),
            ("MapPublicIpOnLaunch", Inert, NO_NETWORK),
            ("Tags/**", Inert, TAG),
            ("VpcId", Inert, NO_NETWORK),
        ],
    ),
    (
        "AWS::EC2::SubnetRouteTableAssociation",
        &[("RouteTableId", Inert, NO_NETWORK), ("SubnetId", Inert, NO_NETWORK)],
    ),
    (
        "AWS::EC2::VPC",
        &[
            ("CidrBlock", Inert, NO_NETWORK),
            ("EnableDnsHostnames", Inert, NO_NETWORK),
            ("EnableDnsSupport", Inert, NO_NETWORK),
            ("Tags/**", Inert, TAG),
        ],
    ),
    (
        "AWS::EC2::VPCGatewayAttachment",
        &[("InternetGatewayId", Inert, NO_NETWORK), ("VpcId", Inert, NO_NETWORK)],
    ),
    (
        "AWS::ECR::Repository",
        &[
            ("EmptyOnDelete", Exercised, ""),
            (
                "EncryptionConfiguration/**",
                Inert,
                "the images lie in a folder that only its owner can read",
            ),
            ("ImageScanningConfiguration/**", Inert, "nothing scans images here"),
            ("ImageTagMutability", Exercised, ""),
            (
                "LifecyclePolicy/LifecyclePolicyText",
                Approximated,
                "evaluated at every push instead of within 24 hours; only expire, by count or by days since the push",
            ),
            ("RepositoryName", Exercised, ""),
            ("Tags/**", Inert, TAG),
        ],
    ),
    (
        "AWS::ECS::Cluster",
        &[
            ("ClusterName", Exercised, ""),
            ("ClusterSettings/*/Name", Exercised, ""),
            ("ClusterSettings/*/Value", Approximated, CONTAINER_INSIGHTS),
            ("Tags/**", Inert, TAG),
        ],
    ),
    (
        "AWS::ECS::Service",
        &[
            (
                "AvailabilityZoneRebalancing",
                Inert,
                "one machine has no zones to balance",
            ),
            ("Cluster", Exercised, ""),
            ("DeploymentConfiguration/Alarms/AlarmNames/*", Exercised, ""),
            (
                "DeploymentConfiguration/Alarms/Enable",
                Approximated,
                "the alarms are looked at every 10 s of AWS's time; AWS does not say how often it looks",
            ),
            ("DeploymentConfiguration/Alarms/Rollback", Exercised, ""),
            (
                "DeploymentConfiguration/BakeTimeInMinutes",
                Approximated,
                "a deployment with nothing to roll back to, a service's first, does not bake; AWS documents neither",
            ),
            ("DeploymentConfiguration/DeploymentCircuitBreaker/Enable", Exercised, ""),
            (
                "DeploymentConfiguration/DeploymentCircuitBreaker/ResetOnHealthyTask",
                Exercised,
                "",
            ),
            (
                "DeploymentConfiguration/DeploymentCircuitBreaker/Rollback",
                Exercised,
                "",
            ),
            (
                "DeploymentConfiguration/DeploymentCircuitBreaker/ThresholdConfiguration/Type",
                Exercised,
                "",
            ),
            (
                "DeploymentConfiguration/DeploymentCircuitBreaker/ThresholdConfiguration/Value",
                Exercised,
                "",
            ),
            ("DeploymentConfiguration/MaximumPercent", Exercised, ""),
            ("DeploymentConfiguration/MinimumHealthyPercent", Exercised, ""),
            ("DeploymentConfiguration/Strategy", Inert, only!("ROLLING")),
            ("DeploymentController/Type", Inert, only!("ECS")),
            ("DesiredCount", Exercised, ""),
            ("EnableECSManagedTags", Inert, TAG),
            ("HealthCheckGracePeriodSeconds", Exercised, ""),
            ("LaunchType", Inert, only!("FARGATE")),
            ("LoadBalancers/*/ContainerName", Exercised, ""),
            ("LoadBalancers/*/ContainerPort", Exercised, ""),
            ("LoadBalancers/*/TargetGroupArn", Exercised, ""),
            (
                "NetworkConfiguration/AwsvpcConfiguration/AssignPublicIp",
                Inert,
                NO_NETWORK,
            ),
            (
                "NetworkConfiguration/AwsvpcConfiguration/SecurityGroups/*",
                Inert,
                NO_FIREWALL,
            ),
            (
                "NetworkConfiguration/AwsvpcConfiguration/Subnets/*",
                Approximated,
                "tasks are spread over them and given addresses out of them, which are shown; they are reached on loopback",
            ),
            ("PlatformVersion", Inert, "there is one platform, this machine"),
            ("PropagateTags", Inert, TAG),
            ("SchedulingStrategy", Inert, only!("REPLICA")),
            ("ServiceName", Exercised, ""),
            ("Tags/**", Inert, TAG),
            ("TaskDefinition", Exercised, ""),
        ],
    ),
    (
        "AWS::ECS::TaskDefinition",
        &[
            ("ContainerDefinitions/*/Command/*", Exercised, ""),
            ("ContainerDefinitions/*/Cpu", Approximated, CPU),
            ("ContainerDefinitions/*/EntryPoint/*", Exercised, ""),
            ("ContainerDefinitions/*/Environment/*/Name", Exercised, ""),
            ("ContainerDefinitions/*/Environment/*/Value", Exercised, ""),
            (
                "ContainerDefinitions/*/Essential",
                Inert,
                "a task has one container, which is essential",
            ),
            ("ContainerDefinitions/*/Image", Exercised, ""),
            (
                "ContainerDefinitions/*/LogConfiguration/LogDriver",
                Inert,
                only!("awslogs"),
            ),
            (
                "ContainerDefinitions/*/LogConfiguration/Options/awslogs-group",
                Exercised,
                "",
            ),
            (
                "ContainerDefinitions/*/LogConfiguration/Options/awslogs-region",
                Inert,
                "there is one region here",
            ),
            (
                "ContainerDefinitions/*/LogConfiguration/Options/awslogs-stream-prefix",
                Exercised,
                "",
            ),
            (
                "ContainerDefinitions/*/LogConfiguration/Options/mode",
                Inert,
                "a task writes to a file, which never blocks for long, and is followed from there",
            ),
            ("ContainerDefinitions/*/Memory", Approximated, MEMORY),
            ("ContainerDefinitions/*/Name", Exercised, ""),
            (
                "ContainerDefinitions/*/PortMappings/*/ContainerPort",
                Approximated,
                "with processes the task gets a loopback address of its own and is told it in BIND_ADDRESS and PORT; in Docker the port is published on loopback",
            ),
            ("ContainerDefinitions/*/PortMappings/*/Name", Inert, NAME),
            (
                "ContainerDefinitions/*/PortMappings/*/Protocol",
                Inert,
                "targets are reached over TCP",
            ),
            (
                "ContainerDefinitions/*/ReadonlyRootFilesystem",
                Approximated,
                "in Docker as on AWS; with processes the image's files are read-only, but the machine's are in reach",
            ),
            ("ContainerDefinitions/*/StopTimeout", Exercised, ""),
            (
                "ContainerDefinitions/*/User",
                Approximated,
                "in Docker as on AWS; a process runs as the user who runs the local cloud",
            ),
            ("ContainerDefinitions/*/WorkingDirectory", Exercised, ""),
            ("Cpu", Approximated, CPU),
            ("ExecutionRoleArn", Approximated, PASSED_ON),
            ("Family", Exercised, ""),
            ("Memory", Approximated, MEMORY),
            ("NetworkMode", Inert, only!("awsvpc")),
            (
                "RequiresCompatibilities/*",
                Inert,
                "tasks run on this machine, whatever they are said to be fit for",
            ),
            (
                "RuntimePlatform/CpuArchitecture",
                Approximated,
                "the image's own architecture decides; one that isn't this machine's doesn't start",
            ),
            (
                "RuntimePlatform/OperatingSystemFamily",
                Inert,
                "tasks run on this machine's system",
            ),
            ("Tags/**", Inert, TAG),
            ("TaskRoleArn", Approximated, TASK_ROLE),
        ],
    ),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        &[
            ("DefaultActions/*/FixedResponseConfig/**", Exercised, ""),
            (
                "DefaultActions/*/ForwardConfig/TargetGroups/*/TargetGroupArn",
                Exercised,
                "",
            ),
            ("DefaultActions/*/ForwardConfig/TargetGroups/*/Weight", Exercised, ""),
            ("DefaultActions/*/RedirectConfig/**", Exercised, ""),
            ("DefaultActions/*/TargetGroupArn", Exercised, ""),
            ("DefaultActions/*/Type", Exercised, ""),
            ("LoadBalancerArn", Exercised, ""),
            (
                "Port",
                Approximated,
                "below 1024 only the superuser may listen, so the load balancer listens on the first free port from 8080, which its DNS name carries",
            ),
            ("Protocol", Inert, only!("HTTP")),
        ],
    ),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        &[
            ("Actions/*/FixedResponseConfig/**", Exercised, ""),
            ("Actions/*/ForwardConfig/TargetGroups/*/TargetGroupArn", Exercised, ""),
            ("Actions/*/ForwardConfig/TargetGroups/*/Weight", Exercised, ""),
            ("Actions/*/RedirectConfig/**", Exercised, ""),
            ("Actions/*/TargetGroupArn", Exercised, ""),
            ("Actions/*/Type", Exercised, ""),
            ("Conditions/*/Field", Exercised, ""),
            ("Conditions/*/HostHeaderConfig/Values/*", Exercised, ""),
            ("Conditions/*/HttpHeaderConfig/HttpHeaderName", Exercised, ""),
            ("Conditions/*/HttpHeaderConfig/Values/*", Exercised, ""),
            ("Conditions/*/HttpRequestMethodConfig/Values/*", Exercised, ""),
            ("Conditions/*/PathPatternConfig/Values/*", Exercised, ""),
            ("Conditions/*/QueryStringConfig/**", Exercised, ""),
            ("Conditions/*/SourceIpConfig/Values/*", Exercised, ""),
            ("Conditions/*/Values/*", Exercised, ""),
            ("ListenerArn", Exercised, ""),
            ("Priority", Exercised, ""),
        ],
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &[
            ("IpAddressType", Inert, NO_NETWORK),
            ("LoadBalancerAttributes/client_keep_alive.seconds", Exercised, ""),
            (
                "LoadBalancerAttributes/deletion_protection.enabled",
                Inert,
                "a local load balancer is as easily made again",
            ),
            ("LoadBalancerAttributes/idle_timeout.timeout_seconds", Exercised, ""),
            (
                "LoadBalancerAttributes/routing.http.drop_invalid_header_fields.enabled",
                Exercised,
                "",
            ),
            (
                "LoadBalancerAttributes/routing.http.xff_header_processing.mode",
                Exercised,
                "",
            ),
            ("Name", Exercised, ""),
            ("Scheme", Inert, "it listens on loopback only, whatever its scheme"),
            ("SecurityGroups/*", Inert, NO_FIREWALL),
            ("Subnets/*", Inert, NO_NETWORK),
            ("Tags/**", Inert, TAG),
            ("Type", Inert, only!("application")),
        ],
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        &[
            (
                "HealthCheckIntervalSeconds",
                Approximated,
                "while a new target refuses connections it is asked again sooner, so that it serves as soon as it listens",
            ),
            ("HealthCheckPath", Exercised, ""),
            ("HealthCheckPort", Exercised, ""),
            ("HealthCheckProtocol", Inert, only!("HTTP")),
            ("HealthCheckTimeoutSeconds", Exercised, ""),
            ("HealthyThresholdCount", Exercised, ""),
            ("Matcher/HttpCode", Exercised, ""),
            ("Name", Exercised, ""),
            (
                "Port",
                Inert,
                "a task is registered with its container's port, which overrides the group's",
            ),
            ("Protocol", Inert, only!("HTTP")),
            ("ProtocolVersion", Inert, only!("HTTP1")),
            ("Tags/**", Inert, TAG),
            (
                "TargetGroupAttributes/deregistration_delay.timeout_seconds",
                Exercised,
                "",
            ),
            ("TargetGroupAttributes/load_balancing.algorithm.type", Exercised, ""),
            ("TargetType", Inert, only!("ip")),
            ("UnhealthyThresholdCount", Exercised, ""),
            ("VpcId", Inert, NO_NETWORK),
        ],
    ),
    (
        "AWS::IAM::Role",
        &[
            (
                "AssumeRolePolicyDocument/**",
                Inert,
                "who may take a role isn't judged: a service takes the one that it is given",
            ),
            ("Description", Inert, NAME),
            (
                "ManagedPolicyArns/*",
                Inert,
                "what such a policy says isn't known here: the role may do what its own policies allow",
            ),
            ("Path", Exercised, ""),
            (
                "Policies/**",
                Approximated,
                "judged as IAM does, for what a build and CloudFormation do in the role; conditions compare texts, ARNs and booleans, and any other operator is refused, as policy variables are",
            ),
            ("RoleName", Exercised, ""),
            ("Tags/**", Inert, TAG),
        ],
    ),
    (
        "AWS::Logs::LogGroup",
        &[
            ("LogGroupName", Exercised, ""),
            (
                "RetentionInDays",
                Approximated,
                "older events are not shown; a stream keeps its newest 16 MiB and a group its newest 500 streams; without it, events are kept for 14 days",
            ),
            ("Tags/**", Inert, TAG),
        ],
    ),
];

const NO_ACTIONS: &str = "nothing here can be notified; who watches an alarm asks for its state";
const RANGE: &str =
    "two periods more than these are looked at in case some are missing; AWS documents that only for three periods";
const HISTOGRAM: &str = "response times are kept to 1/64 of their length";
const CONTAINER_INSIGHTS: &str = "enabled and enhanced are the same: the counts of each service's tasks and deployments (DesiredTaskCount, RunningTaskCount, PendingTaskCount, DeploymentCount), a sample a minute; no CPU, memory, network or task metrics";
const PERIOD: &str = "multiples of 60 s, which pass faster with --speed; a metric has one data point a minute";
const METRIC_MATH: &str = "arithmetic, comparisons, ABS, AVG, CEIL, FILL, FLOOR, IF, MAX, MIN, PERIOD, RATE and SUM; any other function is refused";
const CPU: &str = "a limit in Docker; measured only with processes";
const MEMORY: &str = "a limit in Docker; with processes looked at every second, and the task killed when above it";
