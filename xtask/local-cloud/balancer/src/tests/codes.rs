//! Each status code that the load balancer makes, provoked.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use super::rig::{LIMIT, Rig, by_hand, get, nobody, plan, raw, read_head, simple, status, unchecked};
use crate::{Attributes, Plan};

fn impatient() -> Attributes {
    Attributes {
        idle_timeout: Duration::from_millis(200),
        ..Attributes::default()
    }
}

/// The status that the client gets, and that the record agrees.
#[track_caller]
fn check(answer: &str, expected: u16) {
    assert_eq!(status(answer), expected, "{answer}");
    assert!(answer.contains("erver: awselb/2.0"), "{answer}");
    assert!(answer.contains(&format!("<h1>{expected}")), "{answer}");
}

async fn provoke(plan: Plan, request: &str, expected: u16) -> Rig {
    let mut rig = Rig::new(plan);
    check(&raw(rig.address, request).await, expected);
    let record = rig.record().await;
    assert_eq!((record.status_code, record.target_status_code), (expected, None));
    let counts = rig.balancer.request_counts();
    assert_eq!(
        counts.listeners[&"listener".into()].made_by_load_balancer,
        [(expected, 1)].into()
    );
    rig
}

#[tokio::test]
async fn bad_gateway_when_nobody_listens() {
    let rig = provoke(simple(&[nobody().await]), &get(""), 502).await;
    let counts = &rig.balancer.request_counts().target_groups[&"only".into()];
    assert_eq!(
        (counts.requests, counts.connection_errors, counts.response_times.count()),
        (1, 1, 0)
    );
    assert_eq!(counts.made_by_targets, [0; 5]);
}

#[tokio::test]
async fn bad_gateway_when_the_target_resets() {
    let target = by_hand(|stream, _| async move { stream.set_zero_linger().unwrap() }).await;
    let rig = provoke(simple(&[target]), &get(""), 502).await;
    assert_eq!(
        rig.balancer.request_counts().target_groups[&"only".into()].connection_errors,
        0
    );
}

#[tokio::test]
async fn bad_gateway_when_the_target_closes() {
    let target = by_hand(|stream, _| async move { drop(stream) }).await;
    let rig = provoke(simple(&[target]), &get(""), 502).await;
    assert_lost(&rig);
}

/// The target was chosen and made no response: what `RequestCount` leaves when every `HTTPCode_Target_*` is subtracted.
#[track_caller]
fn assert_lost(rig: &Rig) {
    let counts = &rig.balancer.request_counts().target_groups[&"only".into()];
    assert_eq!((counts.requests, counts.made_by_targets), (1, [0; 5]));
}

async fn provoke_by_response(response: &'static str, expected: u16) {
    let target = by_hand(move |mut stream, _| async move {
        stream.write_all(response.as_bytes()).await.unwrap();
        let _ = read_head(&mut stream).await;
    });
    provoke(simple(&[target.await]), &get(""), expected).await;
}

#[tokio::test]
async fn bad_gateway_for_malformed_responses() {
    provoke_by_response("nonsense\r\n\r\n", 502).await;
    provoke_by_response(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        502,
    )
    .await;
    provoke_by_response(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",
        502,
    )
    .await;
}

#[tokio::test]
async fn bad_gateway_for_long_response_headers() {
    for (bytes, expected) in [(20 * 1024, 200), (40 * 1024, 502)] {
        let target = by_hand(move |mut stream, _| async move {
            let long = "a".repeat(bytes);
            let response = format!("HTTP/1.1 200 OK\r\nX-Long: {long}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(response.as_bytes()).await;
        });
        let rig = Rig::new(simple(&[target.await]));
        assert_eq!(status(&raw(rig.address, get("")).await), expected, "{bytes}");
    }
}

#[tokio::test]
async fn a_dispatched_request_is_never_sent_again() {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&seen);
    let target = by_hand(move |_, _| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::future::ready(())
    });
    provoke(simple(&[target.await]), &get(""), 502).await;
    assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn unavailable_without_targets() {
    let rig = provoke(simple(&[]), &get(""), 503).await;
    let counts = rig.balancer.request_counts();
    let requests = counts
        .target_groups
        .get(&"only".into())
        .map_or(0, |counts| counts.requests);
    assert_eq!(requests, 0, "no target was chosen");
    let zero = plan(
        &[("a", 0, unchecked(&[])), ("b", 0, unchecked(&[]))],
        Attributes::default(),
    );
    provoke(zero, &get(""), 503).await;
    let mut unknown = simple(&[]);
    unknown.target_groups.clear();
    provoke(unknown, &get(""), 503).await;
    provoke(Plan::default(), &get(""), 503).await;
}

