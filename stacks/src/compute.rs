//! The tasks: what they are, how many, and how a change replaces them.

use cloudformation::generated::application_auto_scaling_scaling_policy::{
    PolicyType, PredefinedMetricSpecification, PredefinedMetricSpecificationPredefinedMetricType as MetricType,
    ScalingPolicy, ScalingPolicyRequired, TargetTrackingScalingPolicyConfiguration,
};
use cloudformation::generated::ec2_security_group::{Egress, Ingress, SecurityGroup};
use cloudformation::generated::ec2_security_group_egress::SecurityGroupEgress;
use cloudformation::generated::ecs_cluster::{Cluster, ClusterSettings};
use cloudformation::generated::ecs_service::{
    AwsVpcConfiguration, AwsVpcConfigurationAssignPublicIp as AssignPublicIp, DeploymentCircuitBreaker,
    DeploymentCircuitBreakerRequired, DeploymentConfiguration, NetworkConfiguration, Service,
};
use cloudformation::generated::ecs_task_definition::{
    KeyValuePair, KeyValuePairRequired, LogConfiguration, LogConfigurationLogDriver as LogDriver, RuntimePlatform,
    RuntimePlatformCpuArchitecture as CpuArchitecture, RuntimePlatformOperatingSystemFamily as OperatingSystemFamily,
};
use cloudformation::generated::logs_log_group::LogGroup;
use cloudformation::relations::{FargateSize, FargateTask, Route, ServingContainer};
use cloudformation::{Handle, Integer, Map, Options, Template, Value, list, region};
use constants::APPLICATION_NAME;
use constants::architecture::{ARCHITECTURE, Architecture};
use constants::capacity::{CPU_TARGET_PERCENT, CPU_UNITS, MEMORY_MIB};
use constants::network::{ANYWHERE, HTTPS_PORT};
use constants::service::{CONTAINER_PORT, PORT_VARIABLE, RELEASE_VARIABLE, STAGE_VARIABLE, STOP_TIMEOUT_SECONDS, USER};

use crate::alarms::{Alarms, BAKE_TIME};
use crate::endpoint::Web;
use crate::network::Network;
use crate::permissions::Roles;
use crate::reverse_proxy::ReverseProxy;
use crate::stage::PerStage;
use crate::{Environment, Stage};

const PORT: Integer<-1, 65535> = Integer::constant(CONTAINER_PORT as i64);

const SIZE: FargateSize = FargateSize::new(CPU_UNITS, MEMORY_MIB);

/// What the tasks stand on.
pub(crate) struct Surroundings<'a> {
    pub(crate) environment: Environment,
    pub(crate) network: &'a Network,
    pub(crate) proxy: &'a ReverseProxy,
    pub(crate) cluster: &'a Handle<Cluster>,
    pub(crate) log_groups: &'a PerStage<Handle<LogGroup>>,
    pub(crate) roles: &'a PerStage<Roles>,
    pub(crate) alarms: &'a Alarms,
    pub(crate) revisions: &'a PerStage<Revision>,
}

/// What a stage runs: parameters.
pub(crate) struct Revision {
    pub(crate) image: Value<String>,
    pub(crate) release: Value<String>,
}

/// Adds the cluster to a template. Container Insights makes the metrics that tell how many tasks run.
pub(crate) fn add_cluster(template: &mut Template, environment: Environment) -> Handle<Cluster> {
    let insights = ClusterSettings::new().name("containerInsights").value("enabled");
    let cluster = Cluster::new()
        .cluster_name(environment.cluster_name())
        .cluster_settings([insights]);
    template.add("Cluster", "Holds both stages' services.", cluster)
}

/// Adds the services of both stages, with their tasks and scaling.
pub(crate) fn add_services(template: &mut Template, surroundings: &Surroundings<'_>) -> PerStage<Handle<Service>> {
    let accesses = PerStage::add(template, |template, stage| surroundings.add_access(template, stage));
    let tasks = PerStage::add(template, |template, stage| {
        let task = surroundings.task(stage);
        task.add(
            template,
            stage.logical_id("TaskDefinition"),
            "What a task of the stage is.",
        )
    });
    let mut add_service = |stage: Stage, why, before: Option<&Handle<Service>>| {
        stage.within(template, |template| {
            let id = stage.logical_id("Service");
            let service = surroundings.service(stage, accesses.of(stage));
            let route = surroundings.route(stage, accesses.of(stage), before);
            let service = route.add_service(template, id, why, tasks.of(stage), service);
            add_scaling(template, stage, surroundings.cluster, &service);
            service
        })
    };
    let onebox = add_service(Stage::Onebox, "Gets a change first, with few requests.", None);
    // CloudFormation updates in this order and waits for Onebox to be stable, bake time and alarms included: a change
    // that fails there never reaches Fleet.
    let fleet = add_service(Stage::Fleet, "Gets a change after Onebox succeeds.", Some(&onebox));
    PerStage { onebox, fleet }
}

/// How requests get into a stage's tasks: the tasks' security group, and the load balancer's rule towards it.
struct TaskAccess {
    security_group: Handle<SecurityGroup>,
    egress: Handle<SecurityGroupEgress>,
}

