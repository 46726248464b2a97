//! How verdicts read.

use super::*;

fn told(evidence: &Evidence) -> String {
    judge(&Rules::default(), evidence).lines().join("\n")
}

fn busy(onebox: Traffic) -> Evidence {
    let mut evidence = evidence(Comparison::OneboxWithFleet);
    evidence.onebox.metrics = series(BUSY.hundredth(), onebox);
    evidence.fleet.metrics = series(BUSY, BUSY);
    evidence
}

fn count(evidence: &mut Evidence) {
    for stage in [&mut evidence.onebox, &mut evidence.fleet] {
        stage.metrics.count_probes(&stage.probes);
    }
}

#[test]
fn good() {
    insta::assert_snapshot!(told(&busy(BUSY.hundredth())));
}

#[test]
fn thin() {
    insta::assert_snapshot!(told(&evidence(Comparison::OneboxWithFleet)));
}

#[test]
fn first() {
    insta::assert_snapshot!(told(&evidence(Comparison::FirstDeployment)));
}

#[test]
fn worse() {
    let bad = Traffic {
        server_errors: 6,
        no_response: 3,
        latency: 2.0,
        ..BUSY.hundredth()
    };
    let mut evidence = busy(bad);
    evidence.onebox.probes = probed(BEGAN..NOW, 5, 4, ProbeFailure::ConnectionClosed);
    evidence.fleet.probes = probed(BEGAN..NOW, 5, 0, ProbeFailure::Timeout);
    evidence.onebox.probes.record(at(NOW - 8), Err(ProbeFailure::Timeout));
    count(&mut evidence);
    evidence.red_alarms = vec!["sandbox-Onebox-ServerErrors".to_owned()];
    insta::assert_snapshot!(told(&evidence));
    let early = early::early(&Rules::default(), &evidence).unwrap();
    insta::assert_snapshot!("early", early.lines().join("\n"));
}

#[test]
fn a_shared_step() {
    let mut evidence = evidence(shared());
    evidence.network = network(true);
    evidence.onebox.metrics = series(BUSY.hundredth(), BUSY.hundredth());
    evidence.fleet.metrics = series(BUSY, BUSY);
    evidence.shared_probes = probed(BEGAN..NOW, 10, 4, ProbeFailure::Status(503));
    insta::assert_snapshot!(told(&evidence));
}

/// The same with sorted keys: their order depends on the features of `serde_json` that the build enables.
fn sorted(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(&String, &Value)> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(entries.collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[test]
fn for_programs() {
    let mut evidence = busy(BUSY.hundredth());
    evidence.onebox.probes = probed(BEGAN..NOW, 5, 4, ProbeFailure::WrongBody);
    evidence.fleet.probes = probed(BEGAN..NOW, 5, 0, ProbeFailure::Timeout);
    count(&mut evidence);
    let record = judge(&Rules::default(), &evidence).record();
    insta::assert_snapshot!(serde_json::to_string_pretty(&sorted(&record)).unwrap());
}
