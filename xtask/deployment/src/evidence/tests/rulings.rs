//! What each kind of evidence is ruled.

use proptest::prelude::*;

use super::*;

const ALL: std::ops::Range<u64> = BEGAN..NOW;

/// Probes to Onebox, of which every `nth` fails, and good ones to Fleet; no other traffic, and no metrics.
fn onebox_probes(nth: u32, failure: ProbeFailure) -> Evidence {
    let mut evidence = evidence(Comparison::OneboxWithFleet);
    evidence.onebox.probes = probed(ALL, 40, nth, failure);
    evidence.fleet.probes = probed(ALL, 40, 0, failure);
    for stage in [&mut evidence.onebox, &mut evidence.fleet] {
        stage.metrics = series(
            NONE,
            Traffic {
                requests: 2_400,
                ..NONE
            },
        );
    }
    evidence
}

/// Real traffic to both stages.
fn traffic(before: Traffic, onebox: Traffic, fleet: Traffic) -> Evidence {
    let mut evidence = evidence(Comparison::OneboxWithFleet);
    evidence.onebox.metrics = series(before.hundredth(), onebox);
    evidence.fleet.metrics = series(before, fleet);
    evidence
}

#[test]
fn failed_probes_count_whatever_the_reason() {
    use ProbeFailure::{ConnectionClosed, NoConnection, Status, Timeout, WrongBody};
    for (nth, failure) in [
        (4, ConnectionClosed),
        (1, ConnectionClosed),
        (4, Timeout),
        (1, NoConnection),
        (10, WrongBody),
        (4, Status(502)),
        (4, Status(404)),
    ] {
        let verdict = judge(&Rules::default(), &onebox_probes(nth, failure));
        assert_eq!(verdict.ruling, Ruling::Worse, "{failure} of {nth}");
        let reason = &verdict.reasons[0];
        assert!(
            reason.contains("probes to Onebox failed") && reason.contains(&failure.to_string()),
            "{reason}"
        );
    }
    let verdict = judge(&Rules::default(), &onebox_probes(0, Timeout));
    assert_eq!(verdict.ruling, Ruling::Good, "{verdict:#?}");
}

#[test]
fn probes_that_fail_together_are_not_a_bad_release() {
    let mut lost = onebox_probes(0, ProbeFailure::Timeout);
    for stage in [&mut lost.onebox, &mut lost.fleet] {
        stage.probes = probed(ALONE..ALONE + 60, 40, 1, ProbeFailure::NoConnection);
    }
    assert!(!is_early(&lost));
    assert_ne!(ruling(&lost), Ruling::Worse);
    // The network is lost for a minute, and Onebox's probes are lost somewhat longer than Fleet's.
    let mut edges = onebox_probes(0, ProbeFailure::Timeout);
    edges.onebox.probes = mixed(ALONE..ALONE + 61);
    edges.fleet.probes = mixed(ALONE..ALONE + 60);
    assert!(!is_early(&edges));
    assert_eq!(ruling(&edges), Ruling::Good);
}

/// Good probes throughout, except in some seconds.
fn mixed(lost: std::ops::Range<u64>) -> ProbeLog {
    let mut log = ProbeLog::default();
    for second in ALL {
        for _ in 0..40 {
            let outcome = if lost.contains(&second) {
                Err(ProbeFailure::NoConnection)
            } else {
                Ok(())
            };
            log.record(at(second), outcome);
        }
    }
    log
}

#[test]
fn a_fault_at_onebox_is_found_beside_a_lost_network() {
    let mut evidence = onebox_probes(4, ProbeFailure::ConnectionClosed);
    evidence.fleet.probes = mixed(ALONE..ALONE + 60);
    assert_eq!(ruling(&evidence), Ruling::Worse);
}

#[test]
fn nothing_is_thin_and_only_acceptance_passes_it() {
    let verdict = judge(&Rules::default(), &evidence(Comparison::OneboxWithFleet));
    assert_eq!(verdict.ruling, Ruling::Thin);
    assert_eq!(
        verdict.reasons,
        [
            "Onebox had 0 requests (at least 100 needed)",
            "Fleet had 0 requests (at least 100 needed)"
        ]
    );
    assert!(!verdict.passes(false) && verdict.passes(true));
    let red = verdict.with_alarms(&["Onebox-ServerErrors".to_owned()]);
    assert_eq!(red.reasons, ["alarm Onebox-ServerErrors fired"]);
    assert!(!red.passes(true));
}

