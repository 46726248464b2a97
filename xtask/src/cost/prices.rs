//! AWS's list prices, in US dollars without tax: one region's, as data.
//!
//! Written down in November 2026. At each stands AWS's page with the price of today; `sources.rs` has the page that each was
//! compared with. They are what AWS asks of anyone, before free tiers, discounts and savings plans, and they change: check
//! them before anything depends on them. Other regions differ, mostly by a tenth or two.

/// What AWS asks in a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Prices {
    /// The region.
    pub(crate) region: &'static str,
    /// When the prices were written down.
    pub(crate) read: &'static str,
    /// Fargate, Linux on `X86_64`: a virtual CPU, an hour. <https://aws.amazon.com/fargate/pricing/>
    pub(crate) x86_cpu_hour: f64,
    /// The same on `ARM64`.
    pub(crate) arm_cpu_hour: f64,
    /// Fargate, Linux on `X86_64`: a GiB of memory, an hour.
    pub(crate) x86_memory_hour: f64,
    /// The same on `ARM64`.
    pub(crate) arm_memory_hour: f64,
    /// An Application Load Balancer, an hour. <https://aws.amazon.com/elasticloadbalancing/pricing/>
    pub(crate) load_balancer_hour: f64,
    /// A capacity unit of it, an hour.
    pub(crate) capacity_unit_hour: f64,
    /// A NAT gateway, an hour. <https://aws.amazon.com/vpc/pricing/>
    pub(crate) nat_gateway_hour: f64,
    /// A GB through it.
    pub(crate) nat_gateway_gigabyte: f64,
    /// A public IPv4 address, an hour, in use or not. <https://aws.amazon.com/vpc/pricing/>
    pub(crate) public_address_hour: f64,
    /// A GB to the internet. <https://aws.amazon.com/ec2/pricing/on-demand/>
    pub(crate) internet_gigabyte: f64,
    /// A metric of an alarm at standard resolution, a month. <https://aws.amazon.com/cloudwatch/pricing/>
    pub(crate) alarm_metric: f64,
    /// A metric that isn't one of a service's own, a month: the first ten thousand.
    pub(crate) metric: f64,
    /// A GB of logs taken in.
    pub(crate) log_gigabyte: f64,
    /// A GB of logs kept a month, as it is compressed.
    pub(crate) log_gigabyte_month: f64,
    /// A GB of images kept a month. <https://aws.amazon.com/ecr/pricing/>
    pub(crate) image_gigabyte_month: f64,
    /// A minute of an action of a pipeline of type V2. <https://aws.amazon.com/codepipeline/pricing/>
    pub(crate) pipeline_minute: f64,
    /// A minute of a build on Linux, by compute type. <https://aws.amazon.com/codebuild/pricing/>
    pub(crate) build_minute: [(&'static str, f64); 3],
    /// A GB of objects kept a month. <https://aws.amazon.com/s3/pricing/>
    pub(crate) object_gigabyte_month: f64,
}

/// The prices of `us-east-1`.
pub(crate) const US_EAST_1: Prices = Prices {
    region: "us-east-1",
    read: "November 2026",
    x86_cpu_hour: 0.040_48,
    arm_cpu_hour: 0.032_38,
    x86_memory_hour: 0.004_445,
    arm_memory_hour: 0.003_56,
    load_balancer_hour: 0.022_5,
    capacity_unit_hour: 0.008,
    nat_gateway_hour: 0.045,
    nat_gateway_gigabyte: 0.045,
    public_address_hour: 0.005,
    internet_gigabyte: 0.09,
    alarm_metric: 0.10,
    metric: 0.30,
    log_gigabyte: 0.50,
    log_gigabyte_month: 0.03,
    image_gigabyte_month: 0.10,
    pipeline_minute: 0.002,
    build_minute: [
        ("BUILD_GENERAL1_SMALL", 0.005),
        ("BUILD_GENERAL1_MEDIUM", 0.01),
        ("BUILD_GENERAL1_LARGE", 0.02),
    ],
    object_gigabyte_month: 0.023,
};