impl Surroundings<'_> {
    fn add_access(&self, template: &mut Template, stage: Stage) -> TaskAccess {
        let security_group = template.add(
            stage.logical_id("TaskSecurityGroup"),
            "Only the load balancer reaches the stage's tasks.",
            self.security_group(),
        );
        let egress = self.proxy.add_egress(template, stage, &security_group);
        TaskAccess { security_group, egress }
    }

    /// Only the load balancer reaches the tasks; they reach the registry and the logs.
    fn security_group(&self) -> SecurityGroup {
        const HTTPS: Integer<-1, 65535> = Integer::constant(HTTPS_PORT as i64);
        let requests = Ingress::new("tcp")
            .description("HTTP from the load balancer")
            .from_port(PORT)
            .source_security_group_id(self.proxy.security_group_id())
            .to_port(PORT);
        let images_and_logs = Egress::new("tcp")
            .cidr_ip(ANYWHERE)
            .description("HTTPS to the image registry and the logs")
            .from_port(HTTPS)
            .to_port(HTTPS);
        SecurityGroup::new("The tasks: HTTP from the load balancer, HTTPS to AWS")
            .security_group_egress([images_and_logs])
            .security_group_ingress([requests])
            .vpc_id(self.network.vpc_id())
    }

    /// Each stage has its own, so that an image changes in one without touching the other.
    fn task(&self, stage: Stage) -> FargateTask<Web> {
        let platform = RuntimePlatform::new()
            .cpu_architecture(cpu_architecture())
            .operating_system_family(OperatingSystemFamily::Linux);
        self.container(stage).task(&SIZE).with(|task| {
            task.execution_role_arn(self.roles.of(stage).execution.arn())
                .family(format!(
                    "{APPLICATION_NAME}-{}-{}",
                    self.environment.suffix(),
                    stage.name()
                ))
                .runtime_platform(platform)
                .task_role_arn(self.roles.of(stage).task.arn())
        })
    }

    fn container(&self, stage: Stage) -> ServingContainer<Web> {
        const STOP_TIMEOUT: Integer<0, 120> = Integer::constant(STOP_TIMEOUT_SECONDS.cast_signed());
        let variable = |name: &'static str, value: Value<String>| {
            KeyValuePair::new(KeyValuePairRequired {
                name: name.into(),
                value,
            })
        };
        let Revision { image, release } = self.revisions.of(stage);
        ServingContainer::new(image.clone()).with(|container| {
            container
                .environment([
                    variable(PORT_VARIABLE, CONTAINER_PORT.to_string().into()),
                    variable(STAGE_VARIABLE, stage.value().into()),
                    variable(RELEASE_VARIABLE, release.clone()),
                ])
                .essential(true)
                .log_configuration(self.log_configuration(stage))
                .readonly_root_filesystem(true)
                .stop_timeout(STOP_TIMEOUT)
                .user(USER)
        })
    }

    fn log_configuration(&self, stage: Stage) -> LogConfiguration {
        let options = Map::new()
            .with("awslogs-group", self.log_groups.of(stage).reference().text())
            .with("awslogs-region", region())
            .with("awslogs-stream-prefix", stage.value());
        LogConfiguration::new(LogDriver::Awslogs).options(options)
    }

    /// Without a desired count: the scalable target's minimum brings the tasks up, and no deployment resets a fleet that
    /// has scaled out.
    fn service(&self, stage: Stage, access: &TaskAccess) -> Service {
        let network = AwsVpcConfiguration::new(self.network.private_subnets())
            .assign_public_ip(AssignPublicIp::Disabled)
            .security_groups(list([access.security_group.group_id()]));
        Service::new()
            .cluster(self.cluster.reference())
            .deployment_configuration(self.deployment_configuration(stage))
            .network_configuration(NetworkConfiguration::new().awsvpc_configuration(network))
            .service_name(stage.service_name())
    }

    /// Rolling, never below the desired number of healthy tasks; back to what ran before when tasks don't start, or when
    /// an alarm fires before the bake time is over.
    fn deployment_configuration(&self, stage: Stage) -> DeploymentConfiguration {
        let circuit_breaker = DeploymentCircuitBreaker::new(DeploymentCircuitBreakerRequired {
            enable: true.into(),
            rollback: true.into(),
        });
        stage
            .rollout()
            .watched_by(&self.alarms.watching(stage), &BAKE_TIME)
            .deployment_circuit_breaker(circuit_breaker)
    }

    fn route(&self, stage: Stage, access: &TaskAccess, before: Option<&Handle<Service>>) -> Route<Web> {
        let options = match before {
            Some(service) => Options::new().depends_on(service),
            None => Options::new(),
        };
        let options = options.depends_on(&access.egress);
        self.proxy
            .route(stage, options)
            .with(|options| self.network.after_private_routing(options))
    }
}

fn cpu_architecture() -> CpuArchitecture {
    match ARCHITECTURE {
        Architecture::X86_64 => CpuArchitecture::X86_64,
        Architecture::Arm64 => CpuArchitecture::Arm64,
    }
}

fn add_scaling(template: &mut Template, stage: Stage, cluster: &Handle<Cluster>, service: &Handle<Service>) {
    let target = stage.capacity().of_service(cluster, &stage.service_name());
    let target = template.add_with(
        stage.logical_id("ScalableTarget"),
        "How many tasks there may be.",
        target,
        Options::new().depends_on(service),
    );
    let tracking = TargetTrackingScalingPolicyConfiguration::new(f64::from(CPU_TARGET_PERCENT))
        .predefined_metric_specification(PredefinedMetricSpecification::new(
            MetricType::EcsServiceAverageCpuUtilization,
        ));
    let policy = ScalingPolicy::new(ScalingPolicyRequired {
        policy_name: format!("{}-Cpu", stage.service_name()).into(),
        policy_type: PolicyType::TargetTrackingScaling.into(),
    })
    .scaling_target_id(target.reference())
    .target_tracking_scaling_policy_configuration(tracking);
    template.add(
        stage.logical_id("ScalingPolicy"),
        "More tasks under load, fewer after.",
        policy,
    );
}
