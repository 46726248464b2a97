//! The real binaries, over sockets: start, signals, slow clients, and the end.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy only knows inside test functions"
)]

use std::{
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

/// Far more than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

const SERVICE: &str = env!("CARGO_BIN_EXE_service");
const BOOTSTRAP: &str = env!("CARGO_BIN_EXE_bootstrap");

/// A process that listens on a free port of loopback; killed when it is dropped.
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    async fn start(binary: &str, variables: &[(&str, &str)]) -> Self {
        // Another process may take the port that was free, but not time and again.
        for _ in 0..5 {
            if let Some(process) = Self::try_start(binary, variables).await {
                return process;
            }
        }
        panic!("{binary} doesn't start");
    }

    async fn try_start(binary: &str, variables: &[(&str, &str)]) -> Option<Self> {
        // The binaries take the port from the environment, so it is one that was free just now.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut command = command(binary, variables);
        let mut child = command.env("PORT", port.to_string()).spawn().unwrap();
        until(async || child.try_wait().unwrap().is_some() || TcpStream::connect(("127.0.0.1", port)).await.is_ok())
            .await;
        let runs = child.try_wait().unwrap().is_none();
        runs.then_some(Self { child, port })
    }

    async fn connect(&self) -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await.unwrap())
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    async fn end(mut self) -> ExitStatus {
        within(self.child.wait()).await.unwrap()
    }

    /// The end of a process that was told to stop, and what it logged.
    async fn end_and_log(self) -> (ExitStatus, Vec<serde_json::Value>) {
        let output = within(self.child.wait_with_output()).await.unwrap();
        (output.status, log_lines(&output.stdout))
    }
}

fn command(binary: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("BIND_ADDRESS", "127.0.0.1")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn log_lines(output: &[u8]) -> Vec<serde_json::Value> {
    let lines = std::str::from_utf8(output).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("takes too long")
}

/// Waits until the condition holds.
async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < LIMIT, "takes too long");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn send(connection: &mut BufReader<TcpStream>, request: &str) {
    connection.write_all(request.as_bytes()).await.unwrap();
}

/// One response: its head, in lower case, and its body.
async fn receive(connection: &mut BufReader<TcpStream>) -> (String, String) {
    within(async {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(
                connection.read_line(&mut head).await.unwrap(),
                0,
                "closed after {head:?}"
            );
        }
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        connection.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    })
    .await
}

fn assert_ok(head: &str) {
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
}

/// What the future gives at once, if it does.
async fn ready_now<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::ZERO, future).await.ok()
}

/// Whether the other side closes without a further byte.
async fn closes(connection: &mut BufReader<TcpStream>) -> bool {
    let mut byte = [0];
    matches!(within(connection.read(&mut byte)).await, Ok(0) | Err(_))
}

/// A request for what takes no time, so that a slow handler makes no test slow that isn't about it.
const GET: &str = "GET /version HTTP/1.1\r\nhost: test\r\n\r\n";

/// The same from a load balancer.
const HEALTH_CHECK: &str = "GET /version HTTP/1.1\r\nhost: test\r\nuser-agent: ELB-HealthChecker/2.0\r\n\r\n";

