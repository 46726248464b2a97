//! The server: accepts connections, serves HTTP/1.1 on each, and stops in order.

use std::{fmt, future::poll_fn, io, pin::pin, sync::Arc, task::Poll, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::TokioIo,
    server::graceful::{GracefulConnection, GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    config::Limits,
    connection::{Activity, WatchedStream},
};

/// How long to wait before accepting again after a failure, such as no file descriptor being left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection accepted at the very end may take to send its one request.
const LATE_HEADER_TIMEOUT: Duration = Duration::from_secs(1);

/// The smallest buffer that hyper allows for a connection.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

/// In place of a response: the connection closes without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("closed without a response")
    }
}

impl std::error::Error for Closed {}

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every request in flight was answered.
    InOrder,
    /// The stop timeout or a second signal cut this many connections off.
    CutOff {
        /// Connections that were still open.
        connections: usize,
    },
}

/// Serves until told to stop, then lets the requests in flight end.
///
/// `signal` ends when the server is to stop, and, called a second time, when it is to stop at once.
pub(crate) async fn serve<S, F>(
    listener: TcpListener,
    limits: &Limits,
    answer: S,
    mut signal: impl AsyncFnMut(),
) -> Ended
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, Closed>> + Send + 'static,
{
    let server = Server {
        limits: Arc::new(limits.clone()),
        slots: Arc::new(Semaphore::new(limits.max_connections)),
        graceful: GracefulShutdown::new(),
        answer,
    };
    {
        let mut stop = pin!(signal());
        loop {
            tokio::select! {
                () = &mut stop => break,
                (stream, slot) = server.accept(&listener) => server.spawn(stream, slot),
            }
        }
    }
    server.accept_what_waits(&listener).await;
    drop(listener);
    server.drain(signal()).await
}

struct Server<S> {
    limits: Arc<Limits>,
    /// One permit a connection.
    slots: Arc<Semaphore>,
    graceful: GracefulShutdown,
    answer: S,
}

impl<S, F> Server<S>
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, Closed>> + Send + 'static,
{
    /// The next connection, once there is room for it.
    ///
    /// A failure to accept is never the end: it concerns one connection, or passes when others are closed.
    async fn accept(&self, listener: &TcpListener) -> (TcpStream, OwnedSemaphorePermit) {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, slot),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "can't accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn spawn(&self, stream: TcpStream, slot: OwnedSemaphorePermit) {
        let activity = Arc::new(Activity::new(Instant::now()));
        let connection = self.connection(stream, &activity, true);
        let connection = self.graceful.watch(connection);
        let limits = Arc::clone(&self.limits);
        tokio::spawn(bounded(connection, activity, limits, slot));
    }

    /// Serves the connections that the kernel has taken for us already: closing the listener would reset them.
    ///
    /// Each may send one request, and soon.
    async fn accept_what_waits(&self, listener: &TcpListener) {
        // Lets the runtime see what has arrived meanwhile.
        tokio::task::yield_now().await;
        let limits = Limits {
            header_timeout: LATE_HEADER_TIMEOUT.min(self.limits.header_timeout),
            ..(*self.limits).clone()
        };
        let limits = Arc::new(limits);
        while let Some((stream, slot)) = ready_now(self.accept(listener)).await {
            let activity = Arc::new(Activity::new(Instant::now()));
            let connection = self.connection(stream, &activity, false);
            tokio::spawn(bounded(connection, activity, Arc::clone(&limits), slot));
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        activity: &Arc<Activity>,
        keep_alive: bool,
    ) -> impl GracefulConnection<Error = hyper::Error> + Send + use<S, F> {
        // Responses are small and whole: waiting to fill a packet only delays them. A failure means a closed stream.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(WatchedStream::new(stream, Arc::clone(activity)));
        let answer = self.answer.clone();
        let activity = Arc::clone(activity);
        let service = service_fn(move |request| {
            activity.request_begins();
            let response = answer(request);
            let activity = Arc::clone(&activity);
            async move {
                let response = response.await;
                activity.request_ends(Instant::now());
                response
            }
        });
        // The edge refuses headers over the limit in words; the parser has twice the room, and beyond it cuts short.
        let parser_bytes = self.limits.max_header_bytes * 2;
        http1::Builder::new()
            .keep_alive(keep_alive)
            .header_read_timeout(None)
            .max_header_size(parser_bytes)
            .max_buf_size(parser_bytes.max(MIN_BUFFER_BYTES))
            .serve_connection(io, service)
    }

    /// Waits for the open connections to end, until the stop timeout or a second signal.
    async fn drain(self, second_signal: impl Future<Output = ()>) -> Ended {
        let max_connections = self.limits.max_connections;
        let all_slots = u32::try_from(max_connections).unwrap_or(u32::MAX);
        let ended = async {
            self.graceful.shutdown().await;
            // The connections of the last moment aren't the graceful shutdown's, but hold slots as well.
            let _ = self.slots.acquire_many(all_slots).await;
        };
        tokio::select! {
            () = ended => return Ended::InOrder,
            () = second_signal => {}
            () = tokio::time::sleep(self.limits.stop_timeout) => {}
        }
        Ended::CutOff {
            connections: max_connections - self.slots.available_permits(),
        }
    }
}

/// Runs a connection to its end, or until it has outstayed its limits.
async fn bounded(
    connection: impl Future<Output = Result<(), hyper::Error>>,
    activity: Arc<Activity>,
    limits: Arc<Limits>,
    slot: OwnedSemaphorePermit,
) {
    tokio::select! {
        biased;
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection failed");
            }
        }
        () = activity.overdue(&limits) => tracing::debug!("a connection took too long"),
    }
    drop(slot);
}

/// What the future gives at once, if it does.
pub(crate) async fn ready_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}