#[tokio::test]
async fn gateway_timeout_when_the_target_is_silent() {
    let target = by_hand(|mut stream, _| async move { drop(read_head(&mut stream).await) }).await;
    let rig = provoke(plan(&[("only", 1, unchecked(&[target]))], impatient()), &get(""), 504).await;
    assert_lost(&rig);
}

#[tokio::test]
async fn gateway_timeout_when_the_target_takes_no_connection() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    // A queue that is full: the kernel leaves further connections unanswered.
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    let rig = provoke(plan(&[("only", 1, unchecked(&[address]))], impatient()), &get(""), 504).await;
    assert_eq!(
        rig.balancer.request_counts().target_groups[&"only".into()].connection_errors,
        1
    );
}

#[tokio::test]
async fn request_timeout_when_the_client_leaves_off() {
    let idle = plan(&[("only", 1, unchecked(&[]))], impatient());
    provoke(idle, "GET / HTTP/1.1\r\nHost:", 408).await;
    let target = by_hand(|mut stream, _| async move { drop(read_head(&mut stream).await) }).await;
    let waiting = plan(&[("only", 1, unchecked(&[target]))], impatient());
    provoke(
        waiting,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc",
        408,
    )
    .await;
}

#[tokio::test]
async fn an_idle_client_is_let_go_without_a_word() {
    let rig = Rig::new(plan(&[("only", 1, unchecked(&[]))], impatient()));
    assert_eq!(raw(rig.address, "").await, "");
}

#[tokio::test]
async fn malformed_requests() {
    for request in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        // A request that hyper takes leaves the connection open; the second ends it.
        provoke_with_end(request, 400).await;
    }
}

async fn provoke_with_end(request: &str, expected: u16) {
    let rig = Rig::new(simple(&[]));
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&answer).contains("</html>\r\n") {
            assert!(
                stream.read_buf(&mut answer).await.unwrap() > 0,
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
    };
    timeout(LIMIT, read).await.unwrap();
    check(&String::from_utf8_lossy(&answer), expected);
}

#[tokio::test]
async fn long_requests() {
    let long = |bytes| "a".repeat(bytes);
    provoke(simple(&[]), &get(&format!("X-Long: {}\r\n", long(17 * 1024))), 400).await;
    let many = format!("X-Many: {}\r\n", long(10 * 1024)).repeat(20);
    provoke(simple(&[]), &get(&many), 400).await;
    let uri = format!(
        "GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        long(17 * 1024)
    );
    provoke(simple(&[]), &uri, 414).await;
}

#[tokio::test]
async fn requests_that_are_not_taken() {
    let request = |line: &str, headers: &str| format!("{line}\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    provoke(simple(&[]), &request("TRACE / HTTP/1.1", ""), 405).await;
    let addresses = vec!["10.0.0.1"; 31].join(", ");
    provoke(
        simple(&[]),
        &request("GET / HTTP/1.1", &format!("X-Forwarded-For: {addresses}\r\n")),
        463,
    )
    .await;
    let gzip = "Transfer-Encoding: gzip, chunked\r\n";
    provoke(
        simple(&[]),
        &request("POST / HTTP/1.1", &format!("{gzip}\r\n0\r\n")),
        501,
    )
    .await;
}

#[tokio::test]
async fn the_client_left() {
    let target = by_hand(|stream, _| async move {
        sleep(LIMIT).await;
        drop(stream);
    });
    let mut rig = Rig::new(simple(&[target.await]));
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(get("").as_bytes()).await.unwrap();
    super::rig::within(
        "the request to be counted",
        super::rig::eventually(|| rig.balancer.request_counts().listeners[&"listener".into()].requests == 1),
    )
    .await;
    drop(stream);
    assert_eq!(rig.record().await.status_code, 460);
}

#[tokio::test]
async fn a_response_cut_short_reaches_the_client_cut_short() {
    let target = by_hand(|mut stream, _| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            .await
            .unwrap();
    });
    let mut rig = Rig::new(simple(&[target.await]));
    let answer = raw(rig.address, get("")).await;
    assert!(
        answer.to_lowercase().contains("content-length: 10") && answer.ends_with("abc"),
        "{answer}"
    );
    let record = rig.record().await;
    assert_eq!(
        (record.status_code, record.target_status_code, record.timed),
        (200, Some(200), true)
    );
}
