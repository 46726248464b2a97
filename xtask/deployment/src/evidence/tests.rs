//! Rulings, their words, and how often they are right.

mod rulings;
mod simulations;
mod wording;

use std::time::Duration;

use super::*;
use crate::stage::Stage;

/// When the step of every test begins, in seconds: a full minute.
const BEGAN: u64 = 1_200_000;

/// When its new tasks serve alone.
const ALONE: u64 = BEGAN + 120;

/// When it is judged.
const NOW: u64 = ALONE + 420;

fn at(second: u64) -> ServerTime {
    ServerTime::from_seconds(second)
}

/// A minute of a stage.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    /// Requests a minute.
    requests: u32,
    /// Of them, responses with a 5xx status.
    server_errors: u32,
    /// Of them, without a response from a target.
    no_response: u32,
    /// The response time of the slowest tenth, in seconds.
    latency: f64,
}

const NONE: Traffic = Traffic {
    requests: 0,
    server_errors: 0,
    no_response: 0,
    latency: 0.01,
};

/// 6,000 good requests a minute.
const BUSY: Traffic = Traffic {
    requests: 6_000,
    ..NONE
};

impl Traffic {
    /// A hundredth of it, as Onebox receives.
    fn hundredth(self) -> Self {
        Self {
            requests: self.requests / 99,
            server_errors: self.server_errors / 99,
            no_response: self.no_response / 99,
            ..self
        }
    }

    fn add_to(self, series: &mut Series, start: u64) {
        let point = |value: f64| Point { at: at(start), value };
        if self.requests > 0 {
            // Slightly different each minute.
            let jitter = f64::from(u32::try_from(start / 60 % 5).unwrap()) * 1e-4;
            series.latency.push(point(self.latency + jitter));
        }
        let good = self.requests - self.server_errors - self.no_response;
        series.requests.push(point(self.requests.into()));
        series.good_responses.push(point(good.into()));
        series.server_errors.push(point(self.server_errors.into()));
        series.healthy.push(point(3.0));
        series.unhealthy.push(point(0.0));
    }
}

impl Series {
    /// Adds probes to the metrics, as the load balancer counts them.
    fn count_probes(&mut self, probes: &ProbeLog) {
        for start in (BEGAN - 600..NOW).step_by(60) {
            let tally = probes.within(Span {
                from: at(start),
                to: at(start + 60),
            });
            let (all, failed) = (tally.errors.requests, tally.in_metrics());
            let point = |count: u64| Point {
                at: at(start),
                value: f64::from(u32::try_from(count).unwrap()),
            };
            self.requests.push(point(all));
            self.good_responses.push(point(all - failed));
            if all > 0 && !self.latency.iter().any(|point| point.at == at(start)) {
                let value = 0.01;
                self.latency.push(Point { at: at(start), value });
            }
        }
    }
}

/// The metrics of the ten minutes before the step, and of those since.
fn series(before: Traffic, since: Traffic) -> Series {
    let mut series = Series::default();
    for start in (BEGAN - 600..NOW).step_by(60) {
        let traffic = if start < BEGAN { before } else { since };
        traffic.add_to(&mut series, start);
    }
    series
}

/// Probes at a rate over a span of seconds; every `nth` fails, none if 0.
fn probed(span: std::ops::Range<u64>, rate: u32, nth: u32, failure: ProbeFailure) -> ProbeLog {
    let (mut log, mut number) = (ProbeLog::default(), 0);
    for second in span {
        for _ in 0..rate {
            number += 1;
            let fails = nth > 0 && number % nth == 0;
            log.record(at(second), if fails { Err(failure) } else { Ok(()) });
        }
    }
    log
}

fn evidence(comparison: Comparison) -> Evidence {
    Evidence {
        since: at(ALONE),
        now: at(NOW),
        before: Some(Span {
            from: at(BEGAN - 600),
            to: at(BEGAN),
        }),
        ..Evidence::new(comparison, at(BEGAN), Minute::AWS)
    }
}

fn shared() -> Comparison {
    Comparison::WithItself([Stage::Shared].into())
}

/// A call to AWS every five seconds, with a response or without.
fn network(responds: bool) -> Network {
    let mut network = Network::default();
    for second in (BEGAN - 600..NOW + 10).step_by(5) {
        network.record(at(second), responds);
    }
    network
}

fn ruling(evidence: &Evidence) -> Ruling {
    judge(&Rules::default(), evidence).ruling
}

fn is_early(evidence: &Evidence) -> bool {
    early::early(&Rules::default(), evidence).is_some()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
