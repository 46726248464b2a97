//! Puts faults in the way of requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::response::Response;
use fault::{Effect, Faults};
use http::StatusCode;
use tokio::time::Instant;

use crate::{
    aws_call::{self, AwsCall},
    config::Config,
    edge::unavailable,
    handlers::{error_response, json_response},
    log::LogBuffer,
};

/// The exit status of the fault `crash`: what a shell reports for an abort.
///
/// The signal itself isn't sent, because the first process of a container is immune to it.
const EXIT_CRASH: i32 = 134;

/// The answer of the fault `wrong-body`.
const WRONG_BODY: &str = r#"{"status": "WRONG"}"#;

/// The faults of a process, and what they count.
#[derive(Debug)]
pub(crate) struct Injection {
    faults: Faults,
    aws_call: Option<AwsCall>,
    started: Instant,
    request_number: AtomicU64,
    log: Arc<LogBuffer>,
}

/// A request that a fault leaves without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The connection closes.
    Close,
    /// The connection stays open, and nothing happens.
    Hang,
}

impl Injection {
    /// The faults of `config`, in a process that began at `started`.
    pub(crate) fn new(config: &Config, started: Instant, log: Arc<LogBuffer>) -> Self {
        let stage = config.stage.as_str();
        Self {
            faults: config.faults.clone(),
            aws_call: config.aws.clone().map(|settings| AwsCall::new(settings, stage)),
            started,
            request_number: AtomicU64::new(0),
            log,
        }
    }

    /// The answer in place of the handler's; `None` if the handler is to answer.
    pub(crate) async fn inject(&self, health_check: bool) -> Result<Option<Response>, Unanswered> {
        if self.faults.is_empty() {
            return Ok(None);
        }
        if health_check {
            let unhealthy = self.faults.unhealthy(self.started.elapsed());
            return Ok(unhealthy.then(|| unavailable("a fault was asked for: unhealthy")));
        }
        let strike = self.faults.strike(self.request_number.fetch_add(1, Ordering::Relaxed));
        if strike.delay > Duration::ZERO {
            tokio::time::sleep(strike.delay).await;
        }
        if strike.aws_call
            && let Some(aws_call) = &self.aws_call
            && let Err(error) = aws_call.call().await
        {
            tracing::error!(action = aws_call::ACTION, %error, "a call to AWS failed");
            let message = "the service's call to AWS failed";
            return Ok(Some(error_response(StatusCode::INTERNAL_SERVER_ERROR, message)));
        }
        match strike.instead {
            Some(effect) => self.perform(effect),
            None => Ok(None),
        }
    }

    fn perform(&self, effect: Effect) -> Result<Option<Response>, Unanswered> {
        match effect {
            Effect::Error(status) => Ok(Some(error_response(status, "a fault was asked for: error"))),
            Effect::Close => Err(Unanswered::Close),
            Effect::Hang => Err(Unanswered::Hang),
            Effect::WrongBody => Ok(Some(json_response(StatusCode::OK, WRONG_BODY))),
            Effect::Crash => {
                tracing::error!("a fault was asked for: crash");
                self.log.flush();
                std::process::exit(EXIT_CRASH)
            }
            // These two come before the handler and not in its place.
            Effect::Delay(_) | Effect::AwsCall => Ok(None),
        }
    }
}
