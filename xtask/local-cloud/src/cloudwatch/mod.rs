//! CloudWatch: what is measured, the alarms that judge it, and what they said.

mod alarm;
mod api;
mod collect;
mod collector;
mod evaluate;
mod inputs;
mod insights;
mod resources;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use monitor::{AlarmState, Evaluations, Pace, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use api::call;
pub(crate) use collect::{Counted, MetricLine, Used};
pub(crate) use resources::KINDS;

use crate::cloud::Cloud;
use collector::Collector;

/// Everything that CloudWatch holds. The metrics aren't part of the state: they have a file of their own.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CloudWatch {
    /// By name.
    pub(crate) alarms: BTreeMap<String, Alarm>,
    #[serde(skip)]
    pub(crate) store: Store,
    #[serde(skip)]
    collector: Collector,
    #[serde(skip)]
    evaluations: Evaluations,
    /// When ECS last asked for the states of alarms.
    #[serde(skip)]
    alarms_polled: Option<SystemTime>,
}

/// A metric alarm.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Alarm {
    /// The resolved properties of the template.
    pub(crate) properties: Value,
    pub(crate) configured_at: SystemTime,
    pub(crate) actions_enabled: bool,
    pub(crate) state: State,
    /// Newest first.
    pub(crate) history: VecDeque<HistoryItem>,
}

/// A state with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) value: AlarmState,
    /// When it was last set, to the same value too.
    pub(crate) updated_at: SystemTime,
    /// When it last changed.
    pub(crate) transitioned_at: SystemTime,
    pub(crate) reason: String,
    /// The same as data; none where nothing was evaluated.
    pub(crate) reason_data: Option<Value>,
}

/// A line of an alarm's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HistoryItem {
    pub(crate) at: SystemTime,
    pub(crate) event: HistoryEvent,
}

/// What happened to an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum HistoryEvent {
    /// It was created or changed.
    ConfigurationUpdate {
        /// `Created` or `Updated`.
        what: String,
    },
    /// Its state changed. What it was before is in the next older item of this kind.
    StateUpdate {
        /// The state before.
        from: AlarmState,
        /// The state from then on.
        to: State,
    },
}

/// How many lines of history an alarm keeps, the newest first to stay. CloudWatch keeps them for 30 days.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html>
const HISTORY_KEPT: usize = 40;

/// The reason of a new alarm's state, as CloudWatch puts it.
const UNCHECKED: &str = "Unchecked: Initial alarm creation";

impl Cloud {
    /// How metric minutes pass here, and how late they are published.
    pub(crate) fn pace(&self) -> Pace {
        Pace::new(
            self.speed.scale(Duration::from_mins(1)),
            self.speed.scale(self.metric_lag),
        )
    }
}

impl Alarm {
    fn new(properties: Value, now: SystemTime) -> Self {
        let state = State {
            value: AlarmState::InsufficientData,
            updated_at: now,
            transitioned_at: now,
            reason: UNCHECKED.to_owned(),
            reason_data: None,
        };
        let mut alarm = Self {
            properties: Value::Null,
            configured_at: now,
            actions_enabled: true,
            state,
            history: VecDeque::new(),
        };
        alarm.configure(properties, now, "Created");
        alarm
    }

    /// Gives it other properties; its state stays until it is evaluated.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
    fn configure(&mut self, properties: Value, now: SystemTime, what: &str) {
        self.actions_enabled = crate::properties::boolean(&properties, "ActionsEnabled").unwrap_or(true);
        self.properties = properties;
        self.configured_at = now;
        self.note(now, HistoryEvent::ConfigurationUpdate { what: what.to_owned() });
    }

    /// Sets its state, which is noted in its history if it changes.
    fn set_state(&mut self, now: SystemTime, value: AlarmState, reason: String, reason_data: Option<Value>) {
        let from = self.state.value;
        let transitioned_at = if from == value { self.state.transitioned_at } else { now };
        self.state = State {
            value,
            updated_at: now,
            transitioned_at,
            reason,
            reason_data,
        };
        if from != value {
            let to = self.state.clone();
            self.note(now, HistoryEvent::StateUpdate { from, to });
        }
    }

    fn note(&mut self, at: SystemTime, event: HistoryEvent) {
        self.history.push_front(HistoryItem { at, event });
        self.history.truncate(HISTORY_KEPT);
    }
}
