//! Clients that mean no good, or know no better. Whatever comes, the next request is answered.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::client;
use crate::cloud::Cloud;

const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/SERVICE/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=00";
const DATE: (&str, &str) = ("x-amz-date", "20260101T000000Z");
const DESCRIBE: &str = "Action=DescribeStacks&Version=2010-05-15";

/// The most that a call's body may have.
const BODY_LIMIT_BYTES: usize = 4 << 20;

/// Far more than an answer takes, far less than the server waits for a slow client.
const PROMPT: Duration = Duration::from_secs(5);

fn started() -> (Cloud, String) {
    let cloud = Cloud::new();
    cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
    let address = cloud.endpoint().address;
    (cloud, address)
}

#[track_caller]
fn still_answers(address: &str, after: &str) {
    let begun = Instant::now();
    let answer = client::call(address, "sts", &[], "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(answer.status, 200, "after {after}: {}", answer.body);
    assert!(begun.elapsed() < PROMPT, "after {after}: {:?}", begun.elapsed());
}

/// Sends just these bytes and gives the status, if there is an answer at all.
fn raw(address: &str, bytes: &[u8]) -> Option<u16> {
    status(TcpStream::connect(address).unwrap(), bytes, false)
}

/// The same, but says that there are no more bytes: the server needn't wait for any.
fn raw_and_end(address: &str, bytes: &[u8]) -> Option<u16> {
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

fn signed(service: &str) -> String {
    SIGNATURE.replace("SERVICE", service)
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
fn bodies_over_the_limit_are_refused() {
    let (_cloud, address) = started();
    let head = |more: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nAuthorization: {}\r\nX-Amz-Date: {}\r\nConnection: close\r\n{more}\r\n",
            signed("cloudformation"),
            DATE.1
        )
    };
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
fn malformed_requests_are_survived() {
    let (cloud, address) = started();
    let host = format!("Host: {address}\r\n");
    let noise = |seed: u32, length: usize| -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
    };
    let mut requests = vec![
        ("nothing", Vec::new()),
        ("a line's beginning", b"POST / HT".to_vec()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        (
            "a version that isn't",
            format!("GET / HTTP/9.9\r\n{host}\r\n").into_bytes(),
        ),
        (
            "a header without colon",
            format!("GET / HTTP/1.1\r\n{host}nonsense\r\n\r\n").into_bytes(),
        ),
        ("a NUL", format!("GET /\0 HTTP/1.1\r\n{host}\r\n").into_bytes()),
        (
            "a thousand headers",
            format!("GET / HTTP/1.1\r\n{host}{}\r\n", "A: b\r\n".repeat(1000)).into_bytes(),
        ),
        (
            "a long header",
            format!("GET / HTTP/1.1\r\n{host}A: {}\r\n\r\n", "a".repeat(1 << 20)).into_bytes(),
        ),
        (
            "a long path",
            format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(1 << 20)).into_bytes(),
        ),
        (
            "a path of dots",
            format!("GET /v2/../../etc/passwd HTTP/1.1\r\n{host}\r\n").into_bytes(),
        ),
        ("no end of lines", vec![b'a'; 1 << 20]),
    ];
    for seed in 0..8 {
        requests.push(("noise", noise(seed, 10_000)));
    }
    let bodies = [
        (
            "a length that is no number",
            "Content-Length: abc\r\n\r\nabc".to_owned(),
        ),
        ("a negative length", "Content-Length: -1\r\n\r\nabc".to_owned()),
        (
            "two lengths",
            "Content-Length: 1\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        ),
        (
            "a body shorter than said",
            format!("Content-Length: 1000\r\n\r\n{DESCRIBE}"),
        ),
        (
            "a body longer than said",
            format!("Content-Length: 3\r\n\r\n{DESCRIBE}\r\n\r\n"),
        ),
        (
            "chunks that are none",
            "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n".to_owned(),
        ),
        (
            "a chunk without end",
            "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na".to_owned(),
        ),
        (
            "chunks and a length",
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
        ),
        (
            "an encoding that isn't",
            "Transfer-Encoding: nonsense\r\n\r\nabc".to_owned(),
        ),
    ];
    for (what, rest) in bodies {
        let head = format!(
            "POST / HTTP/1.1\r\n{host}Authorization: {}\r\nX-Amz-Date: {}\r\n",
            signed("cloudformation"),
            DATE.1
        );
        requests.push((what, (head + &rest).into_bytes()));
    }
    for (what, request) in requests {
        let status = raw_and_end(&address, &request);
        assert!(
            status.is_none_or(|status| (400..500).contains(&status)),
            "{what}: {status:?}"
        );
        still_answers(&address, what);
    }
    let process = fs::read_to_string(format!("/proc/{}/comm", cloud.endpoint().process_id));
    assert!(process.is_ok(), "the local cloud has ended");
}

#[test]
fn malformed_calls_are_refused_in_their_protocol() {
    let (_cloud, address) = started();
    let call = |service: &str, headers: &[(&str, &str)], body: &[u8]| {
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: {}\r\nX-Amz-Date: {}\r\n",
            signed(service),
            DATE.1
        );
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        let mut bytes = format!("{request}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend(body);
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PROMPT)).unwrap();
        stream.write_all(&bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let form = |body: &[u8], code: &str| {
        let answer = call("cloudformation", &[], body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 4"), "{shown}: {answer}");
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{shown}: {answer}");
    };
    let fields = |count: usize| {
        (0..count)
            .map(|field| format!("&F{field}=a"))
            .collect::<Vec<_>>()
            .concat()
    };
    form(b"", "MissingAction");
    form(b"&&&&", "MissingAction");
    form(b"Action=", "MissingAction");
    form(b"Action=<a>", "MissingAction");
    form(b"Action.member.1=DescribeStacks", "MissingAction");
    form(b"Action=A&Action=B", "MalformedQueryString");
    form(b"Action=\xff\xfe", "MalformedQueryString");
    form(b"Action=%ff%fe", "MalformedQueryString");
    form(
        format!("Action=DescribeStacks{}", fields(10_001)).as_bytes(),
        "MalformedQueryString",
    );
    form(
        format!("Action=DescribeStacks{}", fields(9_000)).as_bytes(),
        "ValidationError",
    );
    form(
        format!("Action=DescribeStacks&{}=a", vec!["a"; 100_000].join(".")).as_bytes(),
        "MalformedQueryString",
    );
    form(
        b"Action=DescribeStacks&StackName.member.4294967295=a",
        "ValidationError",
    );
    for template in [
        "%5B".repeat(50_000),
        "%7B%22a%22:".repeat(10_000),
        "a: %26a [a]%0Ab: %26b [*a,*a,*a,*a]%0Ac: [*b,*b,*b,*b]".to_owned(),
        "%00".to_owned(),
        "a".repeat(60_000),
    ] {
        form(
            format!("Action=ValidateTemplate&TemplateBody={template}").as_bytes(),
            "ValidationError",
        );
    }

    let json = |operation: &str, body: &[u8], code: &str| {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let answer = call("ecs", &[("x-amz-target", &target)], body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400"), "{shown}: {answer}");
        assert!(answer.contains(&format!(r#""__type":"{code}""#)), "{shown}: {answer}");
    };
    let depth = |open: &str, times: usize| open.repeat(times).into_bytes();
    json("", b"{}", "UnknownOperationException");
    json("List<Clusters>", b"{}", "UnknownOperationException");
    json("NoSuchOperation", b"{}", "UnknownOperationException");
    for body in [
        &b"{"[..],
        b"[]",
        b"null",
        b"\"a\"",
        b"\xff",
        b"{\"cluster\": \"\xff\"}",
        b"{\"cluster\": \"\\ud800\"}",
        b"{\"cluster\": 1e999}",
        b"{} {}",
        b"\xef\xbb\xbf{}",
    ] {
        json("ListTasks", body, "SerializationException");
    }
    json("ListTasks", &depth("[", 100_000), "SerializationException");
    json("ListTasks", &depth("{\"a\":", 100_000), "SerializationException");
    let long = format!("{{\"cluster\": \"{}\"}}", "a".repeat(3 << 20));
    json("ListTasks", long.as_bytes(), "ClusterNotFoundException");
    still_answers(&address, "malformed calls");
}

#[test]
fn slow_clients_hold_up_nobody() {
    let (_cloud, address) = started();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nAuthorization: {}\r\nX-Amz-Date: {}\r\n",
        signed("cloudformation"),
        DATE.1
    );
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
