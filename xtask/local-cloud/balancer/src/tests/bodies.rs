//! Bodies, in all their framings.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::rig::{Rig, Service, by_hand, eventually, get, raw, simple, within};

#[track_caller]
fn check(answer: &str, parts: &[&str]) {
    for part in parts {
        assert!(answer.contains(part), "{part:?} is missing in {answer}");
    }
}

#[tokio::test]
async fn requests_with_bodies() {
    let service = Service::start().await;
    let rig = Rig::new(simple(&[service.address]));
    let close = "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let sized = format!("POST /p {close}Content-Length: 5\r\n\r\nhello");
    check(
        &raw(rig.address, sized).await,
        &["POST /p", "content-length: 5", "5 bytes: hello"],
    );
    for method in ["POST", "GET", "DELETE"] {
        let chunked = format!("{method} /p {close}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        check(
            &raw(rig.address, chunked).await,
            &[method, "transfer-encoding: chunked", "5 bytes: abcde"],
        );
    }
}

/// Both lengths at once: the target gets the chunked one alone, and so can't read the request differently.
#[tokio::test]
async fn two_lengths_reach_the_target_as_one() {
    let service = Service::start().await;
    let rig = Rig::new(simple(&[service.address]));
    for lengths in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lengths}\r\n5\r\nhello\r\n0\r\n\r\n");
        let answer = raw(rig.address, request).await;
        let told = answer.split_once("\r\n\r\n").unwrap().1;
        check(told, &["5 bytes: hello", "transfer-encoding: chunked"]);
        assert!(!told.contains("content-length"), "{told}");
    }
}

#[tokio::test]
async fn expect_continue_is_answered_here() {
    let service = Service::start().await;
    let rig = Rig::new(simple(&[service.address]));
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 25];
    within("100 Continue", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").await.unwrap();
    let mut rest = String::new();
    within("the response", stream.read_to_string(&mut rest)).await.unwrap();
    check(&rest, &["HTTP/1.1 200 OK", "2 bytes: ok"]);
    assert!(!rest.contains("expect"), "{rest}");
}

#[tokio::test]
async fn responses_in_every_framing() {
    for (response, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "content-length: 2\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ),
        ("HTTP/1.0 200 OK\r\n\r\nhi", "\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n"),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\n",
        ),
        (
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\n",
        ),
    ] {
        let target = by_hand(move |mut stream, _| async move {
            stream.write_all(response.as_bytes()).await.unwrap();
        });
        let rig = Rig::new(simple(&[target.await]));
        check(&raw(rig.address, get("")).await, &[expected]);
    }
}

#[tokio::test]
async fn head_and_old_clients() {
    let service = Service::start().await;
    let rig = Rig::new(simple(&[service.address]));
    let head = raw(rig.address, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    check(&head, &["HTTP/1.1 200 OK", "content-length: "]);
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    // Without keep-alive, an HTTP/1.0 client's connection ends with the response.
    let old = raw(rig.address, "GET / HTTP/1.0\r\n\r\n").await;
    check(&old, &["HTTP/1.0 200 OK", "GET /"]);
}

#[tokio::test]
async fn target_connections_are_kept() {
    let service = Service::start().await;
    let rig = Rig::new(simple(&[service.address]));
    for _ in 0..20 {
        raw(rig.address, get("")).await;
        raw(rig.address, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        let chunked =
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        raw(rig.address, chunked).await;
    }
    assert_eq!(service.served(), 60);
    assert_eq!(service.connections.load(Ordering::Relaxed), 1);
}

/// A target that answers in chunks is kept too; one that closes after its answers costs nobody a request.
#[tokio::test]
async fn kept_connections_that_close() {
    let (opened, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (opening, closing) = (Arc::clone(&opened), Arc::clone(&closed));
    let target = by_hand(move |mut stream, _| {
        opening.fetch_add(1, Ordering::Relaxed);
        let closing = Arc::clone(&closing);
        async move {
            let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
            stream.write_all(chunked).await.unwrap();
            super::rig::read_head(&mut stream).await;
            stream.write_all(chunked).await.unwrap();
            drop(stream);
            closing.fetch_add(1, Ordering::Relaxed);
        }
    });
    let rig = Rig::new(simple(&[target.await]));
    for pair in 1..=3 {
        for _ in 0..2 {
            check(&raw(rig.address, get("")).await, &["HTTP/1.1 200 OK", "hi"]);
        }
        // A request that crosses the close on its way is lost, as it should be; so the close comes first here.
        within(
            "the target to close",
            eventually(|| closed.load(Ordering::Relaxed) == pair),
        )
        .await;
    }
    assert_eq!(opened.load(Ordering::Relaxed), 3);
}

/// What the client doesn't take, the target can't send.
#[tokio::test]
async fn a_slow_client_holds_the_target_back() {
    const WHOLE: usize = 256 << 20;
    let sent = Arc::new(AtomicUsize::new(0));
    let stalled = Arc::new(AtomicUsize::new(0));
    let (sent_by_target, stalled_at) = (Arc::clone(&sent), Arc::clone(&stalled));
    let target = by_hand(move |mut stream, _| {
        let (sent, stalled) = (Arc::clone(&sent_by_target), Arc::clone(&stalled_at));
        async move {
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {WHOLE}\r\n\r\n").as_bytes())
                .await
                .unwrap();
            let block = vec![b'x'; 64 << 10];
            while let Ok(Ok(bytes)) = timeout(Duration::from_millis(500), stream.write(&block)).await {
                if sent.fetch_add(bytes, Ordering::Relaxed) >= WHOLE {
                    return;
                }
            }
            stalled.store(sent.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    });
    let rig = Rig::new(simple(&[target.await]));
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(get("").as_bytes()).await.unwrap();
    within(
        "the target to be held back",
        eventually(|| stalled.load(Ordering::Relaxed) > 0),
    )
    .await;
    assert!(
        stalled.load(Ordering::Relaxed) < WHOLE / 4,
        "{} bytes were taken",
        sent.load(Ordering::Relaxed)
    );
}
