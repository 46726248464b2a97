//! Amazon CloudWatch's verbs. Shapes: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html>

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::calls::cloudwatch;
use super::json::{items, text};
use super::{Aws, json};
use crate::alarms::{Alarm, FIRED, Firing};
use crate::verdict::series::Point;

/// The namespace of the load balancer's metrics.
const LOAD_BALANCER: &str = "AWS/ApplicationELB";

/// The length of the periods that are asked for, in seconds: the load balancer's own.
const PERIOD_SECONDS: u64 = 60;

/// A metric of a target group, by one of its statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The load balancer, `app/name/id`.
    pub(crate) load_balancer: String,
    /// The target group, `targetgroup/name/id`.
    pub(crate) target_group: String,
    /// The metric's name.
    pub(crate) metric: &'static str,
    /// The statistic, `Sum`.
    pub(crate) statistic: &'static str,
}

impl Aws {
    /// Alarms by their names, at most 100; one that isn't there is left out.
    pub(crate) async fn alarms(&self, names: &[String]) -> anyhow::Result<Vec<Alarm>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let input = json!({"AlarmNames": names, "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100});
        let answer = json::call(self, cloudwatch::DESCRIBE_ALARMS, input).await?;
        Ok(items(&answer["MetricAlarms"]).map(alarm).collect())
    }

    /// When an alarm last fired since a moment; none where it didn't.
    pub(crate) async fn last_firing(&self, alarm: &str, since: SystemTime) -> anyhow::Result<Option<Firing>> {
        let input = json!({
            "AlarmName": alarm,
            "HistoryItemType": "StateUpdate",
            "StartDate": seconds(since),
            "EndDate": seconds(self.now()),
            "ScanBy": "TimestampDescending",
            "MaxRecords": 100,
        });
        let answer = json::call(self, cloudwatch::DESCRIBE_ALARM_HISTORY, input).await?;
        Ok(items(&answer["AlarmHistoryItems"]).find_map(firing))
    }

    /// The data points of some metrics, one list a question in their order: those of the periods from a moment to another.
    pub(crate) async fn datapoints(
        &self,
        questions: &[Question],
        from: SystemTime,
        to: SystemTime,
    ) -> anyhow::Result<Vec<Vec<Point>>> {
        let queries: Vec<Value> = questions.iter().enumerate().map(query).collect();
        let mut points = vec![Vec::new(); questions.len()];
        let mut next = Value::Null;
        loop {
            let mut input = json!({"MetricDataQueries": queries, "StartTime": seconds(from), "EndTime": seconds(to)});
            if !next.is_null() {
                input["NextToken"] = next;
            }
            let mut page = json::call(self, cloudwatch::GET_METRIC_DATA, input).await?;
            for result in items(&page["MetricDataResults"]) {
                let index = result["Id"].as_str().and_then(|id| id.strip_prefix('m'));
                let index = index.and_then(|index| index.parse::<usize>().ok());
                if let Some(points) = index.and_then(|index| points.get_mut(index)) {
                    points.extend(of_result(result));
                }
            }
            next = page["NextToken"].take();
            if next.is_null() {
                return Ok(points);
            }
        }
    }
}

fn query((index, question): (usize, &Question)) -> Value {
    let metric = json!({
        "Namespace": LOAD_BALANCER,
        "MetricName": question.metric,
        "Dimensions": [
            {"Name": "LoadBalancer", "Value": question.load_balancer},
            {"Name": "TargetGroup", "Value": question.target_group},
        ],
    });
    json!({
        "Id": format!("m{index}"),
        "MetricStat": {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": question.statistic},
    })
}

fn of_result(result: &Value) -> impl Iterator<Item = Point> {
    let points = items(&result["Timestamps"]).zip(items(&result["Values"]));
    points.filter_map(|(at, value)| {
        Some(Point {
            at: moment(at)?,
            value: value.as_f64()?,
        })
    })
}

fn alarm(alarm: &Value) -> Alarm {
    let periods = alarm["EvaluationPeriods"].as_u64().unwrap_or(1);
    Alarm {
        name: text(&alarm["AlarmName"]),
        description: alarm["AlarmDescription"].as_str().map(ToOwned::to_owned),
        state: text(&alarm["StateValue"]),
        reason: text(&alarm["StateReason"]),
        since: moment(&alarm["StateTransitionedTimestamp"]).or_else(|| moment(&alarm["StateUpdatedTimestamp"])),
        watched: watched(alarm),
        comparison: text(&alarm["ComparisonOperator"]),
        threshold: alarm["Threshold"].as_f64().unwrap_or_default(),
        datapoints: alarm["DatapointsToAlarm"].as_u64().unwrap_or(periods),
        periods,
        period_seconds: period(alarm).unwrap_or(PERIOD_SECONDS),
    }
}

/// The period of the alarm, or of a metric that its expression is made of.
fn period(alarm: &Value) -> Option<u64> {
    let of_metrics = items(&alarm["Metrics"]).find_map(|query| query["MetricStat"]["Period"].as_u64());
    alarm["Period"].as_u64().or(of_metrics)
}

/// What an alarm watches: its own metric, or the one query among its metrics that returns data. An expression is named by
/// its label, or without one by its text with the names of the metrics in it.
fn watched(alarm: &Value) -> String {
    if let Some(metric) = alarm["MetricName"].as_str() {
        let statistic = alarm["Statistic"].as_str().or(alarm["ExtendedStatistic"].as_str());
        return format!("{metric} {}", statistic.unwrap_or_default());
    }
    let queries: Vec<&Value> = items(&alarm["Metrics"]).collect();
    let Some(main) = queries.iter().find(|query| query["ReturnData"] != json!(false)) else {
        return String::new();
    };
    let Some(expression) = main["Expression"].as_str() else {
        return of_query(main);
    };
    if let Some(label) = main["Label"].as_str().filter(|label| !label.is_empty()) {
        return label.to_owned();
    }
    let name = |word: &str| {
        let query = queries.iter().find(|query| query["Id"].as_str() == Some(word));
        query
            .and_then(|query| query["MetricStat"]["Metric"]["MetricName"].as_str())
            .unwrap_or(word)
            .to_owned()
    };
    words(expression, &name)
}

fn of_query(query: &Value) -> String {
    let stat = &query["MetricStat"];
    format!("{} {}", text(&stat["Metric"]["MetricName"]), text(&stat["Stat"]))
}

/// An expression with another name for each of its words.
fn words(expression: &str, name: &dyn Fn(&str) -> String) -> String {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let (mut text, mut word) = (String::new(), String::new());
    for character in expression.chars() {
        if is_word(character) {
            word.push(character);
            continue;
        }
        text.push_str(&name(&std::mem::take(&mut word)));
        text.push(character);
    }
    text + &name(&word)
}

/// An item of an alarm's history, if it fired then. What it tells of its state is JSON within JSON.
///
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_AlarmHistoryItem.html>
fn firing(item: &Value) -> Option<Firing> {
    let data: Value = serde_json::from_str(item["HistoryData"].as_str()?).ok()?;
    let state = &data["newState"];
    if state["stateValue"].as_str() != Some(FIRED) {
        return None;
    }
    let reason_data = match &state["stateReasonData"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        other => other.clone(),
    };
    Some(Firing {
        at: moment(&item["Timestamp"])?,
        reason: text(&state["stateReason"]),
        datapoints: items(&reason_data["recentDatapoints"])
            .filter_map(Value::as_f64)
            .collect(),
        threshold: reason_data["threshold"].as_f64(),
    })
}

/// A time as the protocol has it: seconds since 1970.
fn moment(value: &Value) -> Option<SystemTime> {
    let seconds = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(seconds)
}

fn seconds(moment: SystemTime) -> f64 {
    moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;

    fn question(metric: &'static str) -> Question {
        Question {
            load_balancer: "app/a/1".to_owned(),
            target_group: "targetgroup/b/2".to_owned(),
            metric,
            statistic: "Sum",
        }
    }

    #[tokio::test]
    async fn an_alarm_on_an_expression_is_told_by_its_metrics() {
        let metric = |id: &str, name: &str| json!({"Id": id, "ReturnData": false, "MetricStat": {"Metric": {"MetricName": name}, "Period": 60, "Stat": "Sum"}});
        let share = json!({"Id": "share", "Expression": "100 * errors / requests", "ReturnData": true});
        let answer = json!({"MetricAlarms": [{
            "AlarmName": "ServerErrors", "StateValue": "ALARM", "StateReason": "Threshold Crossed",
            "StateTransitionedTimestamp": 1_795_000_000.5, "StateUpdatedTimestamp": 1_795_000_600,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 5.0,
            "EvaluationPeriods": 4, "DatapointsToAlarm": 3,
            "Metrics": [share, metric("errors", "HTTPCode_Target_5XX_Count"), metric("requests", "RequestCount")],
        }]});
        let replay = Replay::new([(200, answer.to_string())]);
        let alarms = replay.aws().alarms(&["ServerErrors".to_owned()]).await.unwrap();
        insta::assert_snapshot!(alarms[0].line(), @"ServerErrors is in ALARM since 2026-11-18T11:06:40.5Z");
        insta::assert_snapshot!(alarms[0].condition(), @"100 * HTTPCode_Target_5XX_Count / RequestCount ≥ 5 in 3 of 4 minutes");
        assert!(alarms[0].is_red());
        assert!(replay.requests()[0].contains(r#""AlarmNames":["ServerErrors"]"#));
    }

    #[tokio::test]
    async fn the_newest_firing_is_found_behind_other_changes_of_state() {
        let item = |seconds: u64, state: &str, data: Value| {
            let data = json!({"newState": {"stateValue": state, "stateReason": "because", "stateReasonData": data}});
            json!({"Timestamp": seconds, "HistoryItemType": "StateUpdate", "HistoryData": data.to_string()})
        };
        let figures = json!({"recentDatapoints": [0.5, 6.0], "threshold": 3.0});
        let items = [
            item(300, "OK", json!({})),
            item(200, "ALARM", figures.clone()),
            item(100, "ALARM", json!(figures.to_string())),
        ];
        let replay = Replay::new([(200, json!({"AlarmHistoryItems": items}).to_string())]);
        let firing = replay.aws().last_firing("a", SystemTime::UNIX_EPOCH).await.unwrap();
        let firing = firing.unwrap();
        assert_eq!(firing.at, SystemTime::UNIX_EPOCH + Duration::from_secs(200));
        assert_eq!((firing.datapoints, firing.threshold), (vec![0.5, 6.0], Some(3.0)));
    }

    #[tokio::test]
    async fn data_points_of_all_pages_by_their_question() {
        let result = |id: &str, at: u64, value: f64| json!({"Id": id, "Timestamps": [at], "Values": [value]});
        let first = json!({"MetricDataResults": [result("m1", 60, 2.0), result("m0", 60, 1.0)], "NextToken": "more"});
        let second = json!({"MetricDataResults": [result("m0", 0, 3.0)]});
        let replay = Replay::new([(200, first.to_string()), (200, second.to_string())]);
        let questions = [question("RequestCount"), question("HTTPCode_Target_5XX_Count")];
        let until = SystemTime::UNIX_EPOCH + Duration::from_mins(2);
        let points = replay
            .aws()
            .datapoints(&questions, SystemTime::UNIX_EPOCH, until)
            .await
            .unwrap();
        let values: Vec<Vec<f64>> = points
            .iter()
            .map(|points| points.iter().map(|point| point.value).collect())
            .collect();
        assert_eq!(values, [vec![1.0, 3.0], vec![2.0]]);
        assert!(replay.requests()[1].contains(r#""NextToken":"more""#));
    }
}
