//! Alarms as they are shown, and their states set by hand.

use std::time::SystemTime;

use monitor::AlarmState;
use serde_json::{Value, json};

use super::{INVALID_COMBINATION, invalid, missing};
use crate::cloud::Cloud;
use crate::cloudwatch::{Alarm, alarm, inputs};
use crate::moment::epoch_seconds;
use crate::properties::{boolean, list, number, text, texts};
use crate::wire::Fault;

/// The longest reason of a state.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html>
const REASON_LIMIT: usize = 1023;

pub(super) fn describe(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let (names, prefix) = (texts(input, "AlarmNames"), text(input, "AlarmNamePrefix"));
    if !names.is_empty() && prefix.is_some() {
        let message = "AlarmNames and AlarmNamePrefix cannot both be given.";
        return Err(Fault::client(INVALID_COMBINATION, message));
    }
    let types = texts(input, "AlarmTypes");
    let metric_alarms = types.is_empty() || types.iter().any(|wanted| wanted == "MetricAlarm");
    let state = text(input, "StateValue").map(|state| state_of(&state)).transpose()?;
    let action_prefix = text(input, "ActionPrefix");
    let fits = |name: &String, alarm: &Alarm| {
        metric_alarms
            && (names.is_empty() || names.contains(name))
            && prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
            && state.is_none_or(|state| alarm.state.value == state)
            && action_prefix.as_ref().is_none_or(|prefix| has_action(alarm, prefix))
    };
    let found = cloud.cloudwatch.alarms.iter().filter(|(name, alarm)| fits(name, alarm));
    let shown = found.map(|(name, alarm)| show(cloud, name, alarm)).collect::<Vec<_>>();
    Ok(json!({"MetricAlarms": shown, "CompositeAlarms": []}))
}

fn has_action(alarm: &Alarm, prefix: &str) -> bool {
    let kinds = ["AlarmActions", "OKActions", "InsufficientDataActions"];
    let mut actions = kinds.iter().flat_map(|kind| texts(&alarm.properties, kind));
    actions.any(|action| action.starts_with(prefix))
}

/// Alarms on this metric alone: those on metric math aren't among them.
pub(super) fn describe_for_metric(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    for name in ["MetricName", "Namespace"] {
        text(input, name).ok_or_else(|| missing(name))?;
    }
    let wanted = inputs::metric(input).map_err(invalid)?;
    let statistic = text(input, "Statistic").or_else(|| text(input, "ExtendedStatistic"));
    let period = number(input, "Period").map_err(invalid)?;
    let fits = |alarm: &Alarm| {
        let properties = &alarm.properties;
        let own = text(properties, "Statistic").or_else(|| text(properties, "ExtendedStatistic"));
        list(properties, "Metrics").is_empty()
            && inputs::metric(properties).is_ok_and(|metric| metric == wanted)
            && statistic.as_ref().is_none_or(|wanted| own.as_ref() == Some(wanted))
            && period.is_none_or(|wanted| number(properties, "Period") == Ok(Some(wanted)))
    };
    let found = cloud.cloudwatch.alarms.iter().filter(|(_, alarm)| fits(alarm));
    Ok(json!({"MetricAlarms": found.map(|(name, alarm)| show(cloud, name, alarm)).collect::<Vec<_>>()}))
}