#[test]
fn a_shared_step_and_fleets_without_evidence_are_thin() {
    for comparison in [shared(), Comparison::WithItself([Stage::Fleet].into())] {
        assert_eq!(ruling(&evidence(comparison)), Ruling::Thin);
    }
}

#[test]
fn some_probes_are_no_worse_than_none() {
    let without = traffic(BUSY, BUSY.hundredth(), BUSY);
    assert_eq!(ruling(&without), Ruling::Good);
    for rate in [1, 3, 40] {
        let mut with = without.clone();
        with.onebox.probes = probed(NOW - 30..NOW, rate, 0, ProbeFailure::Timeout);
        with.fleet.probes = with.onebox.probes.clone();
        for stage in [&mut with.onebox, &mut with.fleet] {
            stage.metrics.count_probes(&stage.probes);
        }
        assert_eq!(ruling(&with), Ruling::Good, "{rate} a second");
    }
}

#[test]
fn customers_errors_are_found_where_probes_find_none() {
    // 1,000 requests a second, of which 20 % of Onebox's fail; the probes are good and a tenth of the requests.
    let fleet = Traffic {
        requests: 59_400,
        ..NONE
    };
    let onebox = Traffic {
        requests: 660,
        server_errors: 120,
        ..NONE
    };
    let mut evidence = traffic(fleet, onebox, fleet);
    evidence.onebox.probes = probed(ALL, 1, 0, ProbeFailure::Timeout);
    evidence.fleet.probes = probed(ALL, 40, 0, ProbeFailure::Timeout);
    for stage in [&mut evidence.onebox, &mut evidence.fleet] {
        stage.metrics.count_probes(&stage.probes);
    }
    let verdict = judge(&Rules::default(), &evidence);
    assert_eq!(verdict.ruling, Ruling::Worse);
    let customers = "error rate of customers' requests to Onebox";
    assert!(
        verdict.reasons.iter().any(|reason| reason.starts_with(customers)),
        "{:?}",
        verdict.reasons
    );
}

#[test]
fn requests_without_a_response_are_errors_as_far_as_fleet_has_fewer() {
    let onebox = Traffic {
        requests: 600,
        no_response: 60,
        ..NONE
    };
    let fleet = |no_response| Traffic {
        requests: 59_400,
        no_response,
        ..NONE
    };
    assert_eq!(ruling(&traffic(fleet(0), onebox, fleet(0))), Ruling::Worse);
    assert_eq!(
        ruling(&traffic(fleet(0), onebox, fleet(5_940))),
        Ruling::Good,
        "clients hang up on both"
    );
}

#[test]
fn latency() {
    let slow = Traffic {
        latency: 0.3,
        ..BUSY.hundredth()
    };
    assert_eq!(ruling(&traffic(BUSY, slow, BUSY)), Ruling::Worse);
    let fast = Traffic { latency: 0.005, ..slow };
    assert_eq!(ruling(&traffic(BUSY, fast, BUSY)), Ruling::Good);
}

#[test]
fn a_drop_in_requests() {
    let fleet = Traffic {
        requests: 59_400,
        ..NONE
    };
    let onebox = |requests| Traffic { requests, ..NONE };
    assert_eq!(ruling(&traffic(fleet, onebox(590), fleet)), Ruling::Good);
    let verdict = judge(&Rules::default(), &traffic(fleet, onebox(120), fleet));
    assert_eq!(verdict.ruling, Ruling::Worse);
    assert_eq!(
        verdict.reasons,
        ["Onebox received 0.2 % of customers' requests (1 % expected)"]
    );
    // What Onebox received before counts more than the weight: weights may have changed.
    let mut little = traffic(fleet, onebox(120), fleet);
    little.onebox.metrics = series(onebox(120), onebox(120));
    assert_eq!(ruling(&little), Ruling::Good);
    // So do requests that name Fleet in their header.
    let mut aimed = traffic(fleet, onebox(25), fleet);
    aimed.onebox.metrics = series(NONE, onebox(25));
    assert_eq!(ruling(&aimed), Ruling::Good);
}

/// A shared step, with probes to both stages and without their header; every `nth` fails since the step.
fn shared_step(nth: u32, responds: bool) -> Evidence {
    let mut evidence = evidence(shared());
    let log = probed(ALL, 10, nth, ProbeFailure::Status(503));
    evidence.onebox.probes = log.clone();
    evidence.fleet.probes = log.clone();
    evidence.shared_probes = log;
    evidence.network = network(responds);
    evidence.onebox.metrics = series(NONE, BUSY.hundredth());
    evidence.fleet.metrics = series(NONE, BUSY);
    evidence
}

