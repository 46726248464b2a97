//! What comes into the loop, and how it is asked.

use http::StatusCode;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::faults;
use crate::wire::{Call, Fault};
use crate::world::Happening;

/// What comes in.
#[derive(Debug)]
pub(crate) enum Event {
    /// A client's call.
    Call {
        /// What is asked.
        call: Call,
        /// Whether it must be a task's.
        of_task: bool,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Value, Fault>>,
    },
    /// What is asked of the faults.
    Faults {
        /// What is asked.
        request: faults::Request,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Value, Fault>>,
    },
    /// A task's request for its role's credentials.
    TaskCredentials {
        /// The task's id.
        task: String,
        /// What authorizes the request.
        authorization: Option<String>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Value, Fault>>,
    },
    /// Something that happened outside.
    Happening(Happening),
}

/// Asks the loop; none when the answer is to be lost.
pub(crate) async fn ask(
    events: &mpsc::Sender<Event>,
    event: impl FnOnce(oneshot::Sender<Result<Value, Fault>>) -> Event,
) -> Option<Result<Value, Fault>> {
    let (reply, answer) = oneshot::channel();
    let stopping = || {
        Some(Err(Fault {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "ServiceUnavailable".to_owned(),
            message: "the local cloud is stopping".to_owned(),
        }))
    };
    if events.send(event(reply)).await.is_err() {
        return stopping();
    }
    match answer.await {
        Ok(outcome) => Some(outcome),
        Err(_) if events.is_closed() => stopping(),
        Err(_) => None,
    }
}
