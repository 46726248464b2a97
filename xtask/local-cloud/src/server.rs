//! The HTTP server on loopback: AWS's calls at `/`, the registry below `/v2/`, what is asked of the local cloud itself below
//! `/_local/`.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::body::read;
use crate::inbox::{Event, ask};
use crate::local_api;
use crate::stop::stopping;
use crate::wire;

/// How long a client may take to send a request's headers, and how long an idle connection is kept.
const HEADER_READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Accepts connections until told to stop.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(serve_connection(stream, router.clone(), stop.clone()))),
                Err(error) => {
                    // Out of file descriptors, most likely: those that end free some.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = stopping(&mut stop) => return,
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT);
    let answers = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let answering = answers.call(request);
        async move { unless_lost(answering.await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Marks a response in whose place the connection is to end.
#[derive(Debug, Clone, Copy)]
struct Lost;

fn unless_lost(answered: Result<Response, Infallible>) -> io::Result<Response> {
    let Ok(response) = answered;
    match response.extensions().get::<Lost>() {
        None => Ok(response),
        Some(Lost) => Err(io::Error::other("the connection is lost, as was asked for")),
    }
}

/// The whole of the endpoint.
pub(crate) fn router(events: mpsc::Sender<Event>, registry: Router, address: SocketAddr) -> Router {
    let local = local_api::router(events.clone());
    let calls = Router::new().fallback(answer).with_state((events, false));
    registry
        .merge(local)
        .merge(calls)
        .layer(middleware::from_fn_with_state(address.port(), only_local_hosts))
}

/// What tasks reach that don't share this machine's loopback, and with them whatever else is on their network: their
/// credentials, and calls that are signed with them.
pub(crate) fn router_for_tasks(events: mpsc::Sender<Event>) -> Router {
    let calls = Router::new().fallback(answer).with_state((events.clone(), true));
    local_api::credentials_router(events).merge(calls)
}

/// A page in a browser can be made to send requests here by a name that resolves to loopback; such a name is refused.
async fn only_local_hosts(State(port): State<u16>, request: Request, next: Next) -> Response {
    // A request line that names a host counts before the header. <https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2>
    let target = request.uri().authority();
    let local =
        target.is_none_or(|target| is_local_name(target.as_str(), port)) && is_local_host(request.headers(), port);
    if local && !request.headers().contains_key(header::ORIGIN) {
        return next.run(request).await;
    }
    let message = "the local cloud answers only to 127.0.0.1, localhost and *.localhost, and to no web page\n";
    (StatusCode::MISDIRECTED_REQUEST, message).into_response()
}

/// One `Host` header, no more: of two, each reader may believe another.
fn is_local_host(headers: &HeaderMap, port: u16) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next().map(|host| host.to_str()), hosts.next()) {
        (Some(Ok(host)), None) => is_local_name(host, port),
        _ => false,
    }
}

fn is_local_name(host: &str, port: u16) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, digits)) => {
            if digits.parse() == Ok(port) {
                name
            } else {
                return false;
            }
        }
        None => host,
    };
    let name = name.to_ascii_lowercase();
    name == "127.0.0.1" || name == "localhost" || name.ends_with(".localhost")
}

async fn answer(
    State((events, of_task)): State<(mpsc::Sender<Event>, bool)>,
    request: Request,
) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let request_id = request_id();
    let (protocol, call) = match read(body).await {
        Ok(body) => wire::parse(parts.uri.path(), &parts.headers, &body),
        Err(fault) => (wire::parse(parts.uri.path(), &parts.headers, &[]).0, Err(fault)),
    };
    let operation = call.as_ref().map(|call| call.operation.clone()).unwrap_or_default();
    let outcome = match call {
        Ok(call) => ask(&events, |reply| Event::Call { call, of_task, reply }).await,
        Err(fault) => Some(Err(fault)),
    };
    let Some(outcome) = outcome else {
        return Ok(([("connection", "close")], axum::Extension(Lost)).into_response());
    };
    tracing::debug!(
        operation,
        fault = outcome.as_ref().err().map(|fault| fault.code.as_str()),
        "answered"
    );
    Ok(wire::respond(protocol, &operation, &outcome, &request_id).map(Body::from))
}

/// Request ids only have to differ.
fn request_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let seed = RandomState::new().hash_one(std::time::SystemTime::now());
    crate::ids::Ids::new(seed).uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let check = |host: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(is_local_host(&headers, 4566), expected, "{host}");
        };
        check("127.0.0.1:4566", true);
        check("localhost:4566", true);
        check("s3.localhost:4566", true);
        check("LOCALHOST:4566", true);
        check("example.com:4566", false);
        check("127.0.0.1:80", false);
        check("localhost.example.com:4566", false);
        assert!(!is_local_host(&HeaderMap::new(), 4566));
    }
}
