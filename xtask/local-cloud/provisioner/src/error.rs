//! The errors that calls answer with.

/// An error as the API answers it.
///
/// Codes and statuses are the service model's (botocore, `cloudformation/2010-05-15/service-2.json`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// For example `ValidationError`.
    pub code: String,
    /// One sentence for the user.
    pub message: String,
    /// 400 or 404.
    pub http_status: u16,
}

impl ApiError {
    fn new(code: &str, http_status: u16, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            http_status,
        }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", 400, message)
    }

    pub(crate) fn already_exists(message: impl Into<String>) -> Self {
        Self::new("AlreadyExistsException", 400, message)
    }

    pub(crate) fn insufficient_capabilities(message: impl Into<String>) -> Self {
        Self::new("InsufficientCapabilitiesException", 400, message)
    }

    pub(crate) fn change_set_not_found(message: impl Into<String>) -> Self {
        Self::new("ChangeSetNotFound", 404, message)
    }

    pub(crate) fn invalid_change_set_status(message: impl Into<String>) -> Self {
        Self::new("InvalidChangeSetStatus", 400, message)
    }

    pub(crate) fn invalid_action(operation: &str) -> Self {
        Self::new(
            "InvalidAction",
            400,
            format!("the local cloud doesn't implement the CloudFormation action {operation}; run it against AWS"),
        )
    }
}
