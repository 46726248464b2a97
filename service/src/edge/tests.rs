//! What a client receives, whatever it sends.

use std::fmt::Write as _;

use axum::{
    body::Bytes,
    routing::{get, post},
};
use http_body_util::BodyExt;

use super::*;
use crate::handlers::{Version, router};

/// The service's own routes, one that answers at once whatever becomes of the handlers, and some that misbehave or
/// read their body. What is measured is the edge, so that a slow handler fails no test here.
fn edge(variables: &[(&str, &str)]) -> Edge {
    let config = Config::from_environment(&|wanted| {
        let set = variables.iter().find(|(variable, _)| *variable == wanted);
        let stage = (wanted == "SERVICE_STAGE").then_some("onebox");
        set.map(|(_, value)| *value).or(stage).map(str::to_owned)
    });
    let version = Version {
        package: "1.2.3",
        revision: "4f1c",
        release: None,
        stage: "onebox".to_owned(),
    };
    let routes = router(version)
        .route("/at-once", get(async || ()))
        .route("/panic", post(async || -> StatusCode { panic!("for the test") }))
        .route("/echo", post(async |body: Bytes| body))
        .route("/hang", post(std::future::pending::<()>));
    Edge::new(routes, &config.unwrap(), Instant::now(), Arc::default())
}

fn request(line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("x-request-id", "id-1");
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body.into()).unwrap()
}

