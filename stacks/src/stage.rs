//! The two stages of a deployment, and what differs between them.

use cloudformation::relations::{Capacity, Rollout};
use cloudformation::{Integer, Template};
use constants::deployment::{MAXIMUM_PERCENT, MINIMUM_HEALTHY_PERCENT};
use constants::{APPLICATION_NAME, capacity, load_balancer, stage};

const ONEBOX_RULE_PRIORITY: Integer<1, 50000> = Integer::constant(load_balancer::ONEBOX_RULE_PRIORITY);
const FLEET_RULE_PRIORITY: Integer<1, 50000> = Integer::constant(load_balancer::FLEET_RULE_PRIORITY);
const ONEBOX_CAPACITY: Capacity = Capacity::new(capacity::ONEBOX_MINIMUM, capacity::ONEBOX_MAXIMUM);
const FLEET_CAPACITY: Capacity = Capacity::new(capacity::FLEET_MINIMUM, capacity::FLEET_MAXIMUM);
const ONEBOX_ROLLOUT: Rollout = Rollout::new(MINIMUM_HEALTHY_PERCENT, MAXIMUM_PERCENT, &ONEBOX_CAPACITY);
const FLEET_ROLLOUT: Rollout = Rollout::new(MINIMUM_HEALTHY_PERCENT, MAXIMUM_PERCENT, &FLEET_CAPACITY);

/// The key of metadata that names the stage of a resource; shared resources have none.
pub const METADATA_KEY: &str = "Stage";

/// A stage of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reached by a change first; a small share of the requests.
    Onebox,
    /// Nearly all requests.
    Fleet,
}

impl Stage {
    /// The stage's value in the service's configuration and in the header that picks a stage.
    pub const fn value(self) -> &'static str {
        match self {
            Self::Onebox => stage::ONEBOX,
            Self::Fleet => stage::FLEET,
        }
    }

    /// The stage's name in names of resources.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Onebox => "Onebox",
            Self::Fleet => "Fleet",
        }
    }

    /// The name of the stage's ECS service.
    pub fn service_name(self) -> String {
        format!("{APPLICATION_NAME}-{}", self.name())
    }

    /// Adds resources that belong to the stage: it is in their metadata, where a deployment reads which step changes them.
    pub(crate) fn within<T>(self, template: &mut Template, add: impl FnOnce(&mut Template) -> T) -> T {
        template.labelled(METADATA_KEY, self.name(), add)
    }

    /// A resource of the stage within a template.
    pub(crate) fn logical_id(self, resource: &str) -> String {
        format!("{}{resource}", self.name())
    }

    /// The fewest and the most tasks.
    pub(crate) const fn capacity(self) -> &'static Capacity {
        match self {
            Self::Onebox => &ONEBOX_CAPACITY,
            Self::Fleet => &FLEET_CAPACITY,
        }
    }

    /// How a change replaces tasks.
    pub(crate) const fn rollout(self) -> &'static Rollout {
        match self {
            Self::Onebox => &ONEBOX_ROLLOUT,
            Self::Fleet => &FLEET_ROLLOUT,
        }
    }

    /// Where the listener's rule for the stage stands.
    pub(crate) const fn rule_priority(self) -> Integer<1, 50000> {
        match self {
            Self::Onebox => ONEBOX_RULE_PRIORITY,
            Self::Fleet => FLEET_RULE_PRIORITY,
        }
    }
}

/// One of something for each stage.
#[derive(Debug, Clone)]
pub(crate) struct PerStage<T> {
    pub(crate) onebox: T,
    pub(crate) fleet: T,
}

impl<T> PerStage<T> {
    /// Adds one for each stage to a template, Onebox first.
    pub(crate) fn add(template: &mut Template, mut add: impl FnMut(&mut Template, Stage) -> T) -> Self {
        let mut add = |stage: Stage| stage.within(template, |template| add(template, stage));
        Self {
            onebox: add(Stage::Onebox),
            fleet: add(Stage::Fleet),
        }
    }

    pub(crate) fn of(&self, stage: Stage) -> &T {
        match stage {
            Stage::Onebox => &self.onebox,
            Stage::Fleet => &self.fleet,
        }
    }
}
