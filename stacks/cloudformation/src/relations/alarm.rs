//! Alarms that roll a deployment back, and how long they must be given.

use std::marker::PhantomData;

use super::statistic::Statistic;
use crate::formats::AlarmName;
use crate::generated::cloud_watch_alarm::{Alarm, Metric, MetricDataQuery, MetricStat, MetricStatRequired};
use crate::handle::{Dependency, Handle, Options};
use crate::template::Template;
use crate::value::{Integer, Value};

/// Seconds between two evaluations of an alarm whose period is a minute or longer.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>
const EVALUATION_SECONDS: i64 = 60;

/// What an alarm looks at: an [`AlarmWindow`].
pub trait Window {
    /// From the window's first second to its last.
    const SECONDS: i64;
}

/// The latest `PERIODS` periods, of which `DATAPOINTS` must breach: M of N.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
#[derive(Debug, Clone, Copy)]
pub struct AlarmWindow<const DATAPOINTS: i64, const PERIODS: i64, const PERIOD_SECONDS: i64>(());

impl<const DATAPOINTS: i64, const PERIODS: i64, const PERIOD_SECONDS: i64> Window
    for AlarmWindow<DATAPOINTS, PERIODS, PERIOD_SECONDS>
{
    const SECONDS: i64 = PERIODS * PERIOD_SECONDS;
}

impl<const DATAPOINTS: i64, const PERIODS: i64, const PERIOD_SECONDS: i64>
    AlarmWindow<DATAPOINTS, PERIODS, PERIOD_SECONDS>
{
    /// The window that the type says.
    ///
    /// # Panics
    ///
    /// When it asks for more breaches than it has periods, for none, for a period that isn't 10, 20 or 30 seconds or whole
    /// minutes, or for more than a day (a week with periods of an hour or more): in a constant, when compiling.
    #[expect(clippy::new_without_default, reason = "made in constants only")]
    #[track_caller]
    pub const fn new() -> Self {
        assert!(1 <= DATAPOINTS, "an alarm that nothing needs to breach");
        assert!(
            DATAPOINTS <= PERIODS,
            "an alarm asks for more breaches than it has periods: it never fires"
        );
        assert!(
            matches!(PERIOD_SECONDS, 10 | 20 | 30) || (0 < PERIOD_SECONDS && PERIOD_SECONDS % 60 == 0),
            "an alarm's period isn't 10, 20 or 30 seconds, or whole minutes"
        );
        let limit = if PERIOD_SECONDS >= 3600 { 604_800 } else { 86_400 };
        assert!(
            PERIODS * PERIOD_SECONDS <= limit,
            "an alarm's window is longer than CloudWatch takes"
        );
        Self(())
    }

    /// A metric over the window's period.
    pub fn metric(&'static self, id: &'static str, metric: Metric, statistic: &'static Statistic) -> Query<Self> {
        let period = const { Integer::new(PERIOD_SECONDS).expect("periods are positive") };
        let statistic = MetricStat::new(MetricStatRequired {
            metric,
            period: period.into(),
            stat: statistic.text().into(),
        });
        Query::of(MetricDataQuery::new(id).metric_stat(statistic))
    }

    /// A calculation with other queries, by their ids.
    pub fn expression(
        &'static self,
        id: &'static str,
        label: &'static str,
        expression: impl Into<Value<String>>,
    ) -> Query<Self> {
        Query::of(MetricDataQuery::new(id).label(label).expression(expression))
    }

    /// An alarm on one query, which may calculate with others.
    pub fn watch(&'static self, judged: Query<Self>, inputs: impl IntoIterator<Item = Query<Self>>) -> Watch<Self> {
        let inputs = inputs.into_iter().map(|query| query.query.return_data(false));
        let queries: Vec<_> = std::iter::once(judged.query.return_data(true)).chain(inputs).collect();
        let (datapoints, periods) = const {
            (
                Integer::new(DATAPOINTS).expect("data points are positive"),
                Integer::new(PERIODS).expect("periods are positive"),
            )
        };
        let alarm = Alarm::new()
            .datapoints_to_alarm(datapoints)
            .evaluation_periods(periods)
            .metrics(queries);
        Watch { alarm, of: PhantomData }
    }
}

