//! Errors as the protocol writes them, in ECR's words where ECR has any.

use super::answer;
use crate::PushError;
use crate::uploads::UploadError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::io;

#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        ApiError {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn unauthorized() -> Self {
        // ECR's own words end here; a body in the protocol's shape is what clients show.
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Not Authorized")
    }

    pub(super) fn denied(why: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "DENIED", why)
    }

    pub(super) fn unknown_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NAME_INVALID",
            "no repository can have this name, and no call this path",
        )
    }

    pub(super) fn unsupported() -> Self {
        // ECR deletes through its own API alone (https://docs.aws.amazon.com/AmazonECR/latest/userguide/delete_image.html).
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            "the registry doesn't support this, delete images with the ECR API",
        )
    }

    pub(super) fn name_unknown(name: &str, registry_id: &str) -> Self {
        let message =
            format!("The repository with name '{name}' does not exist in the registry with id '{registry_id}'");
        Self::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message)
    }

    pub(super) fn of_push(error: PushError, repository: &str) -> Self {
        match error {
            PushError::Invalid(message) => Self::bad_request("MANIFEST_INVALID", message),
            PushError::WrongDigest(message) => Self::bad_request("DIGEST_INVALID", message),
            PushError::TagImmutable { tag } => Self::tag_immutable(&tag, repository),
            PushError::BlobMissing(message) | PushError::ManifestMissing(message) => {
                Self::bad_request("MANIFEST_BLOB_UNKNOWN", message)
            }
            PushError::Io(error) => error.into(),
        }
    }

    fn tag_immutable(tag: &str, repository: &str) -> Self {
        Self::bad_request(
            "TAG_INVALID",
            format!(
                "The image tag '{tag}' already exists in the '{repository}' repository \
                 and cannot be overwritten because the repository is immutable."
            ),
        )
    }

    pub(super) fn upload_unknown() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "BLOB_UPLOAD_UNKNOWN",
            "there is no such upload, begin a new one",
        )
    }

    pub(super) fn too_large(what: &str, limit_bytes: u64) -> Self {
        let message = format!("the {what} is larger than {limit_bytes} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        let message = format!("the registry's disk failed: {error}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message)
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooManyOpen => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TOOMANYREQUESTS",
                "too many uploads are open, end one first",
            ),
            UploadError::TooLarge { limit_bytes } => Self::too_large("blob", limit_bytes),
            UploadError::Torn => Self::upload_unknown(),
            UploadError::Io(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"errors": [{"code": self.code, "message": self.message}]});
        let mut answer = answer(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            answer = answer.header(
                "www-authenticate",
                r#"Basic realm="registry",service="ecr.amazonaws.com""#,
            );
        }
        answer.json(body.to_string().into_bytes(), "application/json")
    }
}
