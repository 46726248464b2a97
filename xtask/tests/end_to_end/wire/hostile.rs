//! Clients that may not ask, and how a client that means no good is played.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::client;
use crate::cloud::Cloud;

const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/SERVICE/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=00";
pub(super) const DATE: (&str, &str) = ("x-amz-date", "20260101T000000Z");
pub(super) const DESCRIBE: &str = "Action=DescribeStacks&Version=2010-05-15";

/// The most that a call's body may have.
pub(super) const BODY_LIMIT_BYTES: usize = 4 << 20;

/// Far more than an answer takes, far less than the server waits for a slow client.
pub(super) const PROMPT: Duration = Duration::from_secs(5);

pub(super) fn started() -> (Cloud, String) {
    let cloud = Cloud::new();
    cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
    let address = cloud.endpoint().address;
    (cloud, address)
}

#[track_caller]
pub(super) fn still_answers(address: &str, after: &str) {
    let begun = Instant::now();
    let answer = client::call(address, "sts", &[], "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(answer.status, 200, "after {after}: {}", answer.body);
    assert!(begun.elapsed() < PROMPT, "after {after}: {:?}", begun.elapsed());
}

/// Sends just these bytes and gives the status, if there is an answer at all.
pub(super) fn raw(address: &str, bytes: &[u8]) -> Option<u16> {
    status(TcpStream::connect(address).unwrap(), bytes, false)
}

/// The same, but says that there are no more bytes: the server needn't wait for any.
pub(super) fn raw_and_end(address: &str, bytes: &[u8]) -> Option<u16> {
    status(TcpStream::connect(address).unwrap(), bytes, true)
}

fn status(mut stream: TcpStream, bytes: &[u8], end: bool) -> Option<u16> {
    stream.set_read_timeout(Some(PROMPT)).unwrap();
    // The server may have closed before all was sent; what it answered is what counts.
    let sent = stream.write_all(bytes);
    if end && sent.is_ok() {
        drop(stream.shutdown(Shutdown::Write));
    }
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let status = answer.get(9..12)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}

pub(super) fn signed(service: &str) -> String {
    SIGNATURE.replace("SERVICE", service)
}

/// A signed request's head but for its end: the headers of the body follow, or the empty line.
pub(super) fn head(address: &str, service: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: {}\r\nX-Amz-Date: {}\r\n",
        signed(service),
        DATE.1
    )
}

#[test]
fn only_signed_requests_are_answered() {
    let (_cloud, address) = started();
    let check = |headers: &[(&str, &str)], status: u16, code: &str| {
        let answer = client::send(&address, "POST", "/", headers, DESCRIBE).unwrap();
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.body);
        assert!(answer.body.contains(code), "{headers:?}: {}", answer.body);
    };
    let whole = signed("cloudformation");
    let target = ("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters");
    check(&[("authorization", &whole), DATE], 200, "<Stacks>");
    check(&[], 403, "<Code>MissingAuthenticationToken</Code>");
    check(&[DATE], 403, "<Code>MissingAuthenticationToken</Code>");
    check(&[target], 403, r#""__type":"MissingAuthenticationToken""#);
    check(&[("authorization", &whole)], 403, "<Code>IncompleteSignature</Code>");
    check(
        &[("authorization", &whole), target],
        403,
        r#""__type":"IncompleteSignature""#,
    );
    let malformed = [
        "",
        "Basic QVdTOmE=",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        &whole.replace("Credential=", ""),
        &whole.replace("SignedHeaders=host;x-amz-date, ", ""),
        &whole.replace("Signature=00", "Signature="),
        &whole.replace("/aws4_request", ""),
        &whole.replace("aws4_request", "aws3_request"),
        &whole.replace("us-east-1/", "us-east-1/more/"),
    ];
    for authorization in malformed {
        check(
            &[("authorization", authorization), DATE],
            403,
            "<Code>IncompleteSignature</Code>",
        );
    }
    check(&[("authorization", &signed("s3")), DATE], 400, "no service");
}

#[test]
fn only_this_machine_is_answered() {
    let (_cloud, address) = started();
    let (name, port) = address.split_once(':').unwrap();
    assert_eq!(name, "127.0.0.1");
    let check = |path: &str, lines: &str, expected: u16| {
        let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n");
        assert_eq!(raw(&address, request.as_bytes()), Some(expected), "{request}");
    };
    for (path, good) in [("/", 403), ("/v2/", 401)] {
        for host in ["127.0.0.1", "localhost", "LocalHost", "ecr.localhost"] {
            check(path, &format!("Host: {host}:{port}\r\n"), good);
            check(
                path,
                &format!("Host: {host}:{port}\r\nOrigin: http://{host}:{port}\r\n"),
                421,
            );
            check(path, &format!("Host: {host}:{port}\r\nOrigin: null\r\n"), 421);
            check(path, &format!("Host: {host}:1\r\n"), 421);
        }
        for host in [
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "notlocalhost",
            "0.0.0.0",
            "[::1]",
            "",
        ] {
            check(path, &format!("Host: {host}:{port}\r\n"), 421);
        }
        check(path, "", 421);
        check(path, &format!("Host: {address}\r\nHost: example.com\r\n"), 421);
        check(path, &format!("Host: example.com\r\nHost: {address}\r\n"), 421);
    }
    check("http://example.com/", &format!("Host: {address}\r\n"), 421);
}

#[test]
fn nothing_listens_beyond_loopback() {
    let cloud = Cloud::new();
    cloud.deploy();
    let process = cloud.endpoint().process_id;
    let own = fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect::<Vec<_>>();
    let listening = |table: &str| {
        let lines = fs::read_to_string(table).unwrap_or_default();
        let rows = lines
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        // Columns: number, local address, remote address, state (0A listens), …, inode.
        rows.filter(|row| row[3] == "0A" && own.contains(&row[9]))
            .map(|row| row[1].clone())
            .collect::<Vec<_>>()
    };
    let addresses = listening("/proc/net/tcp");
    // The endpoint and the load balancer, at 127.0.0.1 in the kernel's byte order.
    assert!(addresses.len() >= 2, "{addresses:?}");
    assert!(
        addresses.iter().all(|address| address.starts_with("0100007F:")),
        "{addresses:?}"
    );
    assert_eq!(listening("/proc/net/tcp6"), Vec::<String>::new());
}
