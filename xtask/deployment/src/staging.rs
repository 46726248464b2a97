//! Stages one release over up to three stack updates: shared resources, Onebox, Fleet.
//!
//! [`plan`] composes every intermediate template from the deployed template and the release, computes what each update changes, and
//! refuses a release that would reach a later stage too early. Everything is planned and checked before the first update.

mod changes;
mod checks;
mod compose;
mod confirm;
mod effect;
mod inputs;
mod planning;
mod quick;
mod refusal;
mod replacement;
mod rollback;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use crate::stage::Stage;

pub use changes::{Affected, ChangeKind, PlannedChange, Replacement};
pub use confirm::{ChangeSource, ListedAction, ListedChange, ListedDetail, Recreation, Unplanned, confirm};
pub use planning::plan;
pub use refusal::{Code, Refusal};
pub use rollback::rollback;
pub use undo::undo;

/// The stack parameters that name releases, with the stage that each belongs to. `Release` changes in the last step only.
///
/// A difference in them alone is no effect.
pub const RELEASE_PARAMETERS: [(&str, Stage); 3] = [
    ("OneboxRelease", Stage::Onebox),
    ("FleetRelease", Stage::Fleet),
    ("Release", Stage::Fleet),
];

/// The largest template that fits into a request.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const TEMPLATE_LIMIT_BYTES: usize = 51_200;

/// What the stack has now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployed {
    /// The text that `GetTemplate` returns (JSON).
    pub template: String,
    /// The values that `DescribeStacks` returns; hidden values may be absent or `****`.
    pub parameters: BTreeMap<String, String>,
    /// The names of the stack's exports that other stacks import (`ListImports`).
    pub imported_exports: BTreeSet<String>,
}

/// What a release wants the stack to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// The release's template, byte for byte.
    pub template: String,
    /// The release's parameter values and the release parameters. A hidden parameter without a value keeps its previous one.
    pub parameters: BTreeMap<String, String>,
}

/// A plan: the updates in order. Empty if the release has no effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The updates in order.
    pub steps: Vec<Step>,
}

/// One stack update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The step's number as a stage: 1 Shared, 2 Onebox, 3 Fleet. When a step is undone, that step's; in a rollback Fleet.
    pub stage: Stage,
    /// The template's text. In the last step the release's, byte for byte.
    pub template: String,
    /// The values of the template's parameters. A hidden parameter that isn't listed keeps its previous value (`UsePreviousValue`).
    pub parameters: BTreeMap<String, String>,
    /// The resources that the update changes, by logical id.
    pub changes: Vec<PlannedChange>,
    /// The names of the outputs that the update changes.
    pub outputs: Vec<String>,
    /// Whether this is the last step.
    pub last: bool,
}

impl Step {
    /// The stages whose evidence the step needs. Shared resources serve both.
    pub fn affects(&self) -> Affected {
        Affected::of(&self.changes)
    }
}
