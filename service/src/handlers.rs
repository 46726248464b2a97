//! The handlers: what the service answers.
//!
//! This is the file to edit. Limits, logs, request ids and faults are around it, in `edge`.

use axum::{Router, body::Body, extract::State, response::Response, routing::get};
use constants::service::STATUS_BODY;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::config::Config;

/// `GET /`: the main answer, which is also what the load balancer's health checks ask for.
async fn root() -> Response {
    json_response(StatusCode::OK, STATUS_BODY)
}

/// `GET /version`: which build and which release this is, and on which stage it runs.
async fn version(State(version): State<Version>) -> Response {
    // Written by hand, since the order of `json!`'s keys depends on a feature that any crate of a build may turn on.
    let Version {
        package,
        revision,
        release,
        stage,
    } = &version;
    let text = |value: &str| serde_json::Value::from(value);
    let (revision, stage, package) = (text(revision), text(stage), text(package));
    let release = serde_json::Value::from(release.as_deref());
    let body = format!(r#"{{"release":{release},"revision":{revision},"stage":{stage},"version":{package}}}"#);
    json_response(StatusCode::OK, body)
}

/// What `GET /version` tells.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// The package's version.
    pub(crate) package: &'static str,
    /// The git revision that the image was built from, `unknown` outside an image.
    pub(crate) revision: &'static str,
    /// The release that the task runs; `None` outside a deployment of a release.
    pub(crate) release: Option<String>,
    /// The deployment stage.
    pub(crate) stage: String,
}

impl Version {
    /// The version of this build, configured by `config`.
    pub(crate) fn of_this_build(config: &Config) -> Self {
        Self {
            package: env!("CARGO_PKG_VERSION"),
            revision: option_env!("GIT_REVISION").unwrap_or("unknown"),
            release: config.release.clone(),
            stage: config.stage.as_str().to_owned(),
        }
    }
}

/// Every route; what matches none answers 404 or 405 as JSON.
pub(crate) fn router(version: Version) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/version", get(self::version))
        .fallback(async || error_response(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            error_response(StatusCode::METHOD_NOT_ALLOWED, "this path doesn't take this method")
        })
        .with_state(version)
}

/// An error as JSON: the status in words, and a sentence about this case.
pub(crate) fn error_response(status: StatusCode, message: &'static str) -> Response {
    let error = status.canonical_reason().unwrap_or("Error");
    json_response(status, json!({"error": error, "message": message}).to_string())
}

/// A response whose body is JSON text.
pub(crate) fn json_response(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
