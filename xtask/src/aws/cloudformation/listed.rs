//! A change set's entries as the planner compares them.

use aws_sdk_cloudformation::types;
use deployment::staging::{ChangeSource, ListedAction, ListedChange, ListedDetail, Recreation, Replacement};

/// An entry with its details.
pub(super) fn change(change: &types::ResourceChange) -> ListedChange {
    ListedChange {
        logical_id: change.logical_resource_id().unwrap_or_default().to_owned(),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
        action: match change.action() {
            Some(types::ChangeAction::Add) => ListedAction::Add,
            Some(types::ChangeAction::Modify) => ListedAction::Modify,
            Some(types::ChangeAction::Remove) => ListedAction::Remove,
            other => ListedAction::Other(other.map(|action| action.as_str().to_owned()).unwrap_or_default()),
        },
        replacement: match change.replacement() {
            Some(types::Replacement::True) => Replacement::Yes,
            Some(types::Replacement::Conditional) => Replacement::Conditional,
            _ => Replacement::No,
        },
        details: change.details().iter().map(detail).collect(),
    }
}

fn detail(detail: &types::ResourceChangeDetail) -> ListedDetail {
    let target = detail.target();
    let attribute = target.and_then(types::ResourceTargetDefinition::attribute);
    let values = target.and_then(|target| target.before_value().zip(target.after_value()));
    ListedDetail {
        attribute: attribute
            .map(|attribute| attribute.as_str().to_owned())
            .unwrap_or_default(),
        name: target
            .and_then(types::ResourceTargetDefinition::name)
            .map(ToOwned::to_owned),
        recreation: match target.and_then(types::ResourceTargetDefinition::requires_recreation) {
            Some(types::RequiresRecreation::Always) => Recreation::Always,
            Some(types::RequiresRecreation::Conditionally) => Recreation::Conditionally,
            _ => Recreation::Never,
        },
        is_dynamic: detail.evaluation() == Some(&types::EvaluationType::Dynamic),
        source: match detail.change_source() {
            Some(types::ChangeSource::ResourceReference) => ChangeSource::ResourceReference,
            Some(types::ChangeSource::ParameterReference) => ChangeSource::ParameterReference,
            Some(types::ChangeSource::ResourceAttribute) => ChangeSource::ResourceAttribute,
            Some(types::ChangeSource::DirectModification) => ChangeSource::DirectModification,
            _ => ChangeSource::Other,
        },
        causing_entity: detail.causing_entity().map(ToOwned::to_owned),
        is_same_value: values.is_some_and(|(before, after)| before == after),
    }
}
