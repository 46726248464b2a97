//! Git over HTTP at AWS's own path: `git http-backend` behind the local cloud's address.
//!
//! <https://git-scm.com/docs/git-http-backend>

use std::io;
use std::process::Stdio;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::git::missing;
use super::{CLONE_PATH, Git, is_repository_name};
use crate::code::CodeHappening;
use crate::inbox::Event;
use crate::world::Happening;

/// How much of an answer is read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// How many chunks wait for a slow client.
const CHUNKS_WAITING: usize = 8;

#[derive(Clone)]
struct Served {
    git: Git,
    events: mpsc::Sender<Event>,
}

/// Clones, fetches and pushes.
pub(crate) fn router(git: Git, events: mpsc::Sender<Event>) -> Router {
    Router::new()
        .route(&format!("{CLONE_PATH}{{*path}}"), any(serve))
        .with_state(Served { git, events })
}

async fn serve(State(served): State<Served>, Path(path): Path<String>, request: Request) -> Response {
    let name = path.split('/').next().unwrap_or_default().to_owned();
    if !is_repository_name(&name) || !served.git.path(&name).is_dir() {
        let message = format!("there is no repository {name}\n");
        return (StatusCode::NOT_FOUND, message).into_response();
    }
    match answer(served, name, &path, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", missing(&error))).into_response(),
    }
}

async fn answer(served: Served, name: String, path: &str, request: Request) -> io::Result<Response> {
    let (parts, body) = request.into_parts();
    let mut command = Command::from(Git::program());
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", served.git.folder())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "local")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", format!("/{path}"))
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let headers = [
        ("content-type", "CONTENT_TYPE"),
        ("content-length", "CONTENT_LENGTH"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ];
    for (header, variable) in headers {
        if let Some(value) = parts.headers.get(header).and_then(|value| value.to_str().ok()) {
            command.env(variable, value);
        }
    }
    let mut child = command.spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("git has no pipes"));
    };
    tokio::spawn(pass_body(body, stdin));
    let mut stdout = BufReader::new(stdout);
    let (status, headers) = read_head(&mut stdout).await?;
    let (sender, channel) = Channel::new(CHUNKS_WAITING);
    let pushes = path.ends_with("/git-receive-pack") && parts.method == http::Method::POST;
    tokio::spawn(pass_answer(served, pushes.then_some(name), child, stdout, sender));
    let mut response = Response::new(Body::new(channel));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// A client that goes away, or a `git` that has read enough, ends this.
async fn pass_body(mut body: Body, mut stdin: ChildStdin) {
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data()
            && stdin.write_all(&data).await.is_err()
        {
            return;
        }
    }
}

/// CGI's header lines. <https://www.rfc-editor.org/rfc/rfc3875#section-6>
async fn read_head(stdout: &mut BufReader<ChildStdout>) -> io::Result<(StatusCode, HeaderMap)> {
    let (mut status, mut headers) = (StatusCode::OK, HeaderMap::new());
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).await? == 0 {
            return Err(io::Error::other(
                "git http-backend answered nothing; is it installed with git?",
            ));
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok((status, headers));
        }
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("status") {
            let code = value.trim().get(..3).and_then(|code| code.parse().ok());
            status = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim())) {
            headers.append(name, value);
        }
    }
}

/// Passes the answer on. After a push the answer ends only when the loop has been told what branches there are now:
/// whoever asks once `git push` is over finds the execution that it started.
async fn pass_answer(
    served: Served,
    pushed: Option<String>,
    mut child: Child,
    mut stdout: BufReader<ChildStdout>,
    mut sender: Sender<Bytes, io::Error>,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut heard = true;
    loop {
        match stdout.read(&mut chunk).await {
            Ok(0) => break,
            // What is pushed counts, whether or not the client waits for the answer.
            Ok(length) => heard = heard && sender.send_data(Bytes::copy_from_slice(&chunk[..length])).await.is_ok(),
            Err(error) => {
                tracing::warn!(%error, "cannot read what git answers");
                break;
            }
        }
    }
    if let Err(error) = child.wait().await {
        tracing::warn!(%error, "cannot wait for git");
    }
    if let Some(name) = pushed {
        tell_branches(&served.git, &served.events, name).await;
    }
}

/// Looks at a repository's branches and tells the loop.
pub(crate) async fn tell_branches(git: &Git, events: &mpsc::Sender<Event>, name: String) {
    let reading = (git.clone(), name.clone());
    let read = tokio::task::spawn_blocking(move || reading.0.branches(&reading.1)).await;
    match read.map_err(|error| error.to_string()).and_then(|read| read) {
        Ok(branches) => {
            let happening = CodeHappening::Branches { name, branches };
            // The loop is gone only when the whole is stopping.
            let _ = events.send(Event::Happening(Happening::Code(happening))).await;
        }
        Err(error) => tracing::error!(error, name, "cannot look at the branches of a repository"),
    }
}
