//! Confirms a step against its change set before the change set is executed.
//!
//! CloudFormation overstates: a reference to a resource that changes in place is listed as `Dynamic`, whether or not the value changes.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>

use crate::staging::{ChangeKind, PlannedChange, Replacement, Step};

/// A resource in a change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChange {
    /// `LogicalResourceId`.
    pub logical_id: String,
    /// `ResourceType`.
    pub resource_type: String,
    /// `Action`.
    pub action: ListedAction,
    /// `Replacement`; `No` where the field is absent.
    pub replacement: Replacement,
    /// `Details`.
    pub details: Vec<ListedDetail>,
}

/// What a change set does with a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedAction {
    /// `Add`.
    Add,
    /// `Modify`.
    Modify,
    /// `Remove`.
    Remove,
    /// `Import`, `Dynamic` and whatever comes.
    Other(String),
}

/// Why a change set modifies a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDetail {
    /// `Target.Attribute`: `Properties`, `Metadata`, `Tags` and so on.
    pub attribute: String,
    /// `Target.Name`: the property.
    pub name: Option<String>,
    /// `Target.RequiresRecreation`.
    pub recreation: Recreation,
    /// Whether `Evaluation` is `Dynamic`.
    pub is_dynamic: bool,
    /// `ChangeSource`.
    pub source: ChangeSource,
    /// `CausingEntity`: a parameter, a logical id, or `LogicalId.Attribute`.
    pub causing_entity: Option<String>,
    /// Whether `BeforeValue` and `AfterValue` are both present and equal.
    pub is_same_value: bool,
}

/// Whether a changed property replaces the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recreation {
    /// `Never`.
    Never,
    /// `Conditionally`.
    Conditionally,
    /// `Always`.
    Always,
}

/// What a listed change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSource {
    /// `ResourceReference`.
    ResourceReference,
    /// `ParameterReference`.
    ParameterReference,
    /// `ResourceAttribute`.
    ResourceAttribute,
    /// `DirectModification`.
    DirectModification,
    /// `Automatic` and whatever comes.
    Other,
}

/// A listed change that the plan doesn't contain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{logical_id} ({resource_type}): {reason}")]
pub struct Unplanned {
    /// The resource's logical id.
    pub logical_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// What the change set does that the plan doesn't.
    pub reason: String,
}

/// Lists what the change set does and the plan doesn't. Empty if the step may be executed.
pub fn confirm(step: &Step, change_set: &[ListedChange]) -> Vec<Unplanned> {
    change_set
        .iter()
        .filter_map(|listed| {
            Some(Unplanned {
                logical_id: listed.logical_id.clone(),
                resource_type: listed.resource_type.clone(),
                reason: unplanned(step, listed)?,
            })
        })
        .collect()
}

fn unplanned(step: &Step, listed: &ListedChange) -> Option<String> {
    let planned = step
        .changes
        .iter()
        .find(|change| change.logical_id == listed.logical_id);
    match (&listed.action, planned.map(|change| &change.kind)) {
        (ListedAction::Add, Some(ChangeKind::Add)) | (ListedAction::Remove, Some(ChangeKind::Remove)) => None,
        (ListedAction::Modify, Some(ChangeKind::Modify { replacement, .. })) => {
            let replaced = *replacement == Replacement::No && listed.replacement != Replacement::No;
            (replaced && !is_overstated(step, &listed.details, true))
                .then(|| "the change set may replace it, and the plan only modifies it".to_owned())
        }
        (ListedAction::Modify, None) => {
            (!is_overstated(step, &listed.details, false)).then(|| "the plan doesn't change it".to_owned())
        }
        (action, kind) => {
            let kind = kind.map_or_else(|| "leaves it as it is".to_owned(), |kind| format!("says {kind}"));
            Some(format!("the change set says {action:?}, and the plan {kind}"))
        }
    }
}

/// Whether every detail is one that doesn't come to pass. With `replacing`, only those that would replace the resource count.
fn is_overstated(step: &Step, details: &[ListedDetail], replacing: bool) -> bool {
    let counted: Vec<&ListedDetail> = details
        .iter()
        .filter(|detail| !replacing || detail.recreation != Recreation::Never)
        .collect();
    !counted.is_empty() && counted.iter().all(|detail| is_harmless(step, detail, &counted))
}

fn is_harmless(step: &Step, detail: &ListedDetail, all: &[&ListedDetail]) -> bool {
    if detail.is_same_value || ["Metadata", "CreationPolicy", "UpdatePolicy"].contains(&detail.attribute.as_str()) {
        return true;
    }
    if !detail.is_dynamic {
        return false;
    }
    match (&detail.causing_entity, detail.source) {
        (Some(cause), ChangeSource::ResourceReference | ChangeSource::ResourceAttribute) => !is_replaced(step, cause),
        // A dynamic reference is listed twice, the second time without its cause.
        (None, ChangeSource::DirectModification) => all.iter().any(|other| {
            other.name == detail.name
                && other.is_dynamic
                && other
                    .causing_entity
                    .as_ref()
                    .is_some_and(|cause| !is_replaced(step, cause))
        }),
        _ => false,
    }
}

/// Whether the plan replaces (or adds) the entity that a detail names.
fn is_replaced(step: &Step, cause: &str) -> bool {
    let name = cause.split_once('.').map_or(cause, |(name, _)| name);
    let replaced = |change: &PlannedChange| {
        change.kind != ChangeKind::Remove && { change.kind == ChangeKind::Add || change.kind.may_replace() }
    };
    step.changes
        .iter()
        .any(|change| change.logical_id == name && replaced(change))
}
