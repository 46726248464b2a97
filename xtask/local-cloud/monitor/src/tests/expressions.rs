use crate::{Distribution, Expression, Metric, Queries, Query, QueryError, Source, Statistic, Store, Window};

fn metric(name: &str) -> Metric {
    Metric::new("n", name, [])
}

fn query(name: &str, period: u64) -> Query {
    Query {
        id: name.to_owned(),
        source: Source::Metric {
            metric: metric(name),
            statistic: Statistic::Sum,
            period,
        },
    }
}

fn expression(id: &str, text: &str) -> Result<Query, String> {
    let source = Expression::parse(text).map_err(|error| error.to_string())?;
    Ok(Query {
        id: id.to_owned(),
        source: Source::Expression(source),
    })
}

/// Over four minutes: `a` is 1, 2, missing, 4; `b` is 10, 0, 30, missing; `nothing` is always missing.
fn check(text: &str, expected: &[Option<f64>]) {
    let mut store = Store::default();
    for (name, values) in [
        ("a", [Some(1.0), Some(2.0), None, Some(4.0)]),
        ("b", [Some(10.0), Some(0.0), Some(30.0), None]),
    ] {
        for (minute, value) in (100..).zip(values) {
            if let Some(value) = value {
                store.record(&metric(name), minute, &Distribution::of(value, 1.0));
            }
        }
    }
    let metrics = ["a", "b", "nothing"].map(|name| query(name, 1));
    let queries = metrics.into_iter().chain([expression("e", text).unwrap()]);
    let queries = Queries::new(queries).unwrap();
    let points = queries.series(&store, "e", Window::ending(104, 1, 4));
    let values = points.into_iter().map(|point| point.map(|point| point.value));
    assert_eq!(values.collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn expressions_are_computed_period_by_period() {
    check("a", &[Some(1.0), Some(2.0), None, Some(4.0)]);
    check("100 * a / b", &[Some(10.0), None, None, None]);
    check("a + b * 2", &[Some(21.0), Some(2.0), Some(60.0), Some(4.0)]);
    check("(a + b) * 2", &[Some(22.0), Some(4.0), Some(60.0), Some(8.0)]);
    check("a - 1 - 1", &[Some(-1.0), Some(0.0), None, Some(2.0)]);
    check("-a ^ 2", &[Some(-1.0), Some(-4.0), None, Some(-16.0)]);
    check("FILL(a, 0)", &[Some(1.0), Some(2.0), Some(0.0), Some(4.0)]);
    check("FILL(b, REPEAT)", &[Some(10.0), Some(0.0), Some(30.0), Some(30.0)]);
    check("IF(b > 5, a, 7)", &[Some(1.0), Some(7.0), None, None]);
    check("IF(FILL(b, 0) >= 10 && a == 1, a)", &[Some(1.0), None, None, None]);
    check("SUM([a, b])", &[Some(11.0), Some(2.0), Some(30.0), Some(4.0)]);
    check(
        "MAX([a, b]) - MIN([a, b])",
        &[Some(9.0), Some(2.0), Some(0.0), Some(0.0)],
    );
    check("a - a + SUM(b)", &[Some(40.0); 4]);
    check("a - a + AVG(b)", &[Some(40.0 / 3.0); 4]);
    check("RATE(a) * PERIOD(a)", &[None, Some(1.0), None, Some(1.0)]);
    check("ABS(a - 2)", &[Some(1.0), Some(0.0), None, Some(2.0)]);
    check("CEIL(a / 4) + FLOOR(a / 4)", &[Some(1.0), Some(1.0), None, Some(2.0)]);
}

/// Only `+` takes a missing data point for 0.
#[test]
fn missing_data_points_in_operators() {
    check("a + b", &[Some(11.0), Some(2.0), Some(30.0), Some(4.0)]);
    check("nothing + a", &[Some(1.0), Some(2.0), None, Some(4.0)]);
    check("nothing + nothing", &[None; 4]);
    check("a - b", &[Some(-9.0), Some(2.0), None, None]);
    check("a * b", &[Some(10.0), Some(0.0), None, None]);
    check("a > b", &[Some(0.0), Some(1.0), None, None]);
    check("a && b", &[Some(1.0), Some(0.0), None, None]);
    check("a || b", &[Some(1.0), Some(1.0), None, None]);
    check("-nothing", &[None; 4]);
    check("FILL(nothing, 0) - a", &[Some(-1.0), Some(-2.0), None, Some(-4.0)]);
    check("FILL(nothing, 0)", &[Some(0.0); 4]);
    check("FILL(nothing, REPEAT)", &[None; 4]);
    check("IF(a < 3, FILL(b, 0), a)", &[Some(10.0), Some(0.0), None, Some(4.0)]);
    check("IF(nothing > 0, 1, 0)", &[None; 4]);
    check("IF(a >= 1, nothing, 0)", &[None; 4]);
    check("MAX([nothing, a])", &[Some(1.0), Some(2.0), None, Some(4.0)]);
    check("MIN([FILL(a, 0), b])", &[Some(1.0), Some(0.0), Some(0.0), Some(4.0)]);
}

/// The share of requests without a response from a target: as many as the other codes leave, in minutes with enough of them.
#[test]
fn requests_without_a_response_are_what_the_codes_leave() {
    let lost = "a - FILL(nothing, 0) - FILL(b, 0)";
    check(lost, &[Some(-9.0), Some(2.0), None, Some(4.0)]);
    let share = format!("IF(a >= 2, 100 * ({lost}) / a, 0)");
    check(&share, &[Some(0.0), Some(100.0), None, Some(100.0)]);
}

#[test]
fn what_is_not_supported_is_named() {
    let check = |text: &str, expected: &str| {
        let built = expression("e", text).and_then(|built| {
            let all = [query("a", 1), query("b", 5), built];
            Queries::new(all).map_err(|error| error.to_string())
        });
        let message = built.unwrap_err();
        assert!(message.contains(expected), "{text}: {message}");
    };
    check(
        "ANOMALY_DETECTION_BAND(a)",
        "the function ANOMALY_DETECTION_BAND is not supported",
    );
    check("METRICS()", "the function METRICS is not supported");
    check("RUNNING_SUM(a)", "the function RUNNING_SUM is not supported");
    check("IF(a)", "IF does not take 1");
    check("MAX(a, a)", "MAX does not take 2");
    check("fill(a, 0)", "the function fill is not supported");
    check("SEARCH('{n}', 'Sum')", "'\\'' is not expected");
    check("a +", "ends too early");
    check("a b", "\"b\" is not expected");
    check("(a", "\")\" is missing");
    check("", "ends too early");
    check("1.2.3", "not a number");
    check("c + 1", "refers to c");
    check("e + 1", "refers to itself");
    check("a + b", "different periods");
    check("FILL(1, 0)", "FILL needs a time series");
    check("FILL(a, a)", "FILL fills with a number");
    check("FILL(a)", "FILL does not take 1");
    check("[a, b]", "a list in brackets");
    check("REPEAT", "REPEAT is only");
    check(&"(".repeat(100), "nests");
    check(&"-".repeat(100), "nests");
    check(&" ".repeat(3000), "2048");
}

#[test]
fn ids_are_checked() {
    let check = |ids: [&str; 2], expected: fn(&QueryError) -> bool| {
        let error = Queries::new(ids.map(|id| query(id, 1))).unwrap_err();
        assert!(expected(&error), "{error}");
    };
    check(["a", "a"], |error| matches!(error, QueryError::Twice(_)));
    check(["A", "a"], |error| matches!(error, QueryError::Id(_)));
    check(["", "a"], |error| matches!(error, QueryError::Id(_)));
}
