//! An alarm's properties as what it watches: the rules of `PutMetricAlarm`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use monitor::{
    Comparison, Condition, Criterion, EXTRA_POINTS, Kind, MINUTES_KEPT, MissingData, Queries, Query, Source,
};
use serde_json::Value;

use super::inputs;
use crate::properties::{boolean, list, number, required, text};

/// The id that a single metric goes by.
const SINGLE_METRIC: &str = "m1";

/// The longest time that an alarm may look back: a day.
const MINUTES_OF_A_DAY: u64 = 24 * 60;

/// What the alarm of these properties watches.
///
/// # Errors
/// Names the property that can't be honoured.
pub(super) fn criterion(properties: &Value) -> Result<Criterion, String> {
    let (queries, watched) = if list(properties, "Metrics").is_empty() {
        let query = single_metric(properties)?;
        (Queries::new([query]), SINGLE_METRIC.to_owned())
    } else {
        let watched = watched(properties)?;
        let queries = list(properties, "Metrics").iter().map(inputs::query);
        (Queries::new(queries.collect::<Result<Vec<_>, _>>()?), watched)
    };
    let queries = queries.map_err(|error| format!("Metrics: {error}"))?;
    if queries.kind(&watched) != Some(Kind::Series) {
        return Err(format!(
            "Metrics: {watched} is one number, and an alarm needs a time series"
        ));
    }
    let condition = condition(properties)?;
    let period = queries.period(&watched).unwrap_or(1);
    if condition.evaluation_periods.saturating_mul(period) > MINUTES_OF_A_DAY {
        return Err("EvaluationPeriods: with the period they cover more than a day".to_owned());
    }
    if (condition.evaluation_periods + EXTRA_POINTS).saturating_mul(period) > MINUTES_KEPT {
        return Err(format!(
            "EvaluationPeriods: the local cloud keeps metrics for {} hours, which is less than these periods need",
            MINUTES_KEPT / 60
        ));
    }
    Ok(Criterion {
        queries,
        watched,
        condition,
    })
}

/// Exactly one of the queries returns data: it is the one that is judged.
fn watched(properties: &Value) -> Result<String, String> {
    for name in [
        "MetricName",
        "Namespace",
        "Dimensions",
        "Period",
        "Statistic",
        "ExtendedStatistic",
    ] {
        if properties.get(name).is_some() {
            return Err(format!("{name}: is for an alarm on one metric, which has no Metrics"));
        }
    }
    let returning = list(properties, "Metrics").iter();
    let mut returning = returning.filter(|query| boolean(query, "ReturnData").unwrap_or(true));
    match (returning.next(), returning.next()) {
        (Some(query), None) => required(query, "Id"),
        _ => Err("Metrics: exactly one must have ReturnData true, the one that is judged".to_owned()),
    }
}

fn single_metric(properties: &Value) -> Result<Query, String> {
    let statistic = match (text(properties, "Statistic"), text(properties, "ExtendedStatistic")) {
        (Some(_), Some(_)) => return Err("Statistic: not together with ExtendedStatistic".to_owned()),
        (Some(plain), None) => inputs::plain_statistic("Statistic", &plain)?,
        (None, Some(extended)) => inputs::extended_statistic("ExtendedStatistic", &extended)?,
        (None, None) => return Err("Statistic: is missing, and so are ExtendedStatistic and Metrics".to_owned()),
    };
    Ok(Query {
        id: SINGLE_METRIC.to_owned(),
        source: Source::Metric {
            metric: inputs::metric(properties)?,
            statistic,
            period: inputs::period(properties)?,
        },
    })
}

fn condition(properties: &Value) -> Result<Condition, String> {
    let evaluation_periods = number(properties, "EvaluationPeriods")?.filter(|periods| *periods > 0);
    let evaluation_periods = evaluation_periods.ok_or("EvaluationPeriods: must be a whole number from 1")?;
    let datapoints_to_alarm = number(properties, "DatapointsToAlarm")?.unwrap_or(evaluation_periods);
    if !(1..=evaluation_periods).contains(&datapoints_to_alarm) {
        return Err(format!(
            "DatapointsToAlarm: must be from 1 to EvaluationPeriods, {evaluation_periods}"
        ));
    }
    let comparison = required(properties, "ComparisonOperator")?;
    let known = Comparison::ALL.into_iter().find(|known| known.as_str() == comparison);
    let threshold = text(properties, "Threshold").and_then(|threshold| threshold.parse::<f64>().ok());
    Ok(Condition {
        comparison: known.ok_or_else(|| {
            let names = Comparison::ALL.map(Comparison::as_str).join(", ");
            format!("ComparisonOperator: the local cloud supports only {names}, not {comparison}")
        })?,
        threshold: threshold
            .filter(|threshold| threshold.is_finite())
            .ok_or("Threshold: must be a number")?,
        evaluation_periods,
        datapoints_to_alarm,
        missing_data: missing_data(text(properties, "TreatMissingData").as_deref())?,
    })
}

