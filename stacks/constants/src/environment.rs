//! What differs between environments, and what their stacks are called.

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

/// The account that the sandbox belongs in, any other being refused: none, so that whoever tries it uses their own.
pub const SANDBOX_ACCOUNT: Option<&str> = None;

/// The account that source and pipeline belong in; none until there is one.
pub const DEPLOYMENTS_ACCOUNT: Option<&str> = None;

/// The account that production belongs in; none until there is one. Set it before customers come.
pub const PRODUCTION_ACCOUNT: Option<&str> = None;
