//! Queries: a metric's statistic, or an expression of other queries, over a run of periods.

use std::collections::BTreeMap;

use crate::expression::Value;
use crate::{Expression, ExpressionError, Kind, Metric, Minute, Statistic, Store};

/// A query, as a `MetricDataQuery` of CloudWatch states it.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// By which expressions refer to it: a lower-case letter, then letters, digits and underscores.
    pub id: String,
    /// Where its values come from.
    pub source: Source,
}

/// Where a query's values come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A metric.
    Metric {
        /// Which.
        metric: Metric,
        /// What is made of each period's samples.
        statistic: Statistic,
        /// How many minutes a period has.
        period: u64,
    },
    /// Metric math.
    Expression(Expression),
}

/// Queries that fit together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Queries {
    sources: BTreeMap<String, Source>,
    /// What each comes to, and its period where it has one.
    kinds: BTreeMap<String, (Kind, Option<u64>)>,
}

/// Queries that don't fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Two with one id.
    #[error("the id {0} stands twice")]
    Twice(String),
    /// An id that can't be referred to.
    #[error("the id {0} must begin with a lower-case letter and have letters, digits and underscores only")]
    Id(String),
    /// A reference to nothing.
    #[error("the expression {id} refers to {reference}, which no query has as its id")]
    Unknown {
        /// Whose expression.
        id: String,
        /// The reference.
        reference: String,
    },
    /// A reference to itself, by however many others.
    #[error("the expression {0} refers to itself")]
    Circular(String),
    /// Metrics of one expression have different periods.
    #[error("the metrics of the expression {0} have different periods")]
    Periods(String),
    /// A function whose arguments don't fit.
    #[error("in the expression {id}: {cause}")]
    Expression {
        /// Whose expression.
        id: String,
        /// What is wrong.
        cause: ExpressionError,
    },
}

/// A run of periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first minute.
    pub start: Minute,
    /// How many minutes a period has.
    pub period: u64,
    /// How many periods.
    pub periods: u64,
    /// The first minute that can't be read yet: of a period that has it, only the minutes before it count.
    pub until: Minute,
}

/// A data point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The first minute of its period.
    pub minute: Minute,
    /// Its value.
    pub value: f64,
    /// How many samples it was made of; none for an expression.
    pub sample_count: Option<f64>,
}

impl Window {
    /// The periods that end before a minute, the last right before it: they slide with it.
    pub fn ending(end: Minute, period: u64, periods: u64) -> Self {
        Self {
            start: end.saturating_sub(period * periods),
            period,
            periods,
            until: end,
        }
    }

    /// The first minute of each period and the first one after it, the oldest first.
    pub fn spans(self) -> impl Iterator<Item = (Minute, Minute)> {
        (0..self.periods).map(move |index| {
            let start = self.start + index * self.period;
            (start, (start + self.period).min(self.until))
        })
    }
}

impl Queries {
    /// Checks that queries fit together.
    ///
    /// # Errors
    /// The first that doesn't.
    pub fn new(queries: impl IntoIterator<Item = Query>) -> Result<Self, QueryError> {
        let mut all = Self::default();
        for Query { id, source } in queries {
            if !is_id(&id) {
                return Err(QueryError::Id(id));
            }
            if all.sources.insert(id.clone(), source).is_some() {
                return Err(QueryError::Twice(id));
            }
        }
        for id in all.sources.keys().cloned().collect::<Vec<_>>() {
            all.determine(&id, &mut Vec::new())?;
        }
        Ok(all)
    }

    /// What a query comes to; none where there is none of that id.
    pub fn kind(&self, id: &str) -> Option<Kind> {
        self.kinds.get(id).map(|(kind, _)| *kind)
    }

    /// The minutes of a query's period; none for a number.
    pub fn period(&self, id: &str) -> Option<u64> {
        self.kinds.get(id).and_then(|(_, period)| *period)
    }

    /// The statistic of a query that is one metric's.
    pub fn statistic(&self, id: &str) -> Option<Statistic> {
        match self.sources.get(id)? {
            Source::Metric { statistic, .. } => Some(*statistic),
            Source::Expression(_) => None,
        }
    }

    /// The data points of a query, one for each period of the window, the oldest first.
    pub fn series(&self, store: &Store, id: &str, window: Window) -> Vec<Option<Point>> {
        let counts = |start, end| match self.sources.get(id) {
            Some(Source::Metric { metric, .. }) => Some(store.samples(metric, start, end).count()),
            _ => None,
        };
        let values = self.value(store, id, window).into_series();
        let points = window.spans().zip(values).map(|((minute, end), value)| {
            value.map(|value| Point {
                minute,
                value,
                sample_count: counts(minute, end),
            })
        });
        points.collect()
    }

    fn value(&self, store: &Store, id: &str, window: Window) -> Value {
        match self.sources.get(id) {
            None => Value::Number(None),
            Some(Source::Metric { metric, statistic, .. }) => {
                let spans = window.spans();
                let values = spans.map(|(start, end)| statistic.of(&store.samples(metric, start, end)));
                Value::Series(values.collect())
            }
            #[expect(clippy::cast_precision_loss, reason = "a period is three hours at the most")]
            Some(Source::Expression(expression)) => {
                expression.evaluate(&|id| self.value(store, id, window), (window.period * 60) as f64)
            }
        }
    }

    /// Finds out what a query comes to, and before that what it refers to; `above` are those that refer to it.
    fn determine(&mut self, id: &str, above: &mut Vec<String>) -> Result<(), QueryError> {
        if self.kinds.contains_key(id) {
            return Ok(());
        }
        if above.iter().any(|higher| higher == id) {
            return Err(QueryError::Circular(id.to_owned()));
        }
        let found = match self.sources.get(id).cloned() {
            None => {
                return Err(QueryError::Unknown {
                    id: above.last().cloned().unwrap_or_default(),
                    reference: id.to_owned(),
                });
            }
            Some(Source::Metric { period, .. }) => (Kind::Series, Some(period)),
            Some(Source::Expression(expression)) => {
                above.push(id.to_owned());
                for reference in expression.references() {
                    self.determine(reference, above)?;
                }
                above.pop();
                self.of_expression(id, &expression)?
            }
        };
        self.kinds.insert(id.to_owned(), found);
        Ok(())
    }

    fn of_expression(&self, id: &str, expression: &Expression) -> Result<(Kind, Option<u64>), QueryError> {
        let of = |reference: &str| self.kind(reference).unwrap_or(Kind::Number);
        let kind = expression.kind(&of).map_err(|cause| QueryError::Expression {
            id: id.to_owned(),
            cause,
        })?;
        let references = expression.references();
        let mut periods = references.into_iter().filter_map(|reference| self.period(reference));
        let first = periods.next();
        if periods.any(|period| Some(period) != first) {
            return Err(QueryError::Periods(id.to_owned()));
        }
        Ok((kind, first))
    }
}

fn is_id(text: &str) -> bool {
    text.len() <= 255
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}
