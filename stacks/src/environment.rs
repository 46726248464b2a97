//! Environments, and what differs between them.

use constants::{APPLICATION_NAME, environment, image_repository};

use crate::{Purpose, Stage};

/// An environment: a set of stacks of its own, all in one account unless deployed otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Where a developer tries things out: deployed by hand.
    Sandbox,
    /// Where source and pipeline live.
    Deployments,
    /// What customers use: deployed by the pipeline.
    Production,
}

impl Environment {
    /// What its stacks' names end in.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Sandbox => environment::SANDBOX,
            Self::Deployments => environment::DEPLOYMENTS,
            Self::Production => environment::PRODUCTION,
        }
    }

    /// The name of its stack for a purpose.
    pub fn stack_name(self, purpose: Purpose) -> String {
        format!("{APPLICATION_NAME}-{purpose}-{}", self.suffix())
    }

    /// The name of its ECS cluster.
    pub fn cluster_name(self) -> String {
        format!("{APPLICATION_NAME}-{}", self.suffix())
    }

    /// The name of its image repository.
    pub fn image_repository_name(self) -> String {
        format!("{}-{}", image_repository::PREFIX, self.suffix().to_lowercase())
    }

    /// What its log groups' names begin with.
    pub(crate) fn log_group_prefix(self) -> String {
        format!("/{APPLICATION_NAME}/{}/", self.suffix())
    }

    /// The name of a stage's log group.
    pub fn log_group_name(self, stage: Stage) -> String {
        format!("{}{}", self.log_group_prefix(), stage.value())
    }

    /// How many NAT gateways its network has.
    pub(crate) const fn nat_gateways(self) -> usize {
        match self {
            Self::Sandbox | Self::Deployments => environment::SANDBOX_NAT_GATEWAYS,
            Self::Production => environment::PRODUCTION_NAT_GATEWAYS,
        }
    }
}
