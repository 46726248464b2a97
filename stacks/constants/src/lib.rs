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

    const _: () = assert!(REQUEST_TIMEOUT_SECONDS < STOP_TIMEOUT_SECONDS);
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
