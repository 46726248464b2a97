//! Metrics as they are asked for.

use std::time::SystemTime;

use monitor::{Distribution, Kind, MINUTES_KEPT, Metric, Minute, Pace, Point, Queries, Statistic, Window};
use serde_json::{Map, Value, json};

use super::{INVALID_COMBINATION, invalid, missing, moment_of};
use crate::cloud::Cloud;
use crate::cloudwatch::{inputs, insights};
use crate::moment::epoch_seconds;
use crate::properties::{boolean, list, number, required, text, texts};
use crate::wire::Fault;

/// The most queries of one call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const QUERIES_LIMIT: usize = 500;

/// The most data points of one answer.
const POINTS_LIMIT: u64 = 100_800;

/// The most data points of one answer of the older call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>
const STATISTICS_LIMIT: u64 = 1_440;

pub(super) fn get_data(cloud: &Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let given = list(input, "MetricDataQueries");
    if given.is_empty() {
        return Err(missing("MetricDataQueries"));
    }
    if given.len() > QUERIES_LIMIT {
        return Err(invalid(format!(
            "MetricDataQueries has {QUERIES_LIMIT} members at most."
        )));
    }
    let range = Range::read(cloud, now, input)?;
    let queries = given
        .iter()
        .map(inputs::query)
        .collect::<Result<Vec<_>, _>>()
        .map_err(refused)?;
    let queries = Queries::new(queries).map_err(|error| refused(error.to_string()))?;
    let newest_first = match text(input, "ScanBy").as_deref() {
        None | Some("TimestampDescending") => true,
        Some("TimestampAscending") => false,
        Some(other) => return Err(refused(format!("ScanBy must not be {other}"))),
    };
    let mut results = Vec::new();
    for query in given
        .iter()
        .filter(|query| boolean(query, "ReturnData").unwrap_or(true))
    {
        let id = required(query, "Id").map_err(refused)?;
        if queries.kind(&id) != Some(Kind::Series) {
            return Err(refused(format!(
                "{id} is one number; only a time series can be returned"
            )));
        }
        let period = queries.period(&id).unwrap_or(1);
        let mut points = queries.series(&cloud.cloudwatch.store, &id, range.window(period));
        if newest_first {
            points.reverse();
        }
        let points = points.into_iter().flatten().collect::<Vec<_>>();
        results.push((id, label(query), points));
    }
    page_of_data(&results, input, range.pace)
}

/// How a query that gives no label is called.
fn label(query: &Value) -> String {
    let own = text(query, "Label").or_else(|| text(&query["MetricStat"]["Metric"], "MetricName"));
    own.or_else(|| text(query, "Id")).unwrap_or_default()
}

/// The data points from the token on, as many as were asked for.
fn page_of_data(results: &[(String, String, Vec<Point>)], input: &Value, pace: Pace) -> Result<Value, Fault> {
    let most = number(input, "MaxDatapoints").map_err(invalid)?.unwrap_or(POINTS_LIMIT);
    if !(1..=POINTS_LIMIT).contains(&most) {
        return Err(refused(format!("MaxDatapoints must be from 1 to {POINTS_LIMIT}")));
    }
    let total = results.iter().map(|(_, _, points)| points.len()).sum::<usize>();
    let start = match text(input, "NextToken") {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .ok()
            .filter(|start| *start <= total)
            .ok_or_else(|| Fault::client("InvalidNextToken", "NextToken is not valid; begin again without it"))?,
    };
    let end = start
        .saturating_add(usize::try_from(most).unwrap_or(usize::MAX))
        .min(total);
    let mut passed = 0;
    let mut shown = Vec::new();
    for (id, label, points) in results {
        let of_page = points
            .iter()
            .enumerate()
            .filter(|(index, _)| (start..end).contains(&(passed + index)));
        let of_page = of_page.map(|(_, point)| point).collect::<Vec<_>>();
        let ends = passed + points.len();
        shown.push(json!({
            "Id": id,
            "Label": label,
            "Timestamps": of_page.iter().map(|point| epoch_seconds(pace.start(point.minute))).collect::<Vec<_>>(),
            "Values": of_page.iter().map(|point| point.value).collect::<Vec<_>>(),
            "StatusCode": if ends <= end { "Complete" } else { "PartialData" },
        }));
        passed = ends;
    }
    let mut output = json!({"MetricDataResults": shown, "Messages": []});
    if end < total {
        output["NextToken"] = json!(end.to_string());
    }
    Ok(output)
}

