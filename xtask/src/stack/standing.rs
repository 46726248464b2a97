//! What a stack's status allows.

/// What can be done with a stack in a given state.
///
/// Source of the statuses: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is none, or only the shell that a change set made: it can be created.
    Absent,
    /// It can be updated.
    Ready,
    /// An operation is going on; it must end first.
    Busy,
    /// Its creation or deletion failed: it can only be deleted, and created anew.
    Leftover,
    /// An update's rollback failed: someone must act before anything else can be done.
    RollbackFailed,
    /// A status that this code doesn't know.
    Unknown,
}

/// What a status allows; none stands for a stack that doesn't exist.
pub(crate) fn standing(status: Option<&str>) -> Standing {
    let Some(status) = status else { return Standing::Absent };
    match status {
        // A change set of type CREATE may be made on the shell that an unexecuted one left.
        "REVIEW_IN_PROGRESS" | "DELETE_COMPLETE" => Standing::Absent,
        "CREATE_COMPLETE"
        | "UPDATE_COMPLETE"
        | "UPDATE_ROLLBACK_COMPLETE"
        | "IMPORT_COMPLETE"
        | "IMPORT_ROLLBACK_COMPLETE"
        // What an update left whose rollback was disabled takes a further update.
        | "UPDATE_FAILED" => Standing::Ready,
        "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED" => Standing::Leftover,
        "UPDATE_ROLLBACK_FAILED" | "IMPORT_ROLLBACK_FAILED" => Standing::RollbackFailed,
        _ if status.ends_with("_IN_PROGRESS") => Standing::Busy,
        _ => Standing::Unknown,
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As asked.
    Complete,
    /// It failed, and what was before is again.
    RolledBack,
    /// It failed, and so did its rollback.
    RollbackFailed,
    /// It failed and was left as it is.
    Failed,
}

/// How an operation ended, by the stack's status; none while it goes on.
pub(crate) fn outcome(status: &str) -> Option<Outcome> {
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "DELETE_COMPLETE" | "IMPORT_COMPLETE" => Some(Outcome::Complete),
        "ROLLBACK_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => Some(Outcome::RolledBack),
        "ROLLBACK_FAILED" | "UPDATE_ROLLBACK_FAILED" | "IMPORT_ROLLBACK_FAILED" => Some(Outcome::RollbackFailed),
        "CREATE_FAILED" | "UPDATE_FAILED" | "DELETE_FAILED" => Some(Outcome::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_status_allows() {
        for (status, expected) in [
            (None, Standing::Absent),
            (Some("REVIEW_IN_PROGRESS"), Standing::Absent),
            (Some("CREATE_COMPLETE"), Standing::Ready),
            (Some("UPDATE_ROLLBACK_COMPLETE"), Standing::Ready),
            (Some("CREATE_IN_PROGRESS"), Standing::Busy),
            (Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), Standing::Busy),
            (Some("ROLLBACK_COMPLETE"), Standing::Leftover),
            (Some("ROLLBACK_FAILED"), Standing::Leftover),
            (Some("DELETE_FAILED"), Standing::Leftover),
            (Some("UPDATE_ROLLBACK_FAILED"), Standing::RollbackFailed),
            (Some("SOMETHING_NEW"), Standing::Unknown),
        ] {
            assert_eq!(standing(status), expected, "{status:?}");
        }
    }

    #[test]
    fn how_each_status_ends_an_operation() {
        for (status, expected) in [
            ("UPDATE_COMPLETE", Some(Outcome::Complete)),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None),
            ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None),
            ("UPDATE_ROLLBACK_COMPLETE", Some(Outcome::RolledBack)),
            ("ROLLBACK_COMPLETE", Some(Outcome::RolledBack)),
            ("UPDATE_ROLLBACK_FAILED", Some(Outcome::RollbackFailed)),
            ("DELETE_FAILED", Some(Outcome::Failed)),
        ] {
            assert_eq!(outcome(status), expected, "{status}");
        }
    }
}
