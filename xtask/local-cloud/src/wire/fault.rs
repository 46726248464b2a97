//! What AWS answers when it doesn't do what it was asked.

use http::StatusCode;

use super::Service;

/// An error answer: the code is one that the operation's model lists, or one common to all services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The HTTP status, from 400.
    pub(crate) status: StatusCode,
    /// The code that clients branch on.
    pub(crate) code: String,
    /// The sentence for people.
    pub(crate) message: String,
}

impl Fault {
    /// The caller's mistake, as HTTP 400.
    pub(crate) fn client(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: code.into(),
            message: message.into(),
        }
    }

    /// Not allowed, as HTTP 403.
    pub(crate) fn forbidden(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: code.into(),
            message: message.into(),
        }
    }

    /// A role may not make a call.
    pub(crate) fn denied(service: Service, message: impl Into<String>) -> Self {
        if service.speaks_json() {
            Self::client("AccessDeniedException", message)
        } else {
            Self::forbidden("AccessDenied", message)
        }
    }

    /// A call that AWS has and the local cloud hasn't.
    pub(crate) fn unsupported(service: Service, operation: &str) -> Self {
        let message = format!("the local cloud does not implement {} {operation}", service.name());
        Self::client(service.unknown_operation(), message)
    }
}

impl From<provisioner::ApiError> for Fault {
    fn from(error: provisioner::ApiError) -> Self {
        let status = StatusCode::from_u16(error.http_status).unwrap_or(StatusCode::BAD_REQUEST);
        Self {
            status,
            code: error.code,
            message: error.message,
        }
    }
}
