//! A request's way: refused, answered here, or sent to a target.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use http::{
    HeaderValue, Request, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_TYPE, DATE, LOCATION},
    request::Parts,
};
use hyper::body::Incoming;

use crate::{
    activity::Activity,
    exchange::Exchange,
    group::Group,
    limits,
    listener::Listener,
    page,
    plan::FixedResponse,
    redirect,
    request_body::RequestBody,
    request_head::{self, Hop},
    response_body::{ResponseBody, TargetBody},
    route::{Route, Step},
    target::Target,
    upstream::Upstream,
};

/// Answers one request. Never fails: what goes wrong becomes a status code.
pub(crate) async fn answer(
    listener: Arc<Listener>,
    activity: Arc<Activity>,
    hop: Arc<Hop>,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let mut exchange = Exchange::start(&listener, &activity);
    let route = listener.route();
    let (parts, body) = request.into_parts();
    let last = activity.age(exchange.started()) >= route.attributes.client_keep_alive;
    let response = match request_head::check(&parts) {
        Ok(()) => act(&mut exchange, &route, &hop, parts, body).await,
        Err(status) => Err(status),
    };
    let mut response = match response {
        Ok(Answer::Made(response)) => {
            exchange.made(response.status());
            response
        }
        Ok(Answer::Target(response, upstream)) => stream(response, upstream, exchange),
        Err(status) => {
            exchange.made(status);
            page::response(status)
        }
    };
    if last {
        // "the load balancer accepts one more request and then returns a response that gracefully closes the connection"
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

enum Answer {
    Made(Response<ResponseBody>),
    Target(Response<Incoming>, Box<Upstream>),
}

async fn act(
    exchange: &mut Exchange,
    route: &Route,
    hop: &Hop,
    mut parts: Parts,
    body: Incoming,
) -> Result<Answer, StatusCode> {
    match route.choose(&parts, hop.client) {
        Step::Nothing => Err(StatusCode::SERVICE_UNAVAILABLE),
        Step::FixedResponse(fixed) => Ok(Answer::Made(fixed_response(fixed))),
        Step::Redirect(redirect) => Ok(Answer::Made(redirection(redirect, &parts, hop))),
        Step::Forward(forward) => {
            let (body, client_failed) = RequestBody::new(body, exchange.activity());
            let has_body = matches!(body, RequestBody::Streamed(_));
            request_head::rewrite(&mut parts, has_body, hop, &route.attributes)?;
            let group = forward.choose().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
            let target = choose(exchange, group)?;
            let dispatched = dispatch(exchange, &target, Request::from_parts(parts, body)).await;
            dispatched.map_err(|status| blame(status, client_failed.as_deref()))
        }
    }
}

/// "The target groups for the load balancer have no registered targets": 503.
fn choose(exchange: &mut Exchange, group: &Arc<Group>) -> Result<Arc<Target>, StatusCode> {
    let target = group.choose();
    exchange.chose(group, target.as_ref());
    target.ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// Where the client didn't send its whole body, it isn't the target's fault.
fn blame(status: StatusCode, client_failed: Option<&AtomicBool>) -> StatusCode {
    let client_failed = client_failed.is_some_and(|failed| failed.load(Ordering::Relaxed));
    if client_failed { StatusCode::BAD_REQUEST } else { status }
}

/// Sends a request to the chosen target, once. A kept-alive connection that turns out closed before a byte was sent
/// is replaced by a fresh one to the same target; a request of which any byte may have arrived is never sent again.
async fn dispatch(
    exchange: &mut Exchange,
    target: &Target,
    mut request: Request<RequestBody>,
) -> Result<Answer, StatusCode> {
    let mut kept = target.pool.take();
    loop {
        let was_kept = kept.is_some();
        let mut upstream = match kept.take() {
            Some(upstream) => upstream,
            None => connect(exchange, target).await?,
        };
        let activity = Arc::clone(exchange.activity());
        let sent = Instant::now();
        match upstream.send(request, || activity.is_expired()).await {
            None => return Err(expired(&activity)),
            Some(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                return Err(StatusCode::BAD_GATEWAY);
            }
            Some(Ok(response)) => {
                exchange.responded(response.status(), sent.elapsed());
                return Ok(Answer::Target(response, upstream));
            }
            Some(Err(mut error)) => match error.take_message() {
                Some(unsent) if was_kept => request = unsent,
                _ => return Err(StatusCode::BAD_GATEWAY),
            },
        }
    }
}

/// The idle timeout is over: the client's fault (408) while its body is awaited, else the target's (504).
fn expired(activity: &Activity) -> StatusCode {
    match activity.phase() {
        crate::activity::Phase::Client => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::GATEWAY_TIMEOUT,
    }
}

async fn connect(exchange: &mut Exchange, target: &Target) -> Result<Box<Upstream>, StatusCode> {
    let activity = Arc::clone(exchange.activity());
    let connecting = tokio::time::timeout(limits::CONNECT_TIMEOUT, target.pool.connect(target.address));
    let mut connecting = std::pin::pin!(connecting);
    let connected = std::future::poll_fn(|context| match connecting.as_mut().poll(context) {
        std::task::Poll::Pending if activity.is_expired() => std::task::Poll::Ready(None),
        polled => polled.map(Some),
    });
    let status = match connected.await {
        Some(Ok(Ok(upstream))) => return Ok(upstream),
        Some(Ok(Err(error))) if error.kind() != io::ErrorKind::TimedOut => StatusCode::BAD_GATEWAY,
        _ => StatusCode::GATEWAY_TIMEOUT,
    };
    exchange.failed_to_connect();
    Err(status)
}

/// Makes the target's response the client's.
fn stream(response: Response<Incoming>, upstream: Box<Upstream>, exchange: Exchange) -> Response<ResponseBody> {
    let (mut parts, incoming) = response.into_parts();
    parts.version = Version::HTTP_11;
    request_head::remove_hop_by_hop(&mut parts.headers);
    if !parts.headers.contains_key(DATE) {
        parts.headers.insert(DATE, page::date());
    }
    let body = TargetBody::new(incoming, upstream, exchange);
    Response::from_parts(parts, ResponseBody::Target(Box::new(body)))
}

fn fixed_response(fixed: &FixedResponse) -> Response<ResponseBody> {
    let status = StatusCode::from_u16(fixed.status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = fixed.message_body.clone().unwrap_or_default();
    let mut response = page::bare(status, body.into());
    let content_type = fixed
        .content_type
        .as_deref()
        .and_then(|text| HeaderValue::from_str(text).ok());
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

fn redirection(redirect: &crate::plan::Redirect, parts: &Parts, hop: &Hop) -> Response<ResponseBody> {
    let status = StatusCode::from_u16(redirect.status_code).unwrap_or(StatusCode::FOUND);
    let mut response = page::response(status);
    let location = redirect::location(redirect, parts, &hop.port_value);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
