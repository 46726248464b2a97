//! One resource of a stack.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::PlannedResource;
use crate::template::Policy;
use crate::wire::name;

/// Status of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ResourceStatus {
    CreateInProgress,
    CreateFailed,
    CreateComplete,
    DeleteInProgress,
    DeleteFailed,
    DeleteComplete,
    DeleteSkipped,
    UpdateInProgress,
    UpdateFailed,
    UpdateComplete,
}

impl ResourceStatus {
    /// Whether the resource is gone, or no longer the stack's.
    pub(crate) fn is_gone(self) -> bool {
        matches!(self, Self::DeleteComplete | Self::DeleteSkipped)
    }
}

impl fmt::Display for ResourceStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&name(self))
    }
}

/// A resource as its stack knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub(crate) type_name: String,
    pub(crate) physical_id: Option<String>,
    pub(crate) generated_name: String,
    pub(crate) status: ResourceStatus,
    pub(crate) status_reason: Option<String>,
    pub(crate) updated: SystemTime,
    /// As last asked of the provider.
    pub(crate) properties: Value,
    /// The same with references to other resources unresolved, which is what change sets compare.
    pub(crate) declared: Value,
    /// The stack's tags as last given to the provider.
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) dependencies: BTreeSet<String>,
    pub(crate) deletion_policy: Policy,
    pub(crate) update_replace_policy: Policy,
    pub(crate) metadata: Option<Value>,
}

impl Resource {
    /// Takes over what the provider needn't know.
    pub(crate) fn declare(&mut self, planned: &PlannedResource) {
        self.declared.clone_from(&planned.properties);
        self.dependencies.clone_from(&planned.dependencies);
        self.deletion_policy = planned.deletion_policy;
        self.update_replace_policy = planned.update_replace_policy;
        self.metadata.clone_from(&planned.metadata);
    }
}
