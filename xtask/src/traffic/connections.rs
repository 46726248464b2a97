//! HTTP/1.1 connections to one address, kept between requests; no request is tried twice.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use http::{Request, Response, Uri, header};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::code::Code;
use crate::exit::Coded as _;

/// A connection on which a request can be sent.
pub(super) type Sender = SendRequest<Empty<Bytes>>;

/// The connections to an address that no request is under way on.
#[derive(Debug)]
pub(super) struct Connections {
    /// `host:port`.
    address: String,
    /// The one used last comes first, so that at a low rate few are kept, and none grows old.
    idle: Mutex<Vec<Sender>>,
}

impl Connections {
    /// Connections to the host of an address `http://host[:port]`.
    ///
    /// # Errors
    /// When it isn't such an address.
    pub(super) fn to(endpoint: &str) -> anyhow::Result<Self> {
        Self::of(endpoint).coded(Code::Address)
    }

    fn of(endpoint: &str) -> anyhow::Result<Self> {
        let uri: Uri = endpoint
            .parse()
            .with_context(|| format!("`{endpoint}` is not an address"))?;
        ensure!(
            uri.scheme_str() == Some("http"),
            "`{endpoint}` is not an address that begins with http://"
        );
        let host = uri
            .host()
            .with_context(|| format!("`{endpoint}` is an address without a host"))?;
        Ok(Self {
            address: format!("{host}:{}", uri.port_u16().unwrap_or(80)),
            idle: Mutex::default(),
        })
    }

    /// `host:port`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request and waits for the head of its answer; the connection is kept with [`Connections::keep`] once the
    /// answer's body has been read.
    ///
    /// # Errors
    /// When there is no connection or no answer.
    pub(super) async fn send(&self, request: Request<Empty<Bytes>>) -> anyhow::Result<(Response<Incoming>, Sender)> {
        let mut sender = self.ready().await?;
        let response = sender.send_request(request).await.context("no answer")?;
        Ok((response, sender))
    }

    /// Keeps a connection for a later request, unless its last answer said that it closes.
    pub(super) fn keep(&self, sender: Sender, closes: bool) {
        if !closes && !sender.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        }
    }

    /// A connection that accepts a request: a kept one, unless the other side has closed it since, or a new one.
    ///
    /// # Errors
    /// If there is no connection.
    pub(super) async fn ready(&self) -> anyhow::Result<Sender> {
        while let Some(mut sender) = self.take() {
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        self.connect().await
    }

    fn take(&self) -> Option<Sender> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn connect(&self) -> anyhow::Result<Sender> {
        let stream = TcpStream::connect(&self.address).await.context("no connection")?;
        stream.set_nodelay(true).context("no connection")?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.context("no connection")?;
        // It ends when its sender is dropped; what goes wrong with it, the sender tells.
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Whether an answer says that its connection closes after it.
pub(super) fn closes(response: &Response<Incoming>) -> bool {
    response
        .headers()
        .get(header::CONNECTION)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |endpoint: &str, expected: Option<&str>| {
            let connections = Connections::to(endpoint).ok();
            assert_eq!(connections.as_ref().map(Connections::address), expected, "{endpoint}");
        };
        check("http://127.0.0.1:4567", Some("127.0.0.1:4567"));
        check("http://balancer.example.com", Some("balancer.example.com:80"));
        check("http://balancer.example.com/", Some("balancer.example.com:80"));
        check("https://balancer.example.com", None);
        check("balancer", None);
    }
}
