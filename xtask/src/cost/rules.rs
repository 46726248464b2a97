//! What each type of resource costs, or why it costs nothing: one rule for every type in the templates.

use super::kinds::{
    ADDRESS, ALARM, BUCKET, BUILD_PROJECT, CLUSTER, IMAGE_REPOSITORY, LOAD_BALANCER, LOG_GROUP, NAT_GATEWAY, PIPELINE,
    SCALING_POLICY, SERVICE,
};
use super::scene::{Line, Scene};
use super::{delivery, insights, running};

/// What is known of a type's cost.
pub(crate) enum Rule {
    /// It costs nothing by itself, for this reason.
    Free(&'static str),
    /// It costs what this says of all resources of the type.
    Costs(fn(Scene<'_>) -> anyhow::Result<Vec<Line>>),
}

const OF_THE_NETWORK: &str = "no charge: what is in the network is charged for";
const OF_THE_BALANCER: &str = "in the load balancer's price; up to ten rules cost no capacity units";
const OF_IAM: &str = "IAM is free of charge";

/// The rules, by the type's name; what costs most comes first.
pub(crate) const RULES: &[(&str, Rule)] = &[
    (SERVICE, Rule::Costs(running::tasks)),
    (LOAD_BALANCER, Rule::Costs(running::load_balancers)),
    (NAT_GATEWAY, Rule::Costs(|scene| Ok(running::nat_gateways(scene)))),
    (ADDRESS, Rule::Costs(|scene| Ok(vec![running::addresses(scene)]))),
    (LOG_GROUP, Rule::Costs(running::logs)),
    (CLUSTER, Rule::Costs(|scene| Ok(insights::insights(scene)))),
    (ALARM, Rule::Costs(|scene| Ok(vec![running::alarms(scene)]))),
    (
        SCALING_POLICY,
        Rule::Costs(|scene| Ok(vec![running::scaling_alarms(scene)])),
    ),
    (BUILD_PROJECT, Rule::Costs(delivery::builds)),
    (PIPELINE, Rule::Costs(delivery::pipelines)),
    (IMAGE_REPOSITORY, Rule::Costs(delivery::images)),
    (BUCKET, Rule::Costs(delivery::artifacts)),
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        Rule::Free("scaling is free of charge; its alarms stand by themselves"),
    ),
    (
        "AWS::CodeBuild::ReportGroup",
        Rule::Free("test reports are free of charge"),
    ),
    (
        "AWS::CodeCommit::Repository",
        Rule::Free("no charge for the first five people a month; 1 USD for each one more"),
    ),
    (
        "AWS::CodeConnections::Connection",
        Rule::Free("connections are free of charge"),
    ),
    (
        "AWS::EC2::InternetGateway",
        Rule::Free("no charge; what goes out stands with the load balancer"),
    ),
    ("AWS::EC2::Route", Rule::Free(OF_THE_NETWORK)),
    ("AWS::EC2::RouteTable", Rule::Free(OF_THE_NETWORK)),
    ("AWS::EC2::SecurityGroup", Rule::Free(OF_THE_NETWORK)),
    ("AWS::EC2::SecurityGroupEgress", Rule::Free(OF_THE_NETWORK)),
    ("AWS::EC2::Subnet", Rule::Free(OF_THE_NETWORK)),
    ("AWS::EC2::SubnetRouteTableAssociation", Rule::Free(OF_THE_NETWORK)),
    ("AWS::EC2::VPC", Rule::Free(OF_THE_NETWORK)),
    ("AWS::EC2::VPCGatewayAttachment", Rule::Free(OF_THE_NETWORK)),
    (
        "AWS::ECS::TaskDefinition",
        Rule::Free("no charge: the tasks stand with their service"),
    ),
    ("AWS::ElasticLoadBalancingV2::Listener", Rule::Free(OF_THE_BALANCER)),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", Rule::Free(OF_THE_BALANCER)),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", Rule::Free(OF_THE_BALANCER)),
    (
        "AWS::Events::Rule",
        Rule::Free("events of AWS's own services are free of charge"),
    ),
    ("AWS::IAM::Role", Rule::Free(OF_IAM)),
    ("AWS::S3::BucketPolicy", Rule::Free("in the bucket's price")),
    (
        "AWS::SNS::Topic",
        Rule::Free("no charge for the first thousand mails a month: far more than failed executions"),
    ),
    ("AWS::SNS::TopicPolicy", Rule::Free("in the topic's price")),
];
