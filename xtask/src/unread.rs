//! Evidence that can't be read: it is reported, never left out in silence.

use crate::code::Code;
use crate::exit::code_of;

/// What was read. `None` if the credentials may not read it, which `unread` then says.
///
/// # Errors
/// Any other error.
pub(crate) fn readable<T>(unread: &mut Vec<String>, what: &str, read: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if is_denied(&error) => {
            unread.push(could_not_read(what, &error));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What was read. `None` if it couldn't be, which `unread` then says, unless there is nothing to read any more.
pub(crate) fn as_far_as_readable<T>(unread: &mut Vec<String>, what: &str, read: anyhow::Result<T>) -> Option<T> {
    let error = match read {
        Ok(read) => return Some(read),
        Err(error) => error,
    };
    // `ServiceNotFoundException`, `ClusterNotFoundException`, `ResourceNotFoundException`.
    if is_denied(&error) || !format!("{error:#}").contains("NotFound") {
        unread.push(could_not_read(what, &error));
    }
    None
}

/// Whether the credentials may not do it.
pub(crate) fn is_denied(error: &anyhow::Error) -> bool {
    code_of(error) == Code::AccessDenied
}

/// `could not read the stopped tasks: cannot call ECS ListTasks: AccessDeniedException: …`.
pub(crate) fn could_not_read(what: &str, error: &anyhow::Error) -> String {
    format!("could not read {what}: {error:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Failure;

    fn refused(code: Code, what: &str) -> anyhow::Result<()> {
        Err(Failure::preflight(what).code(code).into())
    }

    #[test]
    fn a_denial_is_reported_and_other_errors_are_returned() {
        let mut unread = Vec::new();
        let denied = readable(&mut unread, "the alarms", refused(Code::AccessDenied, "AccessDenied"));
        assert_eq!(denied.unwrap(), None);
        assert!(readable(&mut unread, "the alarms", refused(Code::AwsUnreachable, "lost")).is_err());
        assert_eq!(unread, ["could not read the alarms: AccessDenied"]);
    }

    #[test]
    fn what_is_gone_is_no_news() {
        let mut unread = Vec::new();
        let gone = refused(Code::AwsRefused, "ServiceNotFoundException: none");
        assert_eq!(as_far_as_readable(&mut unread, "the tasks", gone), None);
        assert_eq!(
            as_far_as_readable(&mut unread, "the tasks", refused(Code::AwsUnreachable, "lost")),
            None
        );
        assert_eq!(unread, ["could not read the tasks: lost"]);
    }
}
