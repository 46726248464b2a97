//! Why an alarm is in its state, in CloudWatch's words.
//!
//! The words are those of alarms that AWS's examples and users have published, such as those of
//! <https://docs.aws.amazon.com/cli/latest/reference/cloudwatch/describe-alarms.html>.

use std::time::SystemTime;

use monitor::{AlarmState, Criterion, MissingData, Pace, Point, Transition};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// `StateReason`
pub(super) fn reason(criterion: &Criterion, transition: &Transition, pace: Pace) -> String {
    let condition = &criterion.condition;
    let (counted, filled) = (&transition.basis.counted, transition.basis.filled);
    if transition.to == AlarmState::InsufficientData {
        return format!("Insufficient Data: {} unknown.", were(filled, "datapoint"));
    }
    let is_alarm = transition.to == AlarmState::Alarm;
    let deciding = counted.iter().filter(|(_, breaching)| *breaching == is_alarm);
    let deciding = deciding.map(|(point, _)| point).collect::<Vec<_>>();
    if deciding.is_empty() {
        return format!(
            "Threshold Crossed: {} received for {} and {} treated as [{}].",
            received(counted.len()),
            plural(condition.evaluation_periods, "period"),
            were(filled, "missing datapoint"),
            treatment(condition.missing_data)
        );
    }
    let needed = if is_alarm {
        condition.datapoints_to_alarm
    } else {
        condition.evaluation_periods - condition.datapoints_to_alarm + 1
    };
    format!(
        "Threshold Crossed: {} out of the last {} datapoints [{}] {} {}{} the threshold ({:?}) (minimum {} for {} transition).",
        deciding.len(),
        condition.evaluation_periods,
        deciding
            .iter()
            .map(|point| dated(point, pace))
            .collect::<Vec<_>>()
            .join(", "),
        if deciding.len() == 1 { "was" } else { "were" },
        if is_alarm { "" } else { "not " },
        condition.comparison.phrase(),
        condition.threshold,
        plural(needed, "datapoint"),
        if is_alarm { "OK -> ALARM" } else { "ALARM -> OK" },
    )
}

/// `StateReasonData`
pub(super) fn reason_data(criterion: &Criterion, transition: &Transition, pace: Pace, now: SystemTime) -> Value {
    let counted = &transition.basis.counted;
    let evaluated = counted.iter().map(|(point, _)| {
        let mut shown = json!({"timestamp": timestamp(pace.start(point.minute)), "value": point.value});
        if let Some(count) = point.sample_count {
            shown["sampleCount"] = json!(count);
        }
        shown
    });
    let oldest_first = counted.iter().rev().map(|(point, _)| point.value);
    let mut data = json!({
        "version": "1.0",
        "queryDate": timestamp(now),
        "period": criterion.queries.period(&criterion.watched).unwrap_or(1) * 60,
        "recentDatapoints": oldest_first.collect::<Vec<_>>(),
        "threshold": criterion.condition.threshold,
        "evaluatedDatapoints": evaluated.collect::<Vec<_>>(),
    });
    if let Some((oldest, _)) = counted.last() {
        data["startDate"] = json!(timestamp(pace.start(oldest.minute)));
    }
    if let Some(statistic) = criterion.queries.statistic(&criterion.watched) {
        data["statistic"] = json!(statistic.to_string());
    }
    data
}

/// `2026-11-24T12:00:00.000+0000`
pub(super) fn timestamp(moment: SystemTime) -> String {
    let moment = OffsetDateTime::from(moment);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}+0000",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second(),
        moment.millisecond()
    )
}

/// `5.0 (24/11/26 12:00:00)`
fn dated(point: &Point, pace: Pace) -> String {
    let start = OffsetDateTime::from(pace.start(point.minute));
    format!(
        "{:?} ({:02}/{:02}/{:02} {:02}:{:02}:{:02})",
        point.value,
        start.day(),
        u8::from(start.month()),
        start.year() % 100,
        start.hour(),
        start.minute(),
        start.second()
    )
}

fn received(count: usize) -> String {
    match count {
        0 => "no datapoints were".to_owned(),
        count => were(count, "datapoint"),
    }
}

fn were(count: usize, what: &str) -> String {
    let verb = if count == 1 { "was" } else { "were" };
    format!("{} {verb}", plural(u64::try_from(count).unwrap_or(u64::MAX), what))
}

fn plural(count: u64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

fn treatment(missing_data: MissingData) -> &'static str {
    match missing_data {
        MissingData::Missing => "Missing",
        MissingData::Ignore => "Ignore",
        MissingData::Breaching => "Breaching",
        MissingData::NotBreaching => "NonBreaching",
    }
}
