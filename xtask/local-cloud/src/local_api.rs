//! What is asked of the local cloud itself, below `/_local/`: the faults that it is to show, changes that no stack is asked
//! for, and the credentials of tasks' roles.
//!
//! Nothing of AWS's is there. Requests needn't be signed, and like all others must come from this machine and no web page.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::body::read;
use crate::faults;
use crate::iam::task_credentials;
use crate::inbox::{Event, ask};
use crate::wire::Fault;

/// What is below `/_local/`.
pub(crate) fn router(events: mpsc::Sender<Event>) -> Router {
    Router::new()
        .route("/_local/faults", get(list).post(add).delete(clear_all))
        .route("/_local/faults/{id}", delete(clear))
        .route("/_local/drift", post(outside))
        .with_state(events.clone())
        .merge(credentials_router(events))
}

/// The credentials of tasks' roles, which only a task with its own secret gets.
pub(crate) fn credentials_router(events: mpsc::Sender<Event>) -> Router {
    Router::new()
        .route(&format!("{}/{{task}}", task_credentials::PATH), get(credentials))
        .with_state(events)
}

async fn list(State(events): State<mpsc::Sender<Event>>) -> Response {
    tell(&events, faults::Request::List).await
}

async fn add(State(events): State<mpsc::Sender<Event>>, request: Request) -> Response {
    with_body(&events, request, faults::Request::Add).await
}

async fn outside(State(events): State<mpsc::Sender<Event>>, request: Request) -> Response {
    with_body(&events, request, faults::Request::Outside).await
}

async fn with_body(
    events: &mpsc::Sender<Event>,
    request: Request,
    asks: impl FnOnce(Value) -> faults::Request,
) -> Response {
    let wanted = read(request.into_body()).await.and_then(|body| {
        serde_json::from_slice(&body)
            .map_err(|error| Fault::client("SerializationException", format!("the body is not JSON: {error}")))
    });
    match wanted {
        Ok(wanted) => tell(events, asks(wanted)).await,
        Err(fault) => respond(Err(fault)),
    }
}

async fn clear_all(State(events): State<mpsc::Sender<Event>>) -> Response {
    tell(&events, faults::Request::Clear(None)).await
}

async fn clear(State(events): State<mpsc::Sender<Event>>, Path(id): Path<u64>) -> Response {
    tell(&events, faults::Request::Clear(Some(id))).await
}

async fn credentials(
    State(events): State<mpsc::Sender<Event>>,
    Path(task): Path<String>,
    headers: HeaderMap,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let answer = ask(&events, |reply| Event::TaskCredentials {
        task,
        authorization,
        reply,
    });
    respond(answer.await.unwrap_or(Ok(Value::Null)))
}

async fn tell(events: &mpsc::Sender<Event>, request: faults::Request) -> Response {
    let answer = ask(events, |reply| Event::Faults { request, reply }).await;
    // What is asked here is always answered.
    respond(answer.unwrap_or(Ok(Value::Null)))
}

fn respond(outcome: Result<Value, Fault>) -> Response {
    let (status, body) = match outcome {
        Ok(output) => (StatusCode::OK, output),
        Err(fault) => (fault.status, json!({"code": fault.code, "message": fault.message})),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
