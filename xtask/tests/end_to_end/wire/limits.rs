//! Clients that send too much, or take too long.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::hostile::{BODY_LIMIT_BYTES, DESCRIBE, PROMPT, head, raw, started, still_answers};
use crate::client;

#[test]
fn bodies_over_the_limit_are_refused() {
    let (_cloud, address) = started();
    let head = |more: &str| format!("{}{more}\r\n", head(&address, "cloudformation"));
    // Said beforehand: refused before the body has come.
    let said = head(&format!("Content-Length: {}\r\n", BODY_LIMIT_BYTES + 1));
    assert_eq!(raw(&address, said.as_bytes()), Some(413));
    let said = head(&format!("Content-Length: {}\r\n", u64::MAX));
    assert!(raw(&address, said.as_bytes()).is_none_or(|status| status >= 400));
    // Not said: as soon as it is too much.
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(PROMPT)).unwrap();
    let chunk = format!("100000\r\n{}\r\n", "a".repeat(1 << 20));
    let chunks = head("Transfer-Encoding: chunked\r\n") + &chunk.repeat(4) + "1\r\na\r\n";
    stream.write_all(chunks.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    // At the limit: read, and answered as what it is.
    let form = format!(
        "{DESCRIBE}&Unknown={}",
        "a".repeat(BODY_LIMIT_BYTES - DESCRIBE.len() - 9)
    );
    let answer = client::call(&address, "cloudformation", &[], &form);
    assert!(
        answer.body.contains("<Code>ValidationError</Code>"),
        "{}",
        answer.status
    );
    still_answers(&address, "bodies over the limit");
}

#[test]
fn slow_clients_hold_up_nobody() {
    let (_cloud, address) = started();
    let head = head(&address, "cloudformation").replace("Connection: close\r\n", "");
    let half_sent = [
        String::new(),
        "P".to_owned(),
        head.clone(),
        format!("{head}Content-Length: 40\r\n\r\nAction="),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n7\r\nAct"),
        format!(
            "{head}Content-Length: {BODY_LIMIT_BYTES}\r\n\r\n{}",
            "a".repeat(100_000)
        ),
    ];
    let waiting = (0..300)
        .map(|number| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream
                .write_all(half_sent[number % half_sent.len()].as_bytes())
                .unwrap();
            stream
        })
        .collect::<Vec<_>>();
    still_answers(&address, "300 half-sent requests");
    // One who asks and never reads the answer.
    let mut deaf = TcpStream::connect(&address).unwrap();
    let whole = format!("{head}Content-Length: {}\r\n\r\n{DESCRIBE}", DESCRIBE.len());
    for _ in 0..50 {
        deaf.write_all(whole.as_bytes()).unwrap();
    }
    still_answers(&address, "50 answers that nobody reads");
    drop(waiting);
    still_answers(&address, "300 clients that left");
}
