//! Traffic against a real server on loopback.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};

use super::*;

/// Answers each request by its number and headers.
type Answer = fn(number: u64, headers: &HeaderMap) -> Response;

/// A server that counts; its endpoint.
async fn serve(answer: Answer) -> String {
    let count = Arc::new(AtomicU64::new(0));
    let handler = async |State((count, answer)): State<(Arc<AtomicU64>, Answer)>, headers: HeaderMap| {
        answer(count.fetch_add(1, Ordering::Relaxed), &headers)
    };
    let router = Router::new().route("/", get(handler)).with_state((count, answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn plan(endpoint: &str, pace: Pace, at_most: u64) -> Plan {
    Plan {
        endpoint: endpoint.to_owned(),
        stage: None,
        pace,
        duration: None,
        at_most,
    }
}

async fn run(plan: Plan) -> Counts {
    let mut traffic = Traffic::start(plan).unwrap();
    traffic.finished().await;
    traffic.end().await
}

#[tokio::test]
async fn every_request_is_counted_once_by_stage_and_status() {
    let endpoint = serve(|number, _| match number % 10 {
        0 => ([(HEADER, "onebox")], StatusCode::INTERNAL_SERVER_ERROR).into_response(),
        1 => StatusCode::BAD_GATEWAY.into_response(),
        _ => ([(HEADER, "fleet")], "{}").into_response(),
    })
    .await;
    let counts = run(plan(&endpoint, Pace::Closed { clients: 7 }, 1000)).await;
    assert_eq!(counts.total(), 1000);
    assert_eq!(counts.stages["onebox"].statuses, [(500, 100)].into());
    assert_eq!(counts.stages["fleet"].statuses, [(200, 800)].into());
    assert_eq!(counts.stages[NO_STAGE].statuses, [(502, 100)].into());
    assert_eq!(counts.failed(), 200);
}

#[tokio::test]
async fn a_stage_is_reached_by_its_header() {
    let endpoint = serve(|_, headers| ([(HEADER, headers[HEADER].clone())], "").into_response()).await;
    let aimed = Plan {
        stage: Some("onebox".to_owned()),
        ..plan(&endpoint, Pace::Closed { clients: 1 }, 3)
    };
    assert_eq!(run(aimed).await.stages["onebox"].total(), 3);
}

#[tokio::test]
async fn connections_are_kept_until_they_close() {
    let endpoint = serve(|number, _| match number % 2 {
        0 => ([(header::CONNECTION, "close")], "").into_response(),
        _ => "".into_response(),
    })
    .await;
    let counts = run(plan(&endpoint, Pace::Closed { clients: 3 }, 200)).await;
    assert_eq!((counts.total(), counts.failed()), (200, 0), "{counts:?}");
}

#[tokio::test]
async fn no_answer_is_a_failure_and_not_a_second_try() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        let mut accepted = 0;
        while accepted < 5 {
            drop(listener.accept().await.unwrap());
            accepted += 1;
        }
        accepted
    });
    let counts = run(plan(&endpoint, Pace::Closed { clients: 1 }, 5)).await;
    assert_eq!((counts.without_answer(), counts.total()), (5, 5), "{counts:?}");
    assert_eq!(accepting.await.unwrap(), 5, "each was sent once");
}

#[tokio::test]
async fn it_ends_when_asked_with_all_answers_counted() {
    let endpoint = serve(|_, _| "".into_response()).await;
    let traffic = Traffic::start(plan(&endpoint, Pace::Closed { clients: 4 }, u64::MAX)).unwrap();
    while traffic.counts().total() < 100 {
        tokio::task::yield_now().await;
    }
    let counts = traffic.end().await;
    assert!(counts.total() >= 100 && counts.failed() == 0, "{counts:?}");
}

#[tokio::test]
async fn what_waits_for_its_turn_ends_at_once() {
    let endpoint = serve(|_, _| "".into_response()).await;
    let slow = Pace::Open { rate: 1e-4, clients: 8 };
    let traffic = Traffic::start(plan(&endpoint, slow, u64::MAX)).unwrap();
    while traffic.counts().total() < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(traffic.end().await.total(), 1, "the second is due after hours");
}

#[test]
fn requests_are_due_by_their_number() {
    let begun = Instant::now();
    let now = begun + Duration::from_secs(9);
    let open = Pace::Open { rate: 4.0, clients: 1 };
    assert_eq!(due(open, 0, begun, now), begun);
    assert_eq!(due(open, 6, begun, now), begun + Duration::from_millis(1500));
    assert_eq!(due(Pace::Closed { clients: 1 }, 6, begun, now), now);
}

#[tokio::test]
async fn failures_are_kept_one_by_one_until_they_are_taken() {
    let endpoint = serve(|number, _| match number % 2 {
        0 => ([(HEADER, "onebox")], StatusCode::INTERNAL_SERVER_ERROR).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    })
    .await;
    let mut traffic = Traffic::start(plan(&endpoint, Pace::Closed { clients: 1 }, 4)).unwrap();
    traffic.finished().await;
    let failures = traffic.take_failures();
    assert_eq!((failures.kept.len(), failures.beyond), (2, 0));
    for failed in failures.kept {
        assert_eq!((failed.stage.as_str(), failed.status), ("onebox", Some(500)));
        assert!(failed.sent <= failed.ended);
    }
    assert_eq!(traffic.take_failures(), Failures::default());
}
