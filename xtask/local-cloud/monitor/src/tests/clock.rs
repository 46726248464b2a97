//! When minutes are published, and how long after its first error an alarm goes off.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::AlarmState::{self, Alarm, Ok};
use crate::{
    Comparison, Condition, Criterion, Distribution, Evaluations, Expression, LONGEST_LAG_MINUTES, Metric, Minute,
    MissingData, Pace, Queries, Query, Source, Statistic, Store,
};

const MINUTE: Duration = Duration::from_mins(1);

fn pace(speed: f64, lag_minutes: f64) -> Pace {
    Pace::new(MINUTE.div_f64(speed), MINUTE.mul_f64(lag_minutes).div_f64(speed))
}

#[test]
fn a_minute_begins_in_itself_and_ends_before_the_next() {
    for speed in [1.0, 7.0, 12.0, 60.0, 1000.0] {
        let pace = pace(speed, 0.0);
        let now = UNIX_EPOCH + Duration::from_millis(1_795_538_400_123);
        let minute = pace.minute(now);
        assert!(pace.start(minute) <= now && now < pace.start(minute + 1), "{speed}");
        assert_eq!(pace.minute(pace.start(minute)), minute);
        assert_eq!(pace.published(now), minute, "without a lag, what is over is published");
    }
    assert_eq!(pace(1.0, 0.0).start(1000), UNIX_EPOCH + 1000 * MINUTE);
}

#[test]
fn a_minute_is_published_when_the_lag_has_passed_since_its_end() {
    for speed in [1.0, 7.0, 12.0, 1000.0] {
        for lag in [0.0, 0.87, 2.0, 4.0, 10.0] {
            let pace = pace(speed, lag);
            let publication = pace.publication(29_925_640);
            assert_eq!(pace.published(publication), 29_925_641, "{speed} {lag}");
            let before = publication - Duration::from_nanos(1);
            assert_eq!(pace.published(before), 29_925_640, "{speed} {lag}");
        }
    }
    assert_eq!(
        pace(1.0, 10.0).published(UNIX_EPOCH + MINUTE),
        0,
        "nothing is before 1970"
    );
}

#[test]
fn alarms_are_evaluated_once_for_each_minute_that_is_published() {
    let pace = pace(1.0, 2.0);
    let at = |minutes: f64| UNIX_EPOCH + MINUTE.mul_f64(minutes);
    let mut evaluations = Evaluations::default();
    assert_eq!((evaluations.due(pace, at(100.0)), evaluations.next(pace)), (None, None));
    evaluations.collect(99);
    assert_eq!(evaluations.due(pace, at(100.1)), Some(98));
    assert_eq!(evaluations.due(pace, at(100.9)), None);
    assert_eq!(evaluations.next(pace), Some(at(101.0)));
    assert_eq!(evaluations.due(pace, at(101.0)), Some(99));
    // Two minutes were not collected in time.
    assert_eq!(evaluations.due(pace, at(104.0)), Some(100));
    assert_eq!((evaluations.due(pace, at(104.5)), evaluations.next(pace)), (None, None));
    evaluations.collect(103);
    assert_eq!(evaluations.due(pace, at(104.6)), Some(102));
    // The clock is set back.
    evaluations.collect(49);
    assert_eq!(evaluations.due(pace, at(50.0)), Some(48));
    assert_eq!(evaluations.next(pace), Some(at(51.0)));
}

/// How an alarm sees a fault that begins at a moment.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Every minute has a data point: 0 before, 5 from the minute of the fault on.
    Breaches,
    /// No data point before, as of `HTTPCode_Target_5XX_Count`.
    BreachesAfterGaps,
    /// A share of requests that have a data point each minute, of errors that have none before.
    Share,
    /// No data point from the minute after the fault on, as of `HealthyHostCount`; gaps breach.
    Gap,
}

fn metric(name: &str) -> Metric {
    Metric::new("AWS/ApplicationELB", name, [])
}

fn sum(id: &str) -> Query {
    let source = Source::Metric {
        metric: metric(id),
        statistic: Statistic::Sum,
        period: 1,
    };
    Query {
        id: id.to_owned(),
        source,
    }
}

fn criterion(fault: Fault, (m, n): (u64, u64)) -> Criterion {
    let share = "IF(requests >= 20, 100 * FILL(errors, 0) / requests, 0)";
    let expression = match fault {
        Fault::Breaches | Fault::BreachesAfterGaps => "errors",
        Fault::Share => share,
        Fault::Gap => "requests",
    };
    let watched = Query {
        id: "watched".to_owned(),
        source: Source::Expression(Expression::parse(expression).unwrap()),
    };
    Criterion {
        queries: Queries::new([sum("errors"), sum("requests"), watched]).unwrap(),
        watched: "watched".to_owned(),
        condition: Condition {
            comparison: match fault {
                Fault::Gap => Comparison::Less,
                _ => Comparison::GreaterOrEqual,
            },
            threshold: 5.0,
            evaluation_periods: n,
            datapoints_to_alarm: m,
            missing_data: match fault {
                Fault::Gap => MissingData::Breaching,
                _ => MissingData::NotBreaching,
            },
        },
    }
}

