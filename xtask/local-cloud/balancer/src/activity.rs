//! What a client's connection is waiting for, and whether it has waited too long.

use std::{
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Whom the connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No request is under way; perhaps the head of one.
    Between,
    /// The target owes a response.
    Target,
    /// The client owes the rest of its request.
    Client,
    /// The response is on its way to the client.
    Responding,
}

const PHASES: [Phase; 4] = [Phase::Between, Phase::Target, Phase::Client, Phase::Responding];

/// What to do about a silent connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Look again after this long.
    Wait(Duration),
    /// Close without a word: nothing was asked, or the response has begun.
    Close,
    /// The client began a request and left off: 408.
    RequestTimeout,
    /// Let the request under way answer 408 or 504.
    Expire,
}

/// Written by the connection's own task only, so that the order of stores doesn't matter.
#[derive(Debug)]
pub(crate) struct Activity {
    origin: Instant,
    last_nanos: AtomicU64,
    /// When the head now coming in began; 0 for none.
    head_nanos: AtomicU64,
    phase: AtomicU8,
    expired: AtomicBool,
}

impl Activity {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            origin: now,
            last_nanos: AtomicU64::new(0),
            head_nanos: AtomicU64::new(0),
            phase: AtomicU8::new(Phase::Between as u8),
            expired: AtomicBool::new(false),
        }
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.origin)
    }

    pub(crate) fn phase(&self) -> Phase {
        PHASES
            .get(usize::from(self.phase.load(Relaxed)))
            .copied()
            .unwrap_or(Phase::Between)
    }

    /// Bytes came from the client.
    pub(crate) fn read(&self, now: Instant) {
        let nanos = self.nanos(now);
        self.last_nanos.store(nanos, Relaxed);
        if self.phase() == Phase::Between && self.head_nanos.load(Relaxed) == 0 {
            self.head_nanos.store(nanos, Relaxed);
        }
    }

    /// Bytes went to the client.
    pub(crate) fn wrote(&self, now: Instant) {
        self.last_nanos.store(self.nanos(now), Relaxed);
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.head_nanos.store(0, Relaxed);
        self.phase.store(phase as u8, Relaxed);
    }

    /// The request's body decides whether the client or the target is awaited, until the response begins.
    pub(crate) fn await_body_from_client(&self, awaited: bool) {
        let now = if awaited { Phase::Client } else { Phase::Target };
        if matches!(self.phase(), Phase::Client | Phase::Target) {
            self.phase.store(now as u8, Relaxed);
        }
    }

    pub(crate) fn expire(&self) {
        self.expired.store(true, Relaxed);
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.expired.load(Relaxed)
    }

    /// "If no data has been sent or received by the time that the idle timeout period elapses, the load balancer closes the connection."
    ///
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html>
    ///
    /// A named choice: a request's head must come within one idle timeout as a whole, so that a trickle of bytes can't hold a connection for ever.
    pub(crate) fn verdict(&self, now: Instant, idle_timeout: Duration) -> Verdict {
        let head = self.head_nanos.load(Relaxed);
        let last = self.last_nanos.load(Relaxed);
        let since = if head == 0 { last } else { head };
        let silent = self.age(now).saturating_sub(Duration::from_nanos(since));
        if silent < idle_timeout {
            return Verdict::Wait(idle_timeout.saturating_sub(silent));
        }
        match self.phase() {
            Phase::Between if head != 0 => Verdict::RequestTimeout,
            Phase::Target | Phase::Client if !self.is_expired() => Verdict::Expire,
            _ => Verdict::Close,
        }
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(self.age(now).as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_mins(1);

    #[track_caller]
    fn check(events: impl FnOnce(&Activity, Instant), after_seconds: u64, expected: Verdict) {
        let start = Instant::now();
        let activity = Activity::new(start);
        events(&activity, start);
        assert_eq!(
            activity.verdict(start + Duration::from_secs(after_seconds), IDLE),
            expected
        );
    }

    #[test]
    fn verdicts() {
        let seconds = Duration::from_secs;
        check(|_, _| {}, 59, Verdict::Wait(seconds(1)));
        check(|_, _| {}, 60, Verdict::Close);
        check(
            |activity, start| activity.wrote(start + seconds(30)),
            60,
            Verdict::Wait(seconds(30)),
        );
        // A trickle doesn't put the head's limit off.
        let trickle = |activity: &Activity, start| (1..60).for_each(|at| activity.read(start + seconds(at)));
        check(trickle, 61, Verdict::RequestTimeout);
        check(|activity, _| activity.enter(Phase::Target), 60, Verdict::Expire);
        check(|activity, _| activity.enter(Phase::Responding), 60, Verdict::Close);
        let stuck = |activity: &Activity, _| {
            activity.enter(Phase::Target);
            activity.expire();
        };
        check(stuck, 60, Verdict::Close);
    }

    #[test]
    fn a_body_decides_who_is_awaited_until_the_response_begins() {
        let activity = Activity::new(Instant::now());
        activity.enter(Phase::Target);
        activity.await_body_from_client(true);
        assert_eq!(activity.phase(), Phase::Client);
        activity.await_body_from_client(false);
        assert_eq!(activity.phase(), Phase::Target);
        activity.enter(Phase::Responding);
        activity.await_body_from_client(true);
        assert_eq!(activity.phase(), Phase::Responding);
    }
}
