//! Requests as fast as they are answered, over connections that are kept, and no second try for any.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What was answered.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// 2xx answers by the stage that gave them.
    pub(crate) served: BTreeMap<String, u64>,
    /// Everything else: other statuses, broken connections.
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn total(&self) -> u64 {
        self.served.values().sum()
    }

    fn add(&mut self, other: Self) {
        for (stage, count) in other.served {
            *self.served.entry(stage).or_default() += count;
        }
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }
}

/// Requests in the background until it is ended.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    thread: JoinHandle<Tally>,
}

impl Load {
    /// Starts it: so many connections, and at the most so many requests.
    pub(crate) fn start(url: &str, connections: usize, at_most: u64) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let (stopping, counting) = (stop.clone(), done.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let begun = Arc::new(AtomicU64::new(0));
                let clients = (0..connections).map(|_| {
                    tokio::spawn(client(
                        address.clone(),
                        stopping.clone(),
                        counting.clone(),
                        begun.clone(),
                        at_most,
                    ))
                });
                let mut tally = Tally::default();
                for client in clients.collect::<Vec<_>>() {
                    tally.add(client.await.unwrap());
                }
                tally
            })
        });
        Self { stop, done, thread }
    }

    /// How many requests have been answered so far.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Ends it, once those under way are answered.
    pub(crate) fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }

    /// Waits until all requests are answered.
    pub(crate) fn finish(self) -> Tally {
        self.thread.join().unwrap()
    }
}

async fn client(
    address: String,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    begun: Arc<AtomicU64>,
    at_most: u64,
) -> Tally {
    let mut tally = Tally::default();
    let over = || stop.load(Ordering::Relaxed) || begun.load(Ordering::Relaxed) >= at_most;
    while !over() {
        if let Err(error) = connection(&address, &over, &done, &begun, &mut tally).await {
            *tally.failures.entry(error.to_string()).or_default() += 1;
        }
    }
    tally
}

/// Requests over one connection until the load is over, or the server says that it closes the connection.
async fn connection(
    address: &str,
    over: &impl Fn() -> bool,
    done: &AtomicU64,
    begun: &AtomicU64,
    tally: &mut Tally,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    while !over() {
        begun.fetch_add(1, Ordering::Relaxed);
        let request = hyper::Request::get("/")
            .header("host", address)
            .body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let closes = response
            .headers()
            .get("connection")
            .is_some_and(|value| value == "close");
        let stage = response
            .headers()
            .get("x-deployment-stage")
            .and_then(|stage| stage.to_str().ok())
            .unwrap_or("none")
            .to_owned();
        let status = response.status();
        response.into_body().collect().await?;
        done.fetch_add(1, Ordering::Relaxed);
        let (counts, key) = if status.is_success() {
            (&mut tally.served, stage)
        } else {
            (&mut tally.failures, status.to_string())
        };
        *counts.entry(key).or_default() += 1;
        if closes {
            break;
        }
    }
    drop(sender);
    connection.await??;
    Ok(())
}
