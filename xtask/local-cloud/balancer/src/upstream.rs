//! Connections to one target, kept alive between requests.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;
use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{limits, request_body::RequestBody};

/// A connection to a target. Whoever holds it drives it; nothing else does.
pub(crate) struct Upstream {
    sender: SendRequest<RequestBody>,
    connection: Option<http1::Connection<TokioIo<TargetStream>, RequestBody>>,
    idle_since: Instant,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upstream").finish_non_exhaustive()
    }
}

impl Upstream {
    async fn new(stream: TcpStream, line: Arc<Line>) -> io::Result<Box<Self>> {
        stream.set_nodelay(true)?;
        let io = TokioIo::new(TargetStream { stream, line });
        let handshake = http1::Builder::new()
            .max_buf_size(limits::RESPONSE_HEADERS_BYTES)
            .max_header_size(limits::RESPONSE_HEADERS_BYTES)
            .handshake(io);
        let (sender, connection) = handshake.await.map_err(io::Error::other)?;
        Ok(Box::new(Self {
            sender,
            connection: Some(connection),
            idle_since: Instant::now(),
        }))
    }

    /// Lets the connection read and write as far as it can; `context` is woken when it can do more.
    pub(crate) fn drive(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(context).is_ready()
        {
            self.connection = None;
        }
    }

    /// Sends a request and waits for the response's head. An error that still holds the request means that no byte of it was sent.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        expired: impl Fn() -> bool,
    ) -> Option<Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> {
        let mut response = std::pin::pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        std::future::poll_fn(move |context| {
            if let Some(driven) = connection.as_mut()
                && Pin::new(driven).poll(context).is_ready()
            {
                *connection = None;
            }
            // Whatever arrives, arrives while the connection is polled: no waker is needed here.
            match response.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending if expired() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Whether another request can be sent; notices when the target has closed the connection.
    fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready() && !self.sender.is_closed()
    }
}

/// The idle connections of one target and a handle on the busy ones.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<Idle>,
    lines: Mutex<Vec<Weak<Line>>>,
}

#[derive(Debug, Default)]
struct Idle {
    /// Once retired, nothing is kept or handed out.
    retired: bool,
    #[allow(
        clippy::vec_box,
        reason = "a connection moves between the pool and requests all the time; so only a pointer does"
    )]
    connections: Vec<Box<Upstream>>,
}

impl Pool {
    /// A connection that was idle, the one used last first.
    pub(crate) fn take(&self) -> Option<Box<Upstream>> {
        loop {
            let mut upstream = self.idle().connections.pop()?;
            if upstream.is_usable() {
                return Some(upstream);
            }
        }
    }

    /// A fresh connection.
    pub(crate) async fn connect(&self, address: std::net::SocketAddr) -> io::Result<Box<Upstream>> {
        let stream = TcpStream::connect(address).await?;
        let line = Arc::new(Line::default());
        self.remember(&line);
        Upstream::new(stream, line).await
    }

    /// Keeps a connection for the next request where it can serve one.
    pub(crate) fn keep(&self, mut upstream: Box<Upstream>) {
        if !upstream.is_usable() {
            return;
        }
        upstream.idle_since = Instant::now();
        let mut idle = self.idle();
        if !idle.retired && idle.connections.len() < limits::IDLE_CONNECTIONS_PER_TARGET {
            idle.connections.push(upstream);
        }
    }

    /// Closes idle connections that the target has closed or that were idle for too long.
    pub(crate) fn sweep(&self, idle_limit: Duration) {
        let now = Instant::now();
        self.idle().connections.retain_mut(|upstream| {
            now.saturating_duration_since(upstream.idle_since) < idle_limit && upstream.is_usable()
        });
    }

    /// From now on no connection is kept or reused (or, given false, again is).
    pub(crate) fn retire(&self, retired: bool) {
        let mut idle = self.idle();
        idle.retired = retired;
        if retired {
            idle.connections.clear();
        }
    }

    /// Breaks the connections that are still in use.
    pub(crate) fn close_all(&self) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        for line in lines.iter().filter_map(Weak::upgrade) {
            line.close();
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, line: &Arc<Line>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == lines.capacity() {
            lines.retain(|line| line.strong_count() > 0);
        }
        lines.push(Arc::downgrade(line));
    }
}

/// Lets a connection be broken by someone who doesn't hold it.
#[derive(Debug, Default)]
struct Line {
    closed: AtomicBool,
    waker: AtomicWaker,
}

impl Line {
    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn check(&self) -> io::Result<()> {
        let closed = self.closed.load(Ordering::Acquire);
        if closed {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            Ok(())
        }
    }
}

struct TargetStream {
    stream: TcpStream,
    line: Arc<Line>,
}

impl AsyncRead for TargetStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            return Poll::Ready(result);
        }
        self.line.waker.register(context.waker());
        self.line.check()?;
        Poll::Pending
    }
}

impl AsyncWrite for TargetStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.line.check()?;
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.line.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        Poll::Ready(Ok(()))
    }
}
