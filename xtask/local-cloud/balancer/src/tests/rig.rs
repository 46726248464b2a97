//! Targets, clients and a balancer between them.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt::Write as _,
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Action, Attributes, Balancer, Condition, Event, HealthCheck, ListenerPlan, Observer, Plan, RequestRecord, Rule,
    TargetGroupPlan, TargetState,
};

/// No wait in a test lasts longer.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// A record that outlives its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) target_group: Option<String>,
    pub(super) status_code: u16,
    pub(super) target_status_code: Option<u16>,
    pub(super) timed: bool,
    pub(super) connection_error: bool,
}

struct Recorder(UnboundedSender<Record>);

/// A status that no test uses otherwise; whoever sees it panics.
pub(super) const PANIC_STATUS: u16 = 418;

impl Observer for Recorder {
    fn request(&self, record: &RequestRecord<'_>) {
        assert_ne!(record.status_code, PANIC_STATUS, "a panic that was asked for");
        let _ = self.0.send(Record {
            target_group: record.target_group.map(|group| group.as_str().to_owned()),
            status_code: record.status_code,
            target_status_code: record.target_status_code,
            timed: record.target_processing_time.is_some(),
            connection_error: record.connection_error,
        });
    }
}

pub(super) struct Rig {
    pub(super) balancer: Balancer,
    pub(super) address: SocketAddr,
    pub(super) events: UnboundedReceiver<Event>,
    pub(super) records: UnboundedReceiver<Record>,
}

impl Rig {
    pub(super) fn new(plan: Plan) -> Self {
        let (events, receiver) = unbounded_channel();
        let (records, record_receiver) = unbounded_channel();
        let balancer = Balancer::with_observer(events, Arc::new(Recorder(records)));
        let address = balancer
            .listen("listener".into(), (Ipv4Addr::LOCALHOST, 0).into())
            .unwrap();
        balancer.apply(plan);
        Self {
            balancer,
            address,
            events: receiver,
            records: record_receiver,
        }
    }

    /// Waits until a target reaches a state.
    pub(super) async fn until(&mut self, target: SocketAddr, state: TargetState) {
        within(&format!("{target} to become {state}"), async {
            while let Some(Event::TargetHealth(change)) = self.events.recv().await {
                if change.address == target && change.health.state == state {
                    return;
                }
            }
            panic!("no more events");
        })
        .await;
    }

    /// Waits until every registered target is healthy.
    pub(super) async fn all_healthy(&self) {
        let healthy = || {
            self.balancer
                .target_health()
                .iter()
                .all(|target| target.health.state == TargetState::Healthy)
        };
        within("all targets to be healthy", eventually(healthy)).await;
    }

    pub(super) async fn record(&mut self) -> Record {
        within("a record", self.records.recv()).await.unwrap()
    }
}

/// Looks again and again; the caller bounds the wait.
pub(super) async fn eventually(condition: impl Fn() -> bool) {
    while !condition() {
        sleep(Duration::from_millis(2)).await;
    }
}

/// A group that is checked often.
pub(super) fn group(targets: &[SocketAddr]) -> TargetGroupPlan {
    TargetGroupPlan {
        health_check: HealthCheck {
            interval: Duration::from_millis(100),
            timeout: Duration::from_secs(2),
            healthy_threshold: 2,
            ..HealthCheck::default()
        },
        deregistration_delay: Duration::from_millis(300),
        targets: targets
            .iter()
            .map(|target| (target.to_string().into(), *target))
            .collect(),
        ..TargetGroupPlan::default()
    }
}

/// A group whose targets get requests unchecked.
pub(super) fn unchecked(targets: &[SocketAddr]) -> TargetGroupPlan {
    let health_check = HealthCheck {
        enabled: false,
        ..HealthCheck::default()
    };
    TargetGroupPlan {
        health_check,
        ..group(targets)
    }
}

