//! What was measured, by metric and minute.

use std::collections::{BTreeMap, VecDeque};

use crate::{Distribution, LONGEST_LAG_MINUTES, Metric, Minute};

/// How many metric minutes are kept: three hours, for as long as CloudWatch calls a metric recently active.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html>
pub const MINUTES_KEPT: u64 = 180;

/// How many metric minutes back samples are kept, so that [`MINUTES_KEPT`] of them are published.
const MINUTES_STORED: u64 = MINUTES_KEPT + LONGEST_LAG_MINUTES;

/// Every metric's samples of the last three hours.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Store {
    /// The minutes that have samples, the oldest first.
    metrics: BTreeMap<Metric, VecDeque<(Minute, Distribution)>>,
}

impl Store {
    /// Takes in a minute's samples; none at all make no data point.
    pub fn record(&mut self, metric: &Metric, minute: Minute, samples: &Distribution) {
        if samples.is_empty() {
            return;
        }
        let minutes = match self.metrics.get_mut(metric) {
            Some(minutes) => minutes,
            None => self.metrics.entry(metric.clone()).or_default(),
        };
        match minutes.binary_search_by_key(&minute, |(known, _)| *known) {
            Ok(index) => minutes[index].1.merge(samples),
            Err(index) => minutes.insert(index, (minute, samples.clone())),
        }
    }

    /// Drops what was published more than three hours ago.
    pub fn forget_before(&mut self, now: Minute) {
        let oldest = now.saturating_sub(MINUTES_STORED);
        for minutes in self.metrics.values_mut() {
            while minutes.front().is_some_and(|(minute, _)| *minute < oldest) {
                minutes.pop_front();
            }
        }
        self.metrics.retain(|_, minutes| !minutes.is_empty());
    }

    /// Every metric that has samples before a minute, by name.
    pub fn metrics(&self, before: Minute) -> impl Iterator<Item = &Metric> {
        let has_some = move |minutes: &VecDeque<(Minute, Distribution)>| {
            minutes.front().is_some_and(|(minute, _)| *minute < before)
        };
        let metrics = self.metrics.iter();
        metrics.filter_map(move |(metric, minutes)| has_some(minutes).then_some(metric))
    }

    /// All samples of a metric from `from` and before `to`.
    pub fn samples(&self, metric: &Metric, from: Minute, to: Minute) -> Distribution {
        let mut all = Distribution::default();
        if let Some(minutes) = self.metrics.get(metric) {
            let start = minutes.partition_point(|(minute, _)| *minute < from);
            let within = minutes.iter().skip(start).take_while(|(minute, _)| *minute < to);
            within.for_each(|(_, samples)| all.merge(samples));
        }
        all
    }

    /// A minute's samples of every metric that has some.
    pub fn minute(&self, minute: Minute) -> impl Iterator<Item = (&Metric, &Distribution)> {
        self.metrics.iter().filter_map(move |(metric, minutes)| {
            let index = minutes.binary_search_by_key(&minute, |(known, _)| *known).ok()?;
            Some((metric, &minutes[index].1))
        })
    }
}
