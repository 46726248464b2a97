//! Probes: requests of known result to each stage, while a deployment runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use constants::judgement::PROBE_TIMEOUT_SECONDS;
use constants::service::STATUS_BODY;
use constants::stage::HEADER;
use deployment::evidence::{ProbeFailure, ProbeLog, ServerTime, probe_rate};
use deployment::stage::Stage;
use http::response::Parts;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::aws::clock::ServerClock;

use super::connections::{Connections, Sender, closes};

/// After how long a probe has failed, at any speed of a local cloud.
const TIMEOUT: Duration = Duration::from_secs(PROBE_TIMEOUT_SECONDS);

/// The most probes to a stage in flight: as many as are sent until the first times out, and some to spare.
const IN_FLIGHT: usize = 256;

const _: () = assert!(constants::judgement::PROBES_PER_SECOND as u64 * PROBE_TIMEOUT_SECONDS < IN_FLIGHT as u64);

/// The most bytes of a body to read: more than the service's.
const MOST_BYTES: usize = 64 * 1024;

/// Probes in progress. Dropping them stops them.
#[derive(Debug)]
pub(crate) struct Probes {
    stages: BTreeMap<Stage, Stream>,
}

#[derive(Debug)]
struct Stream {
    target: Arc<Target>,
    rate: watch::Sender<f64>,
    sender: JoinSet<()>,
}

/// Where the probes to a stage go, and what they found.
#[derive(Debug)]
struct Target {
    stage: Stage,
    connections: Connections,
    clock: ServerClock,
    log: Mutex<ProbeLog>,
}

impl Probes {
    /// Starts to send probes to these stages at the full rate. [`Stage::Shared`] means without a stage's header, so by the
    /// listener's weights.
    ///
    /// # Errors
    /// If the endpoint isn't an address.
    pub(crate) fn start(endpoint: &str, stages: &[Stage], clock: &ServerClock) -> anyhow::Result<Self> {
        let stream = |stage: &Stage| {
            let target = Arc::new(Target {
                stage: *stage,
                connections: Connections::to(endpoint)?,
                clock: clock.clone(),
                log: Mutex::default(),
            });
            let (rate, rates) = watch::channel(probe_rate(0.0, *stage));
            let mut sender = JoinSet::new();
            sender.spawn(send(target.clone(), rates));
            anyhow::Ok((*stage, Stream { target, rate, sender }))
        };
        let stages = stages.iter().map(stream).collect::<anyhow::Result<_>>()?;
        Ok(Self { stages })
    }

    /// Changes the probes a second to a stage, so that they stay a small part of its requests; 0 pauses them. See
    /// [`probe_rate`].
    pub(crate) fn set_rate(&self, stage: Stage, per_second: f64) {
        if let Some(stream) = self.stages.get(&stage) {
            stream.rate.send_if_modified(|rate| {
                let changed = (*rate - per_second).abs() > f64::EPSILON;
                *rate = per_second;
                changed
            });
        }
    }

    /// What the finished probes found so far.
    pub(crate) fn snapshot(&self) -> BTreeMap<Stage, ProbeLog> {
        let log = |(stage, stream): (&Stage, &Stream)| (*stage, stream.target.locked().clone());
        self.stages.iter().map(log).collect()
    }

    /// Sends no more, waits for those in flight, at most for their timeout, and returns what all found.
    pub(crate) async fn end(self) -> BTreeMap<Stage, ProbeLog> {
        let mut logs = BTreeMap::new();
        let (streams, rates): (Vec<_>, Vec<_>) = self
            .stages
            .into_values()
            .map(|stream| ((stream.target, stream.sender), stream.rate))
            .unzip();
        // A sender ends when nothing can change its rate any more.
        drop(rates);
        for (target, mut sender) in streams {
            while sender.join_next().await.is_some() {}
            logs.insert(target.stage, target.locked().clone());
        }
        logs
    }
}

