//! AWS's own tables of missing data, and alarms over time.

use crate::AlarmState::{self, Alarm, InsufficientData, Ok};
use crate::{
    Comparison, Condition, Criterion, Distribution, Metric, MissingData, Queries, Query, Source, Statistic, Store,
    judge,
};

/// `0 - X - X`: within the threshold, missing, breaching; the oldest first.
fn range(text: &str) -> Vec<Option<bool>> {
    let points = text.split(' ').map(|point| match point {
        "0" => Some(false),
        "X" => Some(true),
        "-" => None,
        other => panic!("{other}"),
    });
    points.collect()
}

/// The state by `missing`, `ignore` (none for "retain the current state"), `breaching` and `notBreaching`.
type Expected = (AlarmState, Option<AlarmState>, AlarmState, AlarmState);

fn check(text: &str, (m, n): (usize, usize), filled: usize, expected: Expected) {
    let (missing, ignore, breaching, not_breaching) = expected;
    for current in [Ok, Alarm, InsufficientData] {
        for (treatment, expected) in [
            (MissingData::Missing, missing),
            (MissingData::Ignore, ignore.unwrap_or(current)),
            (MissingData::Breaching, breaching),
            (MissingData::NotBreaching, not_breaching),
        ] {
            let verdict = judge(&range(text), n, m, treatment, current);
            assert_eq!(
                verdict.state, expected,
                "{text}, {m} of {n}, {treatment:?} from {current:?}"
            );
            assert_eq!(verdict.filled, filled, "{text}, {m} of {n}");
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>
#[test]
fn the_documented_table_of_3_of_3() {
    let all = |state| (state, Some(state), state, state);
    check("0 - X - X", (3, 3), 0, all(Ok));
    check("- - - - 0", (3, 3), 2, all(Ok));
    check("- - - - -", (3, 3), 3, (InsufficientData, None, Alarm, Ok));
    check("0 X X - X", (3, 3), 0, all(Alarm));
    check("- - X - -", (3, 3), 2, (Alarm, None, Alarm, Ok));
}

#[test]
fn the_documented_table_of_2_of_3() {
    let all = |state| (state, Some(state), state, state);
    check("0 - X - X", (2, 3), 0, all(Alarm));
    check("0 0 X 0 X", (2, 3), 0, all(Alarm));
    check("0 - X - -", (2, 3), 1, (Ok, Some(Ok), Alarm, Ok));
    check("- - - - 0", (2, 3), 2, (Ok, Some(Ok), Alarm, Ok));
    check("- - - X -", (2, 3), 2, (Alarm, None, Alarm, Ok));
}

/// What the guide says in words below its tables.
#[test]
fn a_breach_after_a_gap_does_not_alarm_before_its_time() {
    check("- - - - X", (3, 3), 2, (InsufficientData, None, Alarm, Ok));
    check("- - - X -", (3, 3), 2, (InsufficientData, None, Alarm, Ok));
    check("- - - X X", (3, 3), 1, (InsufficientData, None, Alarm, Ok));
    check("- - X - X", (3, 3), 1, (Alarm, None, Alarm, Ok));
    check("- X - - -", (2, 3), 2, (Alarm, None, Alarm, Ok));
}

/// The alarms of this project: 3 of 4, gaps are good.
#[test]
fn three_of_four_where_gaps_are_good() {
    let check = |text: &str, expected| {
        let verdict = judge(&range(text), 4, 3, MissingData::NotBreaching, Ok);
        assert_eq!(verdict.state, expected, "{text}");
    };
    check("0 0 0 0 X X", Ok);
    check("0 0 0 X X X", Alarm);
    check("- - - X X X", Alarm);
    check("0 0 X X 0 X", Alarm);
    check("- X - X - X", Alarm);
    check("X X X 0 0 0", Ok);
    check("X X X - - -", Alarm);
    check("- - - - X X", Ok);
}

/// An alarm on the maximum of one metric, breaching from 3 on.
fn alarm(period: u64, (m, n): (u64, u64)) -> (Criterion, Metric) {
    let metric = Metric::new(
        "AWS/ApplicationELB",
        "TargetResponseTime",
        [("LoadBalancer", "app/a/1")],
    );
    let query = Query {
        id: "m1".to_owned(),
        source: Source::Metric {
            metric: metric.clone(),
            statistic: Statistic::Maximum,
            period,
        },
    };
    let criterion = Criterion {
        queries: Queries::new([query]).unwrap(),
        watched: "m1".to_owned(),
        condition: Condition {
            comparison: Comparison::GreaterOrEqual,
            threshold: 3.0,
            evaluation_periods: n,
            datapoints_to_alarm: m,
            missing_data: MissingData::NotBreaching,
        },
    };
    (criterion, metric)
}

/// The states that an alarm goes through, a minute each: `minutes` has a value for each minute, or none.
fn states(period: u64, m_of_n: (u64, u64), minutes: &[Option<f64>]) -> Vec<AlarmState> {
    let (criterion, metric) = alarm(period, m_of_n);
    let (mut store, mut state) = (Store::default(), InsufficientData);
    let steps = (1000..).zip(minutes).map(|(minute, value)| {
        if let Some(value) = value {
            store.record(&metric, minute, &Distribution::of(*value, 1.0));
        }
        if let Some(transition) = criterion.step(minute + 1, state, &store) {
            assert_eq!(transition.from, state);
            state = transition.to;
        }
        state
    });
    steps.collect()
}

#[test]
fn an_alarm_fires_at_the_first_evaluation_that_may_and_ends_by_the_same_rule() {
    let minutes = [0.1, 0.1, 5.0, 5.0, 5.0, 0.1, 0.1, 0.1].map(Some);
    assert_eq!(
        states(1, (3, 4), &minutes),
        [Ok, Ok, Ok, Ok, Alarm, Alarm, Ok, Ok],
        "alarm at the third bad minute, an end with the second good one"
    );
}

#[test]
fn periods_slide_and_are_not_the_clocks() {
    // A period of five minutes is judged each minute, by the five minutes just past.
    let minutes = [0.1, 0.1, 5.0, 0.1, 0.1, 0.1, 0.1, 0.1].map(Some);
    let expected = [Ok, Ok, Alarm, Alarm, Alarm, Alarm, Alarm, Ok];
    assert_eq!(states(5, (1, 1), &minutes), expected);
}

#[test]
fn what_a_state_is_judged_by_is_told_newest_first() {
    let (criterion, metric) = alarm(1, (2, 3));
    let mut store = Store::default();
    store.record(&metric, 10, &Distribution::of(1.0, 2.0));
    store.record(&metric, 12, &Distribution::of(4.0, 1.0));
    let transition = criterion.step(13, InsufficientData, &store).unwrap();
    assert_eq!((transition.to, transition.basis.filled), (Ok, 1));
    let counted = transition.basis.counted.iter();
    let counted = counted.map(|(point, breaching)| (point.minute, point.value, point.sample_count, *breaching));
    assert_eq!(
        counted.collect::<Vec<_>>(),
        [(12, 4.0, Some(1.0), true), (10, 1.0, Some(2.0), false)]
    );
}
