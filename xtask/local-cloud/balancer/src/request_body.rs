//! The body of a request, on its way to the target.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::activity::Activity;

/// The client's body. Streams with back-pressure: nothing is read from the client before the target takes it.
#[derive(Debug)]
pub(crate) enum RequestBody {
    Empty,
    Streamed(Streamed),
}

/// A body that is still coming.
#[derive(Debug)]
pub(crate) struct Streamed {
    incoming: Incoming,
    activity: Arc<Activity>,
    failed: Arc<AtomicBool>,
}

impl RequestBody {
    /// The body, and a flag that tells later whether the client failed to send it whole.
    pub(crate) fn new(incoming: Incoming, activity: &Arc<Activity>) -> (Self, Option<Arc<AtomicBool>>) {
        if incoming.is_end_stream() {
            return (Self::Empty, None);
        }
        let failed = Arc::new(AtomicBool::new(false));
        let streamed = Streamed {
            incoming,
            activity: Arc::clone(activity),
            failed: Arc::clone(&failed),
        };
        (Self::Streamed(streamed), Some(failed))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Self::Streamed(body) = &mut *self else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(&mut body.incoming).poll_frame(context);
        body.activity.await_body_from_client(polled.is_pending());
        if let Poll::Ready(Some(Err(_))) = polled {
            body.failed.store(true, Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streamed(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streamed(body) => body.incoming.size_hint(),
        }
    }
}
