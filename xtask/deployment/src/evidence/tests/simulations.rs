//! Streams of probes with fixed seeds: how soon faults are found, and how often good releases are reverted.

use super::*;

/// A stream of probes to both stages from the step on: a good part at first, then a fault of Onebox.
#[derive(Debug, Clone, Copy)]
struct Stream {
    rate: u32,
    /// Seconds until the fault begins.
    good_seconds: u64,
    /// The chance that a probe to Onebox fails then.
    onebox: f64,
    /// The chance that a probe to Fleet fails.
    fleet: f64,
    seed: u64,
}

impl Stream {
    /// The seconds from the fault's begin until it is found; `None` if it isn't within `limit`. Looks every `pause`.
    fn found_after(self, limit: u64, pause: u64) -> Option<u64> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut evidence = evidence(Comparison::OneboxWithFleet);
        let mut send = |log: &mut ProbeLog, second, chance: f64| {
            for _ in 0..self.rate {
                let fails = random.f64() < chance;
                let outcome = if fails {
                    Err(ProbeFailure::ConnectionClosed)
                } else {
                    Ok(())
                };
                log.record(at(second), outcome);
            }
        };
        for second in 0..self.good_seconds + limit {
            let onebox = if second < self.good_seconds {
                self.fleet
            } else {
                self.onebox
            };
            send(&mut evidence.onebox.probes, BEGAN + second, onebox);
            send(&mut evidence.fleet.probes, BEGAN + second, self.fleet);
            evidence.now = at(BEGAN + second) + seconds(1);
            if second % pause == 0 && is_early(&evidence) {
                return Some((second + 1).saturating_sub(self.good_seconds));
            }
        }
        None
    }
}

/// The longest time to find a fault over some seeds.
fn longest(stream: Stream, limit: u64) -> u64 {
    let found = (1..=12).map(|seed| Stream { seed, ..stream }.found_after(limit, 1));
    found.map(|seconds| seconds.unwrap_or(u64::MAX)).max().unwrap()
}

const GOOD: Stream = Stream {
    rate: 40,
    good_seconds: 0,
    onebox: 0.0,
    fleet: 0.0,
    seed: 1,
};

#[test]
fn faults_are_found_within_seconds() {
    let check = |rate, onebox, most| {
        let found = longest(Stream { rate, onebox, ..GOOD }, 120);
        assert!(found <= most, "{onebox} at {rate} a second: {found} s");
    };
    check(40, 1.0, 3);
    check(5, 1.0, 5);
    check(40, 0.25, 4);
    check(5, 0.25, 30);
    check(40, 0.1, 9);
    check(5, 0.1, 75);
}

#[test]
fn a_fault_that_begins_after_ten_minutes_is_found_as_well() {
    let late = Stream {
        good_seconds: 600,
        onebox: 0.25,
        ..GOOD
    };
    let found = Stream { seed: 3, ..late }.found_after(30, 1).unwrap();
    assert!(found <= 5, "{found} s");
    let noisy = Stream { fleet: 0.01, ..late };
    assert!(noisy.found_after(30, 1).unwrap() <= 8);
}

/// Probes that hang are finished only when they time out; until then a look sees the others alone.
#[test]
fn hanging_requests_are_found_soon_after_the_first_timeouts() {
    let check = |share: f64, rate: u32, most: u64| {
        let mut random = fastrand::Rng::with_seed(5);
        let mut evidence = evidence(Comparison::OneboxWithFleet);
        let mut hanging = Vec::new();
        let found = (0..120).find(|second| {
            for _ in 0..rate {
                evidence.fleet.probes.record(at(BEGAN + second), Ok(()));
                if random.f64() < share {
                    hanging.push(*second);
                } else {
                    evidence.onebox.probes.record(at(BEGAN + second), Ok(()));
                }
            }
            hanging.retain(|sent| {
                let over = sent + 5 <= *second;
                if over {
                    evidence
                        .onebox
                        .probes
                        .record(at(BEGAN + sent), Err(ProbeFailure::Timeout));
                }
                !over
            });
            evidence.now = at(BEGAN + second + 1);
            is_early(&evidence)
        });
        assert!(
            found.is_some_and(|found| found <= most),
            "{share} at {rate} a second: {found:?}"
        );
    };
    check(1.0, 40, 9);
    check(0.25, 40, 9);
    check(0.25, 5, 40);
}

/// Fifteen good releases in a row, and as many where both stages fail by chance.
#[test]
fn good_releases_are_not_reverted() {
    for seed in 1..=15 {
        for (share, rate) in [(0.0, 40), (0.005, 40), (0.05, 20)] {
            let stream = Stream {
                onebox: share,
                fleet: share,
                rate,
                seed,
                ..GOOD
            };
            assert_eq!(stream.found_after(400, 2), None, "{share} with seed {seed}");
        }
    }
}

/// One task of Onebox hiccups for two seconds, which is no bad release.
#[test]
fn a_hiccup_is_not_conclusive() {
    let mut evidence = evidence(Comparison::OneboxWithFleet);
    evidence.onebox.probes = probed(BEGAN..BEGAN + 60, 40, 0, ProbeFailure::Timeout);
    evidence.fleet.probes = evidence.onebox.probes.clone();
    for probe in 0..40 {
        evidence
            .onebox
            .probes
            .record(at(BEGAN + 20 + probe % 2), Err(ProbeFailure::Timeout));
    }
    evidence.now = at(BEGAN + 60);
    assert!(!is_early(&evidence));
}

/// Without anything to compare with, a tolerated share is the limit: after a shared step with no probes before it.
#[test]
fn against_a_limit_only_what_exceeds_it_is_found() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut check = |chance: f64, expected: bool| {
        let mut evidence = evidence(shared());
        evidence.network = network(true);
        evidence.before = None;
        let mut found = false;
        for second in 0..300 {
            for _ in 0..20 {
                let fails = random.f64() < chance;
                let outcome = if fails { Err(ProbeFailure::Status(503)) } else { Ok(()) };
                evidence.fleet.probes.record(at(BEGAN + second), outcome);
            }
            evidence.now = at(BEGAN + second + 1);
            found |= is_early(&evidence);
        }
        assert_eq!(found, expected, "{chance}");
    };
    check(0.0, false);
    check(0.01, false);
    check(0.1, true);
    check(1.0, true);
}
