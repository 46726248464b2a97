//! Metrics that someone else measured.

use std::time::{Duration, SystemTime};

use monitor::{Distribution, Metric};
use serde_json::{Value, json};

use super::{INVALID_COMBINATION, invalid, missing, optional_moment};
use crate::cloud::Cloud;
use crate::cloudwatch::inputs;
use crate::properties::{list, text};
use crate::wire::Fault;

/// The most metrics of one call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>
const DATA_LIMIT: usize = 1000;

/// The most values of one metric of one call.
const VALUES_LIMIT: usize = 150;

/// How far from now the moment of a sample may be: two weeks back, two hours ahead. Only what is kept has an effect.
const PAST_LIMIT: Duration = Duration::from_hours(14 * 24);
const FUTURE_LIMIT: Duration = Duration::from_hours(2);

pub(super) fn put_data(cloud: &mut Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let namespace = text(input, "Namespace").ok_or_else(|| missing("Namespace"))?;
    if namespace.starts_with("AWS/") {
        return Err(invalid("The value AWS/ for parameter Namespace is reserved."));
    }
    let given = list(input, "MetricData");
    if given.is_empty() {
        return Err(missing("MetricData"));
    }
    if given.len() > DATA_LIMIT {
        return Err(invalid(format!("MetricData has {DATA_LIMIT} members at most.")));
    }
    let read = given.iter().map(|datum| Sample::read(&namespace, now, datum));
    let pace = cloud.pace();
    for sample in read.collect::<Result<Vec<_>, _>>()? {
        cloud.record(pace.minute(sample.at), vec![(sample.metric, sample.values)]);
    }
    Ok(Value::Null)
}

/// What someone else measured.
struct Sample {
    metric: Metric,
    at: SystemTime,
    values: Distribution,
}

impl Sample {
    fn read(namespace: &str, now: SystemTime, datum: &Value) -> Result<Self, Fault> {
        for name in ["StatisticValues", "StorageResolution"] {
            if datum
                .get(name)
                .is_some_and(|value| name != "StorageResolution" || value != 60)
            {
                return Err(invalid(format!(
                    "the local cloud doesn't support {name} of PutMetricData; leave it out"
                )));
            }
        }
        let mut named = datum.clone();
        named["Namespace"] = json!(namespace);
        let at = optional_moment(datum, "Timestamp")?.unwrap_or(now);
        if at + PAST_LIMIT < now || at > now + FUTURE_LIMIT {
            return Err(invalid("Timestamp must be at most two weeks ago and two hours ahead."));
        }
        Ok(Self {
            metric: inputs::metric(&named).map_err(invalid)?,
            at,
            values: values(datum)?,
        })
    }
}

/// `Value`, or `Values` with their `Counts`.
fn values(datum: &Value) -> Result<Distribution, Fault> {
    let figure = |value: &Value| {
        let figure = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        figure
            .filter(|figure| figure.is_finite())
            .ok_or_else(|| invalid(format!("{value} must be a number.")))
    };
    let figures = |name: &str| list(datum, name).iter().map(figure).collect::<Result<Vec<_>, _>>();
    let (values, counts) = (figures("Values")?, figures("Counts")?);
    let mut distribution = Distribution::default();
    match (datum.get("Value"), values.as_slice()) {
        (Some(value), []) => distribution.add(figure(value)?, 1.0),
        (None, values) if !values.is_empty() && values.len() <= VALUES_LIMIT => {
            if !counts.is_empty() && counts.len() != values.len() {
                return Err(Fault::client(INVALID_COMBINATION, "Counts must be as many as Values."));
            }
            let counts = counts.into_iter().chain(std::iter::repeat(1.0));
            values
                .iter()
                .zip(counts)
                .for_each(|(value, count)| distribution.add(*value, count));
        }
        _ => {
            let message = format!("Either Value or 1 to {VALUES_LIMIT} Values must be given.");
            return Err(Fault::client(INVALID_COMBINATION, message));
        }
    }
    Ok(distribution)
}