fn show(cloud: &Cloud, name: &str, alarm: &Alarm) -> Value {
    let properties = &alarm.properties;
    let property = |name: &str| text(properties, name);
    let state = &alarm.state;
    let mut shown = json!({
        "AlarmName": name,
        "AlarmArn": cloud.alarm_arn(name),
        "AlarmDescription": property("AlarmDescription"),
        "AlarmConfigurationUpdatedTimestamp": epoch_seconds(alarm.configured_at),
        "ActionsEnabled": alarm.actions_enabled,
        "OKActions": texts(properties, "OKActions"),
        "AlarmActions": texts(properties, "AlarmActions"),
        "InsufficientDataActions": texts(properties, "InsufficientDataActions"),
        "StateValue": state.value.as_str(),
        "StateReason": state.reason,
        "StateReasonData": state.reason_data.as_ref().map(Value::to_string),
        "StateUpdatedTimestamp": epoch_seconds(state.updated_at),
        "StateTransitionedTimestamp": epoch_seconds(state.transitioned_at),
        "Dimensions": dimensions(properties),
        "ComparisonOperator": property("ComparisonOperator"),
        "TreatMissingData": property("TreatMissingData"),
        "MetricName": property("MetricName"),
        "Namespace": property("Namespace"),
        "Statistic": property("Statistic"),
        "ExtendedStatistic": property("ExtendedStatistic"),
        "Period": number(properties, "Period").ok().flatten(),
        "DatapointsToAlarm": number(properties, "DatapointsToAlarm").ok().flatten(),
    });
    if let Ok(criterion) = alarm::criterion(properties) {
        shown["EvaluationPeriods"] = json!(criterion.condition.evaluation_periods);
        shown["Threshold"] = json!(criterion.condition.threshold);
    }
    let metrics = list(properties, "Metrics").iter().map(query);
    let metrics = metrics.collect::<Vec<_>>();
    if !metrics.is_empty() {
        shown["Metrics"] = json!(metrics);
    }
    without_nulls(shown)
}

fn query(given: &Value) -> Value {
    let stat = given.get("MetricStat").map(|stat| {
        let metric = &stat["Metric"];
        json!({
            "Metric": {
                "Namespace": text(metric, "Namespace"), "MetricName": text(metric, "MetricName"), "Dimensions": dimensions(metric),
            },
            "Period": number(stat, "Period").ok().flatten(),
            "Stat": text(stat, "Stat"),
        })
    });
    without_nulls(json!({
        "Id": text(given, "Id"),
        "Label": text(given, "Label"),
        "Expression": text(given, "Expression"),
        "MetricStat": stat,
        "Period": number(given, "Period").ok().flatten(),
        "ReturnData": boolean(given, "ReturnData").unwrap_or(true),
    }))
}

fn dimensions(value: &Value) -> Vec<Value> {
    let dimensions = list(value, "Dimensions").iter();
    dimensions
        .map(|dimension| json!({"Name": text(dimension, "Name"), "Value": text(dimension, "Value")}))
        .collect()
}

pub(super) fn without_nulls(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    value
}

/// The state stays until the next evaluation.
pub(super) fn set_state(cloud: &mut Cloud, now: SystemTime, input: &Value) -> Result<Value, Fault> {
    let given = |name: &str| text(input, name).ok_or_else(|| missing(name));
    let (name, state, reason) = (
        given("AlarmName")?,
        state_of(&given("StateValue")?)?,
        given("StateReason")?,
    );
    if reason.len() > REASON_LIMIT {
        return Err(invalid(format!("StateReason has {REASON_LIMIT} characters at most.")));
    }
    let data = text(input, "StateReasonData").map(|data| serde_json::from_str::<Value>(&data));
    let data = data
        .transpose()
        .map_err(|error| Fault::client("InvalidFormat", format!("StateReasonData must be JSON: {error}")))?;
    let alarm = cloud.cloudwatch.alarms.get_mut(&name);
    let alarm = alarm.ok_or_else(|| Fault {
        status: http::StatusCode::NOT_FOUND,
        ..Fault::client("ResourceNotFound", format!("The alarm {name} does not exist."))
    })?;
    alarm.set_state(now, state, reason, data);
    Ok(Value::Null)
}

/// Names that are no alarm's are passed over, as on AWS.
pub(super) fn set_actions(cloud: &mut Cloud, input: &Value, enabled: bool) -> Value {
    for name in texts(input, "AlarmNames") {
        if let Some(alarm) = cloud.cloudwatch.alarms.get_mut(&name) {
            alarm.actions_enabled = enabled;
        }
    }
    Value::Null
}

fn state_of(text: &str) -> Result<AlarmState, Fault> {
    let all = [AlarmState::Ok, AlarmState::Alarm, AlarmState::InsufficientData];
    all.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
        let words = all.map(AlarmState::as_str).join(", ");
        Fault::client(
            "ValidationError",
            format!("StateValue must be one of {words}, not {text}."),
        )
    })
}
