//! What a step changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::stage::Stage;
use crate::staging::effect::Comparison;

/// A resource that a step changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedChange {
    /// The resource's logical id.
    pub logical_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// The stage that the resource belongs to.
    pub stage: Stage,
    /// What happens to it.
    pub kind: ChangeKind,
}

/// What happens to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is created.
    Add,
    /// It is updated or replaced.
    Modify {
        /// Whether a new resource takes its place.
        replacement: Replacement,
        /// The top-level properties that differ.
        properties: BTreeSet<String>,
    },
    /// It leaves the stack.
    Remove,
}

/// Whether a modified resource is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replacement {
    /// It is updated in place.
    No,
    /// It depends on values that only AWS knows. Counts as replaced in every check.
    Conditional,
    /// A new resource takes its place; the old one is deleted at the end of the update.
    Yes,
}

/// The stages that a step affects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Affected {
    /// Onebox, or something shared.
    pub onebox: bool,
    /// Fleet, or something shared.
    pub fleet: bool,
    /// Whether something shared changes.
    pub shared: bool,
}

impl Affected {
    pub(super) fn of(changes: &[PlannedChange]) -> Self {
        let any = |stage: Stage| changes.iter().any(|change| change.stage == stage);
        let shared = any(Stage::Shared);
        Self {
            onebox: shared || any(Stage::Onebox),
            fleet: shared || any(Stage::Fleet),
            shared,
        }
    }
}

impl ChangeKind {
    /// Whether a new resource may take the old one's place.
    pub fn may_replace(&self) -> bool {
        matches!(self, Self::Modify { replacement, .. } if *replacement != Replacement::No)
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Modify { replacement, .. } => match replacement {
                Replacement::No => "modify",
                Replacement::Conditional => "may replace",
                Replacement::Yes => "replace",
            },
        })
    }
}

/// Lists what an update changes.
pub(super) fn planned(comparison: &Comparison, stages: &BTreeMap<String, Stage>) -> Vec<PlannedChange> {
    comparison
        .changes
        .iter()
        .map(|(name, kind)| PlannedChange {
            logical_id: name.clone(),
            resource_type: comparison
                .after
                .get(name)
                .or_else(|| comparison.before.get(name))
                .map(|resource| resource.resource_type.clone())
                .unwrap_or_default(),
            stage: stages.get(name).copied().unwrap_or(Stage::Shared),
            kind: kind.clone(),
        })
        .collect()
}