/// Weighted groups behind one listener, each also by the header `x-deployment-stage` with its name.
pub(super) fn plan(groups: &[(&str, u16, TargetGroupPlan)], attributes: Attributes) -> Plan {
    let rule = |(priority, (name, _, _)): (u32, &(&str, u16, TargetGroupPlan))| Rule {
        priority,
        conditions: vec![Condition::HttpHeader {
            name: "x-deployment-stage".to_owned(),
            values: vec![(*name).to_owned()],
        }],
        action: Action::Forward(vec![((*name).into(), 1)]),
    };
    let listener = ListenerPlan {
        attributes,
        rules: (1..).zip(groups).map(rule).collect(),
        default_action: Action::Forward(
            groups
                .iter()
                .map(|(name, weight, _)| ((*name).into(), *weight))
                .collect(),
        ),
    };
    Plan {
        listeners: BTreeMap::from([("listener".into(), listener)]),
        target_groups: groups
            .iter()
            .map(|(name, _, group)| ((*name).into(), group.clone()))
            .collect(),
    }
}

/// One group, unchecked, that gets everything.
pub(super) fn simple(targets: &[SocketAddr]) -> Plan {
    plan(&[("only", 1, unchecked(targets))], Attributes::default())
}

/// A well-behaved service. Answers with its own name in `x-served-by` and with what it got as its body.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) requests: Arc<AtomicUsize>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Service {
    pub(super) async fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), Duration::ZERO).await
    }

    /// A service that takes some time for each request.
    pub(super) async fn start_at(ip: IpAddr, pace: Duration) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let service = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (connections, requests) = (Arc::clone(&service.connections), Arc::clone(&service.requests));
        let (stop, tasks, address) = (service.stop.clone(), service.tasks.clone(), service.address);
        service.tasks.spawn(async move {
            while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
                connections.fetch_add(1, Ordering::Relaxed);
                tasks.spawn(connection(stream, address, pace, Arc::clone(&requests), stop.clone()));
            }
        });
        service
    }

    /// What SIGTERM does to a service that stops in order: no new connections, requests in flight are finished.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        within("a service to stop", self.tasks.wait()).await;
    }

    pub(super) fn served(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    pace: Duration,
    requests: Arc<AtomicUsize>,
    stop: CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let requests = Arc::clone(&requests);
        async move {
            if request
                .headers()
                .get("user-agent")
                .is_none_or(|agent| agent != "ELB-HealthChecker/2.0")
            {
                requests.fetch_add(1, Ordering::Relaxed);
            }
            if !pace.is_zero() {
                sleep(pace).await;
            }
            Ok::<_, Infallible>(echo(request, address).await)
        }
    });
    let mut serving = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = &mut serving => {}
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}

async fn echo(request: Request<Incoming>, address: SocketAddr) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let mut told = format!("{} {}\n", parts.method, parts.uri);
    for (name, value) in &parts.headers {
        writeln!(told, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    let start = String::from_utf8_lossy(&body[..body.len().min(64)]);
    write!(told, "\n{} bytes: {start}", body.len()).unwrap();
    Response::builder()
        .header("x-served-by", address.to_string())
        .body(Full::new(told.into()))
        .unwrap()
}

/// A target that treats each connection by hand, after reading a request's head.
pub(super) async fn by_hand<F>(treat: impl Fn(TcpStream, Bytes) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = read_head(&mut stream).await;
            tokio::spawn(treat(stream, head));
        }
    });
    address
}

/// Reads to the end of a head, or to the end.
pub(super) async fn read_head(stream: &mut TcpStream) -> Bytes {
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or_default() == 0 {
            break;
        }
    }
    head.into()
}

/// Nobody listens here.
pub(super) async fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Sends bytes and reads until the other side closes.
pub(super) async fn raw(address: SocketAddr, request: impl AsRef<[u8]>) -> String {
    within("a raw answer", async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is the end as well.
        while let Ok(1..) = stream.read_buf(&mut answer).await {}
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

pub(super) fn get(headers: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n{headers}\r\n")
}

/// The status of a raw answer; 0 where there is none.
pub(super) fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_default()
}

/// A client that keeps its connection.
pub(super) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// The status and the target that served.
    pub(super) async fn get(&mut self, stage: Option<&str>) -> hyper::Result<(u16, Option<SocketAddr>)> {
        self.0.ready().await?;
        let mut request = Request::get("/").header("host", "example.com");
        if let Some(stage) = stage {
            request = request.header("x-deployment-stage", stage);
        }
        let response = self.0.send_request(request.body(Full::default()).unwrap()).await?;
        let served_by = response
            .headers()
            .get("x-served-by")
            .map(|value| value.to_str().unwrap().parse().unwrap());
        let status = response.status().as_u16();
        response.into_body().collect().await?;
        Ok((status, served_by))
    }
}
