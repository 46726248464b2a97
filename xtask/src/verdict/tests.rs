//! What is ruled, and how it reads.

use super::*;

fn sample(errors: u64, requests: u64, latencies: &[f64]) -> Sample {
    Sample {
        errors: Errors { errors, requests },
        latencies: latencies.to_vec(),
    }
}

const QUICK: [f64; 4] = [0.010, 0.012, 0.011, 0.010];

fn check(onebox: Sample, fleet: Sample, expected: Ruling, reasons: &[&str]) {
    let verdict = Verdict::of(onebox, fleet);
    assert_eq!(
        (verdict.ruling, verdict.reasons),
        (expected, reasons.iter().map(ToString::to_string).collect())
    );
}

#[test]
fn rulings() {
    let fleet = || sample(2, 100_000, &QUICK);
    check(sample(0, 1_000, &QUICK), fleet(), Ruling::Good, &[]);
    check(
        sample(100, 1_000, &QUICK),
        fleet(),
        Ruling::Worse,
        &["10.00 % of its answers are errors, and 0.00 % of Fleet's"],
    );
    check(
        sample(0, 1_000, &[6.0, 6.1, 6.0, 6.2]),
        fleet(),
        Ruling::Worse,
        &["the slowest tenth of its answers take 6.0 s longer"],
    );
    check(
        sample(50, 60, &[6.0, 6.1, 6.0, 6.2]),
        fleet(),
        Ruling::Worse,
        &[
            "83.33 % of its answers are errors, and 0.00 % of Fleet's",
            "the slowest tenth of its answers take 6.0 s longer",
        ],
    );
}

#[test]
fn too_little_to_judge_by() {
    let none = Sample::default;
    check(
        none(),
        none(),
        Ruling::Thin,
        &[
            "Onebox had 0 requests, and 100 are the least",
            "Fleet had 0 requests, and 100 are the least",
        ],
    );
    check(
        sample(0, 99, &QUICK),
        sample(0, 10_000, &QUICK),
        Ruling::Thin,
        &["Onebox had 99 requests, and 100 are the least"],
    );
    check(
        sample(0, 10_000, &QUICK),
        sample(0, 10_000, &QUICK[..2]),
        Ruling::Thin,
        &["Fleet had response times in 2 minutes, and 3 are the least"],
    );
}

#[test]
fn how_it_reads() {
    let fleet = || sample(2, 100_000, &QUICK);
    let told = |onebox, fleet| Verdict::of(onebox, fleet).lines().join("\n");
    insta::assert_snapshot!(told(sample(0, 6_000, &QUICK), fleet()), @"
    verdict: Onebox is as good as Fleet
      requests: Onebox 6000, Fleet 100000
      errors: Onebox 0 (0.00 %), Fleet 2 (0.00 %); p = 1.000 if both were alike
      slowest tenth: Onebox 10.5 ms over 4 minutes, Fleet 10.5 ms over 4 minutes; p = 0.671 if both were alike
      so many requests are enough to notice errors of 1.12 % or more, and a response time 100.0 ms longer
    ");
    insta::assert_snapshot!(told(sample(600, 6_000, &[6.0, 6.1, 6.0, 6.2]), fleet()), @"
    verdict: Onebox is worse than Fleet: 10.00 % of its answers are errors, and 0.00 % of Fleet's; the slowest tenth of its answers take 6.0 s longer
      requests: Onebox 6000, Fleet 100000
      errors: Onebox 600 (10.00 %), Fleet 2 (0.00 %); p = 0.000 if both were alike
      slowest tenth: Onebox 6.0 s over 4 minutes, Fleet 10.5 ms over 4 minutes; p = 0.014 if both were alike
      so many requests are enough to notice errors of 1.12 % or more, and a response time 100.0 ms longer
    ");
    insta::assert_snapshot!(told(Sample::default(), fleet()), @"
    verdict: too little to judge by: Onebox had 0 requests, and 100 are the least
      requests: Onebox 0, Fleet 100000
      errors: Onebox 0 (0.00 %), Fleet 2 (0.00 %); p = 1.000 if both were alike
      slowest tenth: Onebox none, Fleet 10.5 ms over 4 minutes; p = 1.000 if both were alike
      so many requests are enough to notice no share of errors, and no rise of the response time
    ");
}

#[test]
fn an_alarm_outweighs_whatever_requests_say() {
    let quick = || sample(0, 6_000, &QUICK);
    let fired = |verdict: Verdict| verdict.with_alarms(&["Onebox-UnhealthyTargets".to_owned()]);
    for before in [Verdict::of(quick(), quick()), Verdict::of(Sample::default(), quick())] {
        let verdict = fired(before);
        assert_eq!(verdict.ruling, Ruling::Worse);
        assert_eq!(verdict.reasons, ["its alarm Onebox-UnhealthyTargets has fired"]);
    }
    assert_eq!(fired(Verdict::of(sample(600, 6_000, &QUICK), quick())).reasons.len(), 2);
    assert_eq!(Verdict::of(quick(), quick()).with_alarms(&[]).ruling, Ruling::Good);
}

#[test]
fn for_programs() {
    let record = Verdict::of(sample(600, 6_000, &QUICK), sample(0, 6_000, &QUICK)).record();
    assert_eq!(record["ruling"], "worse");
    assert_eq!(record["onebox"]["errors"], 600);
    assert!(record["errors_likelihood"].as_f64().unwrap() < 1e-9);
    let nothing = Verdict::of(Sample::default(), Sample::default()).record();
    assert_eq!(nothing["ruling"], "thin");
    assert!(nothing["smallest_error_share"].is_null());
}
