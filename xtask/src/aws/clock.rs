//! AWS's clock, by the `Date` of its answers: what a deployment is judged by, whatever this machine's clock shows.
//!
//! An answer's date is cut to the second, and it is written at some point between sending the request and receiving the
//! answer. Each answer therefore bounds the difference between the two clocks, and several together narrow it down.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tokio::time::Instant;

use super::date;

/// AWS's clock as far as its answers tell. It runs on this machine's monotonic clock, so setting the time doesn't move it.
#[derive(Debug, Clone)]
pub(crate) struct ServerClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Instant,
    /// This machine's time at the start: what the clock shows until AWS has answered.
    local: SystemTime,
    bounds: Mutex<Option<Bounds>>,
}

/// What AWS's clock showed when this one started, in milliseconds since 1970: at the least and at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    least: i128,
    most: i128,
}

/// When a request was sent, in milliseconds since the start.
#[derive(Debug, Clone, Copy)]
struct SentAt(i128);

impl Storable for SentAt {
    type Storer = StoreReplace<Self>;
}

impl Bounds {
    /// What one answer tells: its date in whole seconds, and when the request was sent and the answer received.
    fn of(date_seconds: u64, sent: i128, received: i128) -> Self {
        let date = i128::from(date_seconds) * 1_000;
        Self {
            least: date - received,
            most: date + 999 - sent,
        }
    }

    /// What both tell. Where they contradict each other, AWS's clock was set, and the newer counts.
    fn and(self, newer: Self) -> Self {
        let (least, most) = (self.least.max(newer.least), self.most.min(newer.most));
        if least <= most { Self { least, most } } else { newer }
    }
}

impl ServerClock {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            started: Instant::now(),
            local: SystemTime::now(),
            bounds: Mutex::new(None),
        }))
    }

    /// A clock that AWS has set to this time.
    #[cfg(test)]
    pub(crate) fn at(date_seconds: u64) -> Self {
        let clock = Self::new();
        let exact = i128::from(date_seconds) * 1_000;
        *clock.0.bounds.lock().unwrap_or_else(PoisonError::into_inner) = Some(Bounds {
            least: exact,
            most: exact,
        });
        clock
    }

    /// The time on AWS's clock; on this machine's as long as AWS hasn't answered.
    pub(crate) fn time(&self) -> SystemTime {
        let bounds = *self.0.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        let start = bounds.map_or(self.0.local, |bounds| {
            let middle = u64::try_from(i128::midpoint(bounds.least, bounds.most)).unwrap_or_default();
            SystemTime::UNIX_EPOCH + Duration::from_millis(middle)
        });
        start + self.0.started.elapsed()
    }

    fn elapsed(&self) -> i128 {
        i128::try_from(self.0.started.elapsed().as_millis()).unwrap_or(i128::MAX)
    }

    fn learn(&self, date: SystemTime, sent: i128) {
        let Ok(since) = date.duration_since(SystemTime::UNIX_EPOCH) else {
            return;
        };
        let newer = Bounds::of(since.as_secs(), sent, self.elapsed());
        let mut bounds = self.0.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        *bounds = Some(bounds.map_or(newer, |known| known.and(newer)));
    }
}

impl TimeSource for ServerClock {
    fn now(&self) -> SystemTime {
        self.time()
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(SentAt(self.elapsed()));
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(date::parse);
        if let (Some(date), Some(SentAt(sent))) = (date, bag.load::<SentAt>()) {
            self.learn(date, *sent);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_narrow_the_difference_down() {
        // AWS's clock showed 5,000,250 ms at the start; answers take 20 ms.
        let mut bounds: Option<Bounds> = None;
        for sent in [0, 720, 1_735, 310, 2_745] {
            let date = u64::try_from((5_000_250 + sent + 10) / 1_000).unwrap();
            let newer = Bounds::of(date, sent, sent + 20);
            bounds = Some(bounds.map_or(newer, |known| known.and(newer)));
        }
        let bounds = bounds.unwrap();
        assert!(bounds.least <= 5_000_250 && 5_000_250 <= bounds.most, "{bounds:?}");
        assert!(bounds.most - bounds.least <= 80, "{bounds:?}");
    }

    #[test]
    fn a_clock_that_was_set_counts_as_it_is_now() {
        let before = Bounds::of(1_000, 0, 20);
        let after = Bounds::of(5_000, 1_000, 1_020);
        assert_eq!(before.and(after), after);
    }

    #[tokio::test(start_paused = true)]
    async fn it_runs_on_however_the_machines_clock_is_set() {
        let clock = ServerClock::new();
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        clock.learn(date, 0);
        let first = clock.time();
        assert!(first.duration_since(date).unwrap() < Duration::from_secs(1));
        tokio::time::advance(Duration::from_mins(3)).await;
        assert_eq!(clock.time().duration_since(first).unwrap(), Duration::from_mins(3));
    }
}
