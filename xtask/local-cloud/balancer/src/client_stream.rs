//! A client's socket: notes when bytes pass, and holds back hyper's own error replies, which the load balancer words itself.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::activity::Activity;

#[derive(Debug)]
pub(crate) struct ClientStream {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl ClientStream {
    pub(crate) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    pub(crate) fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(_))) {
            self.activity.wrote(Instant::now());
        }
        written
    }
}

/// How many bytes come before an error reply of hyper's own; all where there is none.
///
/// Such a reply is the last that hyper writes on a connection. It carries no date, while every response here does.
fn before_error_reply(buffer: &[u8]) -> usize {
    const TAIL: &[u8] = b"content-length: 0\r\n\r\n";
    const START: &[u8] = b"HTTP/1.1 4";
    /// Longer than any of them.
    const LIMIT: usize = 160;
    if !buffer.ends_with(TAIL) {
        return buffer.len();
    }
    let searched = buffer.len().saturating_sub(LIMIT);
    let window = &buffer[searched..];
    let Some(start) = window.windows(START.len()).rposition(|bytes| bytes == START) else {
        return buffer.len();
    };
    let head = &window[start..];
    let dated = head.windows(7).any(|bytes| bytes == b"\ndate: ");
    if dated { buffer.len() } else { searched + start }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.read(Instant::now());
        }
        read
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let wanted = before_error_reply(buffer);
        if wanted == 0 {
            return Poll::Ready(Ok(buffer.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, &buffer[..wanted]);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = buffers {
            return self.poll_write(context, only);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.note(written)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kept: &str, held_back: &str) {
        let buffer = format!("{kept}{held_back}");
        assert_eq!(before_error_reply(buffer.as_bytes()), kept.len(), "{buffer}");
    }

    #[test]
    fn only_undated_error_replies_are_held_back() {
        let reply = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let response = "HTTP/1.1 404 Not Found\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n";
        check("", reply);
        check(response, "");
        check(response, reply);
        check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "");
        check("some body", "");
    }
}
