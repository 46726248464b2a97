//! The services that are called without an SDK crate each: what they are called, and the protocol's version.

/// A service that speaks AWS JSON or the query protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// The name that service-specific settings use: `AWS_ENDPOINT_URL_<ID>`.
    pub(super) id: &'static str,
    /// The name that requests are signed for, and the first part of the host.
    pub(super) name: &'static str,
    /// What stands before the operation's name in `X-Amz-Target`; empty in the query protocol.
    pub(super) target: &'static str,
    /// AWS JSON's version, `1.1`, or in the query protocol that of the service's API.
    pub(super) version: &'static str,
}

/// Amazon ECS.
pub(super) const ECS: Service = Service {
    id: "ECS",
    name: "ecs",
    target: "AmazonEC2ContainerServiceV20141113",
    version: "1.1",
};

/// Amazon CloudWatch.
pub(super) const CLOUDWATCH: Service = Service {
    id: "CloudWatch",
    name: "monitoring",
    target: "GraniteServiceVersion20100801",
    version: "1.0",
};

/// AWS CodePipeline.
pub(super) const CODE_PIPELINE: Service = Service {
    id: "CodePipeline",
    name: "codepipeline",
    target: "CodePipeline_20150709",
    version: "1.1",
};

/// AWS CodeBuild.
pub(super) const CODE_BUILD: Service = Service {
    id: "CodeBuild",
    name: "codebuild",
    target: "CodeBuild_20161006",
    version: "1.1",
};

/// Amazon CloudWatch Logs.
pub(super) const LOGS: Service = Service {
    id: "CloudWatch Logs",
    name: "logs",
    target: "Logs_20140328",
    version: "1.1",
};

/// AWS CodeCommit.
pub(super) const CODE_COMMIT: Service = Service {
    id: "CodeCommit",
    name: "codecommit",
    target: "CodeCommit_20150413",
    version: "1.1",
};

/// Service Quotas.
pub(super) const SERVICE_QUOTAS: Service = Service {
    id: "Service Quotas",
    name: "servicequotas",
    target: "ServiceQuotasV20190624",
    version: "1.1",
};

/// Elastic Load Balancing; the version is that of its only API.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html>
pub(super) const ELASTIC_LOAD_BALANCING: Service = Service {
    id: "ELASTIC_LOAD_BALANCING_V2",
    name: "elasticloadbalancing",
    target: "",
    version: "2015-12-01",
};
