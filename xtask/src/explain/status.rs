//! CloudFormation's statuses, as they are met on the screen: what each means, and what follows from it.

/// A status by its name, in a sentence or two; none where it is no status.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>
pub(super) fn meaning(name: &str) -> Option<&'static str> {
    Some(match name {
        "REVIEW_IN_PROGRESS" => {
            "the stack is a name with a change set that nobody has carried out; a deployment creates it"
        }
        "CREATE_IN_PROGRESS" => "it is being created",
        "CREATE_COMPLETE" => "it was created, all of it",
        "CREATE_FAILED" => {
            "it couldn't be created; the event's reason says why. A stack in this status can only be deleted: the next deployment does so, and creates it anew"
        }
        "ROLLBACK_IN_PROGRESS" => "its creation failed, and what had been created is being removed again",
        "ROLLBACK_COMPLETE" => {
            "its creation failed and was rolled back: nothing is left but the name. The next deployment deletes that and creates it anew"
        }
        "ROLLBACK_FAILED" => {
            "its creation failed, and so did removing what had been created. The next deployment deletes what is left and creates it anew"
        }
        "UPDATE_IN_PROGRESS" => "it is being changed",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => {
            "it was changed, and what was replaced is being deleted; what is new runs already"
        }
        "UPDATE_COMPLETE" => "it was changed, all of it",
        "UPDATE_FAILED" => "it couldn't be changed; the event's reason says why. Of a resource: a rollback follows",
        "UPDATE_ROLLBACK_IN_PROGRESS" => "a change failed, and what ran before is being brought back",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => {
            "a change failed and what ran before runs again; what the change had created is being deleted"
        }
        "UPDATE_ROLLBACK_COMPLETE" => {
            "a change failed and was rolled back: what ran before runs again, and customers are safe. Fix the first cause, which the deployment's error names, and deploy again; nothing else has to be done"
        }
        "UPDATE_ROLLBACK_FAILED" => {
            "a change failed and so did its rollback: neither the new nor the old is whole, and someone must act. Fix what the events name, then `aws cloudformation continue-update-rollback --stack-name STACK`"
        }
        "DELETE_IN_PROGRESS" => "it is being deleted",
        "DELETE_COMPLETE" => "it was deleted",
        "DELETE_FAILED" => {
            "it couldn't be deleted to its end; the event's reason names what is in the way. Remove that, and run the same command again"
        }
        "DELETE_SKIPPED" => {
            "the stack is gone and this resource stays, because the template says so (`DeletionPolicy: Retain`)"
        }
        "IMPORT_IN_PROGRESS" => "resources that were there already are being taken into it",
        "IMPORT_COMPLETE" => "resources that were there already were taken into it",
        "IMPORT_ROLLBACK_IN_PROGRESS" => "resources couldn't be taken into it, and it is being put back",
        "IMPORT_ROLLBACK_COMPLETE" => "resources couldn't be taken into it, and it is as before",
        "IMPORT_ROLLBACK_FAILED" => {
            "resources couldn't be taken into it, and it couldn't be put back; someone must act"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::standing::{Standing, standing};

    #[test]
    fn only_statuses_are_explained_and_nothing_is_said_of_one_that_is_unknown() {
        assert!(
            meaning("UPDATE_ROLLBACK_COMPLETE")
                .unwrap()
                .contains("what ran before runs again")
        );
        for name in [
            "CREATE_COMPLETE",
            "DELETE_FAILED",
            "UPDATE_ROLLBACK_FAILED",
            "REVIEW_IN_PROGRESS",
        ] {
            assert!(meaning(name).is_some(), "{name}");
            assert_ne!(standing(Some(name)), Standing::Unknown, "{name}");
        }
        assert_eq!(meaning("COMPLETE"), None);
    }
}