#[tokio::test]
async fn answers_over_a_socket() {
    for binary in [SERVICE, BOOTSTRAP] {
        let process = Process::start(binary, &[("SERVICE_STAGE", "fleet")]).await;
        let mut connection = process.connect().await;
        for _ in 0..2 {
            send(&mut connection, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
            let (head, body) = receive(&mut connection).await;
            assert_ok(&head);
            assert!(head.contains("\r\nx-deployment-stage: fleet\r\n"), "{head}");
            assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
            assert_eq!(body, r#"{"status": "OK"}"#);
        }
        process.terminate();
        assert_eq!(process.end().await.code(), Some(0));
    }
}

#[tokio::test]
async fn the_version_names_the_release() {
    for (release, expected) in [
        ("sha256:22", serde_json::json!("sha256:22")),
        ("", serde_json::json!(null)),
    ] {
        let process = Process::start(SERVICE, &[("SERVICE_RELEASE", release)]).await;
        let mut connection = process.connect().await;
        send(&mut connection, GET).await;
        let version: serde_json::Value = serde_json::from_str(&receive(&mut connection).await.1).unwrap();
        assert_eq!(version["release"], expected);
    }
}

#[tokio::test]
async fn a_head_request_gets_the_head_alone() {
    let process = Process::start(SERVICE, &[("SERVICE_MAX_HEADER_BYTES", "1024")]).await;
    let mut connection = process.connect().await;
    for path in ["/", "/nothing"] {
        send(&mut connection, &format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
        // What follows would be taken for the next response's head if there were a body.
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            within(connection.read_line(&mut line)).await.unwrap();
        }
    }
    let long = "x".repeat(1024);
    send(
        &mut connection,
        &format!("HEAD / HTTP/1.1\r\nhost: test\r\nx-long: {long}\r\n\r\n"),
    )
    .await;
    let mut rest = String::new();
    within(connection.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 431 "), "{rest}");
    assert!(rest.ends_with("\r\n\r\n"), "{rest}");
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_end() {
    let process = Process::start(SERVICE, &[("SERVICE_FAULT", "delay=2s@50%")]).await;
    let mut idle = process.connect().await;
    send(&mut idle, GET).await;
    receive(&mut idle).await;
    let mut untouched = process.connect().await;
    let mut in_flight = process.connect().await;
    send(&mut in_flight, GET).await;
    // A further answer shows that the request before it has been read.
    let mut other = process.connect().await;
    send(&mut other, GET).await;
    receive(&mut other).await;

    process.terminate();
    assert!(closes(&mut idle).await);
    assert!(closes(&mut untouched).await);
    let answered = ready_now(in_flight.fill_buf()).await;
    assert!(answered.is_none(), "idle connections close without waiting for others");
    let (head, body) = receive(&mut in_flight).await;
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert_ok(&head);
    assert!(!body.is_empty());
    assert!(closes(&mut in_flight).await);
    let port = process.port;
    let (status, log) = process.end_and_log().await;
    assert_eq!(status.code(), Some(0));
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    let messages: Vec<_> = log.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages.first(), Some(&"faults are on"));
    assert_eq!(messages.last(), Some(&"stopped"));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let process = Process::start(SERVICE, &[("SERVICE_FAULT", "hang")]).await;
    let mut hanging = process.connect().await;
    send(&mut hanging, GET).await;
    process.signal(rustix::process::Signal::INT);
    // The listener is closed once the first signal has been taken.
    until(async || TcpStream::connect(("127.0.0.1", process.port)).await.is_err()).await;
    process.terminate();
    let stopped = Instant::now();
    let (status, log) = process.end_and_log().await;
    assert_eq!(status.code(), Some(1));
    assert!(stopped.elapsed() < Duration::from_secs(5));
    let last = log.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!(last["connections"], 1);
}

#[tokio::test]
async fn the_stop_timeout_ends_it() {
    let limits = [
        ("SERVICE_FAULT", "delay=1m"),
        ("SERVICE_REQUEST_TIMEOUT_SECONDS", "1"),
        ("SERVICE_STOP_TIMEOUT_SECONDS", "1"),
        ("SERVICE_HEADER_TIMEOUT_SECONDS", "60"),
    ];
    let process = Process::start(SERVICE, &limits).await;
    let mut slow = process.connect().await;
    send(&mut slow, "GET / HTTP/1.1\r\n").await;
    let mut other = process.connect().await;
    send(&mut other, GET).await;
    assert!(
        receive(&mut other).await.0.starts_with("http/1.1 503 "),
        "the request timeout answers"
    );
    process.terminate();
    assert_eq!(process.end().await.code(), Some(1));
}

#[tokio::test]
async fn slow_clients_are_bounded() {
    let limits = [
        ("SERVICE_HEADER_TIMEOUT_SECONDS", "1"),
        ("SERVICE_MAX_CONNECTIONS", "2"),
    ];
    let process = Process::start(SERVICE, &limits).await;
    let mut slow = [process.connect().await, process.connect().await];
    for connection in &mut slow {
        send(connection, "GET / HTTP/1.1\r\nx-slow: ").await;
    }
    // Every place is taken, so this one waits until the slow ones have had their time.
    let mut patient = process.connect().await;
    send(&mut patient, GET).await;
    assert_ok(&receive(&mut patient).await.0);
    for connection in &mut slow {
        assert!(closes(connection).await);
    }
}

#[tokio::test]
async fn what_the_parser_refuses_ends_one_connection() {
    let process = Process::start(SERVICE, &[]).await;
    for (bytes, status) in [("no http at all\r\n\r\n", "400"), (&"x".repeat(100_000), "431")] {
        let mut connection = process.connect().await;
        let _ = connection.write_all(bytes.as_bytes()).await;
        let (head, _) = receive(&mut connection).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
    }
    let mut connection = process.connect().await;
    send(&mut connection, GET).await;
    assert_ok(&receive(&mut connection).await.0);
}

#[tokio::test]
async fn logs_one_line_a_request() {
    let process = Process::start(SERVICE, &[("SERVICE_STAGE", "onebox")]).await;
    let mut connection = process.connect().await;
    send(
        &mut connection,
        "GET /version?secret=1 HTTP/1.1\r\nhost: test\r\nx-request-id: id-1\r\nx-amzn-trace-id: Root=1-2-3\r\n\r\n",
    )
    .await;
    receive(&mut connection).await;
    send(
        &mut connection,
        "GET /version HTTP/1.1\r\nhost: test\r\nuser-agent: ELB-HealthChecker/2.0\r\n\r\n",
    )
    .await;
    receive(&mut connection).await;
    process.terminate();
    let (_, log) = process.end_and_log().await;
    let mut requests: Vec<_> = log.into_iter().filter(|line| line["message"] == "request").collect();
    assert_eq!(requests.len(), 1, "health checks are logged at the level debug");
    let mut line = requests.remove(0);
    assert!(line["timestamp"].take().is_string());
    assert!(line["milliseconds"].take().is_number());
    let expected = serde_json::json!({
        "timestamp": null, "level": "INFO", "message": "request", "request_id": "id-1", "trace_id": "Root=1-2-3",
        "method": "GET", "path": "/version", "status": 200, "milliseconds": null, "stage": "onebox",
    });
    assert_eq!(line, expected);
}

#[tokio::test]
async fn an_error_is_found_by_its_level() {
    let process = Process::start(SERVICE, &[("SERVICE_FAULT", "error=503")]).await;
    let mut connection = process.connect().await;
    send(&mut connection, GET).await;
    receive(&mut connection).await;
    process.terminate();
    let (_, log) = process.end_and_log().await;
    let requests = log.iter().filter(|line| line["message"] == "request");
    let found: Vec<_> = requests.map(|line| (&line["level"], &line["status"])).collect();
    assert_eq!(found, [(&"ERROR".into(), &503.into())]);
}

#[tokio::test]
async fn a_closed_standard_output_is_no_matter() {
    let mut process = Process::start(SERVICE, &[]).await;
    drop(process.child.stdout.take());
    let mut connection = process.connect().await;
    for _ in 0..100 {
        send(&mut connection, GET).await;
        assert_ok(&receive(&mut connection).await.0);
    }
    process.terminate();
    assert_eq!(process.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_standard_output_that_nobody_reads_is_no_matter() {
    let process = Process::start(SERVICE, &[]).await;
    let mut connection = process.connect().await;
    // Each line repeats the path, so these are several times what pipe and buffer hold.
    let request = format!("GET /{} HTTP/1.1\r\nhost: test\r\n\r\n", "x".repeat(400));
    for _ in 0..200 {
        send(&mut connection, &request.repeat(50)).await;
        for _ in 0..50 {
            assert!(receive(&mut connection).await.0.starts_with("http/1.1 404 "));
        }
    }
    process.terminate();
    assert_eq!(process.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_ends_with_64() {
    let bad = [("PORT", "many"), ("SERVICE_FAULT", "slow")];
    let output = within(command(SERVICE, &bad).output()).await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let log = log_lines(&output.stdout);
    let variables: Vec<_> = log.iter().map(|line| line["variable"].as_str().unwrap()).collect();
    assert_eq!(variables, ["PORT", "SERVICE_FAULT"]);

    let output = within(command(BOOTSTRAP, &bad).stderr(Stdio::piped()).output())
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let process = Process::start(SERVICE, &[]).await;
    let port = process.port.to_string();
    let output = within(command(SERVICE, &[("PORT", &port)]).output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = log_lines(&output.stdout);
    assert_eq!(log.last().unwrap()["address"], format!("127.0.0.1:{port}"));
}

#[tokio::test]
async fn a_fault_that_closes_connections_lets_the_process_run() {
    let process = Process::start(SERVICE, &[("SERVICE_FAULT", "close@50%")]).await;
    for _ in 0..3 {
        let mut connection = process.connect().await;
        send(&mut connection, GET).await;
        assert_ok(&receive(&mut connection).await.0);
        send(&mut connection, HEALTH_CHECK).await;
        assert_ok(&receive(&mut connection).await.0);
        send(&mut connection, GET).await;
        assert!(closes(&mut connection).await);
    }
    process.terminate();
    let (status, log) = process.end_and_log().await;
    assert_eq!(status.code(), Some(0));
    let requests = log.iter().filter(|line| line["message"] == "request");
    let statuses: Vec<_> = requests.map(|line| line["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 444, 200, 444, 200, 444]);
}

#[tokio::test]
async fn a_wedged_process_answers_health_checks_alone() {
    let limits = [
        ("SERVICE_FAULT", "wedge-after=2"),
        ("SERVICE_REQUEST_TIMEOUT_SECONDS", "1"),
    ];
    let process = Process::start(SERVICE, &limits).await;
    let mut connection = process.connect().await;
    for _ in 0..2 {
        send(&mut connection, GET).await;
        assert_ok(&receive(&mut connection).await.0);
    }
    send(&mut connection, GET).await;
    let mut other = process.connect().await;
    send(&mut other, HEALTH_CHECK).await;
    assert_ok(&receive(&mut other).await.0);
    // The request timeout, and as long again.
    let answered = tokio::time::timeout(Duration::from_secs(2), connection.fill_buf()).await;
    assert!(answered.is_err(), "a wedged process answers nothing");
}

/// An AWS on a free port of loopback: hands out credentials, and answers each call with the next of `statuses`.
async fn aws(statuses: &'static [&'static str]) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut calls = Vec::new();
        while calls.len() < statuses.len() {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let (head, body) = receive(&mut stream).await;
            let (status, answer) = if head.starts_with("get /credentials ") {
                assert!(head.contains("\r\nauthorization: the token\r\n"), "{head}");
                let answer = r#"{"AccessKeyId": "ASIAX", "SecretAccessKey": "secret", "Token": "session"}"#;
                ("200 OK", answer)
            } else {
                calls.push(head + &body);
                let answer = r#"{"__type": "AccessDenied", "message": "User: x is not authorized"}"#;
                (statuses[calls.len() - 1], answer)
            };
            let length = answer.len();
            send(
                &mut stream,
                &format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{answer}"),
            )
            .await;
        }
        calls
    });
    (endpoint, serving)
}

#[tokio::test]
async fn a_fault_that_calls_aws_fails_with_the_call() {
    let (endpoint, aws) = aws(&["200 OK", "403 Forbidden"]).await;
    let variables = [
        ("SERVICE_FAULT", "aws-call"),
        ("SERVICE_STAGE", "onebox"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{endpoint}/credentials")),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the token"),
    ];
    let process = Process::start(SERVICE, &variables).await;
    let mut connection = process.connect().await;
    send(&mut connection, HEALTH_CHECK).await;
    assert_ok(&receive(&mut connection).await.0);
    send(&mut connection, GET).await;
    assert_ok(&receive(&mut connection).await.0);
    send(&mut connection, GET).await;
    assert!(receive(&mut connection).await.0.starts_with("http/1.1 500 "));
    let calls = within(aws).await.unwrap();
    // Nothing listens there any more.
    send(&mut connection, GET).await;
    assert!(receive(&mut connection).await.0.starts_with("http/1.1 500 "));
    process.terminate();
    let (_, log) = process.end_and_log().await;

    for call in calls {
        assert!(call.starts_with("post / http/1.1\r\n"), "{call}");
        assert!(call.contains("credential=asiax/"), "{call}");
        assert!(call.contains("x-amz-security-token: session"), "{call}");
        assert!(
            call.contains("x-amz-target: graniteserviceversion20100801.putmetricdata"),
            "{call}"
        );
        let body: serde_json::Value = serde_json::from_str(call.split("\r\n\r\n").last().unwrap()).unwrap();
        assert_eq!(body["Namespace"], constants::service::METRIC_NAMESPACE);
        assert_eq!(body["MetricData"][0]["Dimensions"][0]["Value"], "onebox");
    }
    let failures: Vec<_> = log
        .iter()
        .filter(|line| line["message"] == "a call to AWS failed")
        .collect();
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[0]["action"], "cloudwatch:PutMetricData");
    assert_eq!(failures[0]["error"], "AccessDenied: User: x is not authorized");
    assert!(
        failures[1]["error"]
            .as_str()
            .unwrap()
            .starts_with(&format!("can't call {endpoint}/: "))
    );
}

#[tokio::test]
async fn faults_of_the_process() {
    let output = within(command(SERVICE, &[("SERVICE_FAULT", "exit-at-start")]).output())
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));

    let process = Process::start(SERVICE, &[("SERVICE_FAULT", "crash@50%")]).await;
    let mut connection = process.connect().await;
    send(&mut connection, GET).await;
    assert_ok(&receive(&mut connection).await.0);
    send(&mut connection, GET).await;
    assert!(closes(&mut connection).await);
    let (status, log) = process.end_and_log().await;
    assert_eq!((status.code(), status.signal()), (Some(134), None));
    assert!(log.iter().any(|line| line["message"] == "a fault was asked for: crash"));
}