#[test]
fn a_shared_step_that_breaks_both_stages_is_worse_if_aws_is_reached() {
    let broken = shared_step(1, true);
    assert!(is_early(&broken));
    assert_eq!(ruling(&broken), Ruling::Worse);
    let lost = shared_step(1, false);
    assert!(!is_early(&lost));
    let verdict = judge(&Rules::default(), &lost);
    assert_ne!(verdict.ruling, Ruling::Worse);
    assert!(!verdict.not_judged.is_empty());
    assert_eq!(ruling(&shared_step(0, true)), Ruling::Good);
}

#[test]
fn a_shared_step_may_break_one_stage() {
    let mut evidence = shared_step(0, false);
    evidence.fleet.probes = probed(ALL, 10, 4, ProbeFailure::Status(503));
    assert!(is_early(&evidence));
    let verdict = judge(&Rules::default(), &evidence);
    assert_eq!(verdict.ruling, Ruling::Worse);
    assert!(
        verdict.reasons[0].contains("probes to Fleet failed"),
        "{:?}",
        verdict.reasons
    );
}

#[test]
fn a_listener_that_drops_customers_is_found_by_probes_on_their_path() {
    let mut evidence = shared_step(0, true);
    evidence.shared_probes = probed(ALL, 10, 1, ProbeFailure::Status(503));
    assert!(is_early(&evidence));
    assert_eq!(ruling(&evidence), Ruling::Worse);
    // Without probes, by the requests that no longer arrive.
    let mut without = super::evidence(shared());
    without.onebox.metrics = series(BUSY, Traffic { requests: 30, ..NONE });
    without.fleet.metrics = series(BUSY, Traffic { requests: 30, ..NONE });
    let verdict = judge(&Rules::default(), &without);
    assert_eq!(
        verdict.reasons,
        ["customers' requests fell to 60 a minute (before 12000)"]
    );
}

#[test]
fn a_fault_that_only_fleet_shows() {
    let mut evidence = evidence(Comparison::WithItself([Stage::Fleet].into()));
    evidence.onebox.probes = probed(BEGAN - 300..NOW, 20, 0, ProbeFailure::Timeout);
    evidence.fleet.probes = mixed_from(BEGAN - 300, ALONE, 4);
    assert!(
        is_early(&evidence),
        "another stage's probes succeed, so AWS needn't be reached"
    );
    assert_eq!(ruling(&evidence), Ruling::Worse);
    evidence.fleet.probes = probed(BEGAN - 300..NOW, 20, 4, ProbeFailure::ConnectionClosed);
    assert!(!is_early(&evidence), "it failed before the step as well");
}

/// Good probes from a second on, of which every `nth` fails from a later second on.
fn mixed_from(from: u64, fails_from: u64, nth: u64) -> ProbeLog {
    let mut log = ProbeLog::default();
    for second in from..NOW {
        for number in 0..20 {
            let fails = second >= fails_from && number % nth == 0;
            let outcome = if fails {
                Err(ProbeFailure::ConnectionClosed)
            } else {
                Ok(())
            };
            log.record(at(second), outcome);
        }
    }
    log
}

#[test]
fn targets_that_fail_their_health_checks() {
    let mut evidence = traffic(BUSY, BUSY.hundredth(), BUSY);
    evidence.onebox.metrics.unhealthy.iter_mut().for_each(|point| {
        if point.at >= at(NOW - 120) {
            point.value = 1.0;
        }
    });
    let verdict = judge(&Rules::default(), &evidence);
    assert_eq!(verdict.reasons, ["targets of Onebox: 1 of 4 unhealthy (limit 12 %)"]);
    evidence
        .onebox
        .metrics
        .unhealthy
        .iter_mut()
        .for_each(|point| point.value = 3.0);
    assert_eq!(ruling(&evidence), Ruling::Good, "they failed before the step");
}

#[test]
fn what_was_bad_before_a_step_is_not_its_doing() {
    let bad = Traffic {
        server_errors: 600,
        ..BUSY
    };
    let mut evidence = evidence(Comparison::WithItself([Stage::Fleet].into()));
    evidence.fleet.metrics = series(bad, bad);
    evidence.onebox.metrics = series(BUSY.hundredth(), BUSY.hundredth());
    assert_eq!(ruling(&evidence), Ruling::Good);
    evidence.fleet.metrics = series(BUSY, bad);
    assert_eq!(ruling(&evidence), Ruling::Worse);
}

