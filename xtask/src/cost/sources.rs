//! What each price was compared with in November 2026.
//!
//! AWS's own pages fill in most prices by a script, so that a copy of them seldom has any: where one was found it is named,
//! otherwise a page that names AWS's as its source. That is no account's bill.

use super::prices::Prices;

/// A price and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    /// What is paid for.
    pub(super) what: &'static str,
    /// US dollars for one.
    pub(super) price: f64,
    /// The service, by which AWS's page with the price of today is found.
    pub(super) service: &'static str,
    /// The page that it was compared with, and of when that is.
    pub(super) compared: (&'static str, &'static str),
}

const FARGATE: (&str, &str) = (
    "https://www.factualminds.com/blog/amazon-fargate-ecs-task-pricing-2026.md",
    "another's, June 2026",
);

const FARGATE_ON_ARM: (&str, &str) = ("https://www.vantage.sh/blog/fargate-pricing", "another's, no date");

/// AWS's page on load balancers as it was transcribed.
const BALANCERS: (&str, &str) = (
    "https://raw.githubusercontent.com/api-evangelist/amazon-elastic-load-balancing/refs/heads/main/plans/amazon-elastic-load-balancing-plans-pricing.yml",
    "AWS's page, copied in September 2026",
);

/// AWS's page on networks as it was transcribed.
const NETWORKS: (&str, &str) = (
    "https://raw.githubusercontent.com/api-evangelist/amazon-vpc/refs/heads/main/plans/amazon-vpc-plans-pricing.yml",
    "AWS's page, copied in September 2026",
);

const ADDRESSES: (&str, &str) = (
    "https://cloudburn.io/blog/aws-nat-gateway-pricing",
    "another's, February 2026",
);

const LOGS: (&str, &str) = (
    "https://c3x.dev/blog/cloudwatch-logs-cost-optimization",
    "another's, June 2026",
);

/// What infracost says, which asks AWS's list of prices.
const ALARMS: (&str, &str) = (
    "https://github.com/vreutova/infracost-idem-support/pull/2",
    "another's, of AWS's list",
);

const METRICS: (&str, &str) = (
    "https://c3x.dev/blog/aws-cloudwatch-metrics-cost/",
    "another's, no date",
);

const IMAGES: (&str, &str) = ("https://cloudburn.io/blog/amazon-ecr-pricing", "another's, March 2026");

const PIPELINES: (&str, &str) = (
    "https://aws.amazon.com/codepipeline/pricing/?p=ft&c=do&z=4",
    "AWS's page",
);

const BUILDS: (&str, &str) = (
    "https://c3x.dev/resources/aws/aws_codebuild_project/",
    "another's, no date",
);

const OBJECTS: (&str, &str) = (
    "https://gist.github.com/EverettBerry/a37438006529a55f42da6fdbc44a505c",
    "another's, July 2022",
);

impl Source {
    /// AWS's page with the price of today.
    pub(super) fn page(&self) -> String {
        let part = if self.service == "ec2" { "on-demand/" } else { "" };
        format!("https://aws.amazon.com/{}/pricing/{part}", self.service)
    }
}

/// Where each price comes from, in the order of the estimates.
pub(super) fn sources(prices: &Prices) -> Vec<Source> {
    // Without `..`, so that a price that is added must be added here.
    let Prices {
        region: _,
        read: _,
        x86_cpu_hour,
        arm_cpu_hour,
        x86_memory_hour,
        arm_memory_hour,
        load_balancer_hour,
        capacity_unit_hour,
        nat_gateway_hour,
        nat_gateway_gigabyte,
        public_address_hour,
        internet_gigabyte,
        alarm_metric,
        metric,
        log_gigabyte,
        log_gigabyte_month,
        image_gigabyte_month,
        pipeline_minute,
        build_minute,
        object_gigabyte_month,
    } = *prices;
    let source = |(what, price, service, compared)| Source {
        what,
        price,
        service,
        compared,
    };
    let mut sources: Vec<Source> = [
        ("Fargate, x86: a vCPU, an hour", x86_cpu_hour, "fargate", FARGATE),
        ("Fargate, x86: a GiB, an hour", x86_memory_hour, "fargate", FARGATE),
        ("Fargate, ARM: a vCPU, an hour", arm_cpu_hour, "fargate", FARGATE_ON_ARM),
        (
            "Fargate, ARM: a GiB, an hour",
            arm_memory_hour,
            "fargate",
            FARGATE_ON_ARM,
        ),
        (
            "a load balancer, an hour",
            load_balancer_hour,
            "elasticloadbalancing",
            BALANCERS,
        ),
        (
            "a capacity unit of it, an hour",
            capacity_unit_hour,
            "elasticloadbalancing",
            BALANCERS,
        ),
        ("a NAT gateway, an hour", nat_gateway_hour, "vpc", NETWORKS),
        ("a GB through it", nat_gateway_gigabyte, "vpc", NETWORKS),
        ("a public IPv4 address, an hour", public_address_hour, "vpc", ADDRESSES),
        ("a GB to the internet", internet_gigabyte, "ec2", IMAGES),
        ("a metric of an alarm, a month", alarm_metric, "cloudwatch", ALARMS),
        ("a metric of Container Insights, a month", metric, "cloudwatch", METRICS),
        ("a GB of logs written", log_gigabyte, "cloudwatch", LOGS),
        ("a GB of logs kept, a month", log_gigabyte_month, "cloudwatch", LOGS),
        ("a GB of images, a month", image_gigabyte_month, "ecr", IMAGES),
        (
            "a minute of a pipeline's action",
            pipeline_minute,
            "codepipeline",
            PIPELINES,
        ),
        ("a GB of objects, a month", object_gigabyte_month, "s3", OBJECTS),
    ]
    .map(source)
    .into();
    sources.extend(build_minute.map(|(kind, price)| source((kind, price, "codebuild", BUILDS))));
    sources
}
