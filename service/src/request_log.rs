//! One line of the log a request.

use std::mem;

use http::{HeaderValue, Method, Request, StatusCode, Uri};
use tokio::time::Instant;

/// The load balancer's trace id.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html>
const TRACE_HEADER: &str = "x-amzn-trace-id";

/// Longer values than this are cut, so that no request fills the log.
const MAX_FIELD_BYTES: usize = 512;

/// The status logged when the client left before the answer, as nginx has it; it is never sent.
const CLIENT_LEFT: u16 = 499;

/// The status logged when a fault closed the connection in place of an answer, as nginx has it; it is never sent.
pub(crate) const CLOSED: u16 = 444;

/// What a request's line tells; logged when it is answered, or else when this is dropped.
#[derive(Debug)]
pub(crate) struct RequestLog<'a> {
    request_id: HeaderValue,
    trace_id: Option<HeaderValue>,
    method: Method,
    uri: Uri,
    stage: &'a HeaderValue,
    health_check: bool,
    started: Instant,
    status: u16,
    logged: bool,
}

impl<'a> RequestLog<'a> {
    /// A request that began at `started`.
    pub(crate) fn new<B>(
        request: &Request<B>,
        request_id: HeaderValue,
        stage: &'a HeaderValue,
        health_check: bool,
        started: Instant,
    ) -> Self {
        Self {
            request_id,
            trace_id: request.headers().get(TRACE_HEADER).cloned(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            stage,
            health_check,
            started,
            status: CLIENT_LEFT,
            logged: false,
        }
    }

    /// The request was answered. Gives its id back, for the response.
    pub(crate) fn answered(mut self, status: u16) -> HeaderValue {
        self.status = status;
        self.log();
        self.logged = true;
        mem::replace(&mut self.request_id, HeaderValue::from_static(""))
    }

    fn log(&self) {
        // The same fields at each level; a level is fixed where the event stands.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request_id = text(&self.request_id),
                    trace_id = self.trace_id.as_ref().map(text),
                    method = self.method.as_str(),
                    // Without the query, which may hold what no log should.
                    path = cut(self.uri.path()),
                    status = self.status,
                    milliseconds = milliseconds(self.started),
                    stage = text(self.stage),
                    // As a field like any other: a message is a format, and formatting it costs an allocation.
                    message = "request",
                )
            };
        }
        if self.status >= StatusCode::INTERNAL_SERVER_ERROR.as_u16() {
            // So that whoever looks for what went wrong finds it by the level alone.
            line!(error);
        } else if self.health_check {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

impl Drop for RequestLog<'_> {
    fn drop(&mut self) {
        if !self.logged {
            self.log();
        }
    }
}

fn text(value: &HeaderValue) -> &str {
    cut(value.to_str().unwrap_or("not a text"))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_FIELD_BYTES)]
}

/// Since `started`, to the microsecond.
fn milliseconds(started: Instant) -> f64 {
    let microseconds = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
    f64::from(microseconds) / 1000.0
}
