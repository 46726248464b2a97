//! A connection that is bounded in time, whatever its client does.
//!
//! hyper's own header timeout starts one timer a request and counts the idle time between two requests as part of it.
//! Here a connection has one timer for its whole life, and the two times are apart: a client gets a few seconds to
//! send its headers, and a connection may idle for longer than the load balancer keeps it.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

use crate::config::Limits;

/// What a connection does, and since when; shared by its stream, its requests and its watchdog.
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    /// The phase in the two lowest bits, above them the milliseconds from `opened` to the phase's start.
    state: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Headers are awaited: the connection is new, or a request's first bytes are there.
    Headers,
    /// A request is in work; its own timeout bounds it.
    Request,
    /// The last response is ready or sent, the next request hasn't begun.
    Idle,
}

impl Activity {
    /// The activity of a connection opened `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            opened: now,
            state: AtomicU64::new(Phase::Headers as u64),
        }
    }

    /// A request's headers are complete.
    pub(crate) fn request_begins(&self) {
        // Its start bounds nothing, so no clock is read.
        self.state.store(Phase::Request as u64, Ordering::Relaxed);
    }

    /// A request has its response, or was given up.
    pub(crate) fn request_ends(&self, now: Instant) {
        self.enter(Phase::Idle, now);
    }

    fn bytes_read(&self, now: impl FnOnce() -> Instant) {
        if self.state().0 == Phase::Idle {
            self.enter(Phase::Headers, now());
        }
    }

    fn bytes_written(&self, now: impl FnOnce() -> Instant) {
        if self.state().0 == Phase::Idle {
            self.enter(Phase::Idle, now());
        }
    }

    /// When the connection is to be closed if nothing happens until then; none while a request is in work.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        match self.state() {
            (Phase::Headers, since) => Some(since + limits.header_timeout),
            (Phase::Request, _) => None,
            (Phase::Idle, since) => Some(since + limits.idle_timeout),
        }
    }

    /// Ends when the connection has outstayed its limits.
    ///
    /// Looks again at least once a header timeout, since an idle connection's deadline may move closer.
    pub(crate) async fn overdue(&self, limits: &Limits) {
        loop {
            let now = Instant::now();
            let deadline = self.deadline(limits);
            if deadline.is_some_and(|deadline| deadline <= now) {
                return;
            }
            let look_again = now + limits.header_timeout;
            tokio::time::sleep_until(deadline.map_or(look_again, |deadline| deadline.min(look_again))).await;
        }
    }

    // One thread writes at a time, and nothing else is ordered by this value, so `Relaxed` is enough.

    fn state(&self) -> (Phase, Instant) {
        let state = self.state.load(Ordering::Relaxed);
        let phase = [Phase::Headers, Phase::Request, Phase::Idle][(state & 3) as usize];
        (phase, self.opened + Duration::from_millis(state >> 2))
    }

    fn enter(&self, phase: Phase, now: Instant) {
        let milliseconds = now.saturating_duration_since(self.opened).as_millis();
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX >> 2);
        self.state.store((milliseconds << 2) | phase as u64, Ordering::Relaxed);
    }
}

/// A stream that tells what its connection does.
#[derive(Debug)]
pub(crate) struct WatchedStream {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl WatchedStream {
    /// Watches `stream`, reporting to `activity`.
    pub(crate) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_read(Instant::now);
        }
        result
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl WatchedStream {
    fn written(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.activity.bytes_written(Instant::now);
        }
        result
    }
}

#[cfg(test)]
mod tests;
