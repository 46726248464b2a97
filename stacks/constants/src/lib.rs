//! Names, ports, weights and thresholds, each with its reason.
//!
//! Everything that two of the service, the templates and the command line must agree on stands here once.
//! Units are in the names; relations between values are asserted at compile time.

/// The application's name: the prefix of every stack, cluster and service name.
pub const APPLICATION_NAME: &str = "OneBoxDeploymentOnECS";

/// The region used when neither a flag, the environment nor a profile names one.
pub const DEFAULT_REGION: &str = "us-east-1";

/// What the container and the service agree on.
pub mod service {
    /// The name of the container in the task definitions, and of the target that the load balancer's listeners reach.
    pub const CONTAINER_NAME: &str = "service";

    /// The port that the service listens on: above 1024, so that a non-root user may bind it.
    pub const CONTAINER_PORT: u16 = 8080;

    /// The path that health checks ask for: the service's own main answer, so that a healthy target is one that serves.
    pub const HEALTH_CHECK_PATH: &str = "/";

    /// Environment variable: the deployment stage that a task belongs to, `onebox` or `fleet`.
    pub const STAGE_VARIABLE: &str = "SERVICE_STAGE";

    /// Environment variable: the faults to inject, comma-separated; unset or empty means none.
    pub const FAULT_VARIABLE: &str = "SERVICE_FAULT";

    /// Environment variable: the port to listen on.
    pub const PORT_VARIABLE: &str = "PORT";

    /// Environment variable: the IP address to listen on.
    ///
    /// Unset on AWS, where a task has a network interface of its own and the service listens on every address.
    /// A host that runs tasks as plain processes sets it, because there each task gets one loopback address.
    pub const ADDRESS_VARIABLE: &str = "BIND_ADDRESS";

    /// The longest that a request may take, in seconds, before the service answers 503.
    ///
    /// Below the load balancer's idle timeout (60 s, after which it answers 504 itself) and below the deregistration
    /// delay, so that a request in flight at the start of a deployment ends before its task is stopped.
    pub const REQUEST_TIMEOUT_SECONDS: u64 = 20;

    /// Seconds between SIGTERM and SIGKILL: ECS's default on Fargate, named so that the service can be tested to end within it.
    pub const STOP_TIMEOUT_SECONDS: u64 = 30;

    /// The user and group that the process runs as: no name in the image is needed, and no right comes with it.
    pub const USER: &str = "65532:65532";

    const _: () = assert!(REQUEST_TIMEOUT_SECONDS < STOP_TIMEOUT_SECONDS);
    const _: () = assert!(CONTAINER_PORT >= 1024);
}

/// The two stages of a deployment.
pub mod stage {
    /// The stage that a change reaches first.
    pub const ONEBOX: &str = "onebox";

    /// The stage that serves nearly all requests.
    pub const FLEET: &str = "fleet";

    /// The header that every response carries, and by which a request reaches one stage directly.
    pub const HEADER: &str = "x-deployment-stage";
}

/// The CPU architecture, one constant that feeds compile target, image and task definition.
pub mod architecture {
    /// A CPU architecture that Fargate offers.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Architecture {
        /// 64-bit x86.
        X86_64,
        /// 64-bit Arm: Graviton.
        Arm64,
    }

    /// The architecture that the service is compiled for and runs on.
    pub const ARCHITECTURE: Architecture = Architecture::X86_64;

    impl Architecture {
        /// The Rust target triple: static glibc links on any Linux host with a C compiler, without a further toolchain.
        pub const fn rust_target(self) -> &'static str {
            match self {
                Self::X86_64 => "x86_64-unknown-linux-gnu",
                Self::Arm64 => "aarch64-unknown-linux-gnu",
            }
        }

        /// The name in an OCI image's configuration.
        pub const fn oci(self) -> &'static str {
            match self {
                Self::X86_64 => "amd64",
                Self::Arm64 => "arm64",
            }
        }

        /// The name in a task definition's `RuntimePlatform`.
        pub const fn ecs(self) -> &'static str {
            match self {
                Self::X86_64 => "X86_64",
                Self::Arm64 => "ARM64",
            }
        }
    }
}

/// What differs between environments, and what their stacks are called.
pub mod environment {
    /// What the stacks of the environment in which a developer tries things out end in.
    pub const SANDBOX: &str = "Sandbox";

    /// What the stacks of the environment that holds source and pipeline end in.
    pub const DEPLOYMENTS: &str = "Deployments";

    /// What the stacks of the environment that customers use end in.
    pub const PRODUCTION: &str = "Prod";

    /// NAT gateways in the sandbox: one is cheap, and a zone's failure there harms nobody.
    pub const SANDBOX_NAT_GATEWAYS: usize = 1;

    /// NAT gateways in production: one in each zone, so that the loss of a zone leaves the others whole.
    pub const PRODUCTION_NAT_GATEWAYS: usize = crate::network::ZONES;

