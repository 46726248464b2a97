//! One request over a connection of its own.

use std::io;

use axum::body::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const HTTP_PORT: u16 = 80;

/// Larger answers are no answers.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Sends a request to the host of `url` and gives its answer.
///
/// # Errors
///
/// If the host can't be reached, or gives no HTTP answer of at most 64 KiB.
pub(super) async fn exchange(method: Method, url: &Uri, headers: HeaderMap, body: String) -> io::Result<Answer> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, url.port_u16().unwrap_or(HTTP_PORT))).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().map_err(io::Error::other)?;
    *request.headers_mut() = headers;
    let answering = async {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(io::Error::other)?.to_bytes();
        Ok(Answer { status, body })
    };
    tokio::select! {
        biased;
        answer = answering => answer,
        Err(error) = connection => Err(io::Error::other(error)),
    }
}