/// A query over a window's periods.
#[derive(Debug, Clone)]
pub struct Query<W> {
    query: MetricDataQuery,
    of: PhantomData<fn() -> W>,
}

impl<W> Query<W> {
    fn of(query: MetricDataQuery) -> Self {
        Self { query, of: PhantomData }
    }
}

/// An alarm in the making.
#[derive(Debug, Clone)]
pub struct Watch<W> {
    alarm: Alarm,
    of: PhantomData<fn() -> W>,
}

impl<W: Window> Watch<W> {
    /// Sets what the window doesn't: name, threshold, missing data.
    #[must_use]
    pub fn with(self, set: impl FnOnce(Alarm) -> Alarm) -> Self {
        Self {
            alarm: set(self.alarm),
            of: PhantomData,
        }
    }

    /// Adds the alarm to a template.
    #[track_caller]
    pub fn add(self, template: &mut Template, logical_id: impl Into<String>, why: &'static str) -> WatchingAlarm<W> {
        WatchingAlarm {
            alarm: template.add(logical_id, why, self.alarm),
            of: PhantomData,
        }
    }

    /// Adds the alarm to a template, to be created after something that so can't be watched by it.
    #[track_caller]
    pub fn add_after(
        self,
        template: &mut Template,
        logical_id: impl Into<String>,
        why: &'static str,
        dependency: &dyn Dependency,
    ) {
        template.add_with(logical_id, why, self.alarm, Options::new().depends_on(dependency));
    }
}

/// An alarm in a template that looks at this window.
#[derive(Debug, Clone)]
pub struct WatchingAlarm<W> {
    alarm: Handle<Alarm>,
    of: PhantomData<fn() -> W>,
}

impl<W> WatchingAlarm<W> {
    /// The same alarm, to stand beside those that look back as far or further: what they are given is enough for it.
    ///
    /// # Panics
    ///
    /// When it looks back further: when compiling.
    #[must_use]
    pub fn beside<Longer: Window>(self) -> WatchingAlarm<Longer>
    where
        W: Window,
    {
        const {
            assert!(
                W::SECONDS <= Longer::SECONDS,
                "an alarm looks back further than those that it stands beside"
            );
        };
        WatchingAlarm {
            alarm: self.alarm,
            of: PhantomData,
        }
    }

    pub(super) fn name(&self) -> Value<AlarmName> {
        self.alarm.reference()
    }
}

/// How long the alarms go on watching once the new tasks alone serve.
///
/// A change that is bad from its first second fills the alarms' window; the last of those minutes is published late; then
/// the alarm is evaluated, once a minute. A shorter bake time ends before that.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
#[derive(Debug, Clone, Copy)]
pub struct BakeTime<W> {
    minutes: Integer<0, 1440>,
    of: PhantomData<fn() -> W>,
}

impl<W: Window> BakeTime<W> {
    /// Minutes, up to a day, and the most minutes by which metrics are late.
    ///
    /// # Panics
    ///
    /// When the time is shorter than the alarms' window, the lag of the metrics and one evaluation together, or longer
    /// than a day: in a constant, when compiling.
    #[track_caller]
    pub const fn minutes(minutes: i64, metric_lag_minutes: i64) -> Self {
        assert!(
            0 <= metric_lag_minutes,
            "metrics can't be published before they are measured"
        );
        assert!(
            W::SECONDS + metric_lag_minutes * 60 + EVALUATION_SECONDS <= minutes * 60,
            "the bake time is shorter than the alarms' window, the lag of the metrics and one evaluation"
        );
        Self {
            minutes: Integer::new(minutes).expect("the bake time is longer than a day"),
            of: PhantomData,
        }
    }

    pub(super) fn in_minutes(&self) -> Integer<0, 1440> {
        self.minutes
    }
}
