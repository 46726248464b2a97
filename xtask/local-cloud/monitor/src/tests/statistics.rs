use crate::{Distribution, Metric, Statistic, Store};

/// The statistic of samples, each `value` or `value x count`.
fn check(statistic: &str, samples: &str, expected: Option<f64>) {
    let mut distribution = Distribution::default();
    for sample in samples.split(' ').filter(|sample| !sample.is_empty()) {
        let (value, count) = sample.split_once('x').unwrap_or((sample, "1"));
        distribution.add(value.parse().unwrap(), count.parse().unwrap());
    }
    let actual = statistic.parse::<Statistic>().unwrap().of(&distribution);
    let near = match (actual, expected) {
        (Some(actual), Some(expected)) => (actual - expected).abs() < 1e-9,
        (actual, expected) => actual == expected,
    };
    assert!(near, "{statistic} of {samples}: {actual:?}, not {expected:?}");
}

#[test]
fn statistics_are_cloudwatchs() {
    let ten = "1 2 3 4 5 6 7 8 9 10";
    check("SampleCount", ten, Some(10.0));
    check("Sum", ten, Some(55.0));
    check("Average", ten, Some(5.5));
    check("Minimum", ten, Some(1.0));
    check("Maximum", ten, Some(10.0));
    check("p0", ten, Some(1.0));
    check("p50", ten, Some(5.0));
    check("p90", ten, Some(9.0));
    check("p90.1", ten, Some(10.0));
    check("p100", ten, Some(10.0));
    check("tm90", ten, Some(5.0));
    check("TM(90%:100%)", ten, Some(10.0));
    check("TM(10%:90%)", ten, Some(5.5));
    check("TM(:90%)", ten, Some(5.0));
    check("TM(80%:)", ten, Some(9.5));
    check("TM(2:8)", ten, Some(5.5));
    check("TC(2:8)", ten, Some(6.0));
    check("TS(80%:)", ten, Some(19.0));
    check("tc90", ten, Some(9.0));
    check("ts90", ten, Some(45.0));
    check("IQM", ten, Some(5.5));
    check("PR(:3)", ten, Some(30.0));
    check("PR(3:10)", ten, Some(70.0));
    check("PR(9:)", ten, Some(10.0));
    check("wm90", ten, Some(5.4));
    check("WM(3:8)", ten, Some(5.5));
    check("TM(20:)", ten, None);
    check("TC(20:)", ten, Some(0.0));
    for statistic in ["SampleCount", "Sum", "p90", "TM(90%:100%)", "TC(90%:100%)", "PR(:3)"] {
        check(statistic, "", None);
    }
}

/// A bound within a sample takes the fraction of it that is inside.
#[test]
fn few_samples_count_by_fractions() {
    check("TC(90%:100%)", "1 2 3 4 5 6", Some(0.6));
    check("TM(90%:100%)", "1 2 3 4 5 6", Some(6.0));
    check("TM(90%:100%)", "1 2 3", Some(3.0));
    check("TM(50%:100%)", "1 2 6", Some(7.0 / 1.5));
    // A mixed group: 0.1 s, and 5 s for as many of a hundred requests.
    check("TM(90%:100%)", "0.1x95 5x5", Some(2.55));
    check("TM(90%:100%)", "0.1x94 5x6", Some(3.04));
}

#[test]
fn what_is_no_statistic_is_refused() {
    for text in [
        "",
        "Avg",
        "average",
        "p",
        "p101",
        "p-1",
        "p9e1",
        "pNaN",
        "tm",
        "TM()",
        "TM(:)",
        "TM(90%)",
        "TM(90%:10%)",
        "TM(10%:5)",
        "PR(1%:2%)",
        "XX(1:2)",
        "p1.12345678901",
        "TM(a:b)",
        "tmé",
    ] {
        assert!(text.parse::<Statistic>().is_err(), "{text}");
    }
}

#[test]
fn statistics_are_written_as_they_are_read() {
    for text in [
        "Average",
        "p99.9",
        "TM(90%:100%)",
        "TC(0.005:0.03)",
        "PR(:300)",
        "WM(10%:90%)",
        "TS(1:)",
    ] {
        assert_eq!(text.parse::<Statistic>().unwrap().to_string(), text);
    }
}

#[test]
fn three_hours_and_the_longest_lag_are_kept() {
    let (mut store, metric) = (Store::default(), Metric::new("a", "b", [("c", "d")]));
    for minute in 0..1000 {
        store.record(&metric, minute, &Distribution::of(1.0, 1.0));
        store.forget_before(minute);
    }
    assert!((store.samples(&metric, 0, 1000).count() - 191.0).abs() < 1e-9);
    assert_eq!(store.minute(999).count(), 1);
    store.forget_before(5000);
    assert_eq!(store.metrics(u64::MAX).count(), 0);
}
