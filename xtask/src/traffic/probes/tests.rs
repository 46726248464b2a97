//! Probes to a real server on loopback.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use deployment::evidence::Tally;
use http::HeaderMap;

use super::*;

/// The response to a request by its headers; `None` for none at all.
type Answer = fn(&HeaderMap) -> Option<Response>;

async fn serve(answer: Answer) -> String {
    let handler = async |State(answer): State<Answer>, headers: HeaderMap| match answer(&headers) {
        Some(response) => response,
        None => std::future::pending().await,
    };
    let router = Router::new().route("/", get(handler)).with_state(answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn clock() -> ServerClock {
    ServerClock::at(1_000)
}

/// What a few probes to Onebox find.
async fn found(endpoint: &str) -> Tally {
    let probes = Probes::start(endpoint, &[Stage::Onebox], &clock()).unwrap();
    while probes.snapshot()[&Stage::Onebox].total().errors.requests < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    probes.end().await[&Stage::Onebox].total()
}

async fn check(answer: Answer, expected: Option<ProbeFailure>) {
    let tally = found(&serve(answer).await).await;
    let failures: Vec<ProbeFailure> = tally.failures.into_keys().collect();
    assert_eq!(failures, expected.into_iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_services_response_is_good() {
    check(|_| Some(STATUS_BODY.into_response()), None).await;
    check(|_| Some(r#"{"status":"OK"}"#.into_response()), None).await;
    let stage: Answer = |headers| Some(([(HEADER, headers[HEADER].clone())], STATUS_BODY).into_response());
    check(stage, None).await;
}

#[tokio::test]
async fn anything_else_is_a_failure() {
    let wrong: Answer = |_| Some(r#"{"status": "no"}"#.into_response());
    check(wrong, Some(ProbeFailure::WrongBody)).await;
    check(|_| Some("".into_response()), Some(ProbeFailure::WrongBody)).await;
    let long: Answer = |_| Some(" ".repeat(MOST_BYTES + 1).into_response());
    check(long, Some(ProbeFailure::WrongBody)).await;
    let status: Answer = |_| Some((StatusCode::BAD_GATEWAY, STATUS_BODY).into_response());
    check(status, Some(ProbeFailure::Status(502))).await;
    let other: Answer = |_| Some(([(HEADER, constants::stage::FLEET)], STATUS_BODY).into_response());
    check(other, Some(ProbeFailure::WrongStage)).await;
}

#[tokio::test]
async fn a_connection_that_closes_or_never_opens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    let tally = found(&endpoint).await;
    assert!(
        tally.failures.contains_key(&ProbeFailure::ConnectionClosed),
        "{tally:?}"
    );
    assert_eq!(tally.errors.errors, tally.errors.requests);
    accepting.abort();
    assert!(accepting.await.is_err());
    let tally = found(&endpoint).await;
    assert_eq!(
        tally.failures.into_keys().collect::<Vec<_>>(),
        [ProbeFailure::NoConnection]
    );
}

/// With a paused clock, time passes as soon as nothing else is left to do.
#[tokio::test(start_paused = true)]
async fn a_response_that_never_comes_is_a_timeout_of_the_second_in_which_it_was_sent() {
    let target = Arc::new(Target {
        stage: Stage::Onebox,
        connections: Connections::to(&serve(|_| None).await).unwrap(),
        clock: clock(),
        log: Mutex::default(),
    });
    let begun = Instant::now();
    target.clone().probe().await;
    assert_eq!(begun.elapsed().as_secs(), PROBE_TIMEOUT_SECONDS);
    let mut expected = ProbeLog::default();
    expected.record(ServerTime::from_seconds(1_000), Err(ProbeFailure::Timeout));
    assert_eq!(*target.locked(), expected);
}

#[test]
fn probes_are_due_at_the_rate_and_never_in_a_burst() {
    let now = Instant::now();
    let milliseconds = Duration::from_millis;
    assert_eq!(due(None, 40.0, now), Some(now));
    assert_eq!(due(Some(now), 40.0, now), Some(now + milliseconds(25)));
    let late = now + milliseconds(30);
    assert_eq!(
        due(Some(now), 40.0, late),
        Some(now + milliseconds(25)),
        "slightly late"
    );
    let stalled = now + milliseconds(3_000);
    assert_eq!(due(Some(now), 40.0, stalled), Some(stalled));
    assert_eq!(due(Some(now), 0.0, now), None);
}