    /// Days that the sandbox keeps logs: long enough to look back over a week.
    pub const SANDBOX_LOG_RETENTION_DAYS: i64 = 7;

    /// Days that production keeps logs: long enough to look back over a quarter.
    pub const PRODUCTION_LOG_RETENTION_DAYS: i64 = 90;

    const _: () = assert!(1 <= SANDBOX_NAT_GATEWAYS && SANDBOX_NAT_GATEWAYS <= crate::network::ZONES);
    const _: () = assert!(SANDBOX_LOG_RETENTION_DAYS <= PRODUCTION_LOG_RETENTION_DAYS);
}

/// The network that the service runs in.
pub mod network {
    /// Availability zones: three, so that the loss of one leaves two thirds.
    pub const ZONES: usize = 3;

    /// The network's addresses. Nothing is peered with it, so every environment can use the same.
    pub const CIDR: &str = "10.0.0.0/16";

    /// The subnets of the load balancer and the NAT gateways, one a zone.
    pub const PUBLIC_CIDRS: [&str; ZONES] = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"];

    /// The subnets of the tasks, one a zone.
    pub const PRIVATE_CIDRS: [&str; ZONES] = ["10.0.16.0/20", "10.0.32.0/20", "10.0.48.0/20"];

    /// Length of the private subnets' prefix.
    const PRIVATE_PREFIX: u32 = 20;

    /// Addresses that AWS keeps in each subnet.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>
    const RESERVED_ADDRESSES: u32 = 5;

    /// Addresses that tasks can take in each zone: every task has one of its own.
    pub const TASKS_PER_ZONE: u32 = (1 << (32 - PRIVATE_PREFIX)) - RESERVED_ADDRESSES;

    /// Every address there is.
    pub const ANYWHERE: &str = "0.0.0.0/0";

    /// The port of HTTPS, by which tasks fetch their image and send their logs.
    pub const HTTPS_PORT: u16 = 443;

    // Both stages at their largest, doubled by a deployment, with one zone lost.
    const _: () = assert!(
        (crate::capacity::ONEBOX_MAXIMUM + crate::capacity::FLEET_MAXIMUM) * crate::deployment::MAXIMUM_PERCENT / 100
            <= TASKS_PER_ZONE as i64 * (ZONES as i64 - 1)
    );
}

/// The load balancer: who gets which share, and who counts as healthy.
pub mod load_balancer {
    /// The port that clients use.
    pub const LISTENER_PORT: u16 = 80;

    /// Onebox's share of the requests, in per cent: enough to notice a fault, few enough to bear it.
    pub const ONEBOX_WEIGHT: i64 = 1;

    /// Fleet's share of the requests, in per cent.
    pub const FLEET_WEIGHT: i64 = 99;

    /// Where the rule that sends marked requests to Onebox stands among the listener's rules.
    pub const ONEBOX_RULE_PRIORITY: i64 = 1;

    /// Where the rule that sends marked requests to Fleet stands among the listener's rules.
    pub const FLEET_RULE_PRIORITY: i64 = 2;

    /// Seconds without data after which the load balancer gives a request up: AWS's default, above the service's own limit,
    /// so that it is the service that answers.
    pub const IDLE_TIMEOUT_SECONDS: i64 = 60;

    /// Seconds that a target which is leaving may still finish requests: more than any request may take, and as short as
    /// that allows, because a deployment waits for it at every task.
    pub const DEREGISTRATION_DELAY_SECONDS: i64 = 30;

    /// Seconds between health checks of a target.
    pub const HEALTH_CHECK_INTERVAL_SECONDS: i64 = 15;

    /// Seconds after which a health check that has no answer has failed.
    pub const HEALTH_CHECK_TIMEOUT_SECONDS: i64 = 10;

    /// Successes in a row that make an unhealthy target healthy. A new target needs one only.
    pub const HEALTHY_THRESHOLD: i64 = 2;

    /// Failures in a row that make a target unhealthy: AWS's default, so that one lost packet costs no task.
    pub const UNHEALTHY_THRESHOLD: i64 = 2;

    /// The status that a healthy target answers.
    pub const HEALTHY_STATUS: &str = "200";

    const _: () = assert!(ONEBOX_WEIGHT + FLEET_WEIGHT == 100);
    const _: () = assert!(0 < ONEBOX_WEIGHT && ONEBOX_WEIGHT < FLEET_WEIGHT);
    const _: () = assert!(ONEBOX_RULE_PRIORITY != FLEET_RULE_PRIORITY);
    const _: () = assert!(HEALTH_CHECK_TIMEOUT_SECONDS < HEALTH_CHECK_INTERVAL_SECONDS);
    const _: () = assert!(crate::service::REQUEST_TIMEOUT_SECONDS < IDLE_TIMEOUT_SECONDS as u64);
    const _: () = assert!(crate::service::REQUEST_TIMEOUT_SECONDS <= DEREGISTRATION_DELAY_SECONDS as u64);
}