#[test]
fn a_first_deployment_is_not_judged() {
    let mut evidence = evidence(Comparison::FirstDeployment);
    let verdict = judge(&Rules::default(), &evidence);
    assert_eq!(verdict.ruling, Ruling::NotJudged);
    assert!(verdict.passes(false));
    evidence.red_alarms = vec!["Onebox-UnhealthyTargets".to_owned()];
    assert_eq!(ruling(&evidence), Ruling::Worse);
}

/// Any traffic of a stage.
fn any_traffic() -> impl Strategy<Value = Traffic> {
    (0..3_000_u32, 0..100_u32, 0..100_u32, 0..20_u32).prop_map(|(requests, errors, silent, latency)| Traffic {
        requests,
        server_errors: requests * errors / 1_000,
        no_response: requests * silent / 1_000,
        latency: f64::from(latency) / 10.0,
    })
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let probes = || (0..10_u32, 0..8_u32);
    (any_traffic(), any_traffic(), probes(), probes()).prop_map(|(onebox, fleet, tried, known)| {
        let mut evidence = traffic(fleet, onebox, fleet);
        evidence.onebox.probes = probed(ALL, tried.0, tried.1, ProbeFailure::Timeout);
        evidence.fleet.probes = probed(ALL, known.0, known.1, ProbeFailure::Timeout);
        for stage in [&mut evidence.onebox, &mut evidence.fleet] {
            stage.metrics.count_probes(&stage.probes);
        }
        evidence
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Little evidence is never good.
    #[test]
    fn never_good_with_thin_evidence(requests in 0..14_u32, probes in 0..99_u32, shared_step in any::<bool>()) {
        let comparison = if shared_step { shared() } else { Comparison::OneboxWithFleet };
        let mut evidence = evidence(comparison);
        for stage in [&mut evidence.onebox, &mut evidence.fleet] {
            stage.metrics = series(BUSY, Traffic { requests, ..NONE });
            stage.probes = probed(ALONE..ALONE + 1, probes, 0, ProbeFailure::Timeout);
        }
        prop_assert_ne!(ruling(&evidence), Ruling::Good);
    }

    /// More failed probes never make a verdict better.
    #[test]
    fn failures_never_help(evidence in any_evidence(), more in 0..200_u64) {
        let before = ruling(&evidence);
        let mut worse = evidence;
        for second in 0..more {
            worse.onebox.probes.record(at(ALONE + second), Err(ProbeFailure::WrongBody));
            worse.onebox.probes.record(at(ALONE + second), Err(ProbeFailure::WrongBody));
        }
        prop_assume!(before == Ruling::Worse);
        prop_assert_eq!(ruling(&worse), Ruling::Worse);
    }

    /// Good probes in addition never make a good verdict inconclusive.
    #[test]
    fn probes_never_make_it_thin(
        (onebox, fleet) in (20..200_u32, 20..20_000_u32),
        (rate, length) in (1..40_u32, 1..60_u64),
    ) {
        let [onebox, fleet] = [onebox, fleet].map(|requests| Traffic { requests, ..NONE });
        let evidence = traffic(fleet, onebox, fleet);
        prop_assume!(ruling(&evidence) == Ruling::Good);
        let mut with = evidence;
        with.onebox.probes = probed(NOW - length..NOW, rate, 0, ProbeFailure::Timeout);
        with.fleet.probes = with.onebox.probes.clone();
        for stage in [&mut with.onebox, &mut with.fleet] {
            stage.metrics.count_probes(&stage.probes);
        }
        prop_assert_eq!(ruling(&with), Ruling::Good);
    }

    /// Failures that both stages share are no bad release, neither early nor at the end.
    #[test]
    fn failing_together_is_not_worse(from in 0..400_u64, length in 1..400_u64, nth in 1..5_u32, rate in 5..40_u32) {
        let lost = BEGAN + from..(BEGAN + from + length).min(NOW);
        let mut evidence = onebox_probes(0, ProbeFailure::Timeout);
        let log = || {
            let mut log = ProbeLog::default();
            for second in ALL {
                for number in 0..rate {
                    let fails = lost.contains(&second) && number % nth == 0;
                    log.record(at(second), if fails { Err(ProbeFailure::Timeout) } else { Ok(()) });
                }
            }
            log
        };
        evidence.onebox.probes = log();
        evidence.fleet.probes = log();
        prop_assert!(!is_early(&evidence));
        prop_assert_ne!(ruling(&evidence), Ruling::Worse);
    }
}
