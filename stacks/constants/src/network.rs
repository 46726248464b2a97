//! The network that the service runs in.

/// Availability zones: three, so that the loss of one leaves two thirds.
pub const ZONES: usize = 3;

/// The network's addresses. Nothing is peered with it, so every environment can use the same.
pub const CIDR: &str = "10.0.0.0/16";

/// The subnets of the load balancer and the NAT gateways, one a zone.
pub const PUBLIC_CIDRS: [&str; ZONES] = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"];

/// The subnets of the tasks, one a zone.
pub const PRIVATE_CIDRS: [&str; ZONES] = ["10.0.16.0/20", "10.0.32.0/20", "10.0.48.0/20"];

/// Length of the private subnets' prefix.
const PRIVATE_PREFIX: i64 = 20;

/// Addresses that AWS keeps in each subnet.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>
const RESERVED_ADDRESSES: i64 = 5;

/// Addresses that tasks can take in each zone: every task has one of its own.
pub const TASKS_PER_ZONE: i64 = (1 << (32 - PRIVATE_PREFIX)) - RESERVED_ADDRESSES;

/// The zones that are left when one is lost.
pub const ZONES_BUT_ONE: i64 = 2;

/// Every address there is.
pub const ANYWHERE: &str = "0.0.0.0/0";

/// The port of HTTPS, by which tasks fetch their image and send their logs.
pub const HTTPS_PORT: u16 = 443;

const _: () = assert!(ZONES == 3 && ZONES_BUT_ONE == 2);
