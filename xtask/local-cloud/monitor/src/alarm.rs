//! An alarm: what it watches, and the step that every minute takes it from one state to the next.

use serde::{Deserialize, Serialize};

use crate::{EXTRA_POINTS, Minute, MissingData, Point, Queries, Store, Window, judge};

/// A metric alarm's state.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlarmState {
    /// Within the threshold.
    Ok,
    /// Outside of it.
    Alarm,
    /// New, or without data to judge by.
    InsufficientData,
}

impl AlarmState {
    /// CloudWatch's word, such as `INSUFFICIENT_DATA`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// How a value is held against the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `GreaterThanOrEqualToThreshold`
    GreaterOrEqual,
    /// `GreaterThanThreshold`
    Greater,
    /// `LessThanThreshold`
    Less,
    /// `LessThanOrEqualToThreshold`
    LessOrEqual,
}

impl Comparison {
    /// Every comparison with a fixed threshold.
    pub const ALL: [Self; 4] = [Self::GreaterOrEqual, Self::Greater, Self::Less, Self::LessOrEqual];

    /// CloudWatch's word, such as `GreaterThanThreshold`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GreaterOrEqual => "GreaterThanOrEqualToThreshold",
            Self::Greater => "GreaterThanThreshold",
            Self::Less => "LessThanThreshold",
            Self::LessOrEqual => "LessThanOrEqualToThreshold",
        }
    }

    /// The words of state reasons: `greater than`.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::GreaterOrEqual => "greater than or equal to",
            Self::Greater => "greater than",
            Self::Less => "less than",
            Self::LessOrEqual => "less than or equal to",
        }
    }

    fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterOrEqual => value >= threshold,
            Self::Greater => value > threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }
}

/// When a data point breaches, and how many make an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// How a value is held against the threshold.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: f64,
    /// N: how many periods are judged.
    pub evaluation_periods: u64,
    /// M: how many of them must breach.
    pub datapoints_to_alarm: u64,
    /// What a missing data point counts as.
    pub missing_data: MissingData,
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// The query whose values are judged, and those that it refers to.
    pub queries: Queries,
    /// The id of the query whose values are judged: a series, whose period is known.
    pub watched: String,
    /// How they are judged.
    pub condition: Condition,
}

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The state before.
    pub from: AlarmState,
    /// The state from now on.
    pub to: AlarmState,
    /// What it was judged by.
    pub basis: Basis,
}

/// What an alarm was judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    /// The data points that were counted, the newest first, and whether each breaches.
    pub counted: Vec<(Point, bool)>,
    /// How many periods were filled by how missing data are treated.
    pub filled: usize,
}

impl Criterion {
    /// Evaluates the alarm with the data of the minutes before `end`, as CloudWatch does every minute. The periods slide:
    /// they end at `end`, wherever the clock is. Gives the change of state, if it is one.
    ///
    /// `end` is the first minute that isn't [published](crate::Pace::published): what is missing before it is missing for good.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>
    pub fn step(&self, end: Minute, state: AlarmState, store: &Store) -> Option<Transition> {
        let Condition {
            comparison,
            threshold,
            evaluation_periods,
            datapoints_to_alarm,
            missing_data,
        } = self.condition;
        let period = self.queries.period(&self.watched).unwrap_or(1);
        let window = Window::ending(end, period, evaluation_periods + EXTRA_POINTS);
        let points = self.queries.series(store, &self.watched, window);
        let breaches = |point: &Point| comparison.breaches(point.value, threshold);
        let range = points
            .iter()
            .map(|point| point.as_ref().map(breaches))
            .collect::<Vec<_>>();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let verdict = judge(
            &range,
            count(evaluation_periods),
            count(datapoints_to_alarm),
            missing_data,
            state,
        );
        if verdict.state == state {
            return None;
        }
        let counted = verdict
            .counted
            .into_iter()
            .filter_map(|index| points.get(index)?.as_ref());
        Some(Transition {
            from: state,
            to: verdict.state,
            basis: Basis {
                counted: counted.map(|point| (*point, breaches(point))).collect(),
                filled: verdict.filled,
            },
        })
    }
}
