//! Clients that send what is no request, or no call. Whatever comes, the next request is answered.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use super::hostile::{DESCRIBE, PROMPT, head, raw_and_end, started, still_answers};

#[test]
fn malformed_requests_are_survived() {
    let (cloud, address) = started();
    let mut requests = not_http(&format!("Host: {address}\r\n"));
    requests.extend((0..8).map(|seed| ("noise", noise(seed, 10_000))));
    let head = head(&address, "cloudformation");
    requests.extend(wrong_bodies().map(|(what, body)| (what, format!("{head}{body}").into_bytes())));
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

fn not_http(host: &str) -> Vec<(&'static str, Vec<u8>)> {
    let get = |rest: &str| format!("GET {rest}\r\n\r\n").into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("a line's beginning", b"POST / HT".to_vec()),
        ("no end of line", vec![b'a'; 1 << 20]),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("a version that isn't", get(&format!("/ HTTP/9.9\r\n{host}"))),
        ("a header without colon", get(&format!("/ HTTP/1.1\r\n{host}nonsense"))),
        ("a NUL", get(&format!("/\0 HTTP/1.1\r\n{host}"))),
        (
            "a thousand headers",
            get(&format!("/ HTTP/1.1\r\n{host}{}", "A: b\r\n".repeat(1000))),
        ),
        (
            "a long header",
            get(&format!("/ HTTP/1.1\r\n{host}A: {}", "a".repeat(1 << 20))),
        ),
        (
            "a long path",
            get(&format!("/{} HTTP/1.1\r\n{host}", "a".repeat(1 << 20))),
        ),
        (
            "a path of dots",
            get(&format!("/v2/../../etc/passwd HTTP/1.1\r\n{host}")),
        ),
    ]
}

/// A head's last headers and a body that isn't as they say.
fn wrong_bodies() -> impl Iterator<Item = (&'static str, String)> {
    [
        ("a length that is no number", "Content-Length: abc\r\n\r\nabc"),
        ("a negative length", "Content-Length: -1\r\n\r\nabc"),
        ("two lengths", "Content-Length: 1\r\nContent-Length: 3\r\n\r\nabc"),
        ("a body shorter than said", "Content-Length: 1000\r\n\r\nFORM"),
        ("a body longer than said", "Content-Length: 3\r\n\r\nFORM\r\n\r\n"),
        (
            "chunks that are none",
            "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        ),
        (
            "a chunk without end",
            "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na",
        ),
        (
            "chunks and a length",
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ),
        ("an encoding that isn't", "Transfer-Encoding: nonsense\r\n\r\nabc"),
    ]
    .into_iter()
    .map(|(what, body)| (what, body.replace("FORM", DESCRIBE)))
}

/// Bytes that mean nothing, the same at every run.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let states = std::iter::successors(Some(seed), |state| {
        Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    });
    states.map(|state| state.to_be_bytes()[0]).take(length).collect()
}

/// Sends one signed call with this body and gives the whole answer.
fn call(address: &str, service: &str, header: &str, body: &[u8]) -> String {
    let head = head(address, service);
    let mut request = format!("{head}{header}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend(body);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PROMPT)).unwrap();
    stream.write_all(&request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned()
}

#[test]
fn malformed_forms_are_refused() {
    let (_cloud, address) = started();
    let check = |body: &[u8], code: &str| {
        let answer = call(&address, "cloudformation", "", body);
        let refused = answer.starts_with("HTTP/1.1 400") && answer.contains(&format!("<Code>{code}</Code>"));
        assert!(refused, "{}: {answer}", shown(body));
    };
    for body in ["", "&&&&", "Action=", "Action=<a>", "Action.member.1=DescribeStacks"] {
        check(body.as_bytes(), "MissingAction");
    }
    let fields = |count: usize| {
        (0..count)
            .map(|field| format!("&F{field}=a"))
            .collect::<Vec<_>>()
            .concat()
    };
    let deep = vec!["a"; 100_000].join(".");
    check(b"Action=A&Action=B", "MalformedQueryString");
    check(b"Action=\xff\xfe", "MalformedQueryString");
    check(b"Action=%ff%fe", "MalformedQueryString");
    check(
        format!("{DESCRIBE}{}", fields(10_001)).as_bytes(),
        "MalformedQueryString",
    );
    check(format!("{DESCRIBE}{}", fields(9_000)).as_bytes(), "ValidationError");
    check(format!("{DESCRIBE}&{deep}=a").as_bytes(), "MalformedQueryString");
    check(
        format!("{DESCRIBE}&StackName.member.4294967295=a").as_bytes(),
        "ValidationError",
    );
    check(format!("{DESCRIBE}&StackName.Name=a").as_bytes(), "ValidationError");
    let references = "a: %26a [a]%0Ab: %26b [*a,*a,*a,*a]%0Ac: [*b,*b,*b,*b]";
    for template in [
        "%5B".repeat(50_000),
        "%7B%22a%22:".repeat(10_000),
        references.to_owned(),
        "%00".to_owned(),
        "a".repeat(60_000),
    ] {
        let form = format!("Action=ValidateTemplate&TemplateBody={template}");
        check(form.as_bytes(), "ValidationError");
    }
    still_answers(&address, "malformed forms");
}

#[test]
fn malformed_json_is_refused() {
    let (_cloud, address) = started();
    let check = |operation: &str, body: &[u8], code: &str| {
        let target = format!("X-Amz-Target: AmazonEC2ContainerServiceV20141113.{operation}\r\n");
        let answer = call(&address, "ecs", &target, body);
        let refused = answer.starts_with("HTTP/1.1 400") && answer.contains(&format!(r#""__type":"{code}""#));
        assert!(refused, "{}: {answer}", shown(body));
    };
    for operation in ["", "List<Clusters>", "NoSuchOperation"] {
        check(operation, b"{}", "UnknownOperationException");
    }
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
        "[".repeat(100_000).as_bytes(),
        "{\"a\":".repeat(100_000).as_bytes(),
    ] {
        check("ListTasks", body, "SerializationException");
    }
    let long = format!("{{\"cluster\": \"{}\"}}", "a".repeat(3 << 20));
    check("ListTasks", long.as_bytes(), "ClusterNotFoundException");
    still_answers(&address, "malformed JSON");
}
