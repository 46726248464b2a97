//! When a connection is overdue.

use super::*;
use crate::config::Config;

fn limits() -> Limits {
    let limits = Config::from_environment(&|_| None).unwrap().limits;
    Limits {
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(75),
        ..limits
    }
}

/// Something that happens on a connection.
type Event = fn(&Activity);

/// What happens on a connection, each so many seconds after it was opened; then when it is overdue, in seconds.
async fn check(events: &[(u64, Event)], expected: u64) {
    let opened = Instant::now();
    let activity = Arc::new(Activity::new(opened));
    let watchdog = tokio::spawn({
        let activity = Arc::clone(&activity);
        async move {
            activity.overdue(&limits()).await;
            opened.elapsed()
        }
    });
    for (seconds, event) in events {
        tokio::time::sleep_until(opened + Duration::from_secs(*seconds)).await;
        assert!(!watchdog.is_finished(), "overdue before {seconds} s");
        event(&activity);
    }
    // The paused clock rounds a timer up to the next millisecond.
    let overdue = watchdog.await.unwrap().as_millis() / 100;
    assert_eq!(overdue, u128::from(expected) * 10);
}

const READ: Event = |activity| activity.bytes_read(Instant::now);
const WRITTEN: Event = |activity| activity.bytes_written(Instant::now);
const BEGINS: Event = Activity::request_begins;
const ENDS: Event = |activity| activity.request_ends(Instant::now());

#[tokio::test(start_paused = true)]
async fn headers_are_awaited_from_the_first_moment() {
    check(&[], 10).await;
    check(&[(3, READ), (9, READ)], 10).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_in_work_is_left_to_its_own_timeout() {
    check(&[(1, READ), (1, BEGINS), (300, READ), (500, ENDS)], 575).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_may_idle() {
    check(&[(1, READ), (1, BEGINS), (1, ENDS), (2, WRITTEN)], 77).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_headers_may_not_take_as_long() {
    check(
        &[(1, READ), (1, BEGINS), (1, ENDS), (1, WRITTEN), (50, READ), (59, READ)],
        60,
    )
    .await;
    check(
        &[(1, READ), (1, BEGINS), (1, ENDS), (50, READ), (51, BEGINS), (52, ENDS)],
        127,
    )
    .await;
}
