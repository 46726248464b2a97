use http::Request;

use super::*;

fn hop() -> Hop {
    Hop::new("10.1.2.3".parse().unwrap(), "127.0.0.1:8000".parse().unwrap())
}

fn parts(builder: http::request::Builder) -> Parts {
    builder.body(()).unwrap().into_parts().0
}

fn get() -> http::request::Builder {
    Request::get("/").header("host", "example.com")
}

#[track_caller]
fn check_status(request: http::request::Builder, expected: Result<(), u16>) {
    let mut parts = parts(request);
    let checked = check(&parts).and_then(|()| rewrite(&mut parts, false, &hop(), &Attributes::default()));
    assert_eq!(checked.map_err(|status| status.as_u16()), expected, "{parts:?}");
}

#[test]
fn refusals() {
    let long = |bytes: usize| "a".repeat(bytes);
    check_status(get(), Ok(()));
    check_status(get().method("TRACE"), Err(405));
    check_status(get().method("CONNECT"), Err(400));
    check_status(Request::get("/"), Err(400));
    check_status(Request::get("/").version(Version::HTTP_10), Ok(()));
    check_status(get().header("host", "other.com"), Err(400));
    check_status(
        Request::get(format!("/{}", long(16 * 1024))).header("host", "a"),
        Err(414),
    );
    check_status(get().header("x-long", long(16 * 1024 - 10)), Ok(()));
    check_status(get().header("x-long", long(16 * 1024)), Err(400));
    let many = (0..5).fold(get(), |request, index| {
        request.header(format!("x-{index}"), long(14 * 1024))
    });
    check_status(many, Err(400));
    check_status(get().header("transfer-encoding", "gzip, chunked"), Err(501));
    check_status(get().header("transfer-encoding", "chunked"), Ok(()));
}

#[test]
fn forwarded_addresses_are_limited() {
    let addresses = |count: usize| vec!["10.0.0.1"; count].join(", ");
    check_status(get().header("x-forwarded-for", addresses(30)), Ok(()));
    check_status(get().header("x-forwarded-for", addresses(31)), Err(463));
    let twice = get()
        .header("x-forwarded-for", addresses(20))
        .header("x-forwarded-for", addresses(11));
    check_status(twice, Err(463));
}

fn rewritten(request: http::request::Builder, has_body: bool, attributes: &Attributes) -> String {
    let mut parts = parts(request);
    rewrite(&mut parts, has_body, &hop(), attributes).unwrap();
    let trace_id = parts.headers.remove("x-amzn-trace-id").unwrap();
    assert!(trace_id.to_str().unwrap().contains("Root=1-"));
    let mut lines: Vec<String> = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    format!("{} {}\n{}", parts.method, parts.uri, lines.join("\n"))
}

#[test]
fn what_the_target_receives() {
    let request = get()
        .header("connection", "close, x-private, host")
        .header("x-private", "1")
        .header("keep-alive", "timeout=5")
        .header("upgrade", "websocket")
        .header("te", "trailers")
        .header("expect", "100-continue")
        .header("x_odd", "kept unless asked otherwise")
        .header("x-forwarded-for", "1.1.1.1")
        .header("x-forwarded-for", "2.2.2.2")
        .header("x-forwarded-proto", "https");
    insta::assert_snapshot!(rewritten(request, false, &Attributes::default()), @r"
    GET /
    host: example.com
    x-forwarded-for: 1.1.1.1, 2.2.2.2, 10.1.2.3
    x-forwarded-port: 8000
    x-forwarded-proto: http
    x_odd: kept unless asked otherwise
    ");
}

#[test]
fn attributes_change_headers() {
    let request = || get().header("x_odd", "dropped").header("x-forwarded-for", "1.1.1.1");
    let drop_invalid = Attributes {
        drop_invalid_header_fields: true,
        ..Attributes::default()
    };
    assert!(!rewritten(request(), false, &drop_invalid).contains("x_odd"));
    let mode = |x_forwarded_for| Attributes {
        x_forwarded_for,
        ..Attributes::default()
    };
    assert!(rewritten(request(), false, &mode(XForwardedFor::Preserve)).contains("x-forwarded-for: 1.1.1.1\n"));
    assert!(!rewritten(request(), false, &mode(XForwardedFor::Remove)).contains("x-forwarded-for"));
    assert!(!rewritten(get(), false, &mode(XForwardedFor::Preserve)).contains("x-forwarded-for"));
}

#[test]
fn a_body_of_unknown_length_is_chunked_for_every_method() {
    let chunked = rewritten(
        get().header("transfer-encoding", "chunked"),
        true,
        &Attributes::default(),
    );
    assert!(chunked.contains("transfer-encoding: chunked"), "{chunked}");
    let sized = rewritten(get().header("content-length", "5"), true, &Attributes::default());
    assert!(!sized.contains("transfer-encoding"), "{sized}");
}

#[test]
fn the_host_is_named_whatever_the_form() {
    let absolute = Request::get("http://real.com:81/a?b").header("host", "other.com");
    let rewritten_absolute = rewritten(absolute, false, &Attributes::default());
    assert!(
        rewritten_absolute.starts_with("GET /a?b\nhost: real.com:81\n"),
        "{rewritten_absolute}"
    );
    let old = Request::get("/").version(Version::HTTP_10);
    assert!(rewritten(old, false, &Attributes::default()).contains("host: 127.0.0.1:8000"));
}
