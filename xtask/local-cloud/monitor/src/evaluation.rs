//! How an alarm judges its data points: M of N, and what it makes of those that are missing.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>

use serde::{Deserialize, Serialize};

use crate::AlarmState;

/// How many more data points than the evaluation periods are looked at, in case some are missing.
///
/// The one figure that AWS documents is a range of 5 for 3 evaluation periods; that it is 2 more for other numbers is a
/// named choice.
pub const EXTRA_POINTS: u64 = 2;

/// What a missing data point counts as (`TreatMissingData`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingData {
    /// As missing: without any data the alarm has none to judge by.
    #[default]
    Missing,
    /// The alarm stays as it is.
    Ignore,
    /// As a breach.
    Breaching,
    /// As within the threshold.
    NotBreaching,
}

/// What came of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The state that the alarm is in from now on.
    pub state: AlarmState,
    /// The places of the data points that were counted, the newest first.
    pub counted: Vec<usize>,
    /// How many periods had to be filled by how missing data are treated.
    pub filled: usize,
}

/// Judges the data points of an evaluation range, the oldest first: whether each breaches, or that it is missing.
pub fn judge(
    range: &[Option<bool>],
    evaluation_periods: usize,
    datapoints_to_alarm: usize,
    missing_data: MissingData,
    current: AlarmState,
) -> Verdict {
    let real = range.iter().enumerate().rev().filter(|(_, point)| point.is_some());
    // Every real data point counts, and missing ones as few times as possible.
    let counted = real
        .map(|(index, _)| index)
        .take(evaluation_periods)
        .collect::<Vec<_>>();
    let filled = evaluation_periods.saturating_sub(counted.len());
    let breaching = counted.iter().filter(|index| range[**index] == Some(true)).count();
    let alarm_if = |alarm: bool| if alarm { AlarmState::Alarm } else { AlarmState::Ok };
    let state = if filled == 0 || breaching >= datapoints_to_alarm {
        alarm_if(breaching >= datapoints_to_alarm)
    } else {
        match missing_data {
            MissingData::NotBreaching => AlarmState::Ok,
            MissingData::Breaching => alarm_if(breaching + filled >= datapoints_to_alarm),
            // One good data point, and too few bad ones.
            MissingData::Missing | MissingData::Ignore if breaching < counted.len() => AlarmState::Ok,
            MissingData::Ignore => current,
            MissingData::Missing if is_old_enough(range, &counted, datapoints_to_alarm) => AlarmState::Alarm,
            // Breaches, but too few and too new. The guide says only that it isn't ALARM yet; an older edition's table has
            // this state. <https://github.com/awsdocs/amazon-cloudwatch-user-guide/blob/main/doc_source/AlarmThatSendsEmail.md>
            MissingData::Missing => AlarmState::InsufficientData,
        }
    };
    Verdict { state, counted, filled }
}

/// The premature-alarm rule: with nothing but breaches and gaps, the oldest breach must be as old as the data points
/// that an alarm takes, so that one bad data point after a gap doesn't alarm at once.
fn is_old_enough(range: &[Option<bool>], counted: &[usize], datapoints_to_alarm: usize) -> bool {
    counted
        .last()
        .is_some_and(|oldest| range.len() - oldest >= datapoints_to_alarm)
}