/// A response as text: status, headers in order of their names, body.
async fn text(response: Response) -> String {
    let (parts, body) = response.into_parts();
    let mut text = format!("{}\n", parts.status);
    let mut headers: Vec<_> = parts.headers.iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in headers {
        writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    let body = body.collect().await.unwrap().to_bytes();
    text + "\n" + std::str::from_utf8(&body).unwrap()
}

async fn answer(edge: &Edge, line: &str, headers: &[(&str, &str)]) -> String {
    text(edge.answer(request(line, headers, "")).await.unwrap()).await
}

async fn status(edge: &Edge, headers: &[(&str, &str)]) -> u16 {
    edge.answer(request("GET /at-once", headers, ""))
        .await
        .unwrap()
        .status()
        .as_u16()
}

const HEALTH_CHECK: &[(&str, &str)] = &[("user-agent", "ELB-HealthChecker/2.0")];

#[tokio::test(start_paused = true)]
async fn answers() {
    let edge = edge(&[]);
    let mut seen = String::new();
    for line in [
        "GET /",
        "HEAD /",
        "GET /?query",
        "GET /version",
        "GET /nothing",
        "HEAD /nothing",
        "POST /",
        "OPTIONS *",
        "POST /panic",
    ] {
        writeln!(seen, "> {line}\n{}\n", answer(&edge, line, &[]).await).unwrap();
    }
    insta::assert_snapshot!(seen);
}

#[tokio::test(start_paused = true)]
async fn nothing_dies_of_a_panic() {
    let edge = edge(&[("SERVICE_MAX_CONCURRENT_REQUESTS", "1")]);
    for _ in 0..3 {
        assert!(answer(&edge, "POST /panic", &[]).await.starts_with("500"));
    }
    assert_eq!(status(&edge, &[]).await, 200, "the place was given back");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_id_gets_one() {
    let request = Request::builder().uri("/").body(Body::empty()).unwrap();
    let response = edge(&[]).answer(request).await.unwrap();
    assert_eq!(response.headers()["x-request-id"].len(), 32);
}

#[tokio::test(start_paused = true)]
async fn sizes_are_limited() {
    let edge = edge(&[("SERVICE_MAX_HEADER_BYTES", "1024"), ("SERVICE_MAX_BODY_BYTES", "10")]);
    let long = "x".repeat(1024);
    let mut seen = String::new();
    let headers = answer(&edge, "GET /", &[("x-long", &long)]).await;
    writeln!(seen, "> long header\n{headers}\n").unwrap();
    let headers = answer(&edge, &format!("GET /?{long}"), &[]).await;
    writeln!(seen, "> long target\n{headers}\n").unwrap();
    let announced = answer(&edge, "POST /echo", &[("content-length", "11")]).await;
    writeln!(seen, "> announced body\n{announced}\n").unwrap();
    let streamed = edge.answer(request("POST /echo", &[], "x".repeat(11))).await.unwrap();
    writeln!(seen, "> streamed body\n{}\n", text(streamed).await).unwrap();
    let enough = edge.answer(request("POST /echo", &[], "0123456789")).await.unwrap();
    writeln!(seen, "> just enough\n{}\n", text(enough).await).unwrap();
    insta::assert_snapshot!(seen);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_limited_in_time() {
    let started = Instant::now();
    let edge = edge(&[]);
    let seen = answer(&edge, "POST /hang", &[]).await;
    assert_eq!(started.elapsed().as_secs(), 20);
    insta::assert_snapshot!(seen);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_is_refused_at_once() {
    let edge = Arc::new(edge(&[("SERVICE_MAX_CONCURRENT_REQUESTS", "2")]));
    let in_work: Vec<_> = (0..2)
        .map(|_| {
            let edge = Arc::clone(&edge);
            tokio::spawn(async move { edge.answer(request("POST /hang", &[], "")).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let started = Instant::now();
    insta::assert_snapshot!(answer(&edge, "GET /at-once", &[]).await);
    assert_eq!(
        status(&edge, HEALTH_CHECK).await,
        200,
        "health checks have places of their own"
    );
    assert_eq!(started.elapsed(), Duration::ZERO);
    for request in in_work {
        assert_eq!(request.await.unwrap().unwrap().status(), 503);
    }
    assert_eq!(status(&edge, &[]).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_request_given_up_gives_its_place_back() {
    let edge = edge(&[("SERVICE_MAX_CONCURRENT_REQUESTS", "1")]);
    let hanging = edge.answer(request("POST /hang", &[], ""));
    assert!(tokio::time::timeout(Duration::from_secs(1), hanging).await.is_err());
    assert_eq!(status(&edge, &[]).await, 200);
}

/// Faults, how many of 100 requests get which status, and how long one takes at most, in seconds.
async fn check_faults(faults: &str, statuses: &[(u16, usize)], longest_seconds: u64) {
    let edge = edge(&[("SERVICE_FAULT", faults)]);
    let mut seen = std::collections::BTreeMap::new();
    let mut longest = Duration::ZERO;
    for _ in 0..100 {
        let started = Instant::now();
        *seen.entry(status(&edge, &[]).await).or_insert(0) += 1;
        longest = longest.max(started.elapsed());
        let checked = Instant::now();
        assert_eq!(status(&edge, HEALTH_CHECK).await, 200, "{faults} hit a health check");
        assert_eq!(checked.elapsed(), Duration::ZERO, "{faults} delayed a health check");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), statuses, "for {faults}");
    assert_eq!(longest.as_secs(), longest_seconds, "for {faults}");
}

#[tokio::test(start_paused = true)]
async fn faults_hit_their_share() {
    check_faults("error=500@10%", &[(200, 90), (500, 10)], 0).await;
    check_faults("delay=6s@5%", &[(200, 100)], 6).await;
    check_faults("delay=6s@50%,error=404@25%", &[(200, 75), (404, 25)], 6).await;
    check_faults("delay=1m@1%", &[(200, 99), (503, 1)], 20).await;
}

/// Longer than any limit of the service.
const FOREVER: Duration = Duration::from_hours(24);

/// Faults, and what comes of requests: `o` for the handler's answer, `w` for a wrong body, `c` for a connection that
/// closes, `h` for one that hangs, `e` for an error.
async fn check_outcomes(faults: &str, expected: &str) {
    let edge = edge(&[("SERVICE_FAULT", faults), ("SERVICE_MAX_CONCURRENT_REQUESTS", "1")]);
    let mut seen = String::new();
    for _ in expected.chars() {
        let answer = tokio::time::timeout(FOREVER, edge.answer(request("GET /", &[], ""))).await;
        seen.push(match answer {
            Err(_) => 'h',
            Ok(Err(Closed)) => 'c',
            Ok(Ok(response)) if response.status() != 200 => 'e',
            Ok(Ok(response)) => {
                let ok = text(response).await.ends_with(r#"{"status": "OK"}"#);
                if ok { 'o' } else { 'w' }
            }
        });
        assert_eq!(status(&edge, HEALTH_CHECK).await, 200, "{faults} hit a health check");
    }
    assert_eq!(seen, expected, "for {faults}");
}

#[tokio::test(start_paused = true)]
async fn faults_without_an_answer_of_the_handler() {
    check_outcomes("close", "cccc").await;
    check_outcomes("close@25%", "oooc".repeat(3).as_str()).await;
    check_outcomes("hang", "hhhh").await;
    check_outcomes("hang@25%", "ooohoooh").await;
    check_outcomes("wedge-after=3", "ooohhhh").await;
    check_outcomes("wrong-body@50%", "owow").await;
    check_outcomes("wrong-body,close@50%,wedge-after=3", "wwwh").await;
    check_outcomes("delay=1m,close", "e").await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_body_comes_with_status_200() {
    let edge = edge(&[("SERVICE_FAULT", "wrong-body")]);
    insta::assert_snapshot!(answer(&edge, "GET /", &[]).await, @r#"
    200 OK
    content-type: application/json
    x-deployment-stage: onebox
    x-request-id: id-1

    {"status": "WRONG"}
    "#);
}

#[tokio::test(start_paused = true)]
async fn requests_that_hang_turn_no_others_away() {
    let edge = edge(&[("SERVICE_FAULT", "hang@50%"), ("SERVICE_MAX_CONCURRENT_REQUESTS", "1")]);
    assert_eq!(status(&edge, &[]).await, 200);
    let mut hanging = pin!(edge.answer(request("GET /", &[], "")));
    assert!(ready_now(hanging.as_mut()).await.is_none());
    assert_eq!(status(&edge, &[]).await, 200);
}

#[tokio::test(start_paused = true)]
async fn unhealthy_concerns_health_checks_alone() {
    let edge = edge(&[("SERVICE_FAULT", "unhealthy-after=30s")]);
    assert_eq!(status(&edge, HEALTH_CHECK).await, 200);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(status(&edge, HEALTH_CHECK).await, 503);
    assert_eq!(status(&edge, &[]).await, 200);
}