/// Sends probes to a stage until the rate can no longer change, and waits for those in flight.
async fn send(target: Arc<Target>, mut rates: watch::Receiver<f64>) {
    let mut probes = JoinSet::new();
    let mut last = None;
    loop {
        let rate = *rates.borrow_and_update();
        let next = due(last, rate, Instant::now());
        let wait = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = rates.changed() => match changed {
                Ok(()) => continue,
                Err(_) => break,
            },
            () = wait => {}
        }
        last = next;
        while probes.try_join_next().is_some() {}
        if probes.len() < IN_FLIGHT {
            probes.spawn(target.clone().probe());
        }
    }
    while probes.join_next().await.is_some() {}
}

/// When the next probe is due; `None` while paused. Probes that were missed aren't made up for.
fn due(last: Option<Instant>, rate: f64, now: Instant) -> Option<Instant> {
    let pause = Duration::try_from_secs_f64(1.0 / rate).ok()?;
    let next = last.map_or(now, |last| last + pause);
    Some(if next + pause < now { now } else { next })
}

impl Target {
    fn locked(&self) -> std::sync::MutexGuard<'_, ProbeLog> {
        // A log that was interrupted is still a log.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn probe(self: Arc<Self>) {
        let sent = ServerTime::from(self.clock.time());
        let outcome = self.request().await;
        self.locked().record(sent, outcome);
    }

    async fn request(&self) -> Result<(), ProbeFailure> {
        let end = Instant::now() + TIMEOUT;
        let sender = timeout_at(end, self.connections.ready()).await;
        let sender = sender.ok().and_then(Result::ok).ok_or(ProbeFailure::NoConnection)?;
        let exchange = timeout_at(end, self.exchange(sender)).await;
        exchange.unwrap_or(Err(ProbeFailure::Timeout))
    }

    /// Sends a request and checks the response. A connection on which a probe failed isn't used again.
    async fn exchange(&self, mut sender: Sender) -> Result<(), ProbeFailure> {
        let mut request = Request::get("/").header(header::HOST, self.connections.address());
        if let Some(stage) = header_of(self.stage) {
            request = request.header(HEADER, stage);
        }
        let request = request.body(Empty::<Bytes>::new());
        let request = request.map_err(|_| ProbeFailure::NoConnection)?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|_| ProbeFailure::ConnectionClosed)?;
        let closes = closes(&response);
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ProbeFailure::WrongBody
            } else {
                ProbeFailure::ConnectionClosed
            }
        })?;
        check(self.stage, &head, &body.to_bytes())?;
        self.connections.keep(sender, closes);
        Ok(())
    }
}

/// Checks the response to a probe of a stage.
fn check(stage: Stage, head: &Parts, body: &[u8]) -> Result<(), ProbeFailure> {
    let named = head.headers.get(HEADER);
    let other_stage = header_of(stage).zip(named).is_some_and(|(stage, named)| named != stage);
    if head.status != StatusCode::OK {
        Err(ProbeFailure::Status(head.status.as_u16()))
    } else if !is_the_services(body) {
        Err(ProbeFailure::WrongBody)
    } else if other_stage {
        Err(ProbeFailure::WrongStage)
    } else {
        Ok(())
    }
}

/// Whether a body is what the service returns: the same JSON, whatever its white space.
fn is_the_services(body: &[u8]) -> bool {
    body == STATUS_BODY.as_bytes()
        || serde_json::from_slice::<Value>(body)
            .is_ok_and(|found| serde_json::from_str::<Value>(STATUS_BODY).is_ok_and(|expected| found == expected))
}

/// The value of the header by which a stage is reached; `None` for the listener's weights.
fn header_of(stage: Stage) -> Option<&'static str> {
    match stage {
        Stage::Shared => None,
        Stage::Onebox => Some(constants::stage::ONEBOX),
        Stage::Fleet => Some(constants::stage::FLEET),
    }
}

#[cfg(test)]
mod tests;
