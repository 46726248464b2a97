//! Customers' requests, told apart from probes in the load balancer's metrics.

use std::time::Duration;

use constants::judgement::PROBE_TIMEOUT_SECONDS;

use super::errors::Errors;
use super::probes::{ProbeLog, Tally};
use super::series::Sample;
use super::time::{ServerTime, Span};

/// How far a probe's time of sending and the time that the load balancer counts it by may differ: a probe's timeout and a
/// second for the clocks.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(PROBE_TIMEOUT_SECONDS + 1);

/// The customers' requests of a stage: what the load balancer counted, without probes.
///
/// Probes are sent and counted by different clocks, so those about the ends of the minutes may be in them or not, and a
/// probe without a response may never have arrived.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Customers {
    /// The requests that can't be probes, and of them the errors that can't be.
    pub(super) certain: Errors,
    /// The most requests that may be customers'.
    pub(super) possible: u64,
}

impl Customers {
    /// Those within a sample of a stage, to which these probes were sent.
    pub(super) fn within(sample: &Sample, log: &ProbeLog) -> Self {
        let Some(span) = sample.span else {
            return Self::default();
        };
        let about = |time: ServerTime| {
            log.within(Span {
                from: time - CLOCK_TOLERANCE,
                to: time + CLOCK_TOLERANCE,
            })
        };
        Self::of(sample, &log.within(span), &[about(span.from), about(span.to)])
    }

    fn of(sample: &Sample, within: &Tally, ends: &[Tally; 2]) -> Self {
        let at_ends: u64 = ends.iter().map(|tally| tally.errors.requests).sum();
        let failed_at_ends: u64 = ends.iter().map(Tally::in_metrics).sum();
        let Errors { errors, requests } = sample.errors;
        let certain = requests.saturating_sub(within.errors.requests + at_ends);
        Self {
            certain: Errors {
                errors: errors.saturating_sub(within.in_metrics() + failed_at_ends).min(certain),
                requests: certain,
            },
            possible: requests.saturating_sub(within.answered().saturating_sub(at_ends)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ProbeFailure;
    use super::*;

    #[test]
    fn probes_at_the_ends_may_be_in_the_minutes_or_not() {
        let at = ServerTime::from_seconds;
        let mut log = ProbeLog::default();
        for second in 0..240 {
            log.record(at(second), Ok(()));
        }
        log.record(at(100), Err(ProbeFailure::Timeout));
        let sample = Sample {
            errors: Errors {
                errors: 11,
                requests: 1_121,
            },
            span: Some(Span {
                from: at(60),
                to: at(180),
            }),
            ..Sample::default()
        };
        let customers = Customers::within(&sample, &log);
        let certain = Errors {
            errors: 10,
            requests: 1_121 - 121 - 24,
        };
        assert_eq!(customers.certain, certain);
        assert_eq!(customers.possible, 1_121 - (120 - 24));
    }
}
