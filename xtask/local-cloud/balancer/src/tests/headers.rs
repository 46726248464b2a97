//! Headers, end to end.

use super::rig::{Rig, Service, by_hand, get, raw, simple};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn what_the_target_sees() {
    let service = Service::start().await;
    let rig = Rig::new(simple(&[service.address]));
    let answer = raw(
        rig.address,
        get("X-Forwarded-For: 1.2.3.4\r\nUpgrade: websocket\r\nX-Custom: kept\r\n"),
    )
    .await;
    let (head, told) = answer.split_once("\r\n\r\n").unwrap();
    let trace_id = told
        .lines()
        .find(|line| line.starts_with("x-amzn-trace-id: Root=1-"))
        .unwrap();
    assert_eq!(
        trace_id.len(),
        "x-amzn-trace-id: Root=1-12345678-123456789012345678901234".len()
    );
    let mut lines: Vec<&str> = told
        .lines()
        .filter(|line| *line != trace_id && !line.is_empty())
        .collect();
    lines.sort_unstable();
    let expected = [
        "0 bytes: ".to_owned(),
        "GET /".to_owned(),
        "host: example.com".to_owned(),
        "x-custom: kept".to_owned(),
        "x-forwarded-for: 1.2.3.4, 127.0.0.1".to_owned(),
        format!("x-forwarded-port: {}", rig.address.port()),
        "x-forwarded-proto: http".to_owned(),
    ];
    assert_eq!(lines, expected);
    assert!(head.contains("date: ") && head.contains("connection: close"), "{head}");
}

#[tokio::test]
async fn what_the_client_sees() {
    let target = by_hand(|mut stream, _| async move {
        let response = "HTTP/1.1 200 OK\r\nServer: mine\r\nConnection: x-private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(response.as_bytes()).await.unwrap();
    });
    let rig = Rig::new(simple(&[target.await]));
    let answer = raw(rig.address, get("")).await;
    let mut lines: Vec<&str> = answer.lines().filter(|line| !line.starts_with("date: ")).collect();
    lines[1..].sort_unstable();
    let expected = [
        "HTTP/1.1 200 OK",
        "",
        "connection: close",
        "content-length: 0",
        "server: mine",
        "set-cookie: a",
        "set-cookie: b",
    ];
    assert_eq!(lines, expected);
}