/// How much of everything there is.
pub mod capacity {
    /// CPU units of a task; 1,024 are one virtual CPU.
    pub const CPU_UNITS: u32 = 512;

    /// Memory of a task in MiB.
    pub const MEMORY_MIB: u32 = 2048;

    /// The fewest Onebox tasks: one for each zone.
    pub const ONEBOX_MINIMUM: i64 = 3;

    /// The most Onebox tasks.
    pub const ONEBOX_MAXIMUM: i64 = 10;

    /// The fewest Fleet tasks.
    pub const FLEET_MINIMUM: i64 = 10;

    /// The most Fleet tasks.
    pub const FLEET_MAXIMUM: i64 = 1000;

    /// The CPU use that scaling aims at, in per cent: the rest carries the load of a lost zone until new tasks run.
    pub const CPU_TARGET_PERCENT: u8 = 75;

    // Fargate's sizes: 0.5 virtual CPU goes with 1 to 4 GiB, in whole GiB.
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
    const _: () = assert!(CPU_UNITS == 512);
    const _: () = assert!(MEMORY_MIB.is_multiple_of(1024) && 1024 <= MEMORY_MIB && MEMORY_MIB <= 4096);
    const _: () = assert!(ONEBOX_MINIMUM as usize >= crate::network::ZONES);
    const _: () = assert!(ONEBOX_MINIMUM <= ONEBOX_MAXIMUM && FLEET_MINIMUM <= FLEET_MAXIMUM);
    const _: () = assert!(ONEBOX_MINIMUM < FLEET_MINIMUM);
    const _: () = assert!(0 < CPU_TARGET_PERCENT && CPU_TARGET_PERCENT < 100);
}

/// How a change replaces what runs.
pub mod deployment {
    /// The share of the desired tasks that stays healthy throughout, in per cent: all of them.
    pub const MINIMUM_HEALTHY_PERCENT: i64 = 100;

    /// The share of the desired tasks that may exist at once, in per cent: the new beside the old.
    pub const MAXIMUM_PERCENT: i64 = 200;

    /// Minutes that the alarms go on watching once the new tasks alone serve: the alarms' window and a minute for the
    /// metrics to arrive.
    pub const BAKE_MINUTES: i64 = 5;

    const _: () = assert!(0 < MINIMUM_HEALTHY_PERCENT && MINIMUM_HEALTHY_PERCENT <= 100);
    // A deployment of one task must be able to start or to stop one.
    const _: () = assert!(MAXIMUM_PERCENT >= 200 || MINIMUM_HEALTHY_PERCENT == 0);
    const _: () = assert!(BAKE_MINUTES * 60 >= crate::alarm::EVALUATION_PERIODS * crate::alarm::PERIOD_SECONDS + 60);
}

/// When a deployment is called bad.
pub mod alarm {
    /// Seconds in a period: the finest that the load balancer's metrics have.
    pub const PERIOD_SECONDS: i64 = 60;

    /// The latest periods that are looked at.
    pub const EVALUATION_PERIODS: i64 = 4;

    /// How many of them must breach: more than a blip, and one may be missing.
    pub const DATAPOINTS_TO_ALARM: i64 = 3;

    /// Seconds of response time, the mean of the slowest tenth, at which a period breaches.
    pub const RESPONSE_TIME_SECONDS: u8 = 3;

    /// The statistic of the response time: the mean of the slowest tenth, because an average hides them.
    pub const RESPONSE_TIME_STATISTIC: &str = "TM(90%:100%)";

    /// The share of answers with a 5xx status, in per cent, at which a period breaches.
    pub const SERVER_ERROR_PERCENT: u8 = 5;

    /// Connections to targets that failed, a period, at which it breaches: tasks that are replaced in order cause none.
    pub const CONNECTION_ERRORS: u8 = 1;

    const _: () = assert!(1 <= DATAPOINTS_TO_ALARM && DATAPOINTS_TO_ALARM <= EVALUATION_PERIODS);
    // An alarm's window is at most a day.
    const _: () = assert!(EVALUATION_PERIODS * PERIOD_SECONDS <= 86_400);
    // A request that hangs until the service gives it up has breached.
    const _: () = assert!((RESPONSE_TIME_SECONDS as u64) < crate::service::REQUEST_TIMEOUT_SECONDS);
}

/// The repository that images are pushed to.
pub mod image_repository {
    /// The application's name as a repository's may be: lower case.
    pub const PREFIX: &str = "oneboxdeploymentonecs";

    /// How many images are kept: enough to roll back to, far more than the two that run.
    pub const IMAGES_KEPT: u16 = 100;

    const _: () = assert!(IMAGES_KEPT > 2);
}