fn missing_data(treatment: Option<&str>) -> Result<MissingData, String> {
    match treatment {
        None | Some("missing") => Ok(MissingData::Missing),
        Some("ignore") => Ok(MissingData::Ignore),
        Some("breaching") => Ok(MissingData::Breaching),
        Some("notBreaching") => Ok(MissingData::NotBreaching),
        Some(other) => Err(format!(
            "TreatMissingData: must be breaching, notBreaching, ignore or missing, not {other}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(change: impl Fn(&mut Value), expected: Option<&str>) {
        let mut properties = json!({
            "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 5, "EvaluationPeriods": 4, "DatapointsToAlarm": "3",
            "TreatMissingData": "notBreaching",
            "Metrics": [
                {"Id": "share", "Expression": "100 * errors / requests"},
                {"Id": "errors", "ReturnData": false, "MetricStat": {"Stat": "Sum", "Period": 60,
                    "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_Target_5XX_Count", "Dimensions": [{"Name": "LoadBalancer", "Value": "a"}]}}},
                {"Id": "requests", "ReturnData": false, "MetricStat": {"Stat": "TM(90%:100%)", "Period": "60",
                    "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount"}}},
            ],
        });
        change(&mut properties);
        match (criterion(&properties), expected) {
            (Ok(_), None) => {}
            (Err(message), Some(expected)) => assert!(message.contains(expected), "{message}, not {expected}"),
            (outcome, expected) => panic!("{outcome:?}, not {expected:?}"),
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        check(|_| {}, None);
        check(
            |alarm| alarm["Metrics"][0]["Expression"] = json!("SEARCH('a', 'Sum')"),
            Some("Expression"),
        );
        check(
            |alarm| alarm["Metrics"][0]["Expression"] = json!("errors / missing"),
            Some("missing"),
        );
        check(
            |alarm| alarm["Metrics"][0]["Expression"] = json!("SUM(errors)"),
            Some("time series"),
        );
        check(
            |alarm| alarm["Metrics"][0]["ReturnData"] = json!(false),
            Some("exactly one"),
        );
        check(
            |alarm| alarm["Metrics"][1]["ReturnData"] = json!(true),
            Some("exactly one"),
        );
        check(
            |alarm| alarm["Metrics"][1]["MetricStat"]["Stat"] = json!("Best"),
            Some("not a statistic"),
        );
        check(
            |alarm| alarm["Metrics"][1]["MetricStat"]["Period"] = json!(30),
            Some("Period"),
        );
        check(
            |alarm| alarm["Metrics"][1]["MetricStat"]["Period"] = json!(120),
            Some("different periods"),
        );
        check(|alarm| alarm["Period"] = json!(60), Some("Period"));
        check(|alarm| alarm["Threshold"] = json!("high"), Some("Threshold"));
        check(|alarm| alarm["EvaluationPeriods"] = json!(0), Some("EvaluationPeriods"));
        check(|alarm| alarm["EvaluationPeriods"] = json!(179), Some("3 hours"));
        check(
            |alarm| alarm["EvaluationPeriods"] = json!(2000),
            Some("more than a day"),
        );
        check(|alarm| alarm["DatapointsToAlarm"] = json!(5), Some("DatapointsToAlarm"));
        check(
            |alarm| alarm["ComparisonOperator"] = json!("LessThanLowerThreshold"),
            Some("ComparisonOperator"),
        );
        check(
            |alarm| alarm["TreatMissingData"] = json!("good"),
            Some("TreatMissingData"),
        );
    }

    #[test]
    fn an_alarm_on_one_metric() {
        let single = |statistic: &str, value: &str| {
            criterion(&json!({
                "ComparisonOperator": "LessThanThreshold", "Threshold": "1.5", "EvaluationPeriods": 1, "Namespace": "AWS/ECS",
                "MetricName": "CPUUtilization", "Period": 300, statistic: value,
            }))
        };
        assert_eq!(single("Statistic", "Average").unwrap().queries.period("m1"), Some(5));
        assert!(single("ExtendedStatistic", "p99").is_ok());
        assert!(
            single("ExtendedStatistic", "Average")
                .unwrap_err()
                .contains("ExtendedStatistic")
        );
        assert!(single("Statistic", "p99").unwrap_err().contains("Statistic"));
        assert!(single("None", "a").unwrap_err().contains("is missing"));
    }
}
