//! The distribution protocol: who may come in, and which handler a path belongs to.

mod action;
mod blobs;
mod error;
mod manifests;
mod path;

use crate::{Policy, Registry};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use error::ApiError;
use path::Target;

pub(crate) fn router(registry: Registry) -> Router {
    Router::new()
        .route("/v2", any(serve))
        .route("/v2/", any(serve))
        .route("/v2/{*path}", any(serve))
        .with_state(registry)
}

async fn serve(State(registry): State<Registry>, request: Request) -> Response {
    let mut response = match dispatch(&registry, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    response.headers_mut().insert(
        "docker-distribution-api-version",
        HeaderValue::from_static("registry/2.0"),
    );
    response
}

async fn dispatch(registry: &Registry, request: Request) -> Result<Response, ApiError> {
    let password = authorize(registry, request.headers())?;
    let method = request.method().clone();
    let target = path::parse(request.uri().path()).ok_or_else(ApiError::unknown_path)?;
    let refusal = action::of(method.as_str(), &target)
        .and_then(|(action, repository)| registry.shared.repositories.refusal(&password, action, repository));
    if let Some(refusal) = refusal {
        return Err(ApiError::denied(refusal));
    }
    match (method.as_str(), target) {
        ("GET" | "HEAD", Target::Base) => Ok(answer(StatusCode::OK).json(b"{}".to_vec(), "application/json")),
        ("GET" | "HEAD", Target::Blob { repository, digest }) => {
            let repository = known(registry, repository)?;
            blobs::get(&repository, &digest, method == Method::HEAD).await
        }
        ("POST", Target::Uploads { repository }) => blobs::begin(&known(registry, repository)?, request).await,
        ("GET", Target::Upload { repository, id }) => blobs::status(&known(registry, repository)?, &id).await,
        ("PATCH", Target::Upload { repository, id }) => {
            blobs::append(&known(registry, repository)?, &id, request).await
        }
        ("PUT", Target::Upload { repository, id }) => blobs::finish(&known(registry, repository)?, &id, request).await,
        ("DELETE", Target::Upload { repository, id }) => blobs::cancel(&known(registry, repository)?, &id),
        ("GET" | "HEAD", Target::Manifest { repository, reference }) => {
            manifests::get(&known(registry, repository)?, &reference).await
        }
        ("PUT", Target::Manifest { repository, reference }) => {
            manifests::put(&known(registry, repository)?, &reference, request).await
        }
        ("GET", Target::Referrers { repository, digest }) => {
            manifests::referrers(&known(registry, repository)?, &digest, request.uri()).await
        }
        ("GET", Target::Tags { repository }) => manifests::tags(&known(registry, repository)?, request.uri()).await,
        _ => Err(ApiError::unsupported()),
    }
}

/// A repository that is there.
#[derive(Clone)]
struct Known {
    registry: Registry,
    name: String,
    policy: Policy,
}

fn known(registry: &Registry, name: String) -> Result<Known, ApiError> {
    let repositories = &registry.shared.repositories;
    match repositories.policy(&name) {
        Some(policy) => Ok(Known {
            registry: registry.clone(),
            name,
            policy,
        }),
        None => Err(ApiError::name_unknown(&name, &repositories.registry_id())),
    }
}

impl Known {
    /// Runs what blocks on the disk off the executor.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Known) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let known = self.clone();
        tokio::task::spawn_blocking(move || work(&known))
            .await
            .map_err(|error| ApiError::from(std::io::Error::other(error)))?
    }
}

/// The password of who comes in.
fn authorize(registry: &Registry, headers: &HeaderMap) -> Result<String, ApiError> {
    let repositories = &registry.shared.repositories;
    credentials(headers)
        .filter(|(username, password)| repositories.authorized(username, password))
        .map(|(_, password)| password)
        .ok_or_else(ApiError::unauthorized)
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

/// An answer in the making.
struct Answer(Response);

fn answer(status: StatusCode) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    Answer(response)
}

impl Answer {
    /// Adds a header whose value is known to be fit for one: a path, a digest, a number.
    fn header(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    fn json(self, bytes: Vec<u8>, content_type: &str) -> Response {
        let answer = self
            .header("content-type", content_type)
            .header("content-length", bytes.len());
        answer.body(Body::from(bytes))
    }

    fn body(mut self, body: Body) -> Response {
        *self.0.body_mut() = body;
        self.0
    }

    fn empty(self) -> Response {
        self.header("content-length", 0).0
    }
}
