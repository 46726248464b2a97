//! What the container and the service agree on.

/// The name of the container in the task definitions, and of the target that the load balancer's listeners reach.
pub const CONTAINER_NAME: &str = "service";

/// The port that the service listens on: above 1024, so that a non-root user may bind it.
pub const CONTAINER_PORT: u16 = 8080;

/// The path that health checks ask for: the service's own main answer, so that a healthy target is one that serves.
pub const HEALTH_CHECK_PATH: &str = "/";

/// The body of the response to `GET /`, which probes check.
pub const STATUS_BODY: &str = r#"{"status": "OK"}"#;

/// Environment variable: the deployment stage that a task belongs to, `onebox` or `fleet`.
pub const STAGE_VARIABLE: &str = "SERVICE_STAGE";

/// Environment variable: the release that a task runs, `sha256:` and 64 hexadecimal digits; unset or empty means none.
pub const RELEASE_VARIABLE: &str = "SERVICE_RELEASE";

/// Environment variable: the faults to inject, comma-separated; unset or empty means none. An image may carry it.
pub const FAULT_VARIABLE: &str = "SERVICE_FAULT";

/// The CloudWatch namespace of the service's own metrics; the task role may write to no other.
pub const METRIC_NAMESPACE: &str = crate::APPLICATION_NAME;

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
