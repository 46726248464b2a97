//! What happened to alarms.

use serde_json::{Value, json};

use super::{invalid, optional_moment};
use crate::cloud::Cloud;
use crate::cloudwatch::{Alarm, HistoryEvent, HistoryItem, State, UNCHECKED};
use crate::moment::epoch_seconds;
use crate::properties::{text, texts};
use crate::wire::Fault;

pub(super) fn describe(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let (name, kind) = (text(input, "AlarmName"), text(input, "HistoryItemType"));
    let (from, to) = (optional_moment(input, "StartDate")?, optional_moment(input, "EndDate")?);
    let types = texts(input, "AlarmTypes");
    let metric_alarms = types.is_empty() || types.iter().any(|wanted| wanted == "MetricAlarm");
    let alarms = cloud.cloudwatch.alarms.iter();
    let alarms = alarms.filter(|(known, _)| metric_alarms && name.as_ref().is_none_or(|name| name == *known));
    let fits = |item: &HistoryItem| {
        kind.as_deref().is_none_or(|kind| kind == kind_of(item))
            && from.is_none_or(|from| item.at >= from)
            && to.is_none_or(|to| item.at <= to)
    };
    let mut items = Vec::new();
    for (name, alarm) in alarms {
        let of_it = alarm.history.iter().enumerate().filter(|(_, item)| fits(item));
        items.extend(of_it.map(|(place, item)| (item.at, show(name, alarm, place, item))));
    }
    items.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    match text(input, "ScanBy").as_deref() {
        None | Some("TimestampDescending") => {}
        Some("TimestampAscending") => items.reverse(),
        Some(other) => {
            let message = format!("ScanBy must be TimestampDescending or TimestampAscending, not {other}.");
            return Err(invalid(message));
        }
    }
    Ok(json!({"AlarmHistoryItems": items.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>()}))
}

fn kind_of(item: &HistoryItem) -> &'static str {
    match item.event {
        HistoryEvent::ConfigurationUpdate { .. } => "ConfigurationUpdate",
        HistoryEvent::StateUpdate { .. } => "StateUpdate",
    }
}

fn show(name: &str, alarm: &Alarm, place: usize, item: &HistoryItem) -> Value {
    let (summary, data) = match &item.event {
        HistoryEvent::ConfigurationUpdate { what } => {
            let summary = format!("Alarm \"{name}\" {}", what.to_lowercase());
            let kind = if what == "Created" { "Create" } else { "Update" };
            (summary, json!({"version": "1.0", "type": kind}))
        }
        HistoryEvent::StateUpdate { from, to } => {
            let older = alarm.history.iter().skip(place + 1).find_map(|item| match &item.event {
                HistoryEvent::StateUpdate { to, .. } => Some(to),
                HistoryEvent::ConfigurationUpdate { .. } => None,
            });
            let old = older.map_or_else(|| json!({"stateValue": from.as_str(), "stateReason": UNCHECKED}), state);
            let summary = format!("Alarm updated from {} to {}", from.as_str(), to.value.as_str());
            (
                summary,
                json!({"version": "1.0", "oldState": old, "newState": state(to)}),
            )
        }
    };
    json!({
        "AlarmName": name,
        "AlarmType": "MetricAlarm",
        "Timestamp": epoch_seconds(item.at),
        "HistoryItemType": kind_of(item),
        "HistorySummary": summary,
        "HistoryData": data.to_string(),
    })
}

fn state(state: &State) -> Value {
    let mut shown = json!({"stateValue": state.value.as_str(), "stateReason": state.reason});
    if let Some(data) = &state.reason_data {
        shown["stateReasonData"] = data.clone();
    }
    shown
}
