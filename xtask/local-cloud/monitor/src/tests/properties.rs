use proptest::prelude::*;

use crate::AlarmState::{Alarm, InsufficientData, Ok};
use crate::{AlarmState, Distribution, Expression, MissingData, Statistic, judge};

fn treatment() -> impl Strategy<Value = MissingData> {
    prop_oneof![
        Just(MissingData::Missing),
        Just(MissingData::Ignore),
        Just(MissingData::Breaching),
        Just(MissingData::NotBreaching),
    ]
}

fn state() -> impl Strategy<Value = AlarmState> {
    prop_oneof![Just(Ok), Just(Alarm), Just(InsufficientData)]
}

fn samples() -> impl Strategy<Value = Distribution> {
    let samples = prop::collection::vec((0.0_f64..100.0, 0.1_f64..20.0), 1..20);
    samples.prop_map(|samples| {
        let mut distribution = Distribution::default();
        for (value, count) in samples {
            distribution.add(value, count);
        }
        distribution
    })
}

fn of(statistic: &str, samples: &Distribution) -> f64 {
    statistic.parse::<Statistic>().unwrap().of(samples).unwrap()
}

proptest! {
    #[test]
    fn with_all_data_there_missing_data_does_not_matter(
        range in prop::collection::vec(any::<bool>(), 6), m in 1_usize..=4, treatment in treatment(), current in state(),
    ) {
        let range = range.into_iter().map(Some).collect::<Vec<_>>();
        let verdict = judge(&range, 4, m, treatment, current);
        let breaching = range[2..].iter().filter(|point| **point == Some(true)).count();
        prop_assert_eq!(verdict.state, if breaching >= m { Alarm } else { Ok });
        prop_assert_eq!(verdict.filled, 0);
    }

    #[test]
    fn no_alarm_without_a_breach_unless_gaps_are_breaches(
        range in prop::collection::vec(prop::option::of(any::<bool>()), 6), m in 1_usize..=4, treatment in treatment(), current in state(),
    ) {
        let verdict = judge(&range, 4, m, treatment, current);
        let breached = range.contains(&Some(true));
        if verdict.state == Alarm && !breached {
            prop_assert!(treatment == MissingData::Breaching || (treatment == MissingData::Ignore && current == Alarm));
        }
        if treatment == MissingData::NotBreaching && verdict.state == Alarm {
            prop_assert!(range.iter().filter(|point| **point == Some(true)).count() >= m);
        }
        prop_assert_eq!(verdict.counted.len() + verdict.filled, 4);
    }

    /// One breach more never ends an alarm.
    #[test]
    fn a_breach_in_place_of_a_good_point_never_helps(
        range in prop::collection::vec(prop::option::of(any::<bool>()), 6), at in 0_usize..6, m in 1_usize..=4, treatment in treatment(), current in state(),
    ) {
        let before = judge(&range, 4, m, treatment, current).state;
        let mut worse = range.clone();
        if worse[at].is_some() {
            worse[at] = Some(true);
        }
        let after = judge(&worse, 4, m, treatment, current).state;
        prop_assert!(before != Alarm || after == Alarm, "{range:?} {worse:?}");
    }

    #[test]
    fn statistics_keep_their_order(samples in samples(), low in 0_u8..50, high in 51_u8..=100) {
        let (minimum, maximum) = (of("Minimum", &samples), of("Maximum", &samples));
        let trimmed = of(&format!("TM({low}%:{high}%)"), &samples);
        let winsorized = of(&format!("WM({low}%:{high}%)"), &samples);
        for value in [trimmed, winsorized, of("Average", &samples), of(&format!("p{high}"), &samples)] {
            prop_assert!(minimum - 1e-9 <= value && value <= maximum + 1e-9);
        }
        let (lower, upper) = (of(&format!("p{low}"), &samples), of(&format!("p{high}"), &samples));
        prop_assert!(lower <= upper);
        let whole = of("Average", &samples);
        prop_assert!((of("TM(0%:100%)", &samples) - whole).abs() < 1e-6);
        prop_assert!((of("WM(0%:100%)", &samples) - whole).abs() < 1e-6);
        let count = of(&format!("TC({low}%:{high}%)"), &samples);
        prop_assert!((count - of("SampleCount", &samples) * f64::from(high - low) / 100.0).abs() < 1e-6);
        let sum = of(&format!("TS({low}%:{high}%)"), &samples);
        prop_assert!((count * trimmed - sum).abs() < 1e-6);
    }

    #[test]
    fn no_expression_panics(text in "[a-e0-9+*/()<=>&|,. \\[\\]^-]{0,60}|(FILL|IF|SUM|RATE)\\([ab,0-9]{0,10}\\)") {
        let _ = Expression::parse(&text);
    }
}
