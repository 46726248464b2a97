//! The body of a response, on its way to the client.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{exchange::Exchange, upstream::Upstream};

/// The body of a response to a client.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// Made here.
    Page(Option<Bytes>),
    /// Streamed from a target.
    Target(Box<TargetBody>),
}

impl ResponseBody {
    pub(crate) fn page(bytes: Bytes) -> Self {
        Self::Page((!bytes.is_empty()).then_some(bytes))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Page(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Target(body) => body.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Page(bytes) => bytes.is_none(),
            Self::Target(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Page(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Target(body) => body.incoming.size_hint(),
        }
    }
}

/// A target's body together with the connection that it comes through, which goes back to the pool afterwards.
///
/// The connection is driven from here, on the client's own task. So the halves of one exchange never wake each other:
/// whatever the connection delivers while it is polled is there at once. That is why the body is polled with a waker that does nothing.
#[derive(Debug)]
pub(crate) struct TargetBody {
    incoming: Incoming,
    /// Whether the whole body has passed.
    ended: bool,
    /// An error that waits until what came before it has been sent on.
    error: Option<hyper::Error>,
    upstream: Option<Box<Upstream>>,
    exchange: Exchange,
}

impl TargetBody {
    pub(crate) fn new(incoming: Incoming, upstream: Box<Upstream>, exchange: Exchange) -> Self {
        Self {
            ended: incoming.is_end_stream(),
            error: None,
            incoming,
            upstream: Some(upstream),
            exchange,
        }
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let mut quiet = Context::from_waker(Waker::noop());
        let mut polled = Pin::new(&mut self.incoming).poll_frame(&mut quiet);
        if polled.is_pending() {
            if let Some(upstream) = &mut self.upstream {
                upstream.drive(context);
            }
            polled = Pin::new(&mut self.incoming).poll_frame(&mut quiet);
        }
        if let Poll::Ready(Some(Err(error))) = polled {
            self.error = Some(error);
            // hyper drops what it hasn't sent when a body fails; pending once, it sends first.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ended = matches!(polled, Poll::Ready(None)) || self.incoming.is_end_stream();
        polled
    }
}

impl Drop for TargetBody {
    fn drop(&mut self) {
        if let Some(upstream) = self.upstream.take()
            && self.ended
        {
            self.exchange.keep(upstream);
        }
    }
}
