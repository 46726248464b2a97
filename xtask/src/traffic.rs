//! Requests to an environment's endpoint: as many at once, or as many a second, as asked for; counted by stage.

mod connections;
mod counts;
mod failures;
mod histogram;
pub(crate) mod probes;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use constants::stage::HEADER;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use self::connections::{Connections, closes};
pub(crate) use self::counts::{Answers, Counts, NO_STAGE};
pub(crate) use self::failures::{Failed, Failures};

/// How long an answer is waited for: longer than the service takes to give a request up.
const PATIENCE: Duration = Duration::from_secs(constants::service::REQUEST_TIMEOUT_SECONDS + 10);

/// What to send, and how much of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// Where to: `http://host[:port]`.
    pub(crate) endpoint: String,
    /// The stage to reach directly, `onebox` or `fleet`; none leaves it to the load balancer's weights.
    pub(crate) stage: Option<String>,
    /// When a request follows another.
    pub(crate) pace: Pace,
    /// After how long no more are sent; none for until it is ended.
    pub(crate) duration: Option<Duration>,
    /// After how many no more are sent.
    pub(crate) at_most: u64,
}

/// When a request follows another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// As soon as one is answered the next is sent, so many at once.
    Closed {
        /// How many are under way at once.
        clients: usize,
    },
    /// So many a second, whether the earlier ones are answered or not. A request that has to wait for its turn counts
    /// from when it was due, so that a slow answer doesn't hide the ones behind it.
    Open {
        /// Requests a second, above 0.
        rate: f64,
        /// The most that are under way at once.
        clients: usize,
    },
}

/// Requests under way.
#[derive(Debug)]
pub(crate) struct Traffic {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    plan: Plan,
    connections: Connections,
    begun: Instant,
    /// How many requests have been handed out.
    sent: AtomicU64,
    counts: Mutex<Counts>,
    failures: Mutex<Failures>,
}

impl Traffic {
    /// Begins to send.
    ///
    /// # Errors
    /// When the endpoint isn't an address.
    pub(crate) fn start(plan: Plan) -> anyhow::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let clients = match plan.pace {
            Pace::Closed { clients } | Pace::Open { clients, .. } => clients,
        };
        let shared = Arc::new(Shared {
            connections: Connections::to(&plan.endpoint)?,
            plan,
            begun: Instant::now(),
            sent: AtomicU64::new(0),
            counts: Mutex::default(),
            failures: Mutex::default(),
        });
        let clients = (0..clients)
            .map(|_| shared.clone().client(stopped.clone()))
            .collect::<JoinSet<()>>();
        Ok(Self { shared, stop, clients })
    }

    /// What is being sent.
    pub(crate) fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    /// What has come of the requests so far.
    pub(crate) fn counts(&self) -> Counts {
        self.shared.locked().clone()
    }

    /// The requests that failed since this was last asked.
    pub(crate) fn take_failures(&self) -> Failures {
        std::mem::take(&mut self.shared.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long ago it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.shared.begun.elapsed()
    }

    /// Waits until no more are to be sent and all are answered. May be dropped and called again.
    pub(crate) async fn finished(&mut self) {
        while self.clients.join_next().await.is_some() {}
    }

    /// Sends no more, waits for the answers under way, and gives what came of all.
    pub(crate) async fn end(mut self) -> Counts {
        self.stop.send_replace(true);
        self.finished().await;
        self.counts()
    }
}

impl Shared {
    fn locked(&self) -> std::sync::MutexGuard<'_, Counts> {
        // A count that was interrupted is still a count.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request after the other until there is none to send.
    async fn client(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        while let Some(due) = self.next() {
            tokio::select! {
                biased;
                // A traffic that was dropped is ended too.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = sleep_until(due) => {}
            }
            let sent = SystemTime::now();
            let answer = timeout(PATIENCE, self.request()).await;
            let answer = answer.context("no answer in time").flatten();
            let failed = answer.is_err();
            self.note_failure(sent, &answer);
            match answer {
                Ok((stage, status)) => self.locked().answered(&stage, status, due.elapsed()),
                Err(error) => self.locked().unanswered(format!("{error:#}")),
            }
            if failed && let Pace::Closed { .. } = self.plan.pace {
                // Nobody listening answers at once: such requests mustn't take the machine.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Keeps what came of a request, if it failed.
    fn note_failure(&self, sent: SystemTime, answer: &anyhow::Result<(String, http::StatusCode)>) {
        let (stage, status, why) = match answer {
            Ok((_, status)) if !status.is_server_error() => return,
            Ok((stage, status)) => (stage.clone(), Some(status.as_u16()), String::new()),
            Err(error) => (NO_STAGE.to_owned(), None, format!("{error:#}")),
        };
        let failed = Failed {
            sent,
            ended: SystemTime::now(),
            stage,
            status,
            why,
        };
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).add(failed);
    }

    /// When the next request is due; none where no more are to be sent.
    fn next(&self) -> Option<Instant> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let due = due(self.plan.pace, number, self.begun, Instant::now());
        let in_time = self.plan.duration.is_none_or(|duration| due < self.begun + duration);
        (in_time && number < self.plan.at_most).then_some(due)
    }

    /// Sends one and reads the whole answer: the stage that it names, and its status.
    async fn request(&self) -> anyhow::Result<(String, http::StatusCode)> {
        let mut request = Request::get("/").header(header::HOST, self.connections.address());
        if let Some(stage) = &self.plan.stage {
            request = request.header(HEADER, stage);
        }
        let request = request.body(Empty::<Bytes>::new())?;
        let (response, sender) = self.connections.send(request).await?;
        let closes = closes(&response);
        let status = response.status();
        let stage = response.headers().get(HEADER).and_then(|stage| stage.to_str().ok());
        let stage = stage.unwrap_or(NO_STAGE).to_owned();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.context("the answer broke off")?;
        }
        self.connections.keep(sender, closes);
        Ok((stage, status))
    }
}

/// When a request is due, the first at `begun`.
fn due(pace: Pace, number: u64, begun: Instant, now: Instant) -> Instant {
    match pace {
        Pace::Closed { .. } => now,
        #[expect(clippy::cast_precision_loss, reason = "fewer requests than 2^53")]
        Pace::Open { rate, .. } => begun + Duration::from_secs_f64(number as f64 / rate),
    }
}

#[cfg(test)]
mod tests;