/// What is measured in a minute: errors and requests.
fn measured(fault: Fault, is_bad: bool) -> [Option<f64>; 2] {
    match (fault, is_bad) {
        (Fault::Breaches, false) => [Some(0.0), Some(50.0)],
        (Fault::BreachesAfterGaps | Fault::Share | Fault::Gap, false) => [None, Some(50.0)],
        (Fault::Gap, true) => [None, None],
        (_, true) => [Some(5.0), Some(50.0)],
    }
}

fn record(store: &mut Store, minute: Minute, [errors, requests]: [Option<f64>; 2]) {
    for (name, value) in [("errors", errors), ("requests", requests)] {
        if let Some(value) = value {
            store.record(&metric(name), minute, &Distribution::of(value, 1.0));
        }
    }
}

/// The first minute of the fault, or of what it leaves missing.
const FIRST_BAD: Minute = 1000;

/// When the alarm goes off. Time passes from one end of a minute or due evaluation to the next.
fn goes_off(fault: Fault, m_of_n: (u64, u64), pace: Pace) -> SystemTime {
    let criterion = criterion(fault, m_of_n);
    let (mut store, mut evaluations, mut state) =
        (Store::default(), Evaluations::default(), AlarmState::InsufficientData);
    let mut collected = FIRST_BAD - 30;
    (FIRST_BAD - 60..collected).for_each(|minute| record(&mut store, minute, measured(fault, false)));
    let mut now = pace.start(collected);
    while now < pace.start(FIRST_BAD + 40) {
        while pace.start(collected + 1) <= now {
            record(&mut store, collected, measured(fault, collected >= FIRST_BAD));
            evaluations.collect(collected);
            collected += 1;
        }
        if let Some(end) = evaluations.due(pace, now)
            && let Some(transition) = criterion.step(end, state, &store)
        {
            state = transition.to;
            if state == Alarm {
                return now;
            }
        }
        let collection = pace.start(collected + 1);
        now = evaluations.next(pace).map_or(collection, |next| next.min(collection));
    }
    panic!("no alarm: {fault:?}, {m_of_n:?}, {pace:?}, {state:?}");
}

/// The floor: the minutes that must have breached, from the beginning of the first, and the lag.
#[test]
fn detection_takes_what_the_rules_and_the_lag_allow() {
    let faults = [
        // Every real data point counts before gaps do, so a gap must fill the two extra points of the range too.
        (Fault::Gap, 2),
        (Fault::Breaches, 0),
        (Fault::BreachesAfterGaps, 0),
        (Fault::Share, 0),
    ];
    for (fault, extra) in faults {
        for (m, n) in [(1, 1), (2, 3), (3, 4), (3, 3), (5, 5)] {
            for lag in [0.0, 0.5, 2.0, 4.0, 10.0] {
                for speed in [1.0, 12.0, 60.0] {
                    let pace = pace(speed, lag);
                    let took = goes_off(fault, (m, n), pace)
                        .duration_since(pace.start(FIRST_BAD))
                        .unwrap();
                    #[expect(clippy::cast_precision_loss, reason = "a few minutes")]
                    let minutes = (m + extra) as f64;
                    let floor = MINUTE.mul_f64(minutes + lag).div_f64(speed);
                    assert!(
                        took.abs_diff(floor) < Duration::from_millis(1),
                        "{took:?}, not {floor:?}: {fault:?}, {m} of {n}, lag {lag}, speed {speed}"
                    );
                }
            }
        }
    }
}

/// As on AWS, an alarm of 3 of 4 that is looked at before the newest minutes are published sees the older ones only.
#[test]
fn a_lag_hides_nothing_that_is_published() {
    for lag in [0, 2, 4, LONGEST_LAG_MINUTES] {
        let pace = Pace::new(MINUTE, MINUTE * u32::try_from(lag).unwrap());
        let mut store = Store::default();
        for minute in 100..110 {
            let errors = if minute < 104 { 5.0 } else { 0.0 };
            store.record(&metric("errors"), minute, &Distribution::of(errors, 1.0));
        }
        let state_at = |minute: Minute| {
            let end = pace.published(pace.start(minute + lag));
            let transition = criterion(Fault::Breaches, (3, 4)).step(end, AlarmState::InsufficientData, &store);
            transition.unwrap().to
        };
        assert_eq!(
            [102, 103, 104, 105, 106].map(state_at),
            [Ok, Alarm, Alarm, Alarm, Ok],
            "{lag}"
        );
    }
}

/// A gap that is longer than the minutes kept must not hide what is published with the longest lag.
#[test]
fn samples_are_kept_until_three_hours_after_their_publication() {
    let mut store = Store::default();
    store.record(&metric("errors"), 100, &Distribution::of(1.0, 1.0));
    store.forget_before(100 + crate::MINUTES_KEPT + LONGEST_LAG_MINUTES);
    assert_eq!(store.metrics(101).count(), 1);
    assert_eq!(store.metrics(100).count(), 0, "not before its minute is published");
    store.forget_before(101 + crate::MINUTES_KEPT + LONGEST_LAG_MINUTES);
    assert_eq!(store.metrics(101).count(), 0);
}
