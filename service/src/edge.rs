//! What is around every handler: limits, faults, request ids, logs, and the headers of every response.

use std::{any::Any, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::Limited;
use tokio::time::Instant;
use tower::{Layer as _, Service as _};
use tower_http::catch_panic::{CatchPanic, CatchPanicLayer};

use crate::{
    admission::{Admission, Permit},
    config::{Config, Limits},
    handlers::error_response,
    injection::{Injection, Unanswered},
    log::LogBuffer,
    request_id::{self, RequestIds},
    request_log::{self, RequestLog},
    server::{Closed, ready_now},
};

/// How long a refused client is asked to wait, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

const STAGE_HEADER: HeaderName = HeaderName::from_static(constants::stage::HEADER);

/// How the user agent of the load balancer's health checks begins.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
const HEALTH_CHECKER: &[u8] = b"ELB-HealthChecker/";

/// What answers for a handler that panicked.
type Panicked = fn(Box<dyn Any + Send>) -> Response;

/// Answers requests: the router's answers, within limits.
#[derive(Debug)]
pub(crate) struct Edge {
    router: CatchPanic<Router, Panicked>,
    stage: HeaderValue,
    limits: Limits,
    injection: Injection,
    admission: Admission,
    request_ids: RequestIds,
}

impl Edge {
    /// Puts the edge around `router`. The process's age counts from `started`.
    pub(crate) fn new(router: Router, config: &Config, started: Instant, log: Arc<LogBuffer>) -> Self {
        Self {
            // Around the router and not within: a layer there is called through every route, boxed anew.
            router: CatchPanicLayer::custom(panicked as Panicked).layer(router),
            stage: config.stage.header_value(),
            limits: config.limits.clone(),
            injection: Injection::new(config, started, log),
            admission: Admission::new(config.limits.max_concurrent_requests),
            request_ids: RequestIds::new(),
        }
    }

    /// Answers one request, whatever happens; `Closed` and no answer at all only where a fault asks for that.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Result<Response, Closed>
    where
        B: http_body::Body<Data = axum::body::Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let health_check = is_health_check(&request);
        let request_id = self.request_ids.of(&request);
        // Logs when it is dropped, so a request whose client leaves is logged too.
        let log = RequestLog::new(&request, request_id, &self.stage, health_check, Instant::now());
        let handled = match self.admit(&request, health_check) {
            Err(refusal) => Ok(refusal.response()),
            Ok(_permit) => {
                let handled = self.handle(request, health_check);
                let handled = within(self.limits.request_timeout, handled).await;
                handled.unwrap_or_else(|| Ok(unavailable("the request took too long")))
            }
        };
        let mut response = match handled {
            Ok(response) => response,
            // Its place is free again: requests that hang turn no others away.
            Err(Unanswered::Hang) => std::future::pending().await,
            Err(Unanswered::Close) => {
                log.answered(request_log::CLOSED);
                return Err(Closed);
            }
        };
        let request_id = log.answered(response.status().as_u16());
        let headers = response.headers_mut();
        headers.insert(STAGE_HEADER, self.stage.clone());
        headers.insert(request_id::HEADER, request_id);
        Ok(response)
    }

    /// Refuses what is too large or too much.
    fn admit<B>(&self, request: &Request<B>, health_check: bool) -> Result<Permit<'_>, Refusal> {
        if header_bytes(request) > self.limits.max_header_bytes {
            return Err(Refusal::HeadersTooLarge);
        }
        if announced_body_bytes(request).is_some_and(|bytes| bytes > self.limits.max_body_bytes as u64) {
            return Err(Refusal::BodyTooLarge);
        }
        self.admission.try_admit(health_check).ok_or(Refusal::TooManyRequests)
    }

    /// The handler's answer, or that of a fault.
    async fn handle<B>(&self, request: Request<B>, health_check: bool) -> Result<Response, Unanswered>
    where
        B: http_body::Body<Data = axum::body::Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if let Some(response) = self.injection.inject(health_check).await? {
            return Ok(response);
        }
        let request = request.map(|body| self.limit_body(body));
        // A clone of the router is a reference to it.
        let Ok(response) = self.router.clone().call(request).await;
        let response = response.map(Body::new);
        if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Ok(Refusal::BodyTooLarge.response());
        }
        Ok(response)
    }

    /// Bodies of unannounced length are cut off at the limit.
    fn limit_body<B>(&self, body: B) -> Body
    where
        B: http_body::Body<Data = axum::body::Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Limited::new(body, self.limits.max_body_bytes))
    }
}

/// What the future gives within the limit, if it does. Most handlers answer at once; only the others get a timer.
async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    match ready_now(future.as_mut()).await {
        Some(output) => Some(output),
        None => tokio::time::timeout(limit, future).await.ok(),
    }
}

/// Why a request isn't handled.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    HeadersTooLarge,
    BodyTooLarge,
    TooManyRequests,
}

impl Refusal {
    fn response(self) -> Response {
        match self {
            Self::HeadersTooLarge => too_large(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "the request line and headers are too large",
            ),
            Self::BodyTooLarge => too_large(StatusCode::PAYLOAD_TOO_LARGE, "the request's body is too large"),
            Self::TooManyRequests => unavailable("too many requests are in work"),
        }
    }
}

fn is_health_check<B>(request: &Request<B>) -> bool {
    let user_agent = request.headers().get(header::USER_AGENT);
    user_agent.is_some_and(|agent| agent.as_bytes().starts_with(HEALTH_CHECKER))
}

/// The size of the request line and headers, near enough to what was sent.
fn header_bytes<B>(request: &Request<B>) -> usize {
    let headers = request.headers().iter();
    // A colon, a space and the line's end with each.
    let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    request.method().as_str().len() + target + " HTTP/1.1\r\n".len() + headers
}

fn announced_body_bytes<B>(request: &Request<B>) -> Option<u64> {
    request
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// A refusal after which the connection is of no use: what the client goes on sending isn't read.
fn too_large(status: StatusCode, message: &'static str) -> Response {
    let mut response = error_response(status, message);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// 503, also for a timeout: 504 is what the load balancer says itself of a target that doesn't answer, and the two
/// should be told apart.
pub(crate) fn unavailable(message: &'static str) -> Response {
    let mut response = error_response(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// The answer for a handler that panicked; the panic hook has logged the panic itself.
#[allow(clippy::needless_pass_by_value, reason = "the layer hands the panic's payload over")]
fn panicked(_payload: Box<dyn Any + Send>) -> Response {
    error_response(StatusCode::INTERNAL_SERVER_ERROR, "the service failed at this request")
}

#[cfg(test)]
mod tests;