pub(super) fn get_statistics(cloud: &Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    for name in ["Namespace", "MetricName", "Period"] {
        text(input, name).ok_or_else(|| missing(name))?;
    }
    let metric = inputs::metric(input).map_err(invalid)?;
    let period = inputs::period(input).map_err(invalid)?;
    let range = Range::read(cloud, now, input)?;
    let (plain, extended) = (texts(input, "Statistics"), texts(input, "ExtendedStatistics"));
    if plain.is_empty() == extended.is_empty() {
        let message = "Either Statistics or ExtendedStatistics must be given, and not both.";
        return Err(Fault::client(INVALID_COMBINATION, message));
    }
    let plain = plain.iter().map(|name| inputs::plain_statistic("Statistics", name));
    let extended = extended
        .iter()
        .map(|name| inputs::extended_statistic("ExtendedStatistics", name));
    let statistics = plain.chain(extended).collect::<Result<Vec<_>, _>>().map_err(invalid)?;
    let window = range.window(period);
    if window.periods > STATISTICS_LIMIT {
        return Err(Fault::client(
            INVALID_COMBINATION,
            format!(
                "The range has {} data points, and {STATISTICS_LIMIT} is the most.",
                window.periods
            ),
        ));
    }
    let mut datapoints = window.spans().filter_map(|(start, end)| {
        let samples = cloud.cloudwatch.store.samples(&metric, start, end);
        datapoint(
            &samples,
            &statistics,
            epoch_seconds(range.pace.start(start)),
            unit(&metric),
        )
    });
    Ok(json!({"Label": metric.name, "Datapoints": datapoints.by_ref().collect::<Vec<_>>()}))
}

fn datapoint(samples: &Distribution, statistics: &[Statistic], at: f64, unit: &str) -> Option<Value> {
    if samples.is_empty() {
        return None;
    }
    let mut point = json!({"Timestamp": at, "Unit": unit});
    let mut extended = Map::new();
    for statistic in statistics {
        let value = json!(statistic.of(samples)?);
        if statistic.is_plain() {
            point[statistic.to_string()] = value;
        } else {
            extended.insert(statistic.to_string(), value);
        }
    }
    if !extended.is_empty() {
        point["ExtendedStatistics"] = Value::Object(extended);
    }
    Some(point)
}

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
fn unit(metric: &Metric) -> &'static str {
    match metric.name.as_str() {
        "TargetResponseTime" => "Seconds",
        "CPUUtilization" | "MemoryUtilization" => "Percent",
        _ if ["AWS/ApplicationELB", insights::NAMESPACE].contains(&metric.namespace.as_str()) => "Count",
        _ => "None",
    }
}

pub(super) fn list_metrics(cloud: &Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    if text(input, "RecentlyActive").is_some_and(|recently| recently != "PT3H") {
        return Err(invalid("RecentlyActive must be PT3H."));
    }
    let (namespace, name) = (text(input, "Namespace"), text(input, "MetricName"));
    let wanted = list(input, "Dimensions").iter();
    let wanted = wanted.map(|filter| Ok((required(filter, "Name")?, text(filter, "Value"))));
    let wanted = wanted.collect::<Result<Vec<_>, String>>().map_err(invalid)?;
    let fits = |metric: &&Metric| {
        let dimension = |(name, value): &(String, Option<String>)| {
            let own = metric.dimensions.get(name);
            own.is_some_and(|own| value.as_ref().is_none_or(|value| value == own))
        };
        namespace
            .as_ref()
            .is_none_or(|namespace| *namespace == metric.namespace)
            && name.as_ref().is_none_or(|name| *name == metric.name)
            && wanted.iter().all(dimension)
    };
    let metrics = cloud.cloudwatch.store.metrics(cloud.pace().published(now));
    let found = metrics.filter(fits).map(|metric| {
        let dimensions = metric.dimensions.iter();
        let dimensions = dimensions.map(|(name, value)| json!({"Name": name, "Value": value}));
        json!({"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions.collect::<Vec<_>>()})
    });
    Ok(json!({"Metrics": found.collect::<Vec<_>>()}))
}

/// `StartTime` and `EndTime`: from the first, which counts with its whole minute, and before the second.
struct Range {
    from: Minute,
    to: Minute,
    /// The first minute that isn't published yet.
    published: Minute,
    pace: Pace,
}

impl Range {
    fn read(cloud: &Cloud, now: SystemTime, input: &Value) -> Result<Self, Fault> {
        let (start, end) = (moment_of(input, "StartTime")?, moment_of(input, "EndTime")?);
        if start >= end {
            return Err(refused("StartTime must be before EndTime"));
        }
        let pace = cloud.pace();
        let (from, last) = (pace.minute(start), pace.minute(end));
        let published = pace.published(now);
        let to = if pace.start(last) < end { last + 1 } else { last };
        Ok(Self {
            from: from.max(published.saturating_sub(MINUTES_KEPT)),
            to: to.min(published),
            published,
            pace,
        })
    }

    /// The periods that begin within the range, each beginning where the clock has a multiple of it.
    fn window(&self, period: u64) -> Window {
        let start = self.from / period * period;
        Window {
            start,
            period,
            periods: self.to.saturating_sub(start).div_ceil(period),
            until: self.published,
        }
    }
}

/// What AWS answers to queries that don't fit together.
fn refused(message: impl Into<String>) -> Fault {
    Fault::client("ValidationError", message)
}
