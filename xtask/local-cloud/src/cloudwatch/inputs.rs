//! Metrics, statistics, periods and queries as templates and calls name them.

use monitor::{Expression, Metric, Query, Source, Statistic};
use serde_json::Value;

use crate::properties::{list, number, required, text};

/// The most dimensions that a metric has.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Metric.html>
const DIMENSIONS_LIMIT: usize = 30;

/// `{"Namespace": …, "MetricName": …, "Dimensions": […]}`
pub(super) fn metric(value: &Value) -> Result<Metric, String> {
    let dimensions = list(value, "Dimensions");
    if dimensions.len() > DIMENSIONS_LIMIT {
        return Err(format!("Dimensions: a metric has {DIMENSIONS_LIMIT} at most"));
    }
    let pairs = dimensions
        .iter()
        .map(|dimension| Ok::<_, String>((required(dimension, "Name")?, required(dimension, "Value")?)));
    Ok(Metric {
        namespace: required(value, "Namespace")?,
        name: required(value, "MetricName")?,
        dimensions: pairs.collect::<Result<_, _>>()?,
    })
}

/// A `MetricDataQuery`.
pub(super) fn query(value: &Value) -> Result<Query, String> {
    let id = required(value, "Id")?;
    let source = match (value.get("MetricStat"), text(value, "Expression")) {
        (Some(stat), None) => Source::Metric {
            metric: metric(&stat["Metric"])?,
            statistic: any_statistic("Stat", &required(stat, "Stat")?)?,
            period: period(stat)?,
        },
        (None, Some(expression)) => {
            let read = Expression::parse(&expression);
            Source::Expression(read.map_err(|error| format!("the Expression {expression:?} of {id}: {error}"))?)
        }
        _ => return Err(format!("the query {id} must have either MetricStat or Expression")),
    };
    Ok(Query { id, source })
}

/// Any statistic, as `MetricStat` takes it.
pub(super) fn any_statistic(name: &str, text: &str) -> Result<Statistic, String> {
    text.parse().map_err(|error| format!("{name}: {error}"))
}

/// One of the five oldest.
pub(super) fn plain_statistic(name: &str, text: &str) -> Result<Statistic, String> {
    match any_statistic(name, text)? {
        statistic if statistic.is_plain() => Ok(statistic),
        _ => Err(format!("{name}: {text} is an extended statistic")),
    }
}

/// Any but those.
pub(super) fn extended_statistic(name: &str, text: &str) -> Result<Statistic, String> {
    match any_statistic(name, text)? {
        statistic if !statistic.is_plain() => Ok(statistic),
        _ => Err(format!("{name}: {text} is not an extended statistic")),
    }
}

/// A `Period` in minutes. Metrics here have one data point a minute; shorter periods are for metrics of high resolution.
pub(super) fn period(value: &Value) -> Result<u64, String> {
    match number(value, "Period")? {
        Some(seconds) if seconds > 0 && seconds % 60 == 0 => Ok(seconds / 60),
        Some(seconds) => Err(format!("Period: must be a multiple of 60 s, not {seconds}")),
        None => Err("Period: is missing".to_owned()),
    }
}
