//! How many requests are in work at once: what is too much is refused at once, never queued.
//!
//! Health checks are counted apart, with a small limit of their own. If load could fail them, the load balancer would
//! take overloaded tasks away, and the rest would have to carry theirs too.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A load balancer has some nodes, each with one check of a target at a time.
const MAX_HEALTH_CHECKS: usize = 16;

/// The requests in work.
#[derive(Debug)]
pub(crate) struct Admission {
    requests: Gauge,
    health_checks: Gauge,
}

#[derive(Debug)]
struct Gauge {
    in_work: AtomicUsize,
    max: usize,
}

/// One request in work, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a AtomicUsize);

impl Admission {
    /// Admits `max_requests` at once, health checks aside.
    pub(crate) fn new(max_requests: usize) -> Self {
        Self {
            requests: Gauge::new(max_requests),
            health_checks: Gauge::new(MAX_HEALTH_CHECKS),
        }
    }

    /// Admits a request, or doesn't if there are too many.
    pub(crate) fn try_admit(&self, health_check: bool) -> Option<Permit<'_>> {
        let gauge = if health_check {
            &self.health_checks
        } else {
            &self.requests
        };
        // The permit gives back what it took even if it was one too many.
        let before = gauge.in_work.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(&gauge.in_work);
        (before < gauge.max).then_some(permit)
    }
}

impl Gauge {
    fn new(max: usize) -> Self {
        let in_work = AtomicUsize::new(0);
        Self { in_work, max }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits_as_many_as_allowed() {
        let admission = Admission::new(2);
        let first = admission.try_admit(false);
        let second = admission.try_admit(false);
        assert!(first.is_some() && second.is_some());
        assert!(admission.try_admit(false).is_none());
        assert!(admission.try_admit(false).is_none(), "a refusal takes no place");
        drop(first);
        assert!(admission.try_admit(false).is_some());
    }

    #[test]
    fn health_checks_have_places_of_their_own() {
        let admission = Admission::new(1);
        let _request = admission.try_admit(false);
        let checks: Vec<_> = (0..MAX_HEALTH_CHECKS).map(|_| admission.try_admit(true)).collect();
        assert!(checks.iter().all(Option::is_some));
        assert!(admission.try_admit(true).is_none());
    }
}
